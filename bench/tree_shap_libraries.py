"""Path-dependent tree SHAP of LightGBM's and CatBoost's own models of depth 6, and of a thousand trees on a second table."""

from __future__ import annotations

from tree_models import adult, build_program, compare, housing


def run(bench) -> None:
    build_program()
    for library in ("lightgbm", "catboost"):
        trees = housing(6, 100, library)
        if trees is None:
            bench.note("no tables here (WHENCE_DATA): nothing to measure")
            return
        for rows in (1, 1000) if bench.quick else (1, 1000, 20_000):
            compare(bench, f"housing {library} rows {rows}", trees, rows, "values", [library])
    trees = adult(6, 100 if bench.quick else 1000)
    for rows in (1, 1000):
        compare(bench, f"adult xgboost rows {rows}", trees, rows, "values", ["xgboost", "shapiq", "shap"])
