"""Interventional tree SHAP against a background: shapiq, woodelf and shap's own C code."""

from __future__ import annotations

from tree_models import build_program, choices, chosen, compare, housing

# Depth, trees, rows, background rows.
QUICK = ((6, 100, 1, 100), (6, 100, 1000, 100))
FULL = tuple((depth, 100, rows, 100) for depth, rows in ((4, 1), (6, 1), (8, 1), (6, 100), (6, 1000), (8, 1000)))
FULL += ((6, 100, 10_000, 1000), (6, 100, 100_000, 10_000))


def options(parser) -> None:
    choices(parser, background=True)


def run(bench) -> None:
    build_program()
    asked = chosen(bench.options)
    cases = [tuple(case.values()) for case in asked] if asked else QUICK if bench.quick else FULL
    for depth, count, rows, background in cases:
        trees = housing(depth, count)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        pairs = rows * background
        peers = bench.options.peers or [name for name, most in (("shapiq", 1e8), ("woodelf", 1e9), ("shap", 1e5)) if pairs <= most]
        case = f"depth {depth} rows {rows} background {background}" + (f" trees {count}" if count != 100 else "")
        compare(bench, case, trees, rows, "interventional", peers, background)
