"""Interventional tree SHAP against a background: woodelf and shap's own C code."""

from __future__ import annotations

import numpy as np

from harness import Timing
from tree_models import Program, alternate, build_program, housing, largest_difference, per_leaf_row


def run(bench) -> None:
    build_program()
    cases = ((6, 1, 100), (6, 1000, 100)) if bench.quick else (
        (4, 1, 100), (6, 1, 100), (8, 1, 100), (6, 100, 100), (6, 1000, 100), (8, 1000, 100), (6, 10_000, 1000), (6, 100_000, 10_000))
    for depth, count, background in cases:
        trees = housing(depth, 100)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        measure(bench, trees, depth, count, background)


def measure(bench, trees, depth: int, count: int, background: int) -> None:
    rows, others = trees.some_rows(count), trees.table[-background:]
    with Program(trees, count, "interventional", bench.threads, background=background) as program:
        ours = program.values((count, rows.shape[1]))
        alone = Timing([program.seconds() for _ in range(3)])
        bench.note(f"depth {depth}, {count} rows, {background} of the background: {alone}, {per_leaf_row(alone, trees, count):.3g} ns a leaf-row")
        for name, peer, limit in peers(bench, trees, rows, others):
            if count * background > limit:
                continue
            difference = largest_difference(ours, np.asarray(peer(), np.float64))
            if difference > 1e-4:
                bench.warn(f"{name} has other values: {difference:.2g} of the largest")
            whence, other = alternate(program, peer, 3)
            bench.ratio(f"depth {depth} rows {count} background {background} {name}", whence, other, f"(largest difference {difference:.1g})")


def peers(bench, trees, rows: np.ndarray, others: np.ndarray):
    """Name, call, and the pairs of rows up to which the call is worth waiting for."""
    import shap

    try:
        from woodelf import WoodelfExplainer
    except ImportError:
        bench.note("woodelf_explainer is not installed")
    else:
        import pandas

        names = [f"f{i}" for i in range(rows.shape[1])]
        explainer = WoodelfExplainer(trees.booster, pandas.DataFrame(others, columns=names))
        frame = pandas.DataFrame(rows, columns=names)
        yield "woodelf", lambda: explainer.shap_values(frame, verbose=False), 1e10
    own = shap.TreeExplainer(trees.booster, others, feature_perturbation="interventional")
    yield "shap", lambda: own.shap_values(rows, check_additivity=False), 1e5
