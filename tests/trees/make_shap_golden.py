#!/usr/bin/env python3
"""Writes shap_golden.npz: what XGBoost and LightGBM say of the contributions to their own models, for the rows of golden.npz.

Path-dependent SHAP values of margins, `<model>/shap` [rows, outputs, features]. Made with xgboost 3.2.0 (float32, the classic recursion) and
lightgbm 4.7.0 (double). Models for which a library gives none (linear boosters, leaves of many numbers, linear trees) are left out.
"""
import pathlib

import lightgbm
import numpy as np
import xgboost

HERE = pathlib.Path(__file__).resolve().parent
ROWS = 20


def of_xgboost(path, x):
    booster = xgboost.Booster(model_file=str(path))
    categorical = booster.feature_types and "c" in booster.feature_types
    matrix = xgboost.DMatrix(x, feature_types=booster.feature_types, feature_names=booster.feature_names, enable_categorical=bool(categorical))
    values = booster.predict(matrix, pred_contribs=True)
    return values.reshape(len(x), -1, x.shape[1] + 1)[:, :, :-1]


def of_lightgbm(path, x):
    values = lightgbm.Booster(model_file=str(path)).predict(x, pred_contrib=True)
    return np.asarray(values).reshape(len(x), -1, x.shape[1] + 1)[:, :, :-1]


def main():
    rows = np.load(HERE / "golden.npz")
    out = {}
    for path in sorted((HERE / "models").iterdir()):
        stem = path.stem
        if path.suffix == ".ubj" or f"{stem}/x" not in rows or stem in out:
            continue
        of = {"xgboost": of_xgboost, "lightgbm": of_lightgbm}.get(stem.split("_")[0])
        if of is None or stem in ("xgboost_linear", "xgboost_vector_leaves", "xgboost_vector_classes", "lightgbm_linear"):
            continue
        try:
            out[f"{stem}/shap"] = np.ascontiguousarray(of(path, rows[f"{stem}/x"][:ROWS]), np.float64)
        except Exception as error:
            print(stem, "left out:", str(error).strip().splitlines()[0])
    np.savez_compressed(HERE / "shap_golden.npz", **out)
    print(len(out), "models")


if __name__ == "__main__":
    main()
