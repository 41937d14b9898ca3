"""The Python module, on the shipped examples, against NumPy in double precision."""

import _thread
import gc
import html
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import whence

ROOT = Path(__file__).resolve().parents[2]
MODELS, DATA = ROOT / "examples" / "models", ROOT / "examples" / "data"
TABLE, PHOTO = DATA / "breast_cancer.csv", DATA / "cat.png"

# One float32 operation is right to 2^-24; sums of some thousand terms of like size lose a few dozen of these.
FLOAT32 = 1e-5


@pytest.fixture(scope="module")
def cancer():
    return whence.load(MODELS / "breast_cancer.onnx")


@pytest.fixture(scope="module")
def cifar():
    return whence.load(MODELS / "cifar10_cnn.onnx")


@pytest.fixture(scope="module")
def rows():
    table = np.genfromtxt(TABLE, delimiter=",", skip_header=1, usecols=range(30))
    return table.reshape(-1, 30)


class Network:
    """The breast cancer network in NumPy: (x - a) / b, two hidden layers with ReLU, logits."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        constants = {i.name: numpy_helper.to_array(i).astype(np.float64) for i in graph.initializer}
        nodes = list(graph.node)
        assert [n.op_type for n in nodes] == ["Sub", "Div", "Gemm", "Relu", "Gemm", "Relu", "Gemm", "Softmax"]
        self.shift, self.scale = constants[nodes[0].input[1]], constants[nodes[1].input[1]]
        self.layers = []
        for node in nodes:
            if node.op_type != "Gemm":
                continue
            weight = constants[node.input[1]]
            if any(a.name == "transB" and a.i for a in node.attribute):
                weight = weight.T
            self.layers.append((weight, constants[node.input[2]]))

    def logits(self, x):
        return self._forward(x)[0]

    def probabilities(self, x):
        z = self.logits(x)
        e = np.exp(z - z.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def gradient(self, x, target):
        """Of the logit, each row."""
        _, masks = self._forward(x)
        d = np.zeros((len(x), self.layers[-1][0].shape[1]))
        d[:, target] = 1
        for (weight, _), mask in zip(reversed(self.layers), [1, *reversed(masks)]):
            d = (d * mask) @ weight.T
        return d / self.scale

    def _forward(self, x):
        h, masks = (np.asarray(x, np.float64) - self.shift) / self.scale, []
        for i, (weight, bias) in enumerate(self.layers):
            h = h @ weight + bias
            if i + 1 < len(self.layers):
                masks.append(h > 0)
                h = np.maximum(h, 0)
        return h, masks


@pytest.fixture(scope="module")
def network():
    return Network(MODELS / "breast_cancer.onnx")


def near(a, b, tolerance=FLOAT32):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    return float(np.abs(a - b).max()) <= tolerance * max(1e-30, float(np.abs(b).max()))


def make_model(path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def floats(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


# ------------------------------------------------------------------------------------------------ models


def test_load_tells_what_the_model_reads(cancer):
    assert cancer.inputs[0].name == "rows"
    assert cancer.inputs[0].shape == (None, 30)
    assert cancer.inputs[0].dtype == np.float32
    assert cancer.outputs[0].scale == "probability"
    assert cancer.classes == ["malignant", "benign"]
    assert len(cancer.sha256) == 64
    assert "breast_cancer.onnx" in repr(cancer)


def test_info(cifar):
    info = cifar.info()
    assert info["operators"]["Conv"] == 8
    assert all(row["differentiable"] for row in info["differentiability"])
    assert info["path"].endswith("cifar10_cnn.onnx")


def test_labels_and_threads(rows):
    model = whence.load(MODELS / "breast_cancer.onnx", threads=1, labels=["bad", "good"])
    assert model.classes == ["bad", "good"]
    assert whence.explain(model, rows[0], method="saliency", target="good").target.index == 1


def test_predict_agrees_with_numpy(cancer, network, rows):
    assert near(cancer.predict(rows[:7].astype(np.float32)), network.probabilities(rows[:7].astype(np.float32)))


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x,
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1][::-1],
        lambda x: x.astype(">f4"),
        lambda x: x.tolist(),
        lambda x: {"rows": x},
        lambda x: np.array(x, dtype=object),
    ],
    ids=["float32", "float64", "fortran", "strided", "reversed", "big-endian", "list", "dict", "objects"],
)
def test_predict_takes_any_layout(cancer, rows, form):
    x = rows[:5].astype(np.float32)
    assert np.array_equal(cancer.predict(form(x)), cancer.predict(x))


def test_predict_takes_integers(cancer, rows):
    whole = np.round(rows[:3]).astype(np.int64)
    assert np.array_equal(cancer.predict(whole), cancer.predict(whole.astype(np.float32)))


def test_predict_one_row_without_its_leading_dimension(cancer, rows):
    assert np.array_equal(cancer.predict(rows[0]), cancer.predict(rows[:1])[0])


def test_predict_does_not_keep_or_change_its_input(cancer, rows):
    x = rows[:2].astype(np.float32)
    x.setflags(write=False)
    before = x.copy()
    y = cancer.predict(x)
    assert np.array_equal(x, before)
    y += 1  # the answer belongs to the caller


def test_predict_files(cancer, cifar, rows):
    assert near(cancer.predict(TABLE), cancer.predict(rows[0]))
    assert cifar.predict(PHOTO).shape == (10,)


def test_predict_with_several_outputs(tmp_path):
    path = make_model(
        tmp_path / "two.onnx",
        [helper.make_node("Relu", ["x"], ["up"]), helper.make_node("Neg", ["x"], ["down"])],
        [floats("x", ["N", 2])],
        [floats("up", ["N", 2]), floats("down", ["N", 2])],
    )
    answer = whence.load(path).predict(np.array([[1.0, -2.0]]))
    assert set(answer) == {"up", "down"}
    assert np.array_equal(answer["up"], [[1, 0]])
    assert np.array_equal(answer["down"], [[-1, 2]])


def test_predict_text(tmp_path):
    text = helper.make_tensor_value_info("t", TensorProto.STRING, ["N", 1])
    out = helper.make_tensor_value_info("u", TensorProto.STRING, ["N", 1])
    path = make_model(tmp_path / "text.onnx", [helper.make_node("Identity", ["t"], ["u"])], [text], [out])
    model = whence.load(path)
    assert model.predict(np.array([["käse"], ["brot"]])).tolist() == [["käse"], ["brot"]]


def test_predict_images_of_8_bits_and_either_layout(cifar):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    scaled = pixels.astype(np.float32) / 255
    assert near(cifar.predict(pixels), cifar.predict(scaled))
    plain = whence.load(MODELS / "cifar10_cnn.onnx", "none")
    normalised = (scaled - np.float32([0.4914, 0.4822, 0.4465])) / np.float32([0.247, 0.2435, 0.2616])
    assert near(plain.predict(normalised.transpose(0, 3, 1, 2)), cifar.predict(scaled), 1e-4)
    assert near(plain.predict(normalised), cifar.predict(scaled), 1e-4)


def test_gradient_agrees_with_numpy(cancer, network, rows):
    x = rows[:6].astype(np.float32)
    for target in (0, 1):
        gradient, values = cancer.gradient(x, target=target, return_values=True)
        assert near(gradient, network.gradient(x, target))
        assert near(values, network.logits(x)[:, target])


def test_gradient_of_each_rows_own_top_class(cancer, network, rows):
    x = rows[:40].astype(np.float32)
    top = network.logits(x).argmax(1)
    assert len(set(top)) == 2
    expected = np.stack([network.gradient(x[i : i + 1], c)[0] for i, c in enumerate(top)])
    assert near(cancer.gradient(x), expected)


def test_gradient_of_a_difference_and_by_name(cancer, network, rows):
    x = rows[:3].astype(np.float32)
    assert near(cancer.gradient(x, target=(0, 1)), network.gradient(x, 0) - network.gradient(x, 1))
    assert np.array_equal(cancer.gradient(x, target="benign"), cancer.gradient(x, target=1))


def test_gradient_of_a_layer(cancer, rows):
    layer = next(t for t in cancer.info()["tensors"] if t != "probabilities")
    both = cancer.gradient(rows[:2], target=0, wrt=["rows", layer])
    assert set(both) == {"rows", layer}
    assert near(both["rows"], cancer.gradient(rows[:2], target=0))


def test_gradient_in_other_scales(cancer, network, rows):
    x = rows[:4].astype(np.float32)
    p = network.probabilities(x)
    logit = [network.gradient(x, c) for c in (0, 1)]
    # Of the probability: p_0 (1 - p_0) times that of the difference of the logits.
    expected = (p[:, 0] * p[:, 1])[:, None] * (logit[0] - logit[1])
    assert near(cancer.gradient(x, target=0, scale="probability"), expected, 1e-4)


def test_gradient_model_is_an_onnx_file(cancer, rows, tmp_path):
    import onnxruntime

    path = tmp_path / "gradient.onnx"
    cancer.gradient_model(path, target=0)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = rows[:2].astype(np.float32)
    feed = {i.name: np.array([0], np.int64) if "index" in i.name else x for i in session.get_inputs()}
    answers = session.run(None, feed)
    assert any(a.shape == x.shape and near(a, cancer.gradient(x, target=0)) for a in answers)


# ------------------------------------------------------------------------------------------------ explanations


def test_saliency_agrees_with_numpy(cancer, network, rows):
    explanation = whence.explain(cancer, rows[0], method="saliency", target=0)
    assert near(explanation.values, np.abs(network.gradient(rows[:1], 0)[0]))
    assert explanation.error is None and explanation.no_error_because
    assert explanation.base_value is None
    signed = whence.explain(cancer, rows[0], method="saliency", target=0, absolute=False)
    assert near(signed.values, network.gradient(rows[:1], 0)[0])


def test_input_x_gradient_agrees_with_numpy(cancer, network, rows):
    explanation = whence.explain(cancer, rows[0], method="input-x-gradient", target=1, baseline="zeros")
    assert near(explanation.values, network.gradient(rows[:1], 1)[0] * rows[0])


def test_integrated_gradients_agree_with_numpy(cancer, network, rows):
    steps, x, baseline = 64, rows[0], rows[1:30].mean(0)
    explanation = whence.explain(cancer, x, target=0, baseline=baseline, steps=steps, rule="midpoint")
    at = (np.arange(steps) + 0.5) / steps
    points = baseline + at[:, None] * (x - baseline)
    expected = network.gradient(points, 0).mean(0) * (x - baseline)
    assert near(explanation.values, expected, 1e-4)
    assert explanation.baseline == "array"
    assert explanation.gradient_evaluations == steps
    assert explanation.value == pytest.approx(network.logits(rows[:1])[0, 0], rel=1e-5)
    assert explanation.base_value == pytest.approx(network.logits(baseline[None])[0, 0], rel=1e-5, abs=1e-5)


def test_completeness_holds_and_its_error_is_stated(cancer, rows):
    explanation = whence.explain(cancer, rows[0])
    assert explanation.method == "integrated-gradients"
    assert explanation.converged
    assert explanation.relative_error <= explanation.options["tolerance"]
    total = explanation.values.astype(np.float64).sum()
    stated = total - (explanation.value - explanation.base_value)
    assert explanation.error == pytest.approx(stated, abs=1e-5 * abs(explanation.value))
    # A control: one step is not enough, and it is said.
    rough = whence.explain(cancer, rows[0], steps=1)
    assert abs(rough.error) > 10 * abs(explanation.error)


def test_occlusion_agrees_with_numpy(cancer, network, rows):
    baseline = rows[3:60].mean(0)
    explanation = whence.explain(cancer, rows[0], method="occlusion", target=0, baseline=baseline, scale="probability")
    hidden = np.repeat(rows[:1], 30, axis=0)
    np.fill_diagonal(hidden, baseline)
    p = network.probabilities(np.vstack([rows[:1], hidden]))[:, 0]
    assert float(np.abs(explanation.values.reshape(-1) - (p[0] - p[1:])).max()) <= FLOAT32
    assert explanation.names == whence.explain(cancer, TABLE, row=0, method="saliency").names


def test_lime_on_a_row(cancer, rows):
    explanation = whence.explain(cancer, rows[0], method="lime", num_samples=500, seed=3)
    assert 0 < explanation.score <= 1
    assert explanation.standard_errors.shape == explanation.values.shape
    assert len(explanation.names) == len(explanation.displays) == explanation.values.size
    assert explanation.evaluations >= 500
    assert explanation.intercept is not None and explanation.local_prediction is not None
    again = whence.explain(cancer, rows[0], method="lime", num_samples=500, seed=3)
    other = whence.explain(cancer, rows[0], method="lime", num_samples=500, seed=4)
    assert np.array_equal(explanation.values, again.values)
    assert not np.array_equal(explanation.values, other.values)


@pytest.mark.parametrize("local_model", ["ridge", "lasso", "logistic", "tree"])
def test_local_models_of_lime(cancer, rows, local_model):
    explanation = whence.explain(cancer, rows[17], method="lime", local_model=local_model, num_samples=800, target=0, scale="probability")
    assert explanation.options["local_model"] == local_model
    assert 0 < explanation.score <= 1
    # Slopes may lead beyond 1; log-odds and means of answers cannot.
    assert local_model in ("ridge", "lasso") or 0 <= explanation.local_prediction <= 1
    assert set(explanation.columns) <= set(whence.explain(cancer, TABLE, row=0, method="saliency").names)
    assert all(column in name for column, name in zip(explanation.columns, explanation.names))
    assert (explanation.standard_errors is None) == (local_model in ("lasso", "tree"))
    rules = explanation.local_rules
    assert bool(rules) == (local_model == "tree")
    if rules:
        assert isinstance(rules[0], whence.LocalRule) and rules[0].holds_here and rules[0].value == explanation.local_prediction
        assert sum(rule.share for rule in rules) == pytest.approx(1)
        assert rules[0].conditions[0].text in str(explanation)
        assert all(html.escape(c.text) in explanation._repr_html_() for rule in rules for c in rule.conditions)
        assert whence.from_json(explanation.to_json()).local_rules == rules
        assert "asks about" in explanation.words() and "raises" not in explanation.words()


def test_lime_distance_sampling_and_groups(cancer, rows):
    ask = lambda **options: whence.explain(cancer, rows[0], method="lime", num_samples=400, **options)  # noqa: E731
    assert ask(distance="l2").values.tolist() == ask().values.tolist()
    assert ask(distance="manhattan").values.tolist() != ask().values.tolist()
    assert ask(sampling="gaussian").values.tolist() != ask().values.tolist()
    whole = ask(groups="size: 0, 2, 3", num_features=100)
    assert "size" in whole.columns and len(whole.columns) == 28
    with pytest.raises(whence.UsageError, match="no distance"):
        ask(distance="far")
    with pytest.raises(whence.UsageError, match="groups"):
        ask(groups="size: 0, nowhere")


def test_submodular_pick(cancer, rows):
    explanations = [whence.explain(cancer, row, method="lime", num_samples=200, num_features=4, target=0) for row in rows[:20]]
    pick = whence.submodular_pick(explanations, 4)
    assert isinstance(pick, whence.Pick) and len(set(pick.rows)) == 4
    assert pick.coverage == sorted(pick.coverage) and 0 < pick.coverage[0] <= pick.coverage[-1] <= 1
    # The first picked shows more than any other, and so on: greedy, by hand.
    weights = [dict(zip(e.names, np.abs(e.values))) for e in explanations]
    importance = {name: sum(w.get(name, 0) for w in weights) ** 0.5 for w in weights for name in w}
    shown = lambda chosen: sum(importance[name] for name in {name for i in chosen for name in weights[i] if weights[i][name]})  # noqa: E731
    for k in range(4):
        best = max(shown(pick.rows[:k] + [i]) for i in range(20))
        assert shown(pick.rows[: k + 1]) == pytest.approx(best)
    with pytest.raises(whence.UsageError, match="cannot pick"):
        whence.submodular_pick(explanations, 21)


def test_anchors_on_a_row(cancer, rows):
    explanation = whence.explain(cancer, rows[17], method="anchors", threshold=0.9, seed=2)
    rule = explanation.rule
    assert isinstance(rule, whence.Rule)
    assert rule.conditions and all(" > " in c.text or " <= " in c.text for c in rule.conditions)
    assert rule.precision_low <= rule.precision <= rule.precision_high
    assert rule.precision >= 0.8 and rule.confidence == 0.95 and explanation.converged
    named = {c.feature for c in rule.conditions}
    assert [i for i, v in enumerate(explanation.values) if v] == sorted(named)
    for condition in rule.conditions:
        assert explanation.names[condition.feature] in condition.text
    assert whence.from_json(explanation.to_json()).rule == rule
    assert "IF " in str(explanation) and "precision" in explanation._repr_html_()
    assert whence.explain(cancer, rows[17], method="anchors", threshold=0.9, seed=2).rule == rule
    assert whence.explain(cancer, rows[17], method="saliency").rule is None


def test_the_precision_of_an_anchor_is_that_of_rows_drawn_by_hand(cancer, rows):
    """Rows of the background under the rule, made in NumPy; the interval of the rule holds what the model says of them."""
    explanation = whence.explain(cancer, rows[17], method="anchors", confidence=0.9999, confirm_samples=20000)
    table = np.genfromtxt(DATA / "breast_cancer_train.csv", delimiter=",", skip_header=1, usecols=range(30))
    rng = np.random.default_rng(1)
    drawn, holds_all = table[rng.integers(len(table), size=40000)], np.ones(len(table), bool)
    for feature, text in explanation.rule.conditions:
        low, high = -np.inf, np.inf
        words = text.replace(explanation.names[feature], "X").split()
        if words[0] == "X":
            low, high = (float(words[2]), high) if words[1] == ">" else (low, float(words[2]))
        else:
            low, high = float(words[0]), float(words[4])
        holds = (table[:, feature] > low) & (table[:, feature] <= high)
        holds_all &= holds
        wrong = ~((drawn[:, feature] > low) & (drawn[:, feature] <= high))
        drawn[wrong, feature] = rng.choice(table[holds, feature], wrong.sum())
    same = np.argmax(cancer.predict(drawn), 1) == np.argmax(cancer.predict(rows[17:18]), 1)
    rule, slack = explanation.rule, 4 * np.sqrt(0.25 / len(drawn))
    assert rule.precision_low - slack <= same.mean() <= rule.precision_high + slack
    assert rule.coverage == pytest.approx(holds_all.mean(), abs=1e-12)


def test_anchors_on_a_photograph(cifar, tmp_path):
    explanation = whence.explain(cifar, PHOTO, method="anchors", grid=(3, 3), threshold=0.8)
    shown = [c.feature for c in explanation.rule.conditions]
    assert explanation.values.shape == (9,) and [i for i, v in enumerate(explanation.values) if v] == shown
    assert explanation.rule.coverage == 0.5 ** len(shown)
    for ending in ("png", "svg", "html", "csv", "npz", "json"):
        explanation.save(tmp_path / f"e.{ending}")
        assert (tmp_path / f"e.{ending}").stat().st_size > 50


def test_lime_takes_a_kernel(cancer, rows):
    options = dict(method="lime", target="malignant", compatible=True, num_samples=2000)
    own = whence.explain(cancer, rows[3], **options)
    given = whence.explain(cancer, rows[3], kernel=lambda d, width: np.sqrt(np.exp(-(d**2) / width**2)), **options)
    assert own.names == given.names
    np.testing.assert_allclose(own.values, given.values, rtol=1e-9)
    nearer = whence.explain(cancer, rows[3], kernel=lambda d, width: float(d < 3), **options)
    assert not np.allclose(sorted(np.abs(nearer.values)), sorted(np.abs(own.values)), rtol=0.05)
    with pytest.raises(whence.UsageError, match="the kernel gives -1"):
        whence.explain(cancer, rows[3], kernel=lambda d, width: -1.0, **options)
    with pytest.raises(ZeroDivisionError):
        whence.explain(cancer, rows[3], kernel=lambda d, width: 1 / 0, **options)
    with pytest.raises(whence.UsageError, match="saliency weighs no samples by a kernel"):
        whence.explain(cancer, rows[3], method="saliency", kernel=lambda d, width: 1.0)


def test_a_kernel_in_memory_is_not_replayed(cancer, tmp_path):
    whence.explain(cancer, TABLE, row=3, method="lime", kernel=lambda d, width: float(d < 3)).save(tmp_path / "e.json")
    assert json.loads((tmp_path / "e.json").read_text())["provenance"]["options"]["kernel"] == "function"
    with pytest.raises(whence.UsageError, match="was a function in memory"):
        whence.replay(tmp_path / "e.json")


def test_statistics_stand_for_the_training_data(cancer, tmp_path):
    stats = whence.training_data_stats(cancer, "decile")
    assert set(stats) == {"means", "stds", "mins", "maxs", "feature_values", "feature_frequencies", "bins"} and len(stats["bins"]) == 30
    bare = whence.load(MODELS / "breast_cancer.onnx", preprocess="none")
    path = tmp_path / "stats.json"
    path.write_text(json.dumps(stats))
    row = np.genfromtxt(TABLE, delimiter=",", skip_header=1, usecols=range(30))[3]
    np.savetxt(tmp_path / "row.csv", row[None], delimiter=",", comments="", fmt="%.17g", header=TABLE.read_text().splitlines()[0].rsplit(",", 1)[0])
    with_data = whence.explain(cancer, TABLE, row=3, method="lime", discretizer="decile", target=1)
    # lime's own object has numbers as keys and arrays as values.
    lime = {key: {int(c): np.array(v) for c, v in columns.items()} for key, columns in stats.items()}
    for given in (lime, path, str(path)):
        without = whence.explain(bare, tmp_path / "row.csv", method="lime", training_data_stats=given, target=1)
        assert without.names == with_data.names
        np.testing.assert_array_equal(without.values, with_data.values)
    without.save(tmp_path / "e.json")
    assert whence.replay(tmp_path / "e.json").same
    with pytest.raises(whence.InputError, match="this is no JSON object"):
        whence.explain(bare, tmp_path / "row.csv", method="lime", training_data_stats="{")


def test_lime_on_a_photograph(cifar):
    explanation = whence.explain(cifar, PHOTO, method="lime", grid=(4, 4), num_samples=200)
    assert explanation.values.shape == (16,)
    assert explanation.segments.shape == (32, 32)
    assert explanation.segments.max() == 15
    assert explanation.options["segmentation"] == "grid:4x4"


def test_image_and_mask(cifar):
    explanation = whence.explain(cifar, PHOTO, method="lime", grid=(4, 4), num_samples=200)
    image, mask = explanation.image_and_mask(num_features=3, hide_rest=True)
    assert image.shape == (32, 32, 3) and mask.shape == (32, 32)
    order = np.argsort(-explanation.values)
    chosen = [i for i in order[:3] if explanation.values[i] > 0]
    assert np.array_equal(mask == 1, np.isin(explanation.segments, chosen))
    assert (image[mask == 0] == 0).all() and (image[mask == 1] > 0).any()
    _, both = explanation.image_and_mask(positive_only=False, num_features=16)
    assert set(np.unique(both)) == {-1, 1}
    with pytest.raises(whence.UsageError):
        explanation.image_and_mask(negative_only=True)
    with pytest.raises(whence.UsageError, match="needs the picture"):
        whence.from_json(explanation.to_json()).image_and_mask()


def test_lime_with_segments_of_ones_own(cifar):
    segments = np.kron(np.arange(4).reshape(2, 2), np.ones((16, 16), int))
    explanation = whence.explain(cifar, PHOTO, method="lime", segments=segments, num_samples=64)
    assert np.array_equal(explanation.segments, segments)
    assert explanation.values.shape == (4,)


def test_8_bit_pixels_for_a_model_without_preprocessing(tmp_path):
    """Channels last and from 0 to 255, as photographs come, for a model that reads [N, 3, 8, 8] from 0 to 255."""
    weight = numpy_helper.from_array(np.linspace(-1, 1, 192 * 2).astype(np.float32).reshape(192, 2), "w")
    path = make_model(
        tmp_path / "flat.onnx",
        [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])],
        [floats("x", ["N", 3, 8, 8])],
        [floats("y", ["N", 2])],
        [weight],
    )
    model = whence.load(path)
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    turned = image.transpose(2, 0, 1)[None].astype(np.float32)
    assert np.array_equal(model.predict(image), model.predict(turned)[0])
    explanation = whence.explain(model, image, method="lime", segmentation="quickshift:2", num_samples=50, target=0)
    assert np.array_equal(explanation.segments, whence.segment(image, "quickshift:2"))


def test_values_are_views_that_keep_their_owner(cancer, rows):
    explanation = whence.explain(cancer, rows[0], method="saliency")
    values = explanation.values
    assert np.shares_memory(values, explanation.values)
    assert not values.flags.writeable
    with pytest.raises(ValueError):
        values[0] = 1
    before = values.copy()
    del explanation
    gc.collect()
    [np.ones(30, np.float32) for _ in range(1000)]
    assert np.array_equal(values, before)


def test_values_have_the_shape_of_the_input(cancer, cifar, rows):
    assert whence.explain(cancer, rows[0], method="saliency").values.shape == (30,)
    assert whence.explain(cancer, rows[:1], method="saliency").values.shape == (1, 30)
    image = np.zeros((32, 32, 3), np.float32)
    assert whence.explain(cifar, image, method="saliency").values.shape == (32, 32, 3)
    assert whence.explain(cifar, image[None], method="saliency").values.shape == (1, 32, 32, 3)


def test_a_row_by_the_names_of_its_columns(cancer, rows):
    names = whence.explain(cancer, TABLE, method="saliency").names
    row = dict(zip(names, rows[0]))
    assert np.array_equal(whence.explain(cancer, row).values, whence.explain(cancer, rows[0]).values)
    with pytest.raises(whence.InputError, match="no column 'mean radius'"):
        whence.explain(cancer, {name: value for name, value in row.items() if name != "mean radius"})
    with pytest.raises(whence.InputError, match="'mean radius' holds a str"):
        whence.explain(cancer, {**row, "mean radius": "large"})


def columns_model(path, rows):
    """A pipeline with one input for each column, one of them text."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = [("colour", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))]
    encode = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), [0])], remainder="passthrough")
    pipeline = make_pipeline(encode, LogisticRegression()).fit(rows, [int(c == "red") ^ (float(s) > 2) for c, s in rows])
    onnx_model = to_onnx(pipeline, initial_types=columns, target_opset=17)
    path.write_bytes(onnx_model.SerializeToString())
    return pipeline


def test_one_input_for_each_column(tmp_path):
    rng = np.random.default_rng(5)
    rows = np.array([[rng.choice(["red", "green", "blue"]), round(float(rng.uniform(0, 4)), 2)] for _ in range(80)], dtype=object)
    path = tmp_path / "columns.onnx"
    pipeline = columns_model(path, rows)
    background = tmp_path / "train.csv"
    background.write_text("colour,size\n" + "".join(f"{c},{s}\n" for c, s in rows))
    model = whence.load(path, background=background)
    arrays = {"colour": rows[:4, 0].astype(str), "size": rows[:4, 1].astype(float)}
    answer = model.predict(arrays)
    probabilities = next(v for v in answer.values() if v.dtype.kind == "f")
    assert near(probabilities, pipeline.predict_proba(rows[:4]))
    explanation = whence.explain(model, {"colour": "red", "size": 1.5}, method="lime", num_samples=500)
    assert "colour=red" in explanation.names and any("size" in name for name in explanation.names)
    again = whence.explain(model, background, row=0, method="occlusion")
    assert again.values.size == 2
    with pytest.raises(whence.InputError, match="no category 'mauve'"):
        whence.explain(model, {"colour": "mauve", "size": 1.5}, method="lime")
    with pytest.raises(whence.UnsupportedError):
        whence.explain(model, {"colour": "red", "size": 1.5}, method="integrated-gradients")
    assert whence.explain(model, {"colour": "red", "size": 1.5}, num_samples=500).method == "lime", "what it can do where none is named"


def test_messages_name_options_as_python_does(tmp_path):
    path = tmp_path / "sum.onnx"
    make_model(path, [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=1)], [floats("x", ["N", 2])], [floats("y", ["N", 1])])
    with pytest.raises(whence.UsageError) as error:
        whence.explain(path, PHOTO, method="lime")
    assert "--" not in str(error.value)


def test_target_is_settled_and_stored(cancer, rows):
    explanation = whence.explain(cancer, rows[0], method="saliency")
    assert explanation.target == ("probabilities", 0, None, "logit", "malignant")
    assert whence.explain(cancer, rows[0], method="saliency", target=(1, 0)).target.minus == 0
    assert whence.explain(cancer, rows[0], method="saliency", target=np.int64(1)).target.index == 1


def test_a_path_serves_as_model(rows):
    explanation = whence.explain(MODELS / "breast_cancer.onnx", rows[0], method="saliency")
    assert explanation.target.label == "malignant"


def test_methods_that_average_over_a_set(cancer, rows):
    random = whence.explain(cancer, rows[0], method="expected-gradients", baseline=f"set:{TABLE}", samples=2000)
    exact = whence.explain(cancer, rows[0], method="deep-shap", baseline=f"set:{TABLE}")
    assert random.standard_errors.shape == exact.values.shape == (30,)
    assert abs(exact.error) < 1e-4 < abs(random.error)
    assert random.target.index == exact.target.index and np.isclose(random.base_value, exact.base_value, atol=1e-5)


def test_pairs_are_a_matrix(cancer, rows):
    pairs = whence.explain(cancer, rows[0], method="integrated-hessians", steps=20, difference=0.25)
    matrix = pairs.interactions
    assert matrix.shape == (30, 30) and np.array_equal(matrix, matrix.T)
    assert np.allclose(pairs.values, matrix.sum(1))
    rowsums = whence.explain(cancer, rows[0], method="integrated-gradients").values
    assert np.corrcoef(pairs.values, rowsums)[0, 1] > 0.95


def test_plots_are_drawn(cancer, rows, tmp_path):
    some = [whence.explain(cancer, row, method="integrated-gradients", target=0) for row in rows[:5]]
    whence.plot("waterfall", some[0], tmp_path / "w.svg")
    assert (tmp_path / "w.svg").read_text().count("<path") > 5
    whence.plot("scatter", some, tmp_path / "s.png", feature="mean radius", color_by="mean texture")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(whence.UsageError, match="no feature 'nope'"):
        whence.plot("scatter", some, tmp_path / "s.png", feature="nope")
    with pytest.raises(whence.UsageError, match="shows one row"):
        whence.plot("force", some, tmp_path / "f.png")


@pytest.mark.parametrize("method", ["integrated-gradients", "lime", "occlusion", "saliency", "smoothgrad", "guided-ig", "xrai"])
def test_results_do_not_depend_on_threads(method):
    model = whence.load(MODELS / "cifar10_cnn.onnx", threads=1)
    options = {"num_samples": 200} if method == "lime" else {}
    one = whence.explain(model, PHOTO, method=method, threads=1, **options)
    for threads in (2, 3, 8):
        assert np.array_equal(one.values, whence.explain(model, PHOTO, method=method, threads=threads, **options).values)


# ------------------------------------------------------------------------------------------------ output


def test_json_there_and_back(cancer):
    explanation = whence.explain(cancer, TABLE, method="lime", num_samples=300)
    loaded = whence.from_json(explanation.to_json())
    assert np.array_equal(loaded.values, explanation.values)
    assert loaded.target == explanation.target
    assert loaded.options == explanation.options
    assert loaded.to_json() == explanation.to_json()


@pytest.mark.parametrize("ending", ["json", "npz", "csv", "png", "svg", "html"])
@pytest.mark.parametrize("what", ["table", "photograph"])
def test_save(cancer, cifar, tmp_path, ending, what):
    model, file = (cancer, TABLE) if what == "table" else (cifar, PHOTO)
    explanation = whence.explain(model, file, steps=8)
    path = tmp_path / f"explanation.{ending}"
    explanation.save(path)
    content = path.read_bytes()
    begins = {"json": b"{", "npz": b"PK", "png": b"\x89PNG", "svg": b"<?xml", "html": b"<!DOCTYPE html>"}
    assert content.lower().startswith(begins.get(ending, b"").lower())
    if ending == "npz":
        assert np.array_equal(np.load(path)["values"].reshape(-1), explanation.values.reshape(-1))
    if ending == "csv":
        assert len(content.splitlines()) == explanation.values.size + 1
    assert os.listdir(tmp_path) == [path.name]


def test_notebooks_and_terminals(cancer, cifar):
    for model, file in ((cancer, TABLE), (cifar, PHOTO)):
        explanation = whence.explain(model, file, steps=8)
        html = explanation._repr_html_()
        assert "<script" not in html.lower() and "<div" in html
        assert "integrated gradients" in str(explanation).lower()
        assert repr(explanation) == str(explanation)
    assert "worst" in str(whence.explain(cancer, TABLE))


def test_replay(cancer, cifar, tmp_path):
    for model, file, method in ((cancer, TABLE, "lime"), (cifar, PHOTO, "integrated-gradients")):
        path = tmp_path / "saved.json"
        whence.explain(model, file, method=method).save(path)
        replay = whence.replay(path)
        assert replay.same and not replay.differences
        saved = json.loads(path.read_text())
        text = path.read_text().replace(model.sha256, "0" * 64)
        assert text != path.read_text() and saved
        path.write_text(text)
        assert not whence.replay(path).same  # the check can fail


def test_segment_and_its_options():
    image = np.random.default_rng(2).random((24, 30, 3))
    labels = whence.segment(image, "grid", rows=3, columns=5)
    assert labels.dtype == np.int32 and labels.shape == (24, 30)
    assert np.array_equal(labels, whence.segment(image, "grid:3x5"))
    smooth = np.linspace(0, 1, image.size).reshape(image.shape)
    assert int(whence.segment(smooth, "slic", n_segments=12).max()) > 4
    eight = (image * 255).astype(np.uint8)
    assert np.array_equal(whence.segment(eight, "felzenszwalb", scale=50.0), whence.segment(eight / 255, "felzenszwalb", scale=50.0))
    assert whence.segment(image[..., 0], seed=1).shape == (24, 30)


def test_methods_are_listed_with_their_options():
    methods = {method.name: method for method in whence.methods()}
    assert {"saliency", "input-x-gradient", "integrated-gradients", "lime", "occlusion"} <= set(methods)
    assert methods["integrated-gradients"].options["tolerance"].default == 1e-3
    assert not methods["lime"].needs_gradient
    assert methods["lime"].options["num_samples"].help


def test_stubs_name_what_is_there():
    """The hand-written stubs and the compiled module must not drift apart."""
    import ast

    import whence._whence as compiled

    tree = ast.parse((Path(whence.__file__).parent / "_whence.pyi").read_text())
    public = lambda names: {name for name in names if not name.startswith("_")}  # noqa: E731
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert public(dir(compiled)) == set(classes) | functions
    compiled_classes = ("ClipPair", "GlobalView", "Model", "Explanation", "ScoreCard", "Found", "PairwiseExplanation", "Store", "Writer")
    for name in compiled_classes:
        members = {node.name for node in classes[name].body if isinstance(node, ast.FunctionDef)}
        assert public(members) == public(vars(getattr(compiled, name)))
    tuples = ("TensorInfo", "Target", "Method", "MethodOption", "Comparison", "Replay", "Change", "Counterfactual", "Counterfactuals",
              "Rule", "Condition", "LocalRule", "Pick")
    for name in tuples:
        fields = tuple(node.target.id for node in classes[name].body if isinstance(node, ast.AnnAssign))
        assert fields == getattr(compiled, name)._fields
    for name in set(classes) - {*compiled_classes, *tuples}:
        assert [base.id for base in classes[name].bases] == [base.__name__ for base in getattr(compiled, name).__bases__]


def test_package():
    assert (Path(whence.__file__).parent / "py.typed").exists()
    assert whence.__version__.count(".") == 2
    assert all(hasattr(whence, name) for name in whence.__all__)


# ------------------------------------------------------------------------------------------------ what goes wrong


def one_line(error):
    text = str(error.value)
    return "\n" not in text and len(text) > 10


@pytest.mark.parametrize(
    ("call", "kind", "also", "says"),
    [
        (lambda m, x: whence.explain(m, x, method="magic"), "UsageError", ValueError, "magic"),
        (lambda m, x: whence.explain(m, x, target=7), "UsageError", ValueError, "7"),
        (lambda m, x: whence.explain(m, x, target="malignnt"), "UsageError", ValueError, "malignant"),
        (lambda m, x: whence.explain(m, x, target=1.5), "UsageError", ValueError, "float"),
        (lambda m, x: whence.explain(m, x, target=True), "UsageError", ValueError, "bool"),
        (lambda m, x: whence.explain(m, x, colour="red"), "UsageError", ValueError, "colour"),
        (lambda m, x: whence.explain(m, x, steps="many"), "UsageError", ValueError, "steps"),
        (lambda m, x: whence.explain(m, x, steps=[1]), "UsageError", ValueError, "steps"),
        (lambda m, x: whence.explain(m, x, baseline="nothing"), "UsageError", ValueError, "nothing"),
        (lambda m, x: whence.explain(m, x, baseline=x[:5]), "InputError", ValueError, "5"),
        (lambda m, x: whence.explain(m, x, scale="loud"), "UsageError", ValueError, "loud"),
        (lambda m, x: whence.explain(m, x, time_limit=-1), "UsageError", ValueError, "time_limit"),
        (lambda m, x: whence.explain(m, x[:12]), "InputError", ValueError, "30"),
        (lambda m, x: whence.explain(m, np.stack([x, x])), "InputError", ValueError, "row"),
        (lambda m, x: whence.explain(m, np.stack([x, x]), row=2), "UsageError", ValueError, "2"),
        (lambda m, x: whence.explain(m, np.where(np.arange(30) == 4, np.nan, x)), "InputError", ValueError, "nan"),
        (lambda m, x: whence.explain(m, "nowhere.csv"), "FileError", OSError, "nowhere.csv"),
        (lambda m, x: whence.explain(m, PHOTO), "UsageError", ValueError, "picture"),
        (lambda m, x: whence.explain(m, x, segments=np.zeros((2, 2))), "UsageError", ValueError, "whole"),
        (lambda m, x: m.predict(np.zeros((2, 3, 4))), "InputError", ValueError, "shape"),
        (lambda m, x: m.predict(np.array([["a"] * 30])), "InputError", ValueError, "string"),
        (lambda m, x: m.predict(np.zeros((1, 30), complex)), "InputError", ValueError, "complex"),
        (lambda m, x: m.predict([[1, 2], [3]]), "InputError", ValueError, "array"),
        (lambda m, x: m.predict(np.zeros((0, 30))), "InputError", ValueError, "row"),
        (lambda m, x: m.predict({"cells": x}), "UsageError", ValueError, "rows"),
        (lambda m, x: m.gradient(x, wrt="nowhere"), "UsageError", ValueError, "nowhere"),
        (lambda m, x: m.gradient(x, output="nowhere"), "UsageError", ValueError, "nowhere"),
        (lambda m, x: whence.load("nowhere.onnx"), "FileError", OSError, "nowhere.onnx"),
        (lambda m, x: whence.load(TABLE), "ModelError", RuntimeError, "breast_cancer.csv"),
        (lambda m, x: whence.load(MODELS / "breast_cancer.onnx", "sepia"), "UsageError", ValueError, "sepia"),
        (lambda m, x: whence.from_json("{"), "InputError", ValueError, "JSON"),
        (lambda m, x: whence.segment(np.zeros((4, 4, 3)), "scissors"), "UsageError", ValueError, "scissors"),
        (lambda m, x: whence.segment(np.zeros((4, 4, 3)), "slic", n_segments=-2), "UsageError", ValueError, "segments"),
        (lambda m, x: whence.explain(m, x, method="saliency").save("x.doc"), "UsageError", ValueError, "doc"),
        (lambda m, x: whence.explain(m, x, method="saliency").save("no/such/folder/x.json"), "FileError", OSError, "folder"),
    ],
)
def test_errors_say_what_is_wrong(cancer, rows, call, kind, also, says):
    with pytest.raises(getattr(whence, kind)) as error:
        call(cancer, rows[0])
    assert isinstance(error.value, also) and isinstance(error.value, whence.Error)
    assert one_line(error)
    assert says.lower() in str(error.value).lower()


def test_a_model_without_gradient_is_named(tmp_path, rows):
    path = make_model(
        tmp_path / "det.onnx",
        [helper.make_node("Reshape", ["x", "s"], ["m"]), helper.make_node("Det", ["m"], ["d"]), helper.make_node("Reshape", ["d", "t"], ["y"])],
        [floats("x", ["N", 4])],
        [floats("y", ["N", 1])],
        [numpy_helper.from_array(np.array([-1, 2, 2]), "s"), numpy_helper.from_array(np.array([-1, 1]), "t")],
    )
    model = whence.load(path)
    assert model.predict([1.0, 2.0, 3.0, 4.0]) == pytest.approx([-2])
    with pytest.raises(whence.UnsupportedError, match="Det") as error:
        whence.explain(model, [1.0, 2.0, 3.0, 4.0])
    assert isinstance(error.value, NotImplementedError)


def test_a_time_limit_ends_the_work(cifar):
    with pytest.raises(whence.LimitError, match="time"):
        # LIME would keep what it had asked, were the machine quick enough; all coalitions or none.
        whence.explain(cifar, PHOTO, method="exact-shap", grid=(4, 4), time_limit=0.3)


# ------------------------------------------------------------------------------------------------ neighbours


@contextmanager
def ctrl_c_after(seconds):
    # Started in the background of a shell, Python ignores SIGINT and would never be interrupted.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(seconds, _thread.interrupt_main)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_an_explanation(cifar):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), ctrl_c_after(0.5):
        whence.explain(cifar, PHOTO, method="lime", num_samples=10_000_000, grid=(8, 8))
    assert time.monotonic() - start < 30
    # Nothing is left behind: the next one runs as if nothing had happened.
    assert whence.explain(cifar, PHOTO, method="lime", num_samples=32, grid=(2, 2)).values.shape == (4,)


def test_ctrl_c_stops_what_was_quick_the_last_time(cifar):
    for _ in range(3):
        whence.explain(cifar, PHOTO, method="lime", num_samples=4, grid=(2, 2))
    with pytest.raises(KeyboardInterrupt), ctrl_c_after(0.5):
        whence.explain(cifar, PHOTO, method="lime", num_samples=10_000_000, grid=(8, 8))


def test_other_threads_go_on_meanwhile(cifar):
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        before = counted[0]
        whence.explain(cifar, PHOTO, method="lime", num_samples=3000, grid=(8, 8))
        assert counted[0] - before > 10
    finally:
        stop.set()
        thread.join()


def test_one_model_from_several_threads(cancer, rows):
    expected = [whence.explain(cancer, row, steps=16).values.copy() for row in rows[:8]]
    wrong = []

    def work(offset):
        for i in range(40):
            at = (i + offset) % 8
            if not np.array_equal(whence.explain(cancer, rows[at], steps=16).values, expected[at]):
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_progress_is_told_and_may_raise(cifar):
    told = []
    whence.explain(cifar, PHOTO, method="lime", num_samples=300, grid=(4, 4), progress=lambda *what: told.append(what))
    assert told and all(0 <= done <= total for _, done, total in told)
    assert told[-1][1] == told[-1][2]

    def refuse(*_):
        raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        whence.explain(cifar, PHOTO, method="lime", num_samples=300, grid=(4, 4), progress=refuse)


def test_nothing_leaks(cancer, cifar, rows):
    def resident():
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def work(times):
        for i in range(times):
            explanation = whence.explain(cifar, PHOTO, method="saliency")
            explanation.values, explanation.to_json(), explanation.options
            cancer.predict(rows)
            cancer.gradient(rows)
            with pytest.raises(whence.Error):
                whence.explain(cancer, rows[0], target=99)

    work(30)
    before = resident()
    work(200)
    # An explanation of this picture is 12 KiB, its JSON ten times that: 200 kept ones would be 27 MB.
    assert resident() - before < 8e6


@pytest.mark.parametrize("order", ["whence onnx onnxruntime", "onnx onnxruntime whence", "onnxruntime whence onnx"])
def test_lives_beside_other_copies_of_protobuf_and_onnx_runtime(order):
    code = f"""
import {', '.join(order.split())}
import numpy as np
x = np.genfromtxt({str(TABLE)!r}, delimiter=",", skip_header=1, usecols=range(30), max_rows=3).astype(np.float32)
path = {str(MODELS / "breast_cancer.onnx")!r}
onnx.checker.check_model(onnx.load(path))
theirs = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {{"rows": x}})[0]
model = whence.load(path)
assert np.abs(model.predict(x) - theirs).max() < 1e-6
assert whence.explain(model, x[0]).converged
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(whence.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip()  # nor a complaint at the end, when everything is torn down


def test_compare_sets_methods_layers_baselines_and_targets_side_by_side(cifar):
    rows = whence.compare(
        cifar, PHOTO, ["grad-cam", "integrated-gradients"], layers=["input", "features"], baselines=["zeros", "mean"], targets=["cat", 5],
        tolerance=1e-2,
    )  # fmt: skip
    # Grad-CAM needs a layer: at "input" it takes the last features; it uses no baseline.
    assert len(rows) == 2 * 2 + 2 * 2 * 2
    for row in rows:
        assert row.failure == "" and row.asked in ("cat", "5")
        alone = whence.explain(
            cifar, PHOTO, row.method, layer=row.layer, target=row.explanation.target.index, baseline=row.baseline or None,
            **({"tolerance": 1e-2} if row.method == "integrated-gradients" else {}),
        )  # fmt: skip
        assert np.array_equal(row.explanation.values, alone.values)
        assert row.error == alone.error and row.sum - row.target == pytest.approx(row.error, abs=1e-9)
    assert not np.array_equal(rows[0].explanation.values, rows[1].explanation.values)


def test_top_labels_ask_the_model_once(rows):
    asked = []

    def model(batch):
        asked.append(len(batch))
        logits = np.stack([batch[:, 0], batch[:, 1], batch[:, 2] - 1], axis=1) / 10
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    function = whence.function(model, columns=list("abcd"), background=rows[:, :4])
    one = whence.explain(function, rows[5, :4], method="lime", num_samples=300)
    alone, asked[:] = sum(asked), []
    many = whence.compare(function, rows[5, :4], ["lime"], top_labels=3, num_samples=300)
    assert sum(asked) <= alone + 2
    assert [m.explanation.evaluations for m in many][1:] == [0, 0]
    np.testing.assert_array_equal(many[0].explanation.values, one.values)
    assert len({m.explanation.target.index for m in many}) == 3


def test_compare_says_what_cannot_be_done(cifar):
    (row,) = whence.compare(cifar, PHOTO, ["saliency"], layers=["featurs"])
    assert row.explanation is None and "did you mean 'features'" in row.failure and row.error is None
    with pytest.raises(whence.UsageError, match="no method 'magic'"):
        whence.compare(cifar, PHOTO, ["magic"])


def test_a_set_of_baselines_is_an_array_of_rows(cancer, rows):
    several = whence.explain(cancer, rows[3], "deep-shap", baseline=rows[10:15])
    each = [whence.explain(cancer, rows[3], "deep-lift", baseline=rows[i]) for i in range(10, 15)]
    mean = np.mean([e.values for e in each], axis=0)
    assert np.abs(several.values - mean).max() < FLOAT32 * np.abs(mean).max()
    assert several.base_value == pytest.approx(np.mean([e.base_value for e in each]), rel=FLOAT32)
    # Negative control: another set, another mean.
    assert np.abs(whence.explain(cancer, rows[3], "deep-shap", baseline=rows[20:25]).values - mean).max() > FLOAT32 * np.abs(mean).max()


def test_words_in_three_languages(cancer, rows):
    made = whence.explain(cancer, rows[17], method="integrated-gradients")
    assert made.words().startswith("The model") and "модели для" in made.words("ru") and "模型" in made.words("zh")
    with pytest.raises(whence.UsageError, match="en, ru, zh"):
        made.words("de")


# ---- functions -------------------------------------------------------------------------------------


def test_a_function_is_explained_like_the_model_it_calls(cancer, rows):
    threads = set()

    def ask(batch):
        threads.add(threading.get_ident())
        return cancer.predict(batch.astype(np.float32))

    names = [f"f{i}" for i in range(30)]
    model = whence.function(ask, names, background=rows, scale="probability", classes=["malignant", "benign"])
    options = dict(target=0, num_samples=600, num_features=30)
    made = whence.explain(model, rows[3], method="lime", **options)
    assert len(made.names) == 30 and any("f22" in name for name in made.names) and made.target.label == "malignant"
    assert made.value == pytest.approx(float(np.ravel(cancer.predict(rows[3]))[0]), abs=1e-6)
    assert threads == {threading.get_ident()}
    again = whence.explain(model, rows[3], method="lime", threads=2, **options)
    assert np.array_equal(made.values, again.values)
    occlusion = whence.explain(model, rows[3], method="occlusion", baseline="zeros", target=0)
    real = whence.explain(cancer, rows[3], method="occlusion", baseline="zeros", target=0)
    assert np.allclose(occlusion.values, real.values, atol=1e-6)


def test_estimates_are_told_and_a_time_limit_keeps_them(cancer, rows):
    def slow(batch):
        time.sleep(0.002)
        return cancer.predict(batch.astype(np.float32))

    model = whence.function(slow, [f"f{i}" for i in range(30)], background=rows, scale="probability", batch=16)
    told = []
    options = dict(method="permutation-shap", tolerance=0.0, budget=10**6, summary="sample:2", target=0)
    early = whence.explain(model, rows[3], time_limit=1.5, on_estimate=lambda *estimate: told.append(estimate), **options)
    assert early.converged is False and any("stopped early" in note for note in early.notes)
    name, value, error = told[-1]
    assert dict(zip(early.names, early.values))[name] == value and error > 0
    own = whence.explain(model, rows[3], seconds=1.0, **options)
    assert own.converged is False
    with pytest.raises(whence.LimitError):
        whence.explain(model, rows[3], method="exact-shap", groups=",".join(f"f{i}" for i in range(15)), time_limit=0.2, target=0)
    with pytest.raises(whence.UsageError, match="seconds"):
        whence.explain(model, rows[3], method="lime", seconds=-1.0)


def test_a_function_of_pictures():
    model = whence.function(lambda x: x[:, :4, :4].mean((1, 2, 3)), shape=(8, 8, 3))
    made = whence.explain(model, np.ones((8, 8, 3), np.float32), method="occlusion", window=4, stride=4, baseline="zeros")
    assert made.values.reshape(8, 8)[:4, :4] == pytest.approx(1) and made.values.reshape(8, 8)[4:].sum() == 0


def test_what_a_function_does_wrong_is_said(rows):
    def fails(batch):
        if len(batch) > 1:
            raise KeyError("inside")
        return batch.sum(1)

    model = whence.function(fails, 30, background=rows)
    with pytest.raises(KeyError, match="inside"):
        whence.explain(model, rows[0], method="lime")
    growing = whence.function(lambda batch: np.zeros(2 * len(batch) - 1), 30, background=rows)
    with pytest.raises(whence.ModelError, match="returned float64"):
        whence.explain(growing, rows[0], method="lime")
    model = whence.function(lambda batch: batch.sum(1), 30)
    with pytest.raises(whence.UnsupportedError, match="no ONNX file"):
        whence.explain(model, rows[0], method="saliency")
    with pytest.raises(whence.UnsupportedError, match="no ONNX file"):
        model.info()
    with pytest.raises(whence.UsageError, match="columns"):
        whence.function(lambda batch: batch)
    with pytest.raises(whence.InputError, match="reads 30 columns"):
        whence.function(lambda batch: batch.sum(1), 30, background=np.zeros((3, 30, 1)))
