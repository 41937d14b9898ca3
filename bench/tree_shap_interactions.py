"""Interaction values of order 2: path-dependent beside XGBoost 3.3 or newer and woodelf, interventional beside shapiq and woodelf."""

from __future__ import annotations

from tree_models import build_program, choices, chosen, compare, housing


def options(parser) -> None:
    choices(parser, background=True)


def usual(quick: bool) -> list[tuple[int, int, int, int]]:
    """Depth, trees, rows, background rows; 0: with the covers."""
    cases = []
    for depth in (4, 6) if quick else (4, 6, 8, 12):
        pairs = ((1, 0), (1000, 0), (1, 100), (100, 100)) if quick else ((1, 0), (1000, 0), (1, 100), (100, 100), (1000, 100), (1000, 1000))
        cases += [(depth, 100, rows, background) for rows, background in pairs]
    return cases


def run(bench) -> None:
    build_program()
    asked = chosen(bench.options)
    for depth, count, rows, background in [tuple(case.values()) for case in asked] if asked else usual(bench.quick):
        trees = housing(depth, count)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        peers = ["woodelf", "shapiq"] if background else ["xgboost", "woodelf"]
        if rows * background > 1e5:
            peers.remove("shapiq")
        case = f"depth {depth} rows {rows}" + (f" background {background}" if background else "") + (f" trees {count}" if count != 100 else "")
        kind = "interventional-interactions" if background else "interactions"
        compare(bench, case, trees, rows, kind, bench.options.peers or peers, background)
