"""Path-dependent tree SHAP of models of depth 4 to 16: XGBoost 3.3 or newer, shapiq, woodelf, shap's own C code."""

from __future__ import annotations

from tree_models import build_program, compare, housing

GIGAHERTZ = 3.0


def bound(depth: int, features: int, threads: int) -> float:
    """Nanoseconds a leaf-row that AVX-512 cannot go below: 4.5 Q + 4.5 vector operations for a leaf and 16 rows (docs/methods/tree-shap.md,
    a full tree without repeated features), two of them a cycle."""
    points = (min(depth, features) + 1) // 2
    return (4.5 * points + 4.5) / 2 / 16 / GIGAHERTZ / threads


# Leaf-rows that a peer is asked for at most: about half a minute a call on one thread.
MOST = {"xgboost": 6e8, "shapiq": 1.2e8, "woodelf": 2e10, "shap": 6e7}
WOODELF_DEPTH = 8  # it makes tables of 2^depth for each leaf before the first row


def run(bench) -> None:
    build_program()
    depths = (4, 6, 8) if bench.quick else (4, 6, 8, 12, 16)
    cases = [(housing, depth, 100, (1, 1000) if bench.quick else (1, 1000, 100_000)) for depth in depths]
    if not bench.quick:
        cases += [(housing, 4, 100, (3_000_000,)), (housing, 6, 100, (3_000_000,))]
    for table, depth, count, rows in cases:
        trees = table(depth, count)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        bench.note(
            f"{table.__name__}, depth {depth}, {count} trees: bound with AVX-512 at {GIGAHERTZ} GHz "
            f"{bound(depth, trees.features, bench.threads):.3f} ns a leaf-row"
        )
        for n in rows:
            peers = [name for name, most in MOST.items() if n * trees.leaves <= most and (name != "woodelf" or depth <= WOODELF_DEPTH)]
            compare(bench, f"{table.__name__} depth {depth} rows {n}", trees, n, "values", peers)
