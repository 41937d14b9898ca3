"""Several inputs of a model in one game: a picture and a row, two pictures. The model is a formula, so the values are known."""

import json
import os
import subprocess
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import whence

ROOT = Path(__file__).resolve().parents[2]
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))


def model_of(path, image_name, row_name, second=None):
    """y = mean(red of the left half) * 2 + age / 50 + bright upper left quarter x age / 50; of normalised pixels, channels first."""
    nodes = [
        helper.make_node("Mul", [image_name, "std"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["pixels"]),
        helper.make_node("Mul", ["pixels", "left"], ["left_pixels"]),
        helper.make_node("ReduceSum", ["left_pixels", "axes"], ["left_sum"], keepdims=0),
        helper.make_node("Mul", ["pixels", "corner"], ["corner_pixels"]),
        helper.make_node("ReduceSum", ["corner_pixels", "axes"], ["corner_sum"], keepdims=0),
        helper.make_node("MatMul", [row_name, "weights"], ["age2"]),
        helper.make_node("Squeeze", ["age2", "one"], ["age"]),
        helper.make_node("Mul", ["corner_sum", "age"], ["together"]),
        helper.make_node("Sum", ["left_sum", "age", "together"], ["total"]),
        helper.make_node("Unsqueeze", ["total", "one"], ["y"]),
    ]
    left = np.zeros((1, 3, 8, 8), np.float32)
    left[0, 0, :, :4] = 2 / 32
    corner = np.zeros((1, 3, 8, 8), np.float32)
    corner[0, :, :4, :4] = 1 / 48
    constants = {"std": np.float32(0.25), "mean": np.float32(0.5), "left": left, "corner": corner, "axes": np.array([1, 2, 3]), "one": np.array([1]),
                 "weights": np.array([[1 / 50], [0]], np.float32)}
    graph = helper.make_graph(
        nodes, "mixed",
        [helper.make_tensor_value_info(image_name, TensorProto.FLOAT, ["n", 3, 8, 8]), helper.make_tensor_value_info(row_name, TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])], [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    model_of(folder / "ward.onnx", "photo", "patient")
    (folder / "train.csv").write_text("age,height\n40,170\n60,180\n50,190\n")
    (folder / "patient.csv").write_text("age,height\n70,150\n30,160\n")
    (folder / "ward.json").write_text(json.dumps({"kind": "mixed", "inputs": {
        "photo": {"kind": "image", "size": 8, "resize": "stretch", "mean": 0.5, "std": 0.25},
        "patient": {"kind": "table", "features": ["age", "height"], "background": "train.csv", "units": {"age": "years"}}}}))
    np.save(folder / "photo.npy", photo())
    return folder


def photo():
    pixels = np.random.default_rng(0).uniform(0.2, 1, (1, 8, 8, 3)).astype(np.float32)
    pixels[0, :4, :4, 0] = 1
    return pixels


def score(pixels, age):
    return pixels[:, :4, 0].mean() * 2 + age / 50 + pixels[:4, :4].mean() * age / 50


def by_definition(hide, age, rows):
    """Shapley values of four quarters (2 x 2) and two columns, from all coalitions."""
    pixels = photo()[0]
    quarters = [(slice(a, a + 4), slice(b, b + 4)) for a in (0, 4) for b in (0, 4)]

    def v(kept):
        shown = hide(pixels)
        for q in range(4):
            if q in kept:
                shown[quarters[q]] = pixels[quarters[q]]
        return np.mean([score(shown, age if 4 in kept else row) for row in rows])

    values = []
    for player in range(6):
        rest = [p for p in range(6) if p != player]
        total = 0
        for size in range(6):
            for kept in combinations(rest, size):
                total += factorial(size) * factorial(5 - size) / 720 * (v({*kept, player}) - v(set(kept)))
        values.append(total)
    return values


@pytest.fixture(scope="module")
def model(folder):
    return whence.load(folder / "ward.onnx")


def inputs(folder):
    return {"photo": photo(), "patient": folder / "patient.csv"}


@pytest.mark.parametrize("method", ["exact-shap", "kernel-shap", "permutation-shap", "shap-interactions", "sampling-shap"])
def test_players_of_both_inputs_play_one_game(model, folder, method):
    options = {"tolerance": 0.0} if method != "exact-shap" else {}
    e = whence.explain(model, inputs(folder), method=method, segmentation="grid:2x2", baseline="zeros", **options)
    assert e.names == [f"photo: segment {i}" for i in range(4)] + ["patient: age", "patient: height"]
    expected = by_definition(np.zeros_like, 70, [40, 60, 50])
    np.testing.assert_allclose(e.values, expected, atol=1e-5 if method != "sampling-shap" else 0.1)
    assert e.value == pytest.approx(score(photo()[0], 70), rel=1e-5)
    assert e.segments.shape == (8, 8) and e.segments.max() == 3
    if method == "shap-interactions":  # the corner and the age act together; nothing else does
        pairs = e.interactions
        assert abs(pairs[0, 4]) > 0.05 and abs(pairs[1, 4]) < 1e-6 and abs(pairs[0, 5]) < 1e-6


def test_partition_joins_each_input_first(model, folder):
    e = whence.explain(model, inputs(folder), method="partition-shap", segmentation="grid:2x2")
    assert e.values.sum() == pytest.approx(e.value - e.base_value, abs=1e-5)
    assert e.values[5] == pytest.approx(0, abs=1e-6) and e.values[4] > 0.1 < e.values[0]


def test_lime_takes_them_together(model, folder):
    e = whence.explain(model, inputs(folder), method="lime", segmentation="grid:2x2", hide="zeros", row=0)
    values = dict(zip(e.names, e.values))
    assert values["photo: segment 0"] > 0.3 and values["patient: age"] > 0.2 and abs(values["patient: height"]) < 0.05
    assert e.baseline == "photo: zeros; patient: mean" and e.score > 0.9
    assert e.displays[4] == "70\N{NO-BREAK SPACE}years"
    for threads in (2, 8):
        again = whence.explain(model, inputs(folder), method="lime", segmentation="grid:2x2", hide="zeros", threads=threads)
        assert np.array_equal(again.values, e.values)


def test_two_pictures(tmp_path):
    """y = mean(a) - 2 mean(b): each picture's superpixels, those of the second too."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["a"], ["ma"], axes=[1, 2, 3], keepdims=0), helper.make_node("ReduceMean", ["b"], ["mb"], axes=[1, 2, 3], keepdims=0),
         helper.make_node("Mul", ["mb", "two"], ["mb2"]), helper.make_node("Sub", ["ma", "mb2"], ["d"]), helper.make_node("Unsqueeze", ["d", "one"], ["y"])],
        "pair", [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 8, 8, 3]) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(np.float32(2), "two"), numpy_helper.from_array(np.array([1]), "one")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "pair.onnx")
    (tmp_path / "pair.json").write_text(json.dumps({"kind": "mixed", "inputs": {name: {"kind": "image", "layout": "nhwc"} for name in "ab"}}))
    model = whence.load(tmp_path / "pair.onnx")
    a, b = photo(), np.full((1, 8, 8, 3), 0.5, np.float32)
    e = whence.explain(model, {"a": a, "b": b}, method="exact-shap", segmentation="grid:2x2", baseline="zeros")
    quarters = [a[0, r:r + 4, c:c + 4].mean() / 4 for r in (0, 4) for c in (0, 4)]
    np.testing.assert_allclose(e.values, [*quarters, *[-0.25] * 4], atol=1e-6)


def test_what_is_wrong_is_said(model, folder, tmp_path):
    with pytest.raises(whence.UnsupportedError, match="one input at a time"):
        whence.explain(model, inputs(folder), method="saliency")
    with pytest.raises(whence.UsageError, match="columns of a table"):
        whence.explain(model, inputs(folder), method="kernel-shap", groups="age, height")
    with pytest.raises(whence.UsageError, match="a dict"):
        whence.explain(model, photo(), method="lime")
    with pytest.raises(whence.UsageError, match="patient"):
        whence.explain(model, {"photo": photo()}, method="lime")
    with pytest.raises(whence.UnsupportedError, match="several inputs cannot be compiled"):
        whence.compile(model, tmp_path / "no.onnx", method="saliency")
    for wrong, says in [({"photo": {"kind": "image"}}, "reads 2 inputs"), ({"photo": {"kind": "image"}, "x": {"kind": "none"}}, "no input 'x'"),
                        ({"photo": {"kind": "mixed"}}, "kinds image, table and none"), ({}, "is missing")]:
        (tmp_path / "how.json").write_text(json.dumps({"kind": "mixed", "inputs": wrong}))
        with pytest.raises(whence.InputError, match=says):
            whence.load(folder / "ward.onnx", tmp_path / "how.json")


def run(*words, check=0):
    result = subprocess.run([WHENCE, *map(str, words)], capture_output=True, text=True, env={**os.environ, "LANG": "C.UTF-8"})
    assert result.returncode == check, result.stdout + result.stderr
    return result


@pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")
def test_command_line(folder, tmp_path):
    both = [folder / "ward.onnx", folder / "photo.npy", folder / "patient.csv"]
    assert float(run("predict", *both).stdout) == pytest.approx(score(photo()[0], 70), rel=1e-4)
    files = [tmp_path / f"why.{ending}" for ending in ("json", "png", "svg", "html", "csv", "npz")]
    outputs = [word for file in files for word in ("-o", file)]
    shown = run("explain", *both, "-m", "kernel-shap", "--segmentation", "grid:2x2", "--show", *outputs).stdout
    assert "photo: segment 0" in shown and "patient: age" in shown and "70\N{NO-BREAK SPACE}years" in shown
    saved = json.loads(files[0].read_text())["provenance"]["inputs"]
    assert [one["name"] for one in saved] == ["photo", "patient"]
    assert "same" in run("replay", files[0]).stdout
    assert "patient: age,70\N{NO-BREAK SPACE}years," in files[4].read_text()
    assert "patient: age" in files[3].read_text() and files[1].read_bytes().startswith(b"\x89PNG")
    other = json.loads(files[0].read_text())
    other["provenance"]["inputs"][1]["row"] = 1
    (tmp_path / "other.json").write_text(json.dumps(other))
    assert "different" in run("replay", tmp_path / "other.json", check=1).stdout
    assert "2 inputs together" in run("explain", *both[:2], check=2).stderr
    assert "kind mixed" in run("explain", ROOT / "examples/models/breast_cancer.onnx", *both[1:], check=2).stderr
