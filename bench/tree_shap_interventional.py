"""Interventional tree SHAP against a background: shapiq, woodelf and shap's own C code."""

from __future__ import annotations

from tree_models import build_program, compare, housing

QUICK = ((6, 1, 100), (6, 1000, 100))
FULL = ((4, 1, 100), (6, 1, 100), (8, 1, 100), (6, 100, 100), (6, 1000, 100), (8, 1000, 100), (6, 10_000, 1000), (6, 100_000, 10_000))


def run(bench) -> None:
    build_program()
    for depth, count, background in QUICK if bench.quick else FULL:
        trees = housing(depth)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        pairs = count * background
        peers = [name for name, most in (("shapiq", 1e8), ("woodelf", 1e9), ("shap", 1e5)) if pairs <= most]
        compare(bench, f"depth {depth} rows {count} background {background}", trees, count, "interventional", peers, background)
