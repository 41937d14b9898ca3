"""Path-dependent tree SHAP of XGBoost models of depth 4 to 16: XGBoost 3.3 or newer, shapiq, woodelf, shap's own C code."""

from __future__ import annotations

from tree_models import build_program, compare, housing

GIGAHERTZ = 3.0


def bound(depth: int, features: int, threads: int) -> float:
    """Nanoseconds a leaf-row that AVX-512 cannot go below: 4.5 Q + 4.5 vector operations for a leaf and 16 rows (docs/methods/tree-shap.md,
    a full tree without repeated features), two of them a cycle."""
    points = (min(depth, features) + 1) // 2
    return (4.5 * points + 4.5) / 2 / 16 / GIGAHERTZ / threads


def run(bench) -> None:
    build_program()
    for depth in (4, 6, 8) if bench.quick else (4, 6, 8, 12, 16):
        trees = housing(depth)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        bench.note(f"depth {depth}: bound with AVX-512 at {GIGAHERTZ} GHz {bound(depth, trees.features, bench.threads):.3f} ns a leaf-row")
        for count in (1, 1000) if bench.quick else (1, 1000, 100_000):
            work = count * trees.leaves
            peers = [name for name, most in (("xgboost", 2e9), ("shapiq", 1e8), ("woodelf", 2e9), ("shap", 1e7)) if work <= most]
            compare(bench, f"depth {depth} rows {count}", trees, count, "values", peers)
