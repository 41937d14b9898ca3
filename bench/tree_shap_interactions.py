"""Interaction values of order 2: path-dependent beside XGBoost 3.3 or newer and woodelf, interventional beside shapiq and woodelf."""

from __future__ import annotations

from tree_models import build_program, compare, housing


def run(bench) -> None:
    build_program()
    for depth in (4, 6) if bench.quick else (4, 6, 8, 12):
        trees = housing(depth)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        for count in (1, 1000):
            compare(bench, f"depth {depth} rows {count}", trees, count, "interactions", ["xgboost", "woodelf"])
        for count, background in ((1, 100), (100, 100)) if bench.quick else ((1, 100), (100, 100), (1000, 100), (1000, 1000)):
            peers = ["woodelf"] + ["shapiq"] * (count * background <= 1e5)
            compare(bench, f"depth {depth} rows {count} background {background}", trees, count, "interventional-interactions", peers, background)
