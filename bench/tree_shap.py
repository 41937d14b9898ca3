"""Path-dependent tree SHAP of models of depth 4 to 16: XGBoost 3.3 or newer, shapiq, woodelf, shap's own C code."""

from __future__ import annotations

from tree_models import build_program, choices, chosen, compare, housing

GIGAHERTZ = 3.0


def bound(depth: int, features: int, threads: int) -> float:
    """Nanoseconds a leaf-row that AVX-512 cannot go below: 4.5 Q + 4.5 vector operations for a leaf and 16 rows (docs/methods/tree-shap.md,
    a full tree without repeated features), two of them a cycle."""
    points = (min(depth, features) + 1) // 2
    return (4.5 * points + 4.5) / 2 / 16 / GIGAHERTZ / threads


# Leaf-rows that a peer is asked for at most: about half a minute a call on one thread.
MOST = {"xgboost": 6e8, "shapiq": 1.2e8, "woodelf": 2e10, "shap": 6e7}
WOODELF_DEPTH = 8  # it makes tables of 2^depth for each leaf before the first row


def options(parser) -> None:
    choices(parser)


def usual(quick: bool) -> list[tuple[int, int, int]]:
    """Depth, trees, rows."""
    depths = (4, 6, 8) if quick else (4, 6, 8, 12, 16)
    cases = [(depth, 100, rows) for depth in depths for rows in ((1, 1000) if quick else (1, 1000, 100_000))]
    return cases if quick else [*cases, (4, 100, 3_000_000), (6, 100, 3_000_000)]


def peers_for(leaf_rows: int, depth: int) -> list[str]:
    return [name for name, most in MOST.items() if leaf_rows <= most and (name != "woodelf" or depth <= WOODELF_DEPTH)]


def run(bench) -> None:
    build_program()
    asked = chosen(bench.options)
    cases = [(case["depths"], case["trees"], case["rows"]) for case in asked] if asked else usual(bench.quick)
    for depth, count, rows in cases:
        trees = housing(depth, count)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        bench.note(
            f"housing, depth {depth}, {count} trees: bound with AVX-512 at {GIGAHERTZ} GHz "
            f"{bound(depth, trees.features, bench.threads):.3f} ns a leaf-row"
        )
        case = f"housing depth {depth} rows {rows}" + (f" trees {count}" if count != 100 else "")
        compare(bench, case, trees, rows, "values", bench.options.peers or peers_for(rows * trees.leaves, depth))
