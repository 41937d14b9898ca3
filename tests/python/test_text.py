"""Texts, end to end: a tiny transformer-less classifier of our own over the WordPiece tokenizer of tests/text/golden."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import whence

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "text" / "golden"
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))
TEXT = "A good film, but a bad, bad plot."


@pytest.fixture(scope="module")
def vocabulary():
    return json.loads((GOLDEN / "wordpiece.json").read_text())["model"]["vocab"]


@pytest.fixture(scope="module")
def table(vocabulary):
    """Embeddings of two numbers: how good and how bad a token is."""
    values = np.random.default_rng(0).normal(0, 0.05, (len(vocabulary), 2)).astype(np.float32)
    values[vocabulary["[PAD]"]] = 0
    values[vocabulary["good"]] = [0, 3]
    values[vocabulary["bad"]] = [2, 0]
    return values


@pytest.fixture(scope="module")
def path(tmp_path_factory, table):
    """logits = mean over the tokens that are not masked of tanh(embedding)."""
    folder = tmp_path_factory.mktemp("text")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedding"]),
        helper.make_node("Tanh", ["embedding"], ["bent"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["bent", "mask3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "one"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Mul", ["mean", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["p"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"]) for name in ("attention_mask", "input_ids")]
    graph = helper.make_graph(
        nodes, "text", inputs, [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([2]), "last"),
         numpy_helper.from_array(np.array([1]), "one"), numpy_helper.from_array(np.float32(9), "scale")])
    file = folder / "good.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    (folder / "good.json").write_text(json.dumps(
        {"kind": "text", "tokenizer": str(GOLDEN / "wordpiece.json"), "max_length": 64, "classes": ["bad", "good"]}))
    return file


@pytest.fixture(scope="module")
def model(path):
    return whence.load(path)


def by_hand(text, vocabulary, table):
    """p(good), for words that are tokens of the vocabulary."""
    words = ["[CLS]", *re.findall(r"\w+|[^\w\s]", text.lower()), "[SEP]"]
    logits = 9 * np.tanh(table[[vocabulary[word] for word in words]].astype(float)).mean(0)
    return 1 / (1 + np.exp(logits[0] - logits[1]))


def test_predict_takes_texts(model, vocabulary, table):
    one = model.predict(TEXT)
    assert one.shape == (2,)
    assert one[1] == pytest.approx(by_hand(TEXT, vocabulary, table), rel=1e-5)
    several = model.predict([TEXT, "good", "bad " * 40])
    assert several.shape == (3, 2)
    np.testing.assert_allclose(several[0], one, rtol=1e-6)
    assert several[1][1] == pytest.approx(by_hand("good", vocabulary, table), rel=1e-5)
    with pytest.raises((whence.Error, RuntimeError, UnicodeError)):
        model.predict("\ud800")


@pytest.mark.parametrize("method", ["lime", "occlusion"])
def test_words_that_are_left_out(model, vocabulary, table, method):
    e = whence.explain(model, TEXT, method=method, target="good", scale="probability")
    assert e.text == TEXT and e.names == ["A", "good", "film", "but", "a", "bad", "plot"]
    assert [(TEXT[b:c], i) for b, c, i in e.places][-3:] == [("bad", 5), ("bad", 5), ("plot", 6)]
    values = dict(zip(e.names, e.values))
    assert values["good"] > 0.1 > -0.1 > values["bad"]
    assert e.value == pytest.approx(by_hand(TEXT, vocabulary, table), rel=1e-5)
    if method == "occlusion":
        assert values["bad"] == pytest.approx(e.value - by_hand("A good film, but a , plot.", vocabulary, table), abs=1e-5)


@pytest.mark.parametrize("method", ["exact-shap", "kernel-shap", "permutation-shap", "sampling-shap", "partition-shap"])
def test_shapley_values_of_words(model, vocabulary, table, method):
    e = whence.explain(model, TEXT, method=method, target="good", scale="probability")
    values = dict(zip(e.names, e.values))
    assert e.text == TEXT and values["good"] > 0.1 > -0.1 > values["bad"]
    assert e.values.sum() == pytest.approx(e.value - e.base_value, abs=1e-6)
    assert e.base_value == pytest.approx(by_hand("   ,    ,  .", vocabulary, table), rel=1e-5)
    if method == "exact-shap":  # all coalitions, asked one by one
        from math import factorial

        words = ["A", "good", "film", "but", "a", "bad", "plot"]

        def v(kept):
            return by_hand(re.sub(r"\w+", lambda m: m[0] if m[0] in kept else "", TEXT), vocabulary, table)

        rest = [w for w in words if w != "bad"]
        total = 0
        for code in range(1 << len(rest)):
            kept = {w for i, w in enumerate(rest) if code >> i & 1}
            total += factorial(len(kept)) * factorial(6 - len(kept)) / factorial(7) * (v(kept | {"bad"}) - v(kept))
        assert values["bad"] == pytest.approx(total, abs=1e-5)


def test_pairs_anchors_and_removals_of_words(model):
    pairs = whence.explain(model, TEXT, method="shap-interactions", target="good")
    assert pairs.interactions.shape == (7, 7) and pairs.names[1] == "good"
    assert whence.explain(model, TEXT, method="banzhaf", target="good").values[1] > 0
    rule = whence.explain(model, TEXT, method="anchors").rule
    assert rule.precision > 0.9 and "'bad'" in " ".join(c.text for c in rule.conditions)
    sedc = whence.explain(model, TEXT, method="sedc")
    found = sedc.counterfactuals.found[0]
    assert found.valid and [c.name for c in found.changes] == ["bad"]
    assert found.values == "A good film, but a ,  plot." and model.predict(found.values)[0] == pytest.approx(found.prediction, rel=1e-5)


def test_every_place_a_feature(model):
    e = whence.explain(model, TEXT, method="lime", target="good", bow=False, mask_string="film", num_features=100)
    assert e.names.count("bad") == 2 and "film" in e.baseline
    c = whence.explain(model, "good é bad", method="lime", target="good", char_level=True, num_samples=200)
    assert c.places[5] == (5, 6, c.names.index("é"))


def test_tokens_that_are_masked(model):
    e = whence.explain(model, TEXT, method="occlusion", target="good", mask_tokens=True, scale="probability")
    assert "[MASK]" in e.baseline and e.values[e.names.index("good")] > 0


@pytest.mark.parametrize("method", ["integrated-gradients", "saliency", "input-x-gradient", "deep-lift", "smoothgrad"])
def test_gradients_begin_at_the_embeddings(model, method):
    e = whence.explain(model, TEXT, method=method, target="good")
    assert e.layer == "embedding" and e.values.ndim == 1 and e.text == TEXT
    assert [TEXT[b:c] for b, c, _ in e.places] == ["A", "good", "film", ",", "but", "a", "bad", ",", "bad", "plot", "."]
    for b, c, i in e.places:
        assert e.names[i] == TEXT[b:c]
    if method == "integrated-gradients":
        e = whence.explain(model, TEXT, method=method, target=("good", "bad"))
        values = dict(zip(e.names, e.values))
        assert values["good"] > 0 > values["bad"]
        assert e.values.sum() == pytest.approx(e.value - e.base_value, abs=0.02 * abs(e.value - e.base_value))


def test_threads_and_seeds(model):
    first = whence.explain(model, TEXT, method="lime", target="good", seed=4, threads=1)
    for threads in (2, 8):
        assert np.array_equal(whence.explain(model, TEXT, method="lime", target="good", seed=4, threads=threads).values, first.values)
    assert not np.array_equal(whence.explain(model, TEXT, method="lime", target="good", seed=5).values, first.values)


def run(*words, check=0):
    result = subprocess.run([WHENCE, *map(str, words)], capture_output=True, text=True, env={**os.environ, "LANG": "C.UTF-8"})
    assert result.returncode == check, result.stdout + result.stderr
    return result


@pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")
def test_command_line(path, tmp_path):
    review = tmp_path / "review.txt"
    review.write_text(TEXT + "\nGood <b>plot</b> é & all\n")
    assert "good" in run("predict", path, review).stdout
    assert "a bad plot" in run("predict", path, "--text", "a bad plot", "--text", "good").stdout
    files = [tmp_path / f"why.{ending}" for ending in ("json", "png", "svg", "html", "csv", "npz")]
    outputs = [word for file in files for word in ("-o", file)]
    shown = run("explain", path, review, "-m", "lime", "-t", "good", "--show", *outputs).stdout
    assert "-bad-" in shown and "\x1b" not in shown, shown
    assert "\x1b[38;2;0;0;0;48;2;" in run("--color", "always", "explain", path, review, "-m", "lime", "-t", "good").stdout
    page = files[3].read_text()
    assert re.search(r'<span style="background:#[0-9a-f]{6}" title="[^"]+">bad</span>', page)
    assert "&lt;" in page and "<b>plot" not in page
    assert files[1].read_bytes().startswith(b"\x89PNG") and b"<svg" in files[2].read_bytes()
    saved = json.loads(files[0].read_text())["attribution"]["text"]
    assert saved["text"] == review.read_text()[:-1]
    assert all(saved["text"].encode()[b:e] for b, e, _ in saved["parts"])
    assert "same" in run("replay", files[0]).stdout
    for method, says in {"partition-shap": "-bad-", "anchors": "IF 'A' is there AND", "sedc": "removed", "shap-interactions": "-bad-"}.items():
        outputs = [word for file in files for word in ("-o", file)]
        shown = run("explain", path, "--text", TEXT, "-m", method, "-t", "bad" if method == "anchors" else "good", "--show", *outputs).stdout
        assert says in shown, shown
        assert "same" in run("replay", files[0]).stdout
        assert files[1].read_bytes().startswith(b"\x89PNG") and b"<svg" in files[2].read_bytes()
        page = files[3].read_text()
        assert re.search(r'<span style="background:#[0-9a-f]{6}" title="[^"]+">bad</span>', page), method
        arrays = np.load(files[5], allow_pickle=False)
        assert arrays["values"].shape == ((8,) if method == "anchors" else (7,)), "anchors: each place is a feature"
        if method == "sedc":
            assert arrays["counterfactuals"].tolist() == ["A good film, but a ,  plot."]
    own = tmp_path / "own.json"
    run("explain", path, "--text", TEXT, "-m", "integrated-gradients", "-o", own)
    assert "same" in run("replay", own).stdout
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    assert "byte 3" in run("explain", path, latin, check=3).stderr
    assert "--text" in run("explain", path, check=2).stderr
    assert "one of the two" in run("explain", path, review, "--text", "x", check=2).stderr


@pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")
def test_texts_are_compared_and_not_compiled(path, tmp_path):
    page, table = tmp_path / "all.html", tmp_path / "all.csv"
    shown = run("compare", path, "--text", TEXT, "--text", "good", "-m", "integrated-gradients,lime,occlusion,partition-shap,sedc",
                "-b", "zeros", "-t", "good", "-o", page, "-o", table).stdout
    lines = shown.splitlines()
    assert len(lines) == 11 and all(method in shown for method in ("lime", "occlusion", "partition-shap", "sedc"))
    assert "uses no baseline" not in shown, shown
    assert "good film, but" in lines[1] and "good" in lines[6]
    assert '<span style="background:#' in page.read_text()
    assert table.read_text().count(f'"{TEXT}"') == 5
    review = tmp_path / "review.txt"
    review.write_text(TEXT)
    assert "lime" in run("compare", path, review, "-m", "lime").stdout
    assert ".html" in run("compare", path, "--text", TEXT, "-m", "lime", "-o", tmp_path / "no.png", check=2).stderr
    assert "--text" in run("compare", path, "-m", "lime", check=2).stderr
    assert "a model of texts cannot be compiled" in run("compile", path, "-o", tmp_path / "no.onnx", check=5).stderr
