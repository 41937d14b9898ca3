"""Small ONNX files with tree ensembles, for recipe_onnx_trees_test.cpp: trees/*.onnx.

Made with skl2onnx 1.20.0, scikit-learn 1.9.1 and onnx 1.23.2 (Python 3.11):
python tests/recipe/make_onnx_trees.py
What they say is asked of ONNX Runtime by the test itself. encoded_*.onnx are pipelines, encoders and trees, for
recipe_held_trees_test.cpp; hist_*.onnx needs skl2onnx to write NumPy's integers as integers (see plain_integers).
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

OUT = Path(__file__).parent / "trees"


def save(name, model):
    onnx.checker.check_model(model)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())


def from_scikit_learn():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = x[:, 0] * 2 + x[:, 1] * (x[:, 2] > 0)
    three = np.digitize(y, [-1, 1])
    small = dict(max_depth=3, random_state=0)
    models = {
        "forest_two": (RandomForestClassifier(n_estimators=4, **small), y > 0),
        "forest_three": (RandomForestClassifier(n_estimators=4, **small), three),
        "extra_trees": (ExtraTreesRegressor(n_estimators=4, **small), y),
        "boosting_two": (GradientBoostingClassifier(n_estimators=4, **small), y > 0),
        "boosting_three": (GradientBoostingClassifier(n_estimators=3, **small), three),
        "boosting": (GradientBoostingRegressor(n_estimators=4, **small), y),
        "tree": (DecisionTreeClassifier(**small), three),
        "hist_two": (HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=6), y > 0),
        "hist_three": (HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4), three),
        "hist": (HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=6), y),
    }
    for name, (model, label) in models.items():
        model.fit(x, label)
        options = {"zipmap": False} if hasattr(model, "predict_proba") else None
        save(name, to_onnx(model, x[:1], options={id(model): options} if options else None, target_opset=OPSETS))


OPSETS = {"": 17, "ai.onnx.ml": 3}


def plain_integers():
    """skl2onnx 1.20 hands NumPy's unsigned integers of histogram trees to onnx, which takes none."""
    add_node = ModelComponentContainer.add_node

    def plain(value):
        return [int(one) if isinstance(one, (bool, np.integer)) else one for one in value] if isinstance(value, list) else value

    def add_plain(self, op_type, inputs, outputs, **attributes):
        return add_node(self, op_type, inputs, outputs, **{key: plain(value) for key, value in attributes.items()})

    ModelComponentContainer.add_node = add_plain


def behind_encoders():
    """A matrix through scalers, columns of words and numbers through encoders; what tree-shap refuses, too."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    x[:, 2] = rng.integers(0, 3, 200)
    x[:, 3] = rng.integers(0, 4, 200)
    y = x[:, 0] * 2 + x[:, 1] * (x[:, 2] == 1) + (x[:, 3] == 2) - 2 * (x[:, 3] == 0) * (x[:, 0] > 0)
    forest = lambda: RandomForestRegressor(n_estimators=4, max_depth=4, random_state=0)  # noqa: E731
    choose = ColumnTransformer([("n", StandardScaler(), [1, 0]), ("c", OneHotEncoder(), [2, 3])])
    pipelines = {
        "scaled": make_pipeline(StandardScaler(), forest()),
        "ranged": make_pipeline(MinMaxScaler(), forest()),
        "matrix": make_pipeline(choose, forest()),
        "pca": make_pipeline(PCA(2), forest()),
        "normed": make_pipeline(Normalizer(), forest()),
    }
    for name, model in pipelines.items():
        save(f"encoded_{name}", to_onnx(model.fit(x, y), x[:1], target_opset=OPSETS))
    two = CalibratedClassifierCV(RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0), ensemble=False, cv=2).fit(x, y > 0)
    save("encoded_calibrated", to_onnx(two, x[:1], options={id(two): {"zipmap": False}}, target_opset=OPSETS))
    isolation = IsolationForest(n_estimators=2, max_samples=8, random_state=0).fit(x)
    save("encoded_isolation", to_onnx(isolation, x[:1], target_opset=OPSETS))

    # One input for each column, as data frames are exported: two numbers (one with missing values), words, whole numbers.
    words = np.array(["clerk", "cook", "nurse"])
    columns = np.empty((200, 4), object)
    columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3] = x[:, 0], x[:, 1], words[x[:, 2].astype(int)], x[:, 3].astype(np.int64)
    columns[::9, 1] = np.nan
    types = [("age", FloatTensorType([None, 1])), ("income", FloatTensorType([None, 1])), ("job", StringTensorType([None, 1])), ("floor", Int64TensorType([None, 1]))]
    for name, words_to_numbers, last in (
        ("frame", OneHotEncoder(handle_unknown="ignore"), RandomForestClassifier(n_estimators=4, max_depth=4, random_state=0)),
        ("ordinal", OrdinalEncoder(), DecisionTreeRegressor(max_depth=5, random_state=0)),
    ):
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        model = make_pipeline(ColumnTransformer([("n", numbers, [0, 1]), ("c", words_to_numbers, [2, 3])]), last)
        model.fit(columns, y > 0 if name == "frame" else y)
        options = {id(model): {"zipmap": name == "frame"}} if name == "frame" else None
        save(f"encoded_{name}", to_onnx(model, initial_types=types, options=options, target_opset=OPSETS))


def graph(name, node, element, features, outputs, ml):
    inputs = [helper.make_tensor_value_info("x", element, ["N", features])]
    out = [helper.make_tensor_value_info("y", element if node.op_type == "TreeEnsemble" else TensorProto.FLOAT, ["N", outputs])]
    model = helper.make_model(helper.make_graph([node], name, inputs, out), opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", ml)])
    model.ir_version = 9
    save(name, model)


def by_hand():
    # Every mode, missing values both ways: a chain of questions, each with a leaf on its true side.
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    for tracks in (0, 1):
        nodes, splits = [], [2, -1, 5, 4, 3, 0]
        for i, mode in enumerate(modes):
            nodes += [(2 * i, mode, i % 2, splits[i], 2 * i + 1, 2 * i + 2), (2 * i + 1, "LEAF", 0, 0, 0, 0)]
        nodes.append((12, "LEAF", 0, 0, 0, 0))
        leaves = [n[0] for n in nodes if n[1] == "LEAF"]
        node = helper.make_node(
            "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=2, aggregate_function="AVERAGE", base_values=[0.5, -0.5],
            nodes_treeids=[0] * 13 + [7], nodes_nodeids=[n[0] for n in nodes] + [0], nodes_modes=[n[1] for n in nodes] + ["LEAF"],
            nodes_featureids=[n[2] for n in nodes] + [0], nodes_values=[float(n[3]) for n in nodes] + [0.0],
            nodes_truenodeids=[n[4] for n in nodes] + [0], nodes_falsenodeids=[n[5] for n in nodes] + [0],
            nodes_missing_value_tracks_true=[tracks] * 14,
            target_treeids=[0] * len(leaves) * 2 + [7], target_nodeids=leaves * 2 + [0], target_ids=[0] * len(leaves) + [1] * len(leaves) + [1],
            target_weights=[float(i + 1) for i in range(len(leaves))] + [0.25 * i for i in range(len(leaves))] + [3.0],
        )  # fmt: skip
        graph(f"modes_{tracks}", node, TensorProto.FLOAT, 2, 2, 3)
    # Version 5: x0 in {1, 3} ? (x1 > 0.5 ? 1 : 2) : 3, and a tree of one leaf.
    tensor = lambda name, values, kind=TensorProto.DOUBLE: helper.make_tensor(name, kind, [len(values)], values)  # noqa: E731
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, aggregate_function=1, post_transform=0, tree_roots=[0, 2],
        nodes_featureids=[0, 1, 0], nodes_splits=tensor("s", [0.0, 0.5, 0.0]), nodes_modes=tensor("m", [6, 3, 0], TensorProto.UINT8),
        nodes_truenodeids=[1, 0, 3], nodes_falsenodeids=[2, 1, 3], nodes_trueleafs=[0, 1, 1], nodes_falseleafs=[1, 1, 1],
        leaf_targetids=[0, 0, 0, 0], leaf_weights=tensor("w", [1.0, 2.0, 3.0, 10.0]), membership_values=tensor("v", [1.0, 3.0, float("nan")]),
    )  # fmt: skip
    graph("rooted", node, TensorProto.DOUBLE, 2, 1, 5)


OUT.mkdir(exist_ok=True)
plain_integers()
from_scikit_learn()
behind_encoders()
by_hand()
