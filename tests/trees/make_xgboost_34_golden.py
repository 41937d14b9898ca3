"""Small models of XGBoost 3.4 with what it says itself: models/xgboost_34_*.json and .ubj, golden_xgboost_34.npz.

Made with xgboost 3.4.1, pandas 3.1.1 and NumPy 2.5.5 (Python 3.13): python tests/trees/make_xgboost_34_golden.py
For each model NAME the archive holds NAME/x (rows, NaN is missing), NAME/margin, NAME/prediction and, where XGBoost gives
contributions, NAME/shap [rows, outputs, features]. The files of make_golden.py are of xgboost 3.2.0.
"""

from pathlib import Path

import numpy as np
import pandas
import xgboost

HERE = Path(__file__).parent
MODELS = HERE / "models"
out: dict[str, np.ndarray] = {}


def table(seed, rows=300, features=4, missing=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).round(3)
    x[:, 3] = rng.integers(0, 6, rows)
    x[rng.random(x.shape) < missing] = np.nan
    z = np.nan_to_num(x, nan=0.7)
    return x, z[:, 0] * 2 - z[:, 1] * (z[:, 3] > 2) + np.sin(2 * z[:, 2]), rng


def keep(name, booster, x, data, endings=("json",)):
    rows = len(x)
    name = f"xgboost_34_{name}"
    out[f"{name}/x"] = np.asarray(x, np.float64)
    out[f"{name}/margin"] = np.asarray(booster.predict(data, output_margin=True), np.float64).reshape(rows, -1)
    out[f"{name}/prediction"] = np.asarray(booster.predict(data), np.float64).reshape(rows, -1)
    try:
        shap = np.asarray(booster.predict(data, pred_contribs=True), np.float64).reshape(rows, -1, x.shape[1] + 1)
        np.testing.assert_allclose(shap.sum(axis=2), out[f"{name}/margin"], atol=1e-4)
        out[f"{name}/shap"] = np.ascontiguousarray(shap[:, :, :-1])
    except xgboost.core.XGBoostError as error:
        print(name, "has no contributions:", str(error).strip().splitlines()[0])
    for ending in endings:
        booster.save_model(MODELS / f"{name}.{ending}")


def train(x, y, rounds=3, types=None, **parameters):
    data = xgboost.DMatrix(x, y, feature_types=types, enable_categorical=types is not None)
    if parameters.get("objective", "").startswith("rank"):
        data.set_group([len(y) // 4] * 4)
    return xgboost.train({"max_depth": 3, "seed": 1, "nthread": 1, "eta": 0.5, **parameters}, data, rounds)


x, y, rng = table(4)
ask = x[:24].copy()
ask[16:][rng.random((8, 4)) < 0.5] = np.nan
asked = xgboost.DMatrix(ask)
labels = {
    "reg:squarederror": y + 3,
    "reg:absoluteerror": y,
    "binary:logistic": y > 1,
    "count:poisson": rng.poisson(np.exp(y / 3)),
    "reg:tweedie": np.maximum(0, np.exp(y / 2) - 0.5),
    "rank:ndcg": np.clip(np.round(y), 0, 4),
}
for objective, label in labels.items():
    keep(objective.replace(":", "_"), train(x, label, rounds=2, objective=objective), ask, asked)
classes = np.digitize(y, [-0.5, 1])
# base scores are vectors: one for each class, target or quantile
keep("softprob", train(x, classes, objective="multi:softprob", num_class=3), ask, asked, ("json", "ubj"))
keep("quantiles", train(x, y, objective="reg:quantileerror", quantile_alpha=[0.2, 0.8]), ask, asked)
keep("expectiles", train(x, y, objective="reg:expectileerror", expectile_alpha=[0.2, 0.8]), ask, asked)
two = np.stack([y, y**2], axis=1)
keep("two_targets", train(x, two), ask, asked)
together = dict(multi_strategy="multi_output_tree", tree_method="hist")
keep("vector_leaves", train(x, two, **together), ask, asked, ("json", "ubj"))
keep("vector_classes", train(x, classes, objective="multi:softprob", num_class=3, **together), ask, asked)
keep("dart", train(x, y, rounds=5, booster="dart", rate_drop=0.5), ask, asked, ("json", "ubj"))
# since 3.4 dropout is a matter of the tree booster's parameters
keep("dropout", train(x, y, rounds=5, rate_drop=0.5), ask, asked, ("json", "ubj"))
keep("forest", train(x, y, rounds=1, num_parallel_tree=3, subsample=0.6), ask, asked)

x[:, 1] = rng.integers(0, 9, len(x))
y = y + np.isin(x[:, 1], [1, 4, 7]) * 3 + np.isin(x[:, 3], [0, 3]) * 2
types = ["float", "c", "float", "c"]
ask = x[:24].copy()
ask[:6, 1] = [9, 12, 100, np.nan, 40, 8]  # categories that were never seen
for name, one_hot in (("one_hot", 100), ("partition", 1)):
    booster = train(x, y, types=types, tree_method="hist", max_cat_to_onehot=one_hot)
    keep(name, booster, ask, xgboost.DMatrix(ask, feature_types=types, enable_categorical=True), ("json", "ubj"))

codes = np.stack([rng.normal(size=150), rng.integers(0, 3, 150), rng.integers(-1, 3, 150)], axis=1)
label = codes[:, 0] + (codes[:, 1] == 1) * 2 + (codes[:, 2] == 1)
words = lambda column, names: pandas.Categorical.from_codes(column.astype(int), names)  # noqa: E731
frame = pandas.DataFrame({"age": codes[:, 0], "job": words(codes[:, 1], ["clerk", "cook", "nurse"]), "floor": words(codes[:, 2], [3, 7, 11])})
booster = xgboost.train({"max_depth": 3, "max_cat_to_onehot": 1, "nthread": 1}, xgboost.DMatrix(frame, label, enable_categorical=True), 2)
codes[codes[:, 2] < 0, 2] = np.nan
keep("frame", booster, codes[:24], xgboost.DMatrix(frame[:24], enable_categorical=True))
np.savez_compressed(HERE / "golden_xgboost_34.npz", **out)
