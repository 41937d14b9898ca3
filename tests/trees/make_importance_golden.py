#!/usr/bin/env python3
"""Writes importance_golden.npz: the importances that XGBoost and LightGBM read off their own splits, each [features].

`<model>/splits`, `<model>/gains` (totals) and, of XGBoost, `<model>/covers` (totals). Made with xgboost 3.2.0 and lightgbm 4.7.0. Linear
boosters have no splits.
"""
import pathlib

import lightgbm
import numpy as np
import xgboost

HERE = pathlib.Path(__file__).resolve().parent


def of_xgboost(path):
    booster = xgboost.Booster(model_file=str(path))
    names = booster.feature_names or [f"f{i}" for i in range(booster.num_features())]
    kinds = {"splits": "weight", "gains": "total_gain", "covers": "total_cover"}
    scores = {ours: booster.get_score(importance_type=theirs) for ours, theirs in kinds.items()}
    return {ours: [score.get(name, 0) for name in names] for ours, score in scores.items()}


def of_lightgbm(path):
    booster = lightgbm.Booster(model_file=str(path))
    return {"splits": booster.feature_importance("split"), "gains": booster.feature_importance("gain")}


def main():
    out = {}
    for path in sorted((HERE / "models").iterdir()):
        of = {"xgboost": of_xgboost, "lightgbm": of_lightgbm}.get(path.stem.split("_")[0])
        if of is None or path.suffix == ".ubj" or path.stem in ("xgboost_linear", "lightgbm_linear"):
            continue
        try:
            found = of(path)
        except Exception as error:
            print(path.stem, "left out:", str(error).strip().splitlines()[0])
            continue
        for kind, values in found.items():
            out[f"{path.stem}/{kind}"] = np.asarray(values, np.float64)
    np.savez_compressed(HERE / "importance_golden.npz", **out)
    print(len(out), "lists")


if __name__ == "__main__":
    main()
