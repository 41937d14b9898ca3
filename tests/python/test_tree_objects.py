"""Models of other libraries as they lie in memory: what whence.load makes of them predicts as they do, and is explained by its trees.

The environment of the tests has scikit-learn; tests of the libraries it lacks are skipped (run them with PYTHONPATH of one that has them).
"""

import numpy as np
import pytest

import whence


def table(seed=0, rows=300):
    """Four numbers; column 3 has few values. Rows to ask for besides, some far away."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    x[:, 3] = rng.integers(0, 6, rows)
    y = 2 * x[:, 0] - x[:, 1] * (x[:, 3] > 2) + np.sin(2 * x[:, 2]) + 0.3 * rng.normal(size=rows)
    return x, y, np.vstack([x[:30], x[:10] * 50])


def first(answer):
    return next(iter(answer.values())) if isinstance(answer, dict) else answer


def expect_the_same(model, rows, want, atol=1e-12):
    """The first output is what the library predicts (of two classes: both), and interventional values add up to the margins."""
    ours = whence.load(model)
    answer = first(ours.predict(rows))
    want = np.asarray(want, np.float64)
    assert np.ptp(want, axis=0).max() > 0.01, "rows that all get the same answer test nothing"
    np.testing.assert_allclose(answer, want.reshape(len(rows), -1), atol=atol, rtol=atol)
    found = whence.tree_shap(ours, np.asarray(rows[:5], np.float64), background=np.asarray(rows[5:12], np.float64), precision="float64")
    assert found.gap < 1e-9 * (1 + np.abs(found.margins).max())
    path = whence.tree_shap(ours, np.asarray(rows[:5], np.float64), precision="float64")
    np.testing.assert_allclose(path.margins, found.margins)
    assert path.gap < 1e-9 * (1 + np.abs(found.margins).max())
    return ours


# ---- scikit-learn


def test_trees_and_forests():
    ensemble, tree = pytest.importorskip("sklearn.ensemble"), pytest.importorskip("sklearn.tree")
    x, y, ask = table()
    three = np.array(["low", "mid", "high"])[np.digitize(y, [-1, 1])]
    small = dict(max_depth=5, random_state=0)
    for regressor in (
        tree.DecisionTreeRegressor(**small),
        tree.ExtraTreeRegressor(**small),
        tree.DecisionTreeRegressor(max_leaf_nodes=9, random_state=0),
        ensemble.RandomForestRegressor(n_estimators=7, **small),
        ensemble.ExtraTreesRegressor(n_estimators=7, **small),
    ):
        expect_the_same(regressor.fit(x, y), ask, regressor.predict(ask))
        two = np.stack([y, y**2], axis=1)
        expect_the_same(regressor.fit(x, two), ask, regressor.predict(ask))
    for classifier in (
        tree.DecisionTreeClassifier(**small),
        ensemble.RandomForestClassifier(n_estimators=7, class_weight="balanced", **small),
        ensemble.ExtraTreesClassifier(n_estimators=7, **small),
    ):
        for label in (y > 0, three):
            ours = expect_the_same(classifier.fit(x, label), ask, classifier.predict_proba(ask))
            assert ours.classes == [str(one) for one in classifier.classes_]


def test_forests_send_missing_values_where_they_do():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y, _ = table()
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    forest = ensemble.RandomForestRegressor(n_estimators=5, max_depth=5, random_state=0).fit(x, y)
    expect_the_same(forest, x[:60], forest.predict(x[:60]))


def test_gradient_boosting():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y, ask = table()
    regressor = ensemble.GradientBoostingRegressor(n_estimators=8, random_state=0)
    expect_the_same(regressor.fit(x, y), ask, regressor.predict(ask))
    regressor = ensemble.GradientBoostingRegressor(n_estimators=8, init="zero", loss="huber", random_state=0)
    expect_the_same(regressor.fit(x, y), ask, regressor.predict(ask))
    classifier = ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0)
    for label in (y > 0, np.digitize(y, [-1, 1])):
        ours = expect_the_same(classifier.fit(x, label), ask, classifier.predict_proba(ask))
        margin = ours.predict(ask)["margin"]
        np.testing.assert_allclose(margin.squeeze(), classifier.decision_function(ask), atol=1e-12)
    early = ensemble.GradientBoostingClassifier(n_estimators=200, n_iter_no_change=2, random_state=0).fit(x, y > 0)
    assert len(early.estimators_) < 200
    expect_the_same(early, ask, early.predict_proba(ask))
    exponential = ensemble.GradientBoostingClassifier(n_estimators=8, loss="exponential", random_state=0).fit(x, y > 0)
    ours = expect_the_same(exponential, ask, exponential.predict_proba(ask))
    assert "twice the decision_function" in " ".join(ours.info()["notes"])
    other = ensemble.GradientBoostingRegressor(init=ensemble.RandomForestRegressor(n_estimators=2), n_estimators=2).fit(x, y)
    with pytest.raises(whence.UnsupportedError, match="starts from another estimator"):
        whence.load(other)


def test_histogram_boosting():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y, ask = table()
    gaps = x.copy()
    gaps[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    for rows in (x, gaps):
        for loss, label in (("squared_error", y), ("poisson", np.exp(y / 3)), ("gamma", np.exp(y / 3)), ("absolute_error", y)):
            regressor = ensemble.HistGradientBoostingRegressor(max_iter=6, loss=loss, random_state=0).fit(rows, label)
            expect_the_same(regressor, np.vstack([ask, gaps[:30]]), regressor.predict(np.vstack([ask, gaps[:30]])))
        for label in (y > 0, np.digitize(y, [-1, 1])):
            classifier = ensemble.HistGradientBoostingClassifier(max_iter=6, random_state=0).fit(rows, label)
            expect_the_same(classifier, ask, classifier.predict_proba(ask))
    regressor = ensemble.HistGradientBoostingRegressor(max_iter=6, random_state=0).fit(x, y)
    found = whence.tree_shap(regressor, x[:3], background=x[3:20], precision="float64").values[:, :, 0]
    np.testing.assert_allclose(found, [brute_force(regressor.predict, row, x[3:20]) for row in x[:3]], atol=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_histogram_boosting_with_categories(missing):
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y, _ = table(rows=500)
    rng = np.random.default_rng(3)
    x[:, 2] = rng.integers(0, 40, 500) * 3 + 5
    x[:, 0] = rng.integers(0, 4, 500)
    y = y + 2 * np.isin(x[:, 2] % 9, [2, 5]) + (x[:, 0] == 2)
    x[rng.random(x.shape) < missing] = np.nan
    model = ensemble.HistGradientBoostingRegressor(max_iter=6, categorical_features=[0, 2], random_state=0).fit(x, y)
    ask = x[:60].copy()
    ask[:12, 2] = [4, 6, 1000, np.nan, 5, 8, 11, 0, 7, 122, 125, 9]  # codes that training never saw among them
    ask[12:16, 0] = [9, 4, np.nan, 3]
    expect_the_same(model, ask, model.predict(ask))


def test_isolation_forest_tells_the_length_of_its_paths():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, _, ask = table()
    for options in ({}, {"max_features": 2}, {"max_samples": 50, "bootstrap": True}):
        model = ensemble.IsolationForest(n_estimators=20, random_state=0, **options).fit(x)
        ours = whence.load(model)
        n = model.max_samples_
        longest = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
        np.testing.assert_allclose(-(2 ** (-ours.predict(ask)[:, 0] / longest)), model.score_samples(ask), atol=1e-12)
        assert whence.tree_shap(ours, ask, precision="float64").gap < 1e-9
        assert "short ones are unusual" in " ".join(ours.info()["notes"])


def test_what_is_no_ensemble_is_refused():
    ensemble = pytest.importorskip("sklearn.ensemble")
    pipeline, linear, scaling = (pytest.importorskip(f"sklearn.{name}") for name in ("pipeline", "linear_model", "preprocessing"))
    x, y, _ = table()
    with pytest.raises(whence.UsageError, match="not fitted"):
        whence.load(ensemble.RandomForestRegressor())
    steps = pipeline.make_pipeline(scaling.StandardScaler(), ensemble.RandomForestRegressor(n_estimators=2)).fit(x, y)
    with pytest.raises(whence.UnsupportedError, match="skl2onnx"):
        whence.load(steps)
    with pytest.raises(whence.UnsupportedError, match="whence.function"):
        whence.load(linear.LinearRegression().fit(x, y))
    several = ensemble.RandomForestClassifier(n_estimators=2).fit(x, np.stack([y > 0, y > 1], axis=1))
    with pytest.raises(whence.UnsupportedError, match="several outputs"):
        whence.load(several)
    with pytest.raises(whence.UsageError, match="no model file"):
        whence.load(object())
    forest = ensemble.RandomForestRegressor(n_estimators=2).fit(x, y)
    with pytest.raises(whence.UsageError, match="for files"):
        whence.load(forest, preprocess="none")
    with pytest.raises(whence.InputError, match="columns"):
        whence.load(forest, background=x[:, :2])


def test_explain_takes_a_model_in_memory():
    ensemble = pytest.importorskip("sklearn.ensemble")
    x, y, _ = table()
    forest = ensemble.RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0).fit(x, np.where(y > 0, "yes", "no"))
    why = whence.explain(forest, x[3], "tree-shap", target="yes")
    assert why.target.label == "yes"
    assert why.value == pytest.approx(forest.predict_proba(x[3:4])[0, 1])
    assert abs(why.error) < 1e-12
    model = whence.load(forest, background=x[:20])
    against = whence.explain(model, x[3], "tree-shap", target="yes")
    assert against.base_value == pytest.approx(forest.predict_proba(x[:20])[:, 1].mean())
    np.testing.assert_allclose(against.values, whence.tree_shap(forest, x[3:4], background=x[:20], precision="float64").values[0, :, 1])
    # the same by asking for every coalition
    exact = whence.explain(model, x[3], "exact-shap", target="yes", baseline="background", scale="raw")
    np.testing.assert_allclose(against.values, exact.values, atol=1e-9)


def test_encoded_trees_take_many_rows(tmp_path):
    """A pipeline's file: values of the inputs, whatever encodes them."""
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, y, _ = table()
    x = x.astype(np.float32)
    encode = ColumnTransformer([("n", StandardScaler(), [2, 0]), ("c", OneHotEncoder(), [3])])
    model = make_pipeline(encode, RandomForestRegressor(n_estimators=5, max_depth=5, random_state=0)).fit(x, y)
    path = tmp_path / "pipeline.onnx"
    path.write_bytes(skl2onnx.to_onnx(model, x[:1]).SerializeToString())
    found = whence.tree_shap(path, x[:6], background=x[6:15], precision="float64")
    assert found.values.shape == (6, 4, 1)
    np.testing.assert_array_equal(found.values[:, 1], 0)  # the pipeline leaves column 1 out
    np.testing.assert_allclose(found.margins[:, 0], model.predict(x[:6]), atol=1e-5)
    np.testing.assert_allclose(found.expected[0], model.predict(x[6:15]).mean(), atol=1e-5)
    for row, values in zip(x[:6], found.values[:, :, 0], strict=True):
        np.testing.assert_allclose(values, brute_force(model.predict, row, x[6:15]), atol=1e-5)
    with pytest.raises(whence.UnsupportedError, match="background"):
        whence.tree_shap(path, x[:6])


def brute_force(predict, x, background):
    """Shapley values of the mean prediction over background rows, from all coalitions."""
    from itertools import combinations
    from math import comb

    n = len(x)

    def value(present):
        rows = background.copy()
        rows[:, list(present)] = x[list(present)]
        return predict(rows).mean()

    games = {c: value(c) for size in range(n + 1) for c in combinations(range(n), size)}
    out = np.zeros(n)
    for c, v in games.items():
        for i in set(range(n)) - set(c):
            out[i] += (games[tuple(sorted({*c, i}))] - v) / (n * comb(n - 1, len(c)))
    return out


# ---- libraries that save themselves


def both(second):
    return np.stack([1 - second, second], axis=1)


def test_xgboost():
    xgboost = pytest.importorskip("xgboost")
    x, y, ask = table()
    options = dict(n_estimators=8, max_depth=3, random_state=0)
    expect_the_same((model := xgboost.XGBRegressor(**options)).fit(x, y), ask, model.predict(ask), 1e-5)
    for label in (y > 0, np.digitize(y, [-1, 1])):
        model = xgboost.XGBClassifier(**options).fit(x, label)
        assert expect_the_same(model, ask, model.predict_proba(ask), 1e-5).classes == [str(one) for one in model.classes_]
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(x, y > 0), 5)
    expect_the_same(booster, ask, both(booster.predict(xgboost.DMatrix(ask))), 1e-5)
    ranker = xgboost.XGBRanker(**options).fit(x, np.clip(np.round(y), 0, 4), qid=np.arange(300) // 30)
    expect_the_same(ranker, ask, ranker.predict(ask), 1e-5)
    dart = xgboost.XGBRegressor(booster="dart", rate_drop=0.5, **options).fit(x, y)
    expect_the_same(dart, ask, dart.predict(ask), 1e-5)
    linear = xgboost.XGBRegressor(booster="gblinear", n_estimators=2).fit(x, y)
    with pytest.raises(whence.ModelError, match="gblinear"):
        whence.load(linear)


def test_xgboost_stops_early_as_predict_does():
    xgboost = pytest.importorskip("xgboost")
    x, y, ask = table()
    model = xgboost.XGBRegressor(n_estimators=200, early_stopping_rounds=3, random_state=0).fit(x[:200], y[:200], eval_set=[(x[200:], y[200:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    ours = expect_the_same(model, ask, model.predict(ask), 1e-5)
    assert "early stopping" in " ".join(ours.info()["notes"])
    booster = model.get_booster()  # a Booster's predict takes all rounds
    everything = whence.load(booster)
    np.testing.assert_allclose(first(everything.predict(ask))[:, 0], booster.predict(xgboost.DMatrix(ask)), atol=1e-5, rtol=1e-5)
    assert np.abs(first(everything.predict(ask))[:, 0] - model.predict(ask)).max() > 1e-3


def test_lightgbm():
    lightgbm = pytest.importorskip("lightgbm")
    x, y, ask = table()
    options = dict(n_estimators=8, num_leaves=7, random_state=0, verbosity=-1)
    expect_the_same((model := lightgbm.LGBMRegressor(**options)).fit(x, y), ask, model.predict(ask), 1e-9)
    for label in (np.where(y > 0, "yes", "no"), np.digitize(y, [-1, 1])):
        model = lightgbm.LGBMClassifier(**options).fit(x, label)
        assert expect_the_same(model, ask, model.predict_proba(ask), 1e-9).classes == [str(one) for one in model.classes_]
    booster = model.booster_
    expect_the_same(booster, ask, booster.predict(ask), 1e-9)
    stop = lightgbm.early_stopping(3, verbose=False)
    early = lightgbm.LGBMRegressor(**{**options, "n_estimators": 300, "learning_rate": 0.3})
    early.fit(x[:200], y[:200], eval_set=[(x[200:], y[200:])], callbacks=[stop])
    assert early.best_iteration_ < 300  # LightGBM drops the other rounds itself, but for a booster that is to be trained on
    expect_the_same(early, ask, early.predict(ask), 1e-9)
    data = lightgbm.Dataset(x[:200], y[:200])
    kept = lightgbm.train(
        {"verbosity": -1, "learning_rate": 0.3}, data, 300, valid_sets=[lightgbm.Dataset(x[200:], y[200:], reference=data)],
        callbacks=[lightgbm.early_stopping(3, verbose=False)], keep_training_booster=True,
    )  # fmt: skip
    assert kept.best_iteration < kept.current_iteration()
    ours = expect_the_same(kept, ask, kept.predict(ask), 1e-9)
    assert "early stopping" in " ".join(ours.info()["notes"])


def test_catboost():
    catboost = pytest.importorskip("catboost")
    x, y, ask = table()
    options = dict(iterations=8, depth=3, random_seed=0, verbose=False, allow_writing_files=False)
    expect_the_same((model := catboost.CatBoostRegressor(**options)).fit(x, y), ask, model.predict(ask), 1e-9)
    for label in (np.where(y > 0, "yes", "no"), np.digitize(y, [-1, 1])):
        model = catboost.CatBoostClassifier(**options).fit(x, label)
        assert expect_the_same(model, ask, model.predict_proba(ask), 1e-9).classes == [str(one) for one in model.classes_]
    early = catboost.CatBoostRegressor(**{**options, "iterations": 300, "learning_rate": 0.5}, early_stopping_rounds=3)
    early.fit(x[:200], y[:200], eval_set=(x[200:], y[200:]))
    assert early.tree_count_ < 300
    expect_the_same(early, ask, early.predict(ask), 1e-9)
    with pytest.raises(whence.UsageError, match="not fitted"):
        whence.load(catboost.CatBoostRegressor())
