"""Path-dependent tree SHAP of XGBoost models of depth 4 to 16: XGBoost 3.3 or newer, woodelf, shap's own C code."""

from __future__ import annotations

import numpy as np

from harness import Timing
from tree_models import Program, alternate, build_program, housing, largest_difference, newest_xgboost, per_leaf_row

GIGAHERTZ = 3.0


def bound(depth: int, features: int, threads: int) -> float:
    """Nanoseconds a leaf-row that AVX-512 cannot go below: 4.5 Q + 4.5 vector operations for a leaf and 16 rows (docs/methods/tree-shap.md,
    a full tree without repeated features), two of them a cycle."""
    points = (min(depth, features) + 1) // 2
    return (4.5 * points + 4.5) / 2 / 16 / GIGAHERTZ / threads


def run(bench) -> None:
    build_program()
    depths = (4, 6, 8) if bench.quick else (4, 6, 8, 12, 16)
    sizes = (1, 1000) if bench.quick else (1, 1000, 100_000)
    if not newest_xgboost():
        bench.note("XGBoost here is older than 3.3, which replaced its algorithm: no ratio to it is given")
    for depth in depths:
        trees = housing(depth, 100)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        for count in sizes:
            measure(bench, trees, depth, count)


def measure(bench, trees, depth: int, count: int) -> None:
    rows = trees.some_rows(count)
    shape = (count, rows.shape[1])
    with Program(trees, count, "values", bench.threads) as program:
        ours = program.values(shape)
        alone = Timing([program.seconds() for _ in range(bench.rounds)])
        bench.note(
            f"depth {depth}, {trees.leaves} leaves, {count} rows: {alone}, {per_leaf_row(alone, trees, count):.3f} ns a leaf-row"
            f" (bound with AVX-512 at {GIGAHERTZ} GHz {bound(depth, shape[1], bench.threads):.3f}), {count / alone.median:,.0f} rows a second; compiled in {program.compilation * 1e3:.1f} ms"
        )
        for name, peer, limit in peers(bench, trees, rows):
            if count * trees.leaves > limit:
                continue
            theirs = np.asarray(peer(), np.float64)[:, : shape[1]]
            difference = largest_difference(ours, theirs)
            if difference > 1e-4:
                bench.warn(f"{name} has other values: {difference:.2g} of the largest")
            whence, other = alternate(program, peer, 3 if bench.quick else 5)
            bench.ratio(f"depth {depth} rows {count} {name}", whence, other, f"(largest difference {difference:.1g})")


def peers(bench, trees, rows: np.ndarray):
    """Name, call, and the leaf-rows up to which the call is worth waiting for."""
    import xgboost

    trees.booster.set_param({"nthread": bench.threads})
    if newest_xgboost():
        matrix = xgboost.DMatrix(rows)
        yield "xgboost", lambda: trees.booster.predict(matrix, pred_contribs=True), 1e11
    try:
        from woodelf import WoodelfExplainer
    except ImportError:
        bench.note("woodelf_explainer is not installed")
    else:
        import pandas

        frame = pandas.DataFrame(rows, columns=[f"f{i}" for i in range(rows.shape[1])])
        explainer = WoodelfExplainer(trees.booster)
        yield "woodelf", lambda: explainer.shap_values(frame, verbose=False), 2e9
    import shap

    explainer_c = shap.TreeExplainer(trees.booster, feature_perturbation="tree_path_dependent")
    explainer_c.model.model_type = "internal"  # its own code, not XGBoost's
    yield "shap", lambda: explainer_c.shap_values(rows, check_additivity=False), 2e7
