"""Tree ensembles of other libraries as they lie in memory: what they save of themselves, or their public arrays of nodes.

Nothing here imports those libraries: an object's own class says whose it is.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._whence import UnsupportedError, UsageError


class Held(NamedTuple):
    """What a model is made of: a file's bytes, or arrays (see _ensemble)."""

    model: bytes | dict[str, Any]
    name: str
    classes: list[str]
    notes: list[str]


def read(model: Any) -> Held:
    """Throws UnsupportedError for an object that holds no trees Whence reads, UsageError for one of no library it knows."""
    name = type(model).__name__
    for one in type(model).__mro__:
        reader = _readers.get(one.__module__.partition(".")[0])
        if reader is not None:
            return reader(model, name)
    raise UsageError(
        f"a {name} is no model file and no tree ensemble of XGBoost, LightGBM, CatBoost or scikit-learn; "
        "whence.function takes any function of rows"
    )


def _classes(model: Any) -> list[str]:
    return [str(one) for one in getattr(model, "classes_", [])]


# ---- libraries that save themselves


def _xgboost(model: Any, name: str) -> Held:
    if not hasattr(model, "save_raw") and not hasattr(model, "get_booster"):
        raise UnsupportedError(f"a {name} of xgboost is no model; give the Booster or the XGBModel")
    notes = []
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    if booster is not model and (best := getattr(model, "best_iteration", None)) is not None:
        rounds = booster.num_boosted_rounds()
        if best + 1 < rounds:  # what XGBModel.predict does; Booster.predict takes all
            booster = booster[: best + 1]
            notes.append(f"early stopping: the first {best + 1} of {rounds} rounds count, as in {name}.predict")
    return Held(bytes(booster.save_raw("ubj")), name, _classes(model), notes)


def _lightgbm(model: Any, name: str) -> Held:
    booster = getattr(model, "booster_", model)
    if not hasattr(booster, "model_to_string"):
        raise UnsupportedError(f"a {name} of lightgbm is no model; give the Booster or the LGBMModel")
    rounds, best = booster.current_iteration(), booster.best_iteration
    notes = [f"early stopping: the first {best} of {rounds} rounds count, as in {name}.predict"] if 0 < best < rounds else []
    return Held(booster.model_to_string().encode(), name, _classes(model), notes)  # the best iteration's, as predict


def _catboost(model: Any, name: str) -> Held:
    if not hasattr(model, "save_model"):
        raise UnsupportedError(f"a {name} of catboost is no model")
    if not model.is_fitted():
        raise UsageError(f"this {name} is not fitted")
    with tempfile.TemporaryDirectory() as folder:  # catboost writes files only
        path = os.path.join(folder, "model.json")
        model.save_model(path, format="json")
        with open(path, "rb") as file:
            return Held(file.read(), name, [], [])  # the file names its classes


# ---- scikit-learn


def _scikit_learn(model: Any, name: str) -> Held:
    kinds = {one.__name__ for one in type(model).__mro__}
    for kind, reader in _kinds.items():
        if kind in kinds:
            if not hasattr(model, "n_features_in_"):
                raise UsageError(f"this {name} is not fitted")
            if getattr(model, "n_outputs_", 1) != 1 and "ClassifierMixin" in kinds:
                raise UnsupportedError(f"this {name} tells classes of several outputs: give one estimator for each")
            found = reader(model, name)
            return found._replace(classes=_classes(model))
    if "Pipeline" in kinds:
        raise UnsupportedError(
            "a Pipeline encodes its inputs before its last step: export it (skl2onnx.to_onnx) and load the file, whose trees are then "
            "explained for the inputs; or load the last step alone and give it encoded rows"
        )
    raise UnsupportedError(
        f"a {name} of scikit-learn is no ensemble of trees that Whence reads (decision trees, forests, extra trees, gradient boosting, "
        "isolation forests): export it (skl2onnx.to_onnx), or wrap its predict_proba in whence.function"
    )


def _ensemble(
    model: Any,
    trees: list[dict[str, Any]],
    *,
    outputs: int = 1,
    base: Any = 0.0,
    divisor: float = 1.0,
    float_inputs: bool = True,
    link: str = "identity",
    output_names: list[str] | None = None,
    category_names: list[list[str]] | None = None,
) -> dict[str, Any]:
    """trees/ensemble.h's EnsembleParts, where each tree has for each node: feature (-1 at a leaf), left, right, threshold, missing_left,
    cover, categories (which of its sets, or -1) and values (rows of one number, or one for each output)."""
    return {
        "format": "scikit-learn",
        "features": int(model.n_features_in_),
        "outputs": outputs,
        "base": [float(one) for one in np.broadcast_to(base, outputs)],
        "divisor": float(divisor),
        "float_inputs": float_inputs,
        "link": link,
        "feature_names": [str(one) for one in getattr(model, "feature_names_in_", [])],
        "output_names": output_names or [],
        "category_names": category_names or [],
        "trees": trees,
    }


def _nodes(tree: Any, values: Any, output: int = 0, features: Any = None) -> dict[str, Any]:
    """One `tree_`, whose nodes have these values. `features`: the columns it was given, where these are some of all."""
    leaf = tree.children_left < 0
    feature = tree.feature if features is None else np.asarray(features)[np.where(leaf, 0, tree.feature)]
    return {
        "feature": np.where(leaf, -1, feature),
        "left": tree.children_left,
        "right": tree.children_right,
        "threshold": tree.threshold,
        # before 1.3 no tree took missing values
        "missing_left": getattr(tree, "missing_go_to_left", np.zeros(len(leaf))),
        "cover": tree.weighted_n_node_samples,
        "categories": np.full(len(leaf), -1),
        "sets": [],
        "values": np.asarray(values, np.float64).reshape(len(leaf), -1),
        "output": output,
    }


def _class_shares(tree: Any) -> Any:
    counts = tree.value[:, 0, :]  # before 1.3 counts, since then shares
    return counts / counts.sum(axis=1, keepdims=True)


def _forest(model: Any, name: str) -> Held:
    trees = getattr(model, "estimators_", [model])
    classes = _classes(model)
    outputs = len(classes) or model.n_outputs_
    held = [_nodes(one.tree_, _class_shares(one.tree_) if classes else one.tree_.value[:, :, 0]) for one in trees]
    return Held(_ensemble(model, held, outputs=outputs, divisor=len(trees), output_names=classes), name, [], [])


def _boosting(model: Any, name: str) -> Held:
    if getattr(model, "init", None) not in (None, "zero"):
        raise UnsupportedError(f"this {name} starts from another estimator (init), which is no number that trees are added to")
    # The exponential loss has probabilities 1 / (1 + exp(-2 margin)).
    scale = 2.0 if model.loss == "exponential" else 1.0
    outputs = model.estimators_.shape[1]
    held = [
        _nodes(one.tree_, scale * model.learning_rate * one.tree_.value[:, 0, 0], output)
        for stage in model.estimators_
        for output, one in enumerate(stage)
    ]
    zeros = np.zeros((1, model.n_features_in_), np.float32)
    with warnings.catch_warnings():  # rows without the names of the columns
        warnings.simplefilter("ignore")
        start = model.decision_function(zeros) if hasattr(model, "classes_") else model.predict(zeros)
    sums = sum(np.array([one.tree_.predict(zeros)[0, 0] for one in stage]) for stage in model.estimators_)
    base = scale * (np.reshape(start, -1) - model.learning_rate * sums)
    classes = _classes(model)
    link = "identity" if not classes else "logistic" if outputs == 1 else "softmax"
    notes = ["the margin is the log-odds: twice the decision_function of this loss"] if scale != 1 else []
    return Held(_ensemble(model, held, outputs=outputs, base=base, link=link, output_names=classes), name, [], notes)


_HISTOGRAM_LINKS = {
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "gamma": "exponential",
    "poisson": "exponential",
}


def _histogram(model: Any, name: str) -> Held:
    # These trees have no public arrays; shap reads the same two attributes.
    if not hasattr(model, "_predictors") or not hasattr(model, "_baseline_prediction"):
        raise UnsupportedError(f"this version of scikit-learn keeps the trees of a {name} elsewhere: export it (skl2onnx.to_onnx)")
    columns, categories, names = _histogram_columns(model, name)
    classes = _classes(model)
    stages = model._predictors
    outputs = len(stages[0]) if stages else np.size(model._baseline_prediction)
    link = ("logistic" if outputs == 1 else "softmax") if classes else _HISTOGRAM_LINKS.get(model.loss)
    if link is None:
        raise UnsupportedError(f"this {name} has the loss '{model.loss}', of which nobody knows what margins mean")
    held = [_histogram_tree(one, output, columns, categories) for stage in stages for output, one in enumerate(stage)]
    base = np.reshape(model._baseline_prediction, -1)
    found = _ensemble(
        model, held, outputs=outputs, base=base, float_inputs=False, link=link, output_names=classes, category_names=names
    )
    return Held(found, name, [], [])


def _histogram_columns(model: Any, name: str) -> tuple[Any, dict[int, list[int]], list[list[str]]]:
    """The rows' column for each that the trees read; codes of categories by the column; their names, none where they are numbers."""
    features = model.n_features_in_
    categorical = getattr(model, "is_categorical_", None)
    if categorical is None or not np.any(categorical):
        return np.arange(features), {}, []
    encoder = getattr(getattr(model, "_preprocessor", None), "named_transformers_", {}).get("encoder")
    if encoder is None:
        raise UnsupportedError(f"this version of scikit-learn keeps the categories of a {name} elsewhere")
    columns = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~np.asarray(categorical))])
    codes: dict[int, list[int]] = {}
    names: list[list[str]] = [[] for _ in range(features)]
    for column, known in zip(columns, encoder.categories_, strict=False):
        values = [one for one in known if one is not None and one == one]  # the rest is missing
        if all(isinstance(one, str) for one in values):
            names[column] = list(values)
            codes[column] = list(range(len(values)))
        elif all(float(one).is_integer() and 0 <= one < 2**31 for one in values):
            codes[column] = [int(one) for one in values]
        else:
            raise UnsupportedError(f"column {column} of this {name} has categories that are neither words nor whole numbers from 0")
    return columns, codes, names if any(names) else []


def _histogram_tree(predictor: Any, output: int, columns: Any, categories: dict[int, list[int]]) -> dict[str, Any]:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    feature = columns[np.where(leaf, 0, nodes["feature_idx"])]
    which = np.full(len(nodes), -1)
    sets: list[list[int]] = []
    for i in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][i]]
        known = categories[feature[i]]
        goes_left = [bool(bits[code // 32] >> np.uint32(code % 32) & 1) for code in range(len(known))]
        # A category that training never saw goes where missing values go: the set names the others.
        named = [code for code, yes in zip(known, goes_left, strict=True) if yes != missing_left[i]]
        if missing_left[i]:
            left[i], right[i] = right[i], left[i]
            missing_left[i] = False
        which[i] = len(sets)
        sets.append(sorted(named))
    return {
        "feature": np.where(leaf, -1, feature),
        "left": left,
        "right": right,
        "threshold": nodes["num_threshold"],
        "missing_left": missing_left,
        "cover": nodes["count"],
        "categories": which,
        "sets": sets,
        "values": nodes["value"].reshape(-1, 1),
        "output": output,
    }


def _path_length(rows: Any) -> Any:
    """Mean length of an unsuccessful search in a tree of `rows` (Liu, Ting, Zhou 2008, "Isolation forest", eq. 1)."""
    n = np.asarray(rows, np.float64)
    more = np.maximum(n, 3)
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, 2 * (np.log(more - 1) + np.euler_gamma) - 2 * (more - 1) / more))


def _isolation(model: Any, name: str) -> Held:
    held = []
    for one, features in zip(model.estimators_, model.estimators_features_, strict=True):
        tree = one.tree_
        depth = np.zeros(tree.node_count)
        for i in range(tree.node_count):  # children come after their parent
            if tree.children_left[i] >= 0:
                depth[[tree.children_left[i], tree.children_right[i]]] = depth[i] + 1
        held.append(_nodes(tree, depth + _path_length(tree.n_node_samples), features=features))
    scale = float(_path_length(model.max_samples_))
    notes = [
        "explained is the mean length of the paths, of which short ones are unusual: what is negative makes a row unusual; "
        f"score_samples is -2^(-length / {scale:.6g}), no sum over trees"
    ]
    if not math.isfinite(scale) or scale == 0:
        raise UnsupportedError(f"this {name} was fitted to single rows")
    return Held(_ensemble(model, held, divisor=len(held), output_names=["path length"]), name, [], notes)


_kinds: dict[str, Callable[[Any, str], Held]] = {
    "BaseHistGradientBoosting": _histogram,
    "BaseGradientBoosting": _boosting,
    "IsolationForest": _isolation,
    "ForestClassifier": _forest,
    "ForestRegressor": _forest,
    "BaseDecisionTree": _forest,
}

_readers: dict[str, Callable[[Any, str], Held]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "sklearn": _scikit_learn,
}
