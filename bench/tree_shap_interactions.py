"""Path-dependent interaction values of order 2: XGBoost 3.3 or newer, woodelf."""

from __future__ import annotations

import numpy as np

from harness import Timing
from tree_models import Program, alternate, build_program, housing, largest_difference, newest_xgboost, per_leaf_row


def run(bench) -> None:
    build_program()
    if not newest_xgboost():
        bench.note("XGBoost here is older than 3.3, which replaced its algorithm: no ratio to it is given")
    for depth in (4, 6) if bench.quick else (4, 6, 8, 12):
        trees = housing(depth, 100)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        for count in (1, 1000):
            measure(bench, trees, depth, count)


def measure(bench, trees, depth: int, count: int) -> None:
    rows = trees.some_rows(count)
    features = rows.shape[1]
    with Program(trees, count, "interactions", bench.threads) as program:
        ours = program.values((count, features, features))
        alone = Timing([program.seconds() for _ in range(3)])
        bench.note(f"depth {depth}, {count} rows: {alone}, {per_leaf_row(alone, trees, count):.3g} ns a leaf-row")
        for name, peer in peers(bench, trees, rows):
            difference = largest_difference(ours, np.asarray(peer(), np.float64)[:, :features, :features])
            if difference > 1e-4:
                bench.warn(f"{name} has other values: {difference:.2g} of the largest")
            whence, other = alternate(program, peer, 3)
            bench.ratio(f"depth {depth} rows {count} {name}", whence, other, f"(largest difference {difference:.1g})")


def peers(bench, trees, rows: np.ndarray):
    import xgboost

    trees.booster.set_param({"nthread": bench.threads})
    if newest_xgboost():
        matrix = xgboost.DMatrix(rows)
        yield "xgboost", lambda: trees.booster.predict(matrix, pred_interactions=True)
    try:
        from woodelf import WoodelfExplainer
    except ImportError:
        bench.note("woodelf_explainer is not installed")
        return
    import pandas

    frame = pandas.DataFrame(rows, columns=[f"f{i}" for i in range(rows.shape[1])])
    explainer = WoodelfExplainer(trees.booster)
    yield "woodelf", lambda: explainer.shap_interaction_values(frame, as_df=False, verbose=False)
