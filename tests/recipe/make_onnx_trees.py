"""Small ONNX files with tree ensembles, for recipe_onnx_trees_test.cpp: trees/*.onnx.

Made with skl2onnx 1.20.0, scikit-learn 1.9.1 and onnx 1.23.2 (Python 3.11):
python tests/recipe/make_onnx_trees.py
What they say is asked of ONNX Runtime by the test itself.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

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
    }
    for name, (model, label) in models.items():
        model.fit(x, label)
        options = {"zipmap": False} if hasattr(model, "predict_proba") else None
        save(name, to_onnx(model, x[:1], options={id(model): options} if options else None, target_opset={"": 17, "ai.onnx.ml": 3}))


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
from_scikit_learn()
by_hand()
