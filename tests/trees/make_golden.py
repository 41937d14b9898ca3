"""Small models of XGBoost, LightGBM and CatBoost with what the libraries themselves say: models/ and golden.npz.

Made with xgboost 3.2.0, lightgbm 4.7.0, catboost 1.2.10, pandas 3.1.1 and NumPy 2.4.6 (Python 3.11):
python tests/trees/make_golden.py
For each model NAME the archive holds NAME/x (rows, NaN is missing), NAME/margin and NAME/prediction.
"""

from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas
import xgboost

HERE = Path(__file__).parent
MODELS = HERE / "models"
out: dict[str, np.ndarray] = {}


def table(seed, rows=400, features=5, missing=0.1):
    """Numbers, some missing; column 3 has ties, column 4 is often zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).round(3)
    x[:, 3] = rng.integers(0, 6, rows)
    x[:, 4] *= rng.random(rows) < 0.4
    x[rng.random(x.shape) < missing] = np.nan
    z = np.nan_to_num(x, nan=0.7)
    return x, z[:, 0] * 2 - z[:, 1] * (z[:, 3] > 2) + np.sin(2 * z[:, 2]) + 0.5 * (z[:, 4] == 0), rng


def asked(x, rng):
    """Rows to ask for: training rows, rows with much missing, and far away ones."""
    more = x[:20].copy()
    more[rng.random(more.shape) < 0.5] = np.nan
    return np.vstack([x[:40], more, x[:10] * 50])


def keep(name, x, margin, prediction):
    rows = len(x)
    out[f"{name}/x"] = x
    out[f"{name}/margin"] = np.asarray(margin, np.float64).reshape(rows, -1)
    out[f"{name}/prediction"] = np.asarray(prediction, np.float64).reshape(rows, -1)


def frame_codes(rng):
    """age, job (words), floor (numbers): codes, -1 where missing."""
    codes = np.stack([rng.normal(size=150), rng.integers(0, 3, 150), rng.integers(-1, 3, 150)], axis=1)
    y = codes[:, 0] + (codes[:, 1] == 1) * 2 + (codes[:, 2] == 1) - (codes[:, 1] == 2)
    codes[codes[:, 2] < 0, 2] = np.nan
    return codes, y


def frame(codes):
    categories = lambda column, names: pandas.Categorical.from_codes(np.nan_to_num(column, nan=-1).astype(int), names)  # noqa: E731
    return pandas.DataFrame({"age": codes[:, 0], "job": categories(codes[:, 1], ["clerk", "cook", "nurse"]), "floor": categories(codes[:, 2], [3, 7, 11])})


# ---- XGBoost


def keep_xgboost(name, booster, x, types=None, endings=("json",)):
    rows = xgboost.DMatrix(x, feature_types=types, enable_categorical=types is not None)
    keep(name, x, booster.predict(rows, output_margin=True), booster.predict(rows))
    for ending in endings:
        booster.save_model(MODELS / f"{name}.{ending}")


def train_xgboost(x, y, rounds=4, types=None, **parameters):
    data = xgboost.DMatrix(x, y, feature_types=types, enable_categorical=types is not None)
    if parameters.get("objective", "").startswith("rank"):
        data.set_group([len(y) // 4] * 4)
    return xgboost.train({"max_depth": 3, "seed": 1, "nthread": 1, "eta": 0.5, **parameters}, data, rounds)


def make_xgboost():
    x, y, rng = table(1)
    ask = asked(x, rng)
    labels = {
        "reg:squarederror": y + 3,
        "reg:squaredlogerror": y - y.min() + 0.5,
        "reg:logistic": 1 / (1 + np.exp(-y)),
        "reg:pseudohubererror": y,
        "reg:absoluteerror": y,
        "binary:logistic": y > 1,
        "binary:logitraw": y > 1,
        "binary:hinge": y > 0,
        "count:poisson": rng.poisson(np.exp(y / 3)),
        "reg:gamma": np.exp(y / 2),
        "reg:tweedie": np.maximum(0, np.exp(y / 2) - 0.5),
        "survival:cox": (y - y.min() + 0.1) * np.where(rng.random(len(y)) < 0.3, -1, 1),
        "rank:ndcg": np.clip(np.round(y), 0, 4),
        "rank:pairwise": np.clip(np.round(y), 0, 4),
        "rank:map": y > 0,
    }
    for objective, label in labels.items():
        name = "xgboost_" + objective.replace(":", "_")
        keep_xgboost(name, train_xgboost(x, label, rounds=2, objective=objective), ask)
    aft = xgboost.DMatrix(x)
    aft.set_float_info("label_lower_bound", np.exp(y / 2))
    aft.set_float_info("label_upper_bound", np.where(rng.random(len(y)) < 0.3, np.inf, np.exp(y / 2)))
    keep_xgboost("xgboost_survival_aft", xgboost.train({"objective": "survival:aft", "max_depth": 3, "nthread": 1}, aft, 2), ask)

    keep_xgboost("xgboost_base_score", train_xgboost(x, y > 1, objective="binary:logistic", base_score=0.2), ask, endings=("json", "ubj"))
    classes = np.digitize(y, [-0.5, 1, 2])
    keep_xgboost("xgboost_softprob", train_xgboost(x, classes, objective="multi:softprob", num_class=4), ask, endings=("json", "ubj"))
    booster = train_xgboost(x, classes, rounds=2, objective="multi:softmax", num_class=4)
    keep_xgboost("xgboost_softmax", booster, ask)
    booster.set_param({"objective": "multi:softprob"})
    out["xgboost_softmax/prediction"] = booster.predict(xgboost.DMatrix(ask)).astype(np.float64)
    keep_xgboost("xgboost_quantiles", train_xgboost(x, y, objective="reg:quantileerror", quantile_alpha=[0.2, 0.8]), ask)
    two = np.stack([y, y**2], axis=1)
    keep_xgboost("xgboost_two_targets", train_xgboost(x, two), ask)
    keep_xgboost("xgboost_vector_leaves", train_xgboost(x, two, multi_strategy="multi_output_tree", tree_method="hist"), ask, endings=("json", "ubj"))
    keep_xgboost("xgboost_vector_classes", train_xgboost(x, classes, objective="multi:softprob", num_class=4, multi_strategy="multi_output_tree", tree_method="hist"), ask)
    keep_xgboost("xgboost_dart", train_xgboost(x, y, rounds=6, booster="dart", rate_drop=0.5), ask, endings=("json", "ubj"))
    keep_xgboost("xgboost_forest", train_xgboost(x, y, rounds=2, num_parallel_tree=3, subsample=0.6), ask)
    # gamma prunes: nodes that are deleted stay in the file.
    keep_xgboost("xgboost_pruned", train_xgboost(x, y, rounds=3, gamma=80, max_depth=5, tree_method="exact"), ask)

    x[:, 1] = rng.integers(0, 9, len(x))
    x[rng.random(len(x)) < 0.1, 1] = np.nan
    y = y + np.isin(x[:, 1], [1, 4, 7]) * 3 + np.isin(x[:, 3], [0, 3]) * 2
    types = ["float", "c", "float", "c", "float"]
    ask = asked(x, rng)
    ask[60:, 1] = [0, 8, 9, 12, 100, np.nan, 3, 4, 5, 40]  # categories that were never seen
    ask[60:, 3] = [np.nan, 6, 7, 31, 32, 64, 1, 2, 3, 0]
    for name, one_hot in (("xgboost_one_hot", 100), ("xgboost_partition", 1)):
        booster = train_xgboost(x, y, rounds=4, types=types, tree_method="hist", max_cat_to_onehot=one_hot)
        keep_xgboost(name, booster, ask, types, endings=("json", "ubj"))

    # A data frame's categories are kept in the file.
    codes, y = frame_codes(rng)
    data = xgboost.DMatrix(frame(codes), y, enable_categorical=True)
    booster = xgboost.train({"max_depth": 3, "max_cat_to_onehot": 1, "nthread": 1}, data, 3)
    booster.save_model(MODELS / "xgboost_frame.json")
    booster.save_model(MODELS / "xgboost_frame.ubj")
    keep("xgboost_frame", codes, booster.predict(data, output_margin=True), booster.predict(data))
    x = np.nan_to_num(x)[:100]
    y = y[:100]
    xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(x, y), 2).save_model(MODELS / "xgboost_linear.json")


# ---- LightGBM


def keep_lightgbm(name, x, y, ask, rounds=4, categorical=(), **parameters):
    parameters = {"num_leaves": 7, "min_data_in_leaf": 5, "verbosity": -1, "seed": 1, "num_threads": 1, "learning_rate": 0.3, "deterministic": True, **parameters}
    group = [len(y) // 4] * 4 if "rank" in parameters.get("objective", "") else None
    data = lightgbm.Dataset(x, np.asarray(y, float), categorical_feature=list(categorical), group=group, params=parameters)
    booster = lightgbm.train(parameters, data, rounds)
    booster.save_model(MODELS / f"{name}.txt")
    margin = booster.predict(ask, raw_score=True)
    # Raw scores of a forest are sums although its predictions are means; of other classifiers they lack
    # the objective's factor.
    margin = margin / rounds if parameters.get("boosting") == "rf" else margin * parameters.get("sigmoid", 1)
    keep(name, ask, margin, booster.predict(ask))


def make_lightgbm():
    x, y, rng = table(2)
    ask = asked(x, rng)
    labels = {
        "regression": y,
        "regression_l1": y,
        "huber": y,
        "quantile": y,
        "binary": y > 1,
        "cross_entropy": 1 / (1 + np.exp(-y)),
        "cross_entropy_lambda": 1 / (1 + np.exp(-y)),
        "poisson": rng.poisson(np.exp(y / 3)),
        "gamma": np.exp(y / 2),
        "tweedie": np.maximum(0, np.exp(y / 2) - 0.5),
        "lambdarank": np.clip(np.round(y), 0, 4),
        "rank_xendcg": np.clip(np.round(y), 0, 4),
    }
    for objective, label in labels.items():
        keep_lightgbm(f"lightgbm_{objective}", x, label, ask, rounds=2, objective=objective)
    classes = np.digitize(y, [-0.5, 1])
    keep_lightgbm("lightgbm_multiclass", x, classes, ask, objective="multiclass", num_class=3)
    keep_lightgbm("lightgbm_multiclassova", x, classes, ask, objective="multiclassova", num_class=3, sigmoid=0.7)
    keep_lightgbm("lightgbm_sqrt", x, y, ask, objective="regression", reg_sqrt=True)
    keep_lightgbm("lightgbm_forest", x, y, ask, objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
    keep_lightgbm("lightgbm_forest_binary", x, y > 1, ask, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
    keep_lightgbm("lightgbm_dart", x, y, ask, rounds=6, objective="regression", boosting="dart", drop_rate=0.5)
    keep_lightgbm("lightgbm_no_missing", np.nan_to_num(x, nan=0.7), y, ask, objective="regression")
    keep_lightgbm("lightgbm_ignored_missing", x, y, ask, objective="regression", use_missing=False)
    keep_lightgbm("lightgbm_zero_missing", x, y, ask, objective="regression", zero_as_missing=True)
    keep_lightgbm("lightgbm_constant", x, np.full(len(y), 2.5), ask, objective="regression")

    x[:, 1] = rng.integers(0, 70, len(x))
    x[rng.random(len(x)) < 0.1, 1] = np.nan
    y = y + np.isin(x[:, 1] % 9, [1, 4, 7]) * 3 + np.isin(x[:, 3], [0, 3]) * 2
    ask = asked(x, rng)
    ask[60:, 1] = [0, 8, 9, 69, 100, np.nan, 33, 1000, 70, -1]  # categories that were never seen
    ask[60:, 3] = [np.nan, 6, 7, 31, 32, 64, 1, 2, 3, 0]
    few = dict(min_data_per_group=2, cat_smooth=1, max_cat_to_onehot=4)
    keep_lightgbm("lightgbm_categories", x, y, ask, categorical=(1, 3), objective="regression", **few)
    full = x.copy()
    full[:, [1, 3]] = np.nan_to_num(full[:, [1, 3]])  # no category is missing in training
    keep_lightgbm("lightgbm_full_categories", full, y, ask, categorical=(1, 3), objective="regression", **few)
    keep_lightgbm("lightgbm_linear", np.nan_to_num(x), y, ask, rounds=1, objective="regression", linear_tree=True)
    for kind in list(out):
        if kind.startswith("lightgbm_linear"):
            del out[kind]  # refused

    codes, y = frame_codes(rng)
    parameters = {"num_leaves": 7, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, **few}
    booster = lightgbm.train(parameters, lightgbm.Dataset(frame(codes), y, params=parameters), 3)
    booster.save_model(MODELS / "lightgbm_frame.txt")
    keep("lightgbm_frame", codes, booster.predict(frame(codes), raw_score=True), booster.predict(frame(codes)))


# ---- CatBoost


def keep_catboost(name, x, y, ask, categorical=None, pool=None, **parameters):
    parameters = {"iterations": 4, "depth": 3, "learning_rate": 0.4, "random_seed": 1, "thread_count": 1, "verbose": False, "allow_writing_files": False, **parameters}
    model = catboost.CatBoost(parameters)
    model.fit(catboost.Pool(x, y, cat_features=categorical))
    model.save_model(str(MODELS / f"{name}.json"), format="json", pool=pool)
    rows = catboost.Pool(ask, cat_features=categorical)
    raw = model.predict(rows, prediction_type="RawFormulaVal")
    kind = {"Logloss": "Probability", "CrossEntropy": "Probability", "MultiClass": "Probability", "MultiClassOneVsAll": "Probability", "Poisson": "Exponent"}.get(parameters["loss_function"], "RawFormulaVal")
    prediction = model.predict(rows, prediction_type=kind)
    return model, raw, prediction


def make_catboost():
    x, y, rng = table(3)
    ask = asked(x, rng)
    classes = np.digitize(y, [-0.5, 1])
    labels = {
        "RMSE": y,
        "MAE": y,
        "Logloss": (y > 1).astype(int),
        "CrossEntropy": 1 / (1 + np.exp(-y)),
        "Poisson": rng.poisson(np.exp(y / 3)).astype(float),
        "MultiClass": classes,
        "MultiClassOneVsAll": classes,
        "RMSEWithUncertainty": y,
    }
    for loss, label in labels.items():
        name = f"catboost_{loss}"
        _, raw, prediction = keep_catboost(name, x, label, ask, loss_function=loss)
        keep(name, ask, raw, prediction)
    for policy in ("Depthwise", "Lossguide"):
        _, raw, prediction = keep_catboost(f"catboost_{policy}", x, y, ask, loss_function="RMSE", grow_policy=policy)
        keep(f"catboost_{policy}", ask, raw, prediction)
    for mode in ("Min", "Max"):
        _, raw, prediction = keep_catboost(f"catboost_nan_{mode}", x, y, ask, loss_function="RMSE", nan_mode=mode)
        keep(f"catboost_nan_{mode}", ask, raw, prediction)
    _, raw, prediction = keep_catboost("catboost_labels", x, np.array(["ham", "eggs", "spam"])[classes], ask, loss_function="MultiClass")
    keep("catboost_labels", ask, raw, prediction)

    # Categories: column 1 as words, column 3 as numbers; both split one-hot.
    words = np.array(["red", "green", "blue", "gr\u00fcn", ""])
    code = rng.integers(0, 5, len(x))
    y = y + np.isin(code, [1, 3]) * 3 + np.isin(x[:, 3], [0, 3]) * 2
    rows = np.empty(x.shape, object)
    rows[:] = x
    rows[:, 1] = words[code]
    rows[:, 3] = np.nan_to_num(x[:, 3]).astype(int)
    ask_rows = rows[:60].copy()
    pool = catboost.Pool(rows, y, cat_features=[1, 3])
    _, raw, prediction = keep_catboost("catboost_one_hot", rows, y, ask_rows, categorical=[1, 3], pool=pool, loss_function="RMSE", one_hot_max_size=10)
    coded = x[:60].copy()
    coded[:, 1], coded[:, 3] = code[:60], np.nan_to_num(x[:60, 3])
    keep("catboost_one_hot", coded, raw, prediction)
    many = rows.copy()
    word = rng.integers(0, 40, len(x))
    many[:, 1] = [f"w{i}" for i in word]
    keep_catboost("catboost_counters", many, y + 9 * (word % 3), many[:5], categorical=[1], pool=catboost.Pool(many, y, cat_features=[1]), loss_function="RMSE", one_hot_max_size=2, max_ctr_complexity=1, iterations=2)


make_xgboost()
make_lightgbm()
make_catboost()
np.savez_compressed(HERE / "golden.npz", **out)
