"""The command line as a user meets it: every command, every format, every thing that can be wrong."""

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))
TABLE_MODEL = ROOT / "examples" / "models" / "breast_cancer.onnx"
TABLE = ROOT / "examples" / "data" / "breast_cancer.csv"
IMAGE_MODEL = ROOT / "examples" / "models" / "cifar10_cnn.onnx"
CAT = ROOT / "examples" / "data" / "cat.png"

USAGE, INPUT, MODEL, UNSUPPORTED, LIMIT, IO, INTERRUPTED = 2, 3, 4, 5, 6, 7, 130

pytestmark = pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")


def run(*words, check=0, env=None, cwd=None, timeout=300):
    """Runs the command line; `check` is the exit status it must have."""
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "LC_ALL", "LC_CTYPE")}
    result = subprocess.run([WHENCE, *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=timeout,
                            env={**clean, "LANG": "C.UTF-8", **(env or {})})
    if check is not None:
        assert result.returncode == check, f"status {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def fails(status, *words, says=(), **more):
    """Must fail with that status and one line on stderr that holds each of `says`."""
    result = run(*words, check=status, **more)
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("whence: "), result.stderr
    assert result.stdout == ""
    for text in [says] if isinstance(says, str) else says:
        assert text in lines[0], lines[0]
    return lines[0]


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def save(path, nodes, inputs, outputs, initializers=(), opset=17, domains=()):
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 3) for d in domains]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    return path


def values(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


# ---- every command on the shipped examples ----------------------------------------------------------


def test_help_and_version():
    assert re.fullmatch(r"whence \d+\.\d+\.\d+\n", run("--version").stdout)
    for words in [["--help"], ["explain", "--help"], ["info", "-h"], ["replay", "--help"], ["report", "--help"]]:
        text = run(*words).stdout
        assert "whence " in text and "\x1b" not in text
    text = run("explain", "--help").stdout
    for word in ["--num-samples", "--[no-]compatible", "--baseline", "--seed", "--preprocess", "Options of lime:", "kernel-shap"]:
        assert word in text


def test_methods_lists_each_method_and_its_options():
    text = run("methods").stdout
    for word in ["integrated-gradients", "saliency", "input-x-gradient", "lime", "occlusion", "--[no-]compatible", "--steps N"]:
        assert word in text
    assert "occlusion" not in run("methods", "lime").stdout


def test_info_says_what_a_model_is():
    text = run("info", IMAGE_MODEL).stdout
    for word in ["inputs", "outputs", "opset", "parameters", "Conv ", "airplane", "differentiable", ": yes", "SHA-256"]:
        assert word in text
    assert "layers" not in text
    layers = run("info", IMAGE_MODEL, "--layers").stdout
    assert "Conv" in layers.split("layers\n")[1]
    suggested = layers.split("suggested layers")[1].split("\n")[1]
    assert suggested.split()[0] == "features" and "what CAMs are made of" in suggested


def test_info_json_is_for_programs():
    facts = json.loads(run("info", IMAGE_MODEL, "--json", "--layers").stdout)
    assert facts["inputs"][0]["shape"][1:] == [3, 32, 32]
    assert facts["gradients"][0]["differentiable"] is True
    assert len(facts["layers"]) > 10 and all(layer["operator"] for layer in facts["layers"])
    assert facts["suggested_layers"][0]["name"] == "features" and facts["suggested_layers"][0]["role"] == "last convolution"
    assert json.loads(run("info", TABLE_MODEL, "--json", "--layers").stdout)["suggested_layers"] == []
    assert facts["classes"][3] == "cat" and facts["preprocessing"]["kind"] == "image"


def test_info_names_the_operators_without_a_gradient(tmp_path):
    path = save(tmp_path / "m.onnx", [helper.make_node("Det", ["x"], ["d"]), helper.make_node("Exp", ["d"], ["y"])],
                [values("x", TensorProto.FLOAT, ["N", 3, 3])], [values("y", TensorProto.FLOAT, ["N"])])
    text = run("info", path).stdout
    assert "no: no gradient rule for" in text and "Det" in text


def test_predict_a_picture():
    lines = run("predict", IMAGE_MODEL, CAT, "--top", 3).stdout.splitlines()
    assert len(lines) == 3 and "cat" in lines[0]
    scores = [float(line.split()[0]) for line in lines]
    assert scores == sorted(scores, reverse=True) and all(0 <= s <= 1 for s in scores)


def test_predict_rows_of_a_table():
    assert "malignant" in run("predict", TABLE_MODEL, TABLE, "--row", 0).stdout.splitlines()[0]
    text = run("predict", TABLE_MODEL, TABLE, "--top", 1).stdout
    rows = sum(1 for _ in TABLE.open()) - 1
    assert text.count("row ") == rows and f"row {rows - 1}\n" in text


def test_predict_several_files_and_arrays(tmp_path):
    np.save(tmp_path / "two.npy", np.zeros((2, 32, 32, 3), np.float32))
    text = run("predict", IMAGE_MODEL, CAT, tmp_path / "two.npy").stdout
    assert text.count("cat.png") == 1 and text.count("two.npy row") == 2


def test_explain_a_row_in_the_terminal():
    text = run("explain", TABLE_MODEL, TABLE, "--row", 17, "--method", "integrated-gradients").stdout
    for word in ["Integrated gradients", "attribution error", "baseline", "mean", "worst", "f(x)"]:
        assert word in text
    assert "\x1b[" not in text
    assert "\x1b[" in run("explain", TABLE_MODEL, TABLE, "-m", "saliency", "--color", "always").stdout


def test_explain_says_which_method_it_chose():
    result = run("explain", TABLE_MODEL, TABLE)
    assert result.stderr == "whence: no --method was given; this is integrated-gradients\n"
    assert run("explain", TABLE_MODEL, TABLE, "--quiet").stderr == ""


def test_text_without_utf8_is_ascii():
    text = run("explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", "grid:4x4", env={"LANG": "C"}).stdout
    assert text.isascii() and "segment" in text


@pytest.mark.parametrize("segmentation", ["quickshift", "slic:20", "felzenszwalb", "grid:4x4"])
def test_lime_reports_the_number_of_segments(segmentation, tmp_path):
    out = tmp_path / "e.json"
    run("explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", segmentation, "--num-samples", 100, "-o", out)
    explanation = json.loads(out.read_text())
    segments = np.array(explanation["attribution"]["segments"]["data"])
    count = len(explanation["attribution"]["values"]["data"])
    assert segments.max() == count - 1
    text = run("explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", segmentation, "--num-samples", 100).stdout
    assert re.search(rf"\b{count} (segments|superpixels)", text), text


def test_a_mask_shows_the_picture_itself(tmp_path):
    words = ["explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", "grid:4x4", "--num-samples", 100]
    out, data = tmp_path / "e.png", tmp_path / "e.json"
    run(*words, "--mask", "positive", "--hide-rest", "--top", 3, "-o", out, "-o", data)
    weights = np.array(json.loads(data.read_text())["attribution"]["values"]["data"])
    picture = np.array(Image.open(out))
    cell = picture.shape[0] // 4
    black = [(picture[i * cell + cell // 2, j * cell + cell // 2] == 0).all() for i in range(4) for j in range(4)]
    shown = {i for i in np.argsort(-weights)[:3] if weights[i] > 0}
    assert {i for i, hidden in enumerate(black) if not hidden} == shown
    fails(USAGE, *words, "--mask", "some", "-o", out, says="positive, negative or both")
    fails(USAGE, *words, "--hide-rest", "-o", out, says="--mask")
    fails(USAGE, *words, "--mask", "both", "-o", data, says=".png")
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", 100, "--mask", "both", "-o", out, says="superpixels")


def test_picked_rows(tmp_path):
    out = tmp_path / "e.json"
    words = ["explain", TABLE_MODEL, TABLE, "--rows", "0:12", "-m", "lime", "--num-samples", 100, "--num-features", 3, "-o", out]
    said = run(*words, "--pick", 3).stderr
    explanations = json.loads(out.read_text())
    rows = [e["provenance"]["input"]["row"] for e in explanations]
    assert len(set(rows)) == 3 and ", ".join(map(str, rows)) in said and "of 12 rows" in said
    fails(USAGE, *words, "--pick", 13, says="cannot pick 13 of 12")
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "lime", "--pick", 3, "-o", out, says="--rows")


def test_a_tree_as_the_local_model():
    text = run("explain", TABLE_MODEL, TABLE, "--row", 17, "-m", "lime", "--num-samples", 500, "--local-model", "tree").stdout
    assert "local rule" in text and "the local tree elsewhere" in text and "not (" in text


@pytest.mark.parametrize("method", ["saliency", "input-x-gradient", "integrated-gradients", "lime", "occlusion"])
@pytest.mark.parametrize("case", ["table", "image"])
def test_every_method_on_both_examples(method, case, tmp_path):
    out = tmp_path / "e.json"
    more = ["--num-samples", 200] if method == "lime" else []
    more += ["--segmentation", "grid:4x4"] if method == "lime" and case == "image" else []
    model, data = (TABLE_MODEL, TABLE) if case == "table" else (IMAGE_MODEL, CAT)
    run("explain", model, data, "--method", method, "-o", out, *more)
    explanation = json.loads(out.read_text())
    assert explanation["provenance"]["method"] == method
    assert any(explanation["attribution"]["values"]["data"])
    replayed = run("replay", out)
    assert replayed.stdout.startswith("same")


def test_lime_for_tables_without_discretiser_and_compatible(tmp_path):
    out = tmp_path / "e.json"
    for more in [["--discretizer", "none"], ["--compatible"], ["--no-compatible"], ["--discretizer", "decile"]]:
        run("explain", TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", 300, "-o", out, *more)
        options = json.loads(out.read_text())["provenance"]["options"]
        assert options["compatible"] is ("--compatible" in more)


def test_targets_by_name_number_and_difference(tmp_path):
    out = tmp_path / "e.json"
    for target, index, minus in [("malignant", 0, None), ("1", 1, None), ("malignant-benign", 0, 1), ("top", None, None)]:
        run("explain", TABLE_MODEL, TABLE, "-m", "saliency", "-t", target, "-o", out)
        saved = json.loads(out.read_text())["target"]
        assert saved["minus"] == minus and index in (None, saved["index"])


@pytest.mark.parametrize("baseline", ["zeros", "model-zeros", "value:0.5", "mean", "blur:3", "noise:0:1", str(CAT)])
def test_baselines(baseline, tmp_path):
    out = tmp_path / "e.json"
    run("explain", IMAGE_MODEL, CAT, "-m", "input-x-gradient", "-b", baseline, "-o", out)
    assert json.loads(out.read_text())["target"]["baseline"] == baseline
    run("replay", out)


# ---- formats ---------------------------------------------------------------------------------------


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for key, value in attributes if key in ("src", "href")]


def check_files(folder, stem):
    picture = Image.open(folder / f"{stem}.png")
    picture.load()
    assert min(picture.size) > 100
    assert ElementTree.parse(folder / f"{stem}.svg").getroot().tag.endswith("svg")
    page = Links()
    page.feed((folder / f"{stem}.html").read_text())
    assert "script" not in page.tags and all(link.startswith(("data:", "#")) for link in page.links)
    explanation = json.loads((folder / f"{stem}.json").read_text())
    assert set(explanation) == {"whence", "target", "diagnostics", "provenance", "attribution"}
    saved = np.array(explanation["attribution"]["values"]["data"], np.float64)
    arrays = np.load(folder / f"{stem}.npz")
    assert np.array_equal(arrays["values"].ravel().astype(np.float64), saved.astype(arrays["values"].dtype))
    rows = list(csv.DictReader(io.StringIO((folder / f"{stem}.csv").read_text())))
    assert np.allclose([float(row["weight"]) for row in rows], arrays["values"].ravel(), rtol=1e-6)
    return explanation, arrays, rows


def outputs(folder, stem):
    return [word for ending in ("json", "npz", "csv", "png", "svg", "html") for word in ("-o", folder / f"{stem}.{ending}")]


def test_formats_of_a_table(tmp_path):
    run("explain", TABLE_MODEL, TABLE, "--row", 17, "-m", "lime", "--num-samples", 500, *outputs(tmp_path, "e"))
    _, arrays, rows = check_files(tmp_path, "e")
    assert list(arrays["names"]) == [row["feature"] for row in rows]
    assert len(left_in(tmp_path)) == 6


@pytest.mark.parametrize("method", ["integrated-gradients", "lime"])
def test_formats_of_a_picture(method, tmp_path):
    more = ["--segmentation", "grid:4x4", "--num-samples", 100] if method == "lime" else []
    run("explain", IMAGE_MODEL, CAT, "-m", method, *more, *outputs(tmp_path, "e"))
    explanation, arrays, rows = check_files(tmp_path, "e")
    if method == "lime":
        assert arrays["segments"].shape == (32, 32)
        assert sum(int(row["pixels"]) for row in rows) == 32 * 32
    else:
        assert arrays["values"].shape == (1, 32, 32, 3)
        error = arrays["values"].sum(dtype=np.float64) - (arrays["prediction"] - arrays["base_value"])
        assert error == pytest.approx(explanation["diagnostics"]["attribution_error"], abs=1e-5)
    assert "32 x 32" in (tmp_path / "e.html").read_text()  # the model sees few pixels, and the picture says so


def test_report_joins_saved_explanations(tmp_path):
    for name, more in [("a", [TABLE_MODEL, TABLE]), ("b", [IMAGE_MODEL, CAT])]:
        run("explain", *more, "-m", "input-x-gradient", "-o", tmp_path / f"{name}.json")
    result = run("report", tmp_path / "a.json", tmp_path / "b.json", "-o", tmp_path / "r.html")
    assert result.stderr == ""
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/png") >= 2 and "whence replay" in page
    broken = json.loads((tmp_path / "b.json").read_text())
    broken["provenance"]["input"]["path"] = "gone.png"
    (tmp_path / "b.json").write_text(json.dumps(broken))
    assert "gone.png" in run("report", tmp_path / "b.json", "-o", tmp_path / "r.html").stderr


def test_rows_of_a_table(tmp_path):
    files = [tmp_path / f"all{ending}" for ending in (".json", ".csv", ".npz", ".png", ".html")]
    run("explain", TABLE_MODEL, TABLE, "--rows", "3:8", "-m", "input-x-gradient", "-t", "malignant", *[x for f in files for x in ("-o", f)])
    saved = json.loads(files[0].read_text())
    assert [e["provenance"]["input"]["row"] for e in saved] == [3, 4, 5, 6, 7]
    lines = files[1].read_text().splitlines()
    assert lines[0].startswith("row,prediction,base_value,error,mean radius") and lines[1].startswith("3,") and len(lines) == 6
    arrays = np.load(files[2])
    assert arrays["values"].shape == (5, 30) and list(arrays["names"])[0] == "mean radius"
    one = tmp_path / "one.json"
    run("explain", TABLE_MODEL, TABLE, "--row", 5, "-m", "input-x-gradient", "-t", "malignant", "-o", one)
    assert np.array_equal(np.float32(arrays["values"][2]), np.float32(json.loads(one.read_text())["attribution"]["values"]["data"]))
    assert "image/svg+xml" in files[4].read_text()
    assert run("replay", files[0]).stdout.count("same: ") == 5
    assert run("report", files[0], "-o", tmp_path / "r.html").stderr == ""


TREES = ROOT / "tests" / "trees" / "models" / "xgboost_reg_squarederror.json"


def tree_rows(folder, count):
    rows = np.random.default_rng(0).normal(size=(count, 5))
    rows[::7, 2] = np.nan
    np.save(folder / "rows.npy", rows)
    np.savetxt(folder / "rows.csv", np.where(np.isnan(rows), 0, rows), delimiter=",", header="a,b,c,d,e", comments="", fmt="%.17g")
    return rows


def test_rows_of_trees_are_streamed_with_the_same_values(tmp_path):
    """Blocks of rows against one explanation for each row (a .json needs them)."""
    tree_rows(tmp_path, 300)
    for name in ("rows.npy", "rows.csv"):
        one, many = [tmp_path / f"one{e}" for e in (".npz", ".csv", ".npy", ".json")], [tmp_path / f"many{e}" for e in (".npz", ".csv", ".npy")]
        run("explain", TREES, tmp_path / name, "--rows", "7:260", "-m", "tree-shap", *[x for f in one for x in ("-o", f)])
        run("explain", TREES, tmp_path / name, "--rows", "7:260", "-m", "tree-shap", *[x for f in many for x in ("-o", f)])
        a, b = np.load(one[0]), np.load(many[0])
        assert list(a) == list(b) and a["values"].shape == (253, 5)
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])
        assert one[1].read_text() == many[1].read_text()
        np.testing.assert_array_equal(np.load(one[2]), np.load(many[2]))


def test_rows_of_any_number_take_little_memory(tmp_path):
    """A file of 80 MB, values of 80 MB: what the process takes does not grow with them."""
    def peak(count):
        tree_rows(tmp_path, 1000)
        rows = np.load(tmp_path / "rows.npy")
        np.save(tmp_path / "many.npy", np.tile(rows, (count // 1000, 1)))
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        words = [WHENCE, "explain", TREES, tmp_path / "many.npy", "--rows", "all", "-m", "tree-shap", "--memory", "64M", "-o", tmp_path / "v.npz"]
        return int(subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True).stdout)
    small, large = peak(100_000), peak(2_000_000)
    assert large - small < 8_000, (small, large)
    assert np.load(tmp_path / "v.npz")["values"].shape == (2_000_000, 5)


def test_an_error_in_the_middle_of_many_rows_leaves_nothing(tmp_path):
    tree_rows(tmp_path, 2000)
    with open(tmp_path / "rows.csv", "a") as table:
        table.write("1,2,3,4\n")
    before = left_in(tmp_path)
    fails(INPUT, "explain", TREES, tmp_path / "rows.csv", "--rows", "all", "-m", "tree-shap", "-o", tmp_path / "v.npz", "-o", tmp_path / "v.csv",
          says="line 2002: 4 cells, the header has 5")
    assert left_in(tmp_path) == before
    fails(USAGE, "explain", TREES, tmp_path / "rows.npy", "--rows", "2000:", "-m", "tree-shap", "-o", tmp_path / "v.npz",
          says="the file has 2000 rows, and none of them is there")
    assert left_in(tmp_path) == before


def test_words():
    said = run("explain", TABLE_MODEL, TABLE, "--row", 17, "-m", "input-x-gradient", "--words", "zh").stdout
    assert said.startswith("模型") and said.endswith("。\n") and said.count("\n") == 1
    fails(2, "explain", TABLE_MODEL, TABLE, "--words", "de", says=["en, ru, zh"])
    fails(2, "explain", TABLE_MODEL, TABLE, "--words", "en", "--rows", "all", "-o", "x.json", says=["--row"])


def test_rows_share_the_class_of_the_first(tmp_path):
    out = tmp_path / "all.json"
    result = run("explain", TABLE_MODEL, TABLE, "--rows", "15:25", "-m", "saliency", "-o", out)
    assert "every row is explained for malignant" in result.stderr
    assert {e["target"]["index"] for e in json.loads(out.read_text())} == {0}


def test_plots_of_saved_explanations(tmp_path):
    out = tmp_path / "all.json"
    run("explain", TABLE_MODEL, TABLE, "--rows", "0:6", "-m", "input-x-gradient", "-t", "malignant", "-o", out)
    for plot in ("bar", "beeswarm", "violin", "heatmap", "scatter", "decision"):
        run("plot", plot, out, "-o", tmp_path / f"{plot}.svg")
        assert "<svg" in (tmp_path / f"{plot}.svg").read_text()
    for plot in ("waterfall", "force"):
        run("explain", TABLE_MODEL, TABLE, "-m", "input-x-gradient", "--plot", plot, "-o", tmp_path / f"{plot}.png")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--rows", "all"], "give -o FILE"),
        (["--rows", "all", "--row", 3, "-o", "x.json"], "give one of them"),
        (["--rows", "5:5", "-o", "x.json"], "none of them is there"),
        (["--rows", "five", "-o", "x.json"], "give all, or A:B"),
        (["--rows", "1:x", "-o", "x.json"], "give all, or A:B"),
        (["--plot", "beeswarm", "-o", "x.png"], "give --rows"),
        (["--rows", "all", "--plot", "force", "-o", "x.png"], "give --row"),
        (["--plot", "pie", "-o", "x.png"], "there is no plot 'pie'"),
    ],
)
def test_rows_and_plots_refuse(arguments, message, tmp_path):
    result = run("explain", TABLE_MODEL, TABLE, "-m", "saliency", *arguments, check=2, cwd=tmp_path)
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


# ---- replay ----------------------------------------------------------------------------------------


def test_replay_finds_what_changed(tmp_path):
    out = tmp_path / "e.json"
    run("explain", TABLE_MODEL, TABLE, "--row", 3, "-m", "integrated-gradients", "-o", out)
    assert run("replay", out).stdout.startswith("same: integrated-gradients")
    saved = json.loads(out.read_text())

    saved["attribution"]["values"]["data"][2] += 0.5
    (tmp_path / "edited.json").write_text(json.dumps(saved))
    assert "values differ" in run("replay", tmp_path / "edited.json", check=1).stdout

    saved = json.loads(out.read_text())
    saved["provenance"]["model"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(saved))
    text = run("replay", tmp_path / "other.json", check=1).stdout
    assert text.startswith("different") and "SHA-256 differs" in text

    other = tmp_path / "table.csv"
    other.write_text(TABLE.read_text().replace("17.99", "18.99"))
    assert "the input" in run("replay", out, "--input", other, check=1).stdout


def test_anchors_print_a_rule_and_replay_compares_it(tmp_path):
    out = tmp_path / "rule.json"
    shown = run("explain", TABLE_MODEL, TABLE, "--row", 3, "-m", "anchors", "--threshold", 0.8, "-o", out, "--show").stdout
    text = " ".join(shown.split())
    rule = json.loads(out.read_text())["rule"]
    conditions = " AND ".join(c["text"] for c in rule["conditions"])
    assert f"IF {conditions} THEN malignant, precision {rule['precision']:.3g}"[:-1] in text
    assert "attribution error" not in text and "The rule holds for" in text
    assert run("replay", out).stdout.startswith("same: anchors")
    saved = json.loads(out.read_text())
    saved["rule"]["conditions"][0]["text"] += "1"
    out.write_text(json.dumps(saved))
    assert "the rule is another one" in run("replay", out, check=1).stdout


def test_anchors_say_what_is_wrong(tmp_path):
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "anchors", "--threshold", 2, says=["threshold"])
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "anchors", "--discretizer", "none", says=["bins"])
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "anchors", "-t", "benign", says=["predicts"])


def test_replay_finds_files_beside_the_explanation(tmp_path):
    (tmp_path / "cat.png").write_bytes(CAT.read_bytes())
    (tmp_path / "m.onnx").write_bytes(IMAGE_MODEL.read_bytes())
    (tmp_path / "m.json").write_bytes(IMAGE_MODEL.with_suffix(".json").read_bytes())
    run("explain", "m.onnx", "cat.png", "-m", "saliency", "-o", "e.json", cwd=tmp_path)
    run("replay", tmp_path / "e.json", cwd="/")


@pytest.mark.parametrize("text, says", [("{", "JSON"), ("[]", "no explanation"), ('{"whence": 1}', "missing"), ("[" * 100000, "nested")])
def test_replay_of_what_is_no_explanation(text, says, tmp_path):
    (tmp_path / "e.json").write_text(text)
    fails(INPUT, "replay", tmp_path / "e.json", says=["e.json", says])


# ---- determinism -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["lime-image", "lime-table", "integrated-gradients", "occlusion"])
def test_same_bits_for_any_number_of_threads(case, tmp_path):
    words = {"lime-image": [IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", "slic:30", "--num-samples", 300],
             "lime-table": [TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", 2000],
             "integrated-gradients": [IMAGE_MODEL, CAT, "-m", "integrated-gradients"],
             "occlusion": [IMAGE_MODEL, CAT, "-m", "occlusion"]}[case]
    for threads in (1, 2, 3):
        run("explain", *words, "--threads", threads, "--seed", 5, "-o", tmp_path / f"{threads}.npz", "-o", tmp_path / f"{threads}.json")
    first = (tmp_path / "1.npz").read_bytes()
    for threads in (2, 3):
        assert (tmp_path / f"{threads}.npz").read_bytes() == first
        a, b = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, threads))
        for explanation in (a, b):
            del explanation["provenance"]["seconds"]
        assert a == b


# ---- bad requests ----------------------------------------------------------------------------------


def test_misspelled_names_get_a_suggestion():
    fails(USAGE, "explian", TABLE_MODEL, says=["explian", "explain"])
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "lmie", says="did you mean 'lime'")
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "saliency", "-t", "malignent", says="did you mean 'malignant'")
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "--num-sample", "3", says=["--num-sample", "'--num-samples'"])
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "lime", "--steps", "3", says="--steps is an option of integrated-gradients")


@pytest.mark.parametrize("words, says", [
    ([], None),
    (["explain"], "MODEL"),
    (["explain", TABLE_MODEL], "INPUT"),
    (["explain", TABLE_MODEL, TABLE, "--row", "x"], "x"),
    (["explain", TABLE_MODEL, TABLE, "--row", "100000"], "row 100000"),
    (["explain", TABLE_MODEL, TABLE, "--row", "-1"], "row -1"),
    (["explain", TABLE_MODEL, TABLE, "-m", "saliency", "-t", "7"], "class 7 does not exist"),
    (["explain", TABLE_MODEL, TABLE, "-m", "saliency", "-t", "nobody:1"], "nobody"),
    (["explain", TABLE_MODEL, TABLE, "-m", "saliency", "--scale", "percent"], "percent"),
    (["explain", TABLE_MODEL, TABLE, "-m", "integrated-gradients", "-b", "dark"], "dark"),
    (["explain", TABLE_MODEL, TABLE, "-m", "saliency", "-b", "zeros"], "uses no baseline"),
    (["explain", TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", "many"], "many"),
    (["explain", TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", "-5"], "num"),
    (["explain", TABLE_MODEL, TABLE, "--seed", "-5"], "-5"),
    (["explain", IMAGE_MODEL, CAT, "--preprocess", "imagenette"], "imagenette"),
    (["explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", "voronoi"], "voronoi"),
    (["explain", IMAGE_MODEL, CAT, "--row", "2"], "row"),
    (["explain", IMAGE_MODEL, CAT, "--memory", "lots"], "lots"),
    (["explain", IMAGE_MODEL, CAT, "--time-limit", "-3"], "-3"),
    (["explain", IMAGE_MODEL, CAT, "--color", "mauve"], "mauve"),
    (["explain", IMAGE_MODEL, CAT, "--threads", "-2"], "-2"),
    (["explain", IMAGE_MODEL, "README.md"], "README.md"),
    (["predict", IMAGE_MODEL, CAT, "--preprocess", "none"], "preprocess"),
    (["report", "x.json", "-o", "report.pdf"], "report.pdf"),
    (["explain", IMAGE_MODEL, TABLE], "reads pictures"),
    (["explain", TABLE_MODEL, CAT], "rows of a table"),
    (["predict", IMAGE_MODEL, CAT, "--output", "nobody"], "logits"),
])
def test_requests_that_make_no_sense(words, says):
    if says is None:
        assert run(*words, check=USAGE).stdout.startswith("Explains")
    else:
        assert says in run(*words, check=USAGE).stderr
        assert len(run(*words, check=USAGE).stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["-m", "lime", "--num-samples", 10**12], ["-m", "lime", "--num-samples", 2**63 - 1]])
def test_more_than_any_machine_has(words):
    fails(LIMIT, "explain", TABLE_MODEL, TABLE, *words, "--time-limit", 20)


@pytest.mark.parametrize("words", [["compile", "{model}", "-m", "saliency", "-o", "{model}"], ["compare", "{model}", "{input}", "-m", "saliency", "-o", "{input}"]])
def test_what_is_read_is_not_overwritten(tmp_path, words):
    model, table = tmp_path / "model.onnx", tmp_path / "table.csv"
    model.write_bytes(TABLE_MODEL.read_bytes())
    table.write_bytes(TABLE.read_bytes())
    fails(USAGE, *[word.format(model=model, input=table) for word in words], says="would overwrite what is read")
    assert model.read_bytes() == TABLE_MODEL.read_bytes() and table.read_bytes() == TABLE.read_bytes()


@pytest.mark.parametrize("words", [["compile", TABLE_MODEL, "-o", "nowhere/out.onnx"], ["compare", TABLE_MODEL, TABLE, "-m", "saliency", "-o", "nowhere/out.csv"]])
def test_a_folder_that_is_not_there_is_said_before_the_work(words):
    fails(IO, *words, says="nowhere/out")


def test_more_steps_than_make_sense():
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "integrated-gradients", "--steps", 2**63 - 1, says="from 0 to 1000000")


def test_a_list_of_labels_of_another_length_is_remarked(tmp_path):
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    result = run("predict", IMAGE_MODEL, CAT, "--labels", tmp_path / "labels.txt")
    assert "3 class names" in result.stderr and "10 classes" in result.stderr
    fails(INPUT, "predict", IMAGE_MODEL, CAT, "--labels", CAT, says="cat.png")


def test_outputs_are_refused_before_the_work(tmp_path):
    start = time.monotonic()
    words = ["explain", TABLE_MODEL, TABLE, "-m", "lime", "--num-samples", 100000000]
    fails(USAGE, *words, "-o", tmp_path / "e.pdf", says=["e.pdf", ".json"])
    fails(USAGE, *words, "-o", tmp_path / "e.json", "-o", tmp_path / "none", says="none")
    fails(USAGE, *words, "-o", tmp_path / "e.json", "-o", tmp_path / "e.json", says="twice")
    fails(IO, *words, "-o", tmp_path / "missing" / "e.json", says=["missing", "No such file"])
    (tmp_path / "file").write_text("x")
    fails(IO, *words, "-o", tmp_path / "file" / "e.json", says="Not a directory")
    (tmp_path / "dir.json").mkdir()
    fails(IO, *words, "-o", tmp_path / "dir.json", says="directory")
    fails(USAGE, "explain", TABLE_MODEL, TABLE, "-m", "lime", "-o", TABLE, says="overwrite")
    assert left_in(tmp_path) == ["dir.json", "file"]
    assert time.monotonic() - start < 60


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o555)
    fails(IO, "explain", TABLE_MODEL, TABLE, "-m", "saliency", "-o", tmp_path / "e.json", says="Permission denied")


def test_full_disk(tmp_path):
    with open("/dev/full", "w") as full:
        result = subprocess.run([WHENCE, "predict", TABLE_MODEL, TABLE], stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == IO and "No space left" in result.stderr
    os.symlink("/dev/full", tmp_path / "e.json")
    fails(IO, "explain", TABLE_MODEL, TABLE, "-m", "saliency", "-o", tmp_path / "e.json", says="No space left")
    assert left_in(tmp_path) == ["e.json"]


def test_a_file_size_limit_leaves_nothing_half_written(tmp_path):
    (tmp_path / "e.html").write_text("before")
    command = f"ulimit -f 4; trap '' XFSZ; exec {WHENCE} explain {IMAGE_MODEL} {CAT} -m saliency -o {tmp_path}/e.html -o {tmp_path}/f.png"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert result.returncode == IO and result.stderr.count("\n") == 1
    assert left_in(tmp_path) == ["e.html"] and (tmp_path / "e.html").read_text() == "before"


def test_broken_pipe_is_quiet():
    result = subprocess.run(["bash", "-c", f"set -o pipefail; {WHENCE} predict {TABLE_MODEL} {TABLE} | head -1"],
                            capture_output=True, text=True)
    assert result.stderr == "" and result.stdout.count("\n") == 1


# ---- bad data --------------------------------------------------------------------------------------


def edited(tmp_path, change):
    lines = TABLE.read_text().splitlines()
    path = tmp_path / "table.csv"
    path.write_text("\n".join(change(lines)) + "\n")
    return path


@pytest.mark.parametrize("change, says", [
    (lambda lines: [*lines[:3], lines[3] + ",1", *lines[4:]], ["line 4", "32 cells"]),
    (lambda lines: [*lines[:3], lines[3].split(",", 1)[1], *lines[4:]], ["line 4", "30 cells"]),
    (lambda lines: [lines[0], "abc," + lines[1].split(",", 1)[1]], ["line 2", "abc", "mean radius"]),
    (lambda lines: [lines[0], "," + lines[1].split(",", 1)[1]], ["line 2", "mean radius", "missing"]),
    (lambda lines: [lines[0], "NaN," + lines[1].split(",", 1)[1]], ["line 2", "mean radius"]),
    (lambda lines: [lines[0], "inf," + lines[1].split(",", 1)[1]], ["line 2", "mean radius"]),
    (lambda lines: [lines[0], "1e999," + lines[1].split(",", 1)[1]], ["line 2", "mean radius"]),
    (lambda lines: [lines[0].replace("mean radius", "radius"), *lines[1:]], ["mean radius"]),
    (lambda lines: lines[:1], ["table.csv"]),
    (lambda lines: [], ["table.csv"]),
    (lambda lines: ["\0\0\0"], ["table.csv"]),
])
def test_bad_tables(change, says, tmp_path):
    path = edited(tmp_path, change)
    for method in ("saliency", "lime"):
        fails(INPUT, "explain", TABLE_MODEL, path, "-m", method, says=says)


def test_text_where_a_number_belongs_without_a_background(tmp_path):
    (tmp_path / "m.onnx").write_bytes(TABLE_MODEL.read_bytes())
    lines = [line.rsplit(",", 1)[0] for line in TABLE.read_text().splitlines()[:5]]
    (tmp_path / "t.csv").write_text("\n".join([*lines[:3], "abc," + lines[3].split(",", 1)[1], lines[4]]) + "\n")
    fails(INPUT, "explain", tmp_path / "m.onnx", tmp_path / "t.csv", "-m", "saliency", says=["t.csv line 4", "'abc'"])
    fails(INPUT, "predict", tmp_path / "m.onnx", TABLE, says=["reads 30 columns", "31"])


def test_bad_pictures(tmp_path):
    whole = CAT.read_bytes()
    cases = {"text.png": b"this is no picture", "empty.png": b"", "cut.png": whole[: len(whole) // 2],
             "damaged.png": whole[:100000] + bytes(b ^ 255 for b in whole[100000:100100]) + whole[100100:]}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        fails(INPUT, "explain", IMAGE_MODEL, tmp_path / name, says=name)
        fails(INPUT, "predict", IMAGE_MODEL, tmp_path / name, says=name)
    fails(IO, "predict", IMAGE_MODEL, tmp_path / "none.png", says=["none.png", "No such file"])


def test_bad_arrays(tmp_path):
    def array(name, value):
        np.save(tmp_path / name, value)
        return tmp_path / name

    fails(INPUT, "predict", IMAGE_MODEL, array("shape.npy", np.zeros((1, 5, 5, 3), np.float32)), says="[1, 5, 5, 3]")
    for value in (np.nan, np.inf):
        bad = array("nan.npy", np.full((1, 32, 32, 3), value, np.float32))
        for method in ("saliency", "integrated-gradients", "lime", "occlusion"):
            fails(INPUT, "explain", IMAGE_MODEL, bad, "-m", method)
    fails(INPUT, "predict", IMAGE_MODEL, array("object.npy", np.array([{}], dtype=object)), says="object.npy")
    (tmp_path / "cut.npy").write_bytes(array("ok.npy", np.zeros((1, 32, 32, 3), np.float32)).read_bytes()[:200])
    fails(INPUT, "predict", IMAGE_MODEL, tmp_path / "cut.npy", says="cut.npy")


# ---- bad models ------------------------------------------------------------------------------------


def test_models_that_are_none(tmp_path):
    whole = IMAGE_MODEL.read_bytes()
    for name, data in {"cut": whole[: len(whole) // 2], "text": b"not a model", "empty": b"", "noise": os.urandom(5000)}.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        for command in (["info", path], ["predict", path, CAT, "--preprocess", "unit"], ["explain", path, CAT, "--preprocess", "unit"]):
            fails(MODEL, *command, says=f"{name}.onnx")
    fails(IO, "info", tmp_path / "none.onnx", says=["none.onnx", "No such file"])
    fails(IO, "info", tmp_path, says="directory")


def test_hostile_graphs(tmp_path):
    x, y = values("x", TensorProto.FLOAT, ["N", 4]), values("y", TensorProto.FLOAT, ["N", 4])
    relu = lambda a, b: helper.make_node("Relu", [a], [b])  # noqa: E731
    cases = {
        "cycle": [relu("b", "a"), relu("a", "b"), relu("b", "y")],
        "itself": [relu("y", "y")],
        "undefined": [relu("nowhere", "y")],
        "twice": [relu("x", "y"), relu("x", "y")],
        "unknown": [helper.make_node("NoSuchOperator", ["x"], ["y"])],
        "foreign": [helper.make_node("Relu", ["x"], ["y"], domain="com.example")],
        "hidden": [relu("x", "\x1b[2J\x1b]0;owned\x07")],
    }
    for name, nodes in cases.items():
        line = fails(MODEL, "info", save(tmp_path / f"{name}.onnx", nodes, [x], [y]), says=f"{name}.onnx")
        assert "\x1b" not in line


def test_names_from_a_file_cannot_write_to_the_terminal(tmp_path):
    name = "\x1b[2Jevil\nname"
    path = save(tmp_path / "m.onnx", [helper.make_node("Relu", [name], ["y"])], [values(name, TensorProto.FLOAT, ["N", 4])],
                [values("y", TensorProto.FLOAT, ["N", 4])])
    for words in (["info", path], ["info", path, "--layers"]):
        assert "\x1b" not in run(*words).stdout
    assert "\x1b" not in run("info", path, "--json").stdout


def test_external_data_stay_in_the_folder(tmp_path):
    (tmp_path / "secret.bin").write_bytes(np.ones(16, np.float32).tobytes())
    (tmp_path / "models").mkdir()
    os.symlink(tmp_path / "secret.bin", tmp_path / "models" / "link.bin")
    for i, location in enumerate(["../secret.bin", str(tmp_path / "secret.bin"), "link.bin", "x/../../secret.bin"]):
        weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
        weight.external_data.add(key="location", value=location)
        path = save(tmp_path / "models" / f"{i}.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])],
                    [values("x", TensorProto.FLOAT, ["N", 4])], [values("y", TensorProto.FLOAT, ["N", 4])], [weight])
        fails(MODEL, "info", path, says=f"{i}.onnx")
    (tmp_path / "models" / "w.bin").write_bytes(np.eye(4, dtype=np.float32).tobytes())
    weight.external_data[0].value = "w.bin"
    path = save(tmp_path / "models" / "good.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])],
                [values("x", TensorProto.FLOAT, ["N", 4])], [values("y", TensorProto.FLOAT, ["N", 4])], [weight])
    run("info", path)


def endless_loop(path, rows="N"):
    """A Loop whose condition stays true, at the speed of one addition a turn."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond"], ["again"]), helper.make_node("Add", ["state", "one"], ["next"])], "body",
        [values("i", TensorProto.INT64, []), values("cond", TensorProto.BOOL, []), values("state", TensorProto.FLOAT, None)],
        [values("again", TensorProto.BOOL, []), values("next", TensorProto.FLOAT, None)])
    return save(path, [helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body)],
                [values("x", TensorProto.FLOAT, [rows, 4])], [values("y", TensorProto.FLOAT, [rows, 4])],
                [constant("yes", True), constant("one", np.float32(1))])


@pytest.mark.parametrize("rows", ["N", 1])
@pytest.mark.parametrize("command", ["predict", "explain", "info"])
def test_an_endless_loop_is_stopped(command, rows, tmp_path):
    path = endless_loop(tmp_path / "loop.onnx", rows)
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    words = {"predict": ["predict", path, tmp_path / "x.npy"], "explain": ["explain", path, tmp_path / "x.npy", "-m", "saliency"],
             "info": ["info", path, "--layers"]}[command]
    start = time.monotonic()
    result = run(*words, "--time-limit", 2, check=None)
    assert time.monotonic() - start < 12
    if result.returncode == 0 and command == "info":
        return  # nothing had to be run to answer
    assert result.returncode in (LIMIT, UNSUPPORTED) if command == "explain" else result.returncode == LIMIT
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("folded", [True, False])
def test_a_huge_tensor_is_refused(folded, tmp_path):
    shape = constant("shape", np.array([25_000_000_000, 1], np.int64))  # 100 GB of float32
    if folded:  # nothing of it depends on the input: an optimiser would compute it while loading
        nodes = [helper.make_node("Expand", ["one", "shape"], ["big"]), helper.make_node("ReduceSum", ["big"], ["sum"]),
                 helper.make_node("Add", ["x", "sum"], ["y"])]
    else:
        nodes = [helper.make_node("ReduceSum", ["x"], ["s"]), helper.make_node("Expand", ["s", "shape"], ["big"]),
                 helper.make_node("ReduceSum", ["big"], ["sum"]), helper.make_node("Add", ["x", "sum"], ["y"])]
    path = save(tmp_path / "big.onnx", nodes, [values("x", TensorProto.FLOAT, ["N", 4])],
                [values("y", TensorProto.FLOAT, ["N", 4])], [shape, constant("one", np.ones((1, 1), np.float32))])
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    start = time.monotonic()
    fails(LIMIT, "predict", path, tmp_path / "x.npy", "--memory", "2G", says="memory")
    fails(LIMIT, "predict", path, tmp_path / "x.npy", says="memory")
    assert time.monotonic() - start < 60


# ---- time ------------------------------------------------------------------------------------------

LONG = ["explain", IMAGE_MODEL, CAT, "-m", "lime", "--segmentation", "grid:8x8", "--num-samples", "5000000"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_cleanly(number, tmp_path):
    process = subprocess.Popen([WHENCE, *map(str, LONG), "-o", str(tmp_path / "e.json")], stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    start = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED and time.monotonic() - start < 10
    assert err.startswith("whence: ") and err.count("\n") == 1 and "stopped" in err
    assert left_in(tmp_path) == []


def test_ctrl_c_ends_an_endless_loop(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 4), np.float32))
    process = subprocess.Popen([WHENCE, "predict", endless_loop(tmp_path / "loop.onnx"), tmp_path / "x.npy"],
                               stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED and err.count("\n") == 1


def test_the_time_limit_ends_a_long_explanation(tmp_path):
    start = time.monotonic()
    subprocess.run([str(WHENCE), *map(str, LONG), "--time-limit", "2", "-o", str(tmp_path / "e.json")], check=True)
    saved = json.loads((tmp_path / "e.json").read_text())["diagnostics"]
    assert time.monotonic() - start < 12 and saved["converged"] is False
    assert any("stopped early" in note and "time limit" in note for note in saved["notes"])


def on_a_terminal(words, seconds):
    """What the program writes to a terminal of its own within so many seconds, and its exit status."""
    try:
        parent, child = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal to be had here: {error}")
    env = {**os.environ, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    process = subprocess.Popen([WHENCE, *map(str, words)], stdin=child, stdout=child, stderr=child, env=env, close_fds=True)
    os.close(child)
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                data = os.read(parent, 65536)
            except OSError:
                break
            if not data:
                break
            text += data
        elif process.poll() is not None:
            break
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    status = process.wait(30)
    try:
        while select.select([parent], [], [], 0.5)[0]:
            data = os.read(parent, 65536)
            if not data:
                break
            text += data
    except OSError:
        pass
    os.close(parent)
    return text.decode(), status


def test_a_progress_bar_on_a_terminal():
    text, status = on_a_terminal(LONG, 4)
    assert status == INTERRUPTED
    assert "of 5000000" in text and "%" in text and "\r" in text
    assert text.split("\x1b[K")[-1].startswith("whence: "), "the bar is gone before the message"
    quiet, _ = on_a_terminal([*LONG, "--quiet"], 3)
    assert "%" not in quiet


def test_no_progress_bar_for_short_work():
    text, status = on_a_terminal(["explain", TABLE_MODEL, TABLE, "-m", "saliency"], 60)
    assert status == 0 and "\r\x1b" not in text and "\x1b[K" not in text
    assert "\x1b[" in text, "colours on a terminal"


# ---- classical models ------------------------------------------------------------------------------


def classical_models(folder):
    """skl2onnx exports of the kinds people have, with a CSV each and scikit-learn's own answers."""
    import warnings

    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import load_breast_cancer, load_diabetes
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
    from sklearn.svm import SVC, SVR

    warnings.simplefilter("ignore")
    cancer, diabetes = load_breast_cancer(), load_diabetes()
    rng = np.random.default_rng(0)
    cases = {}

    def write(name, columns, rows):
        path = folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        return path

    def matrix(name, model, data, zipmap=True):
        rows, y = data.data[:, :8].astype(np.float32), data.target
        model.fit(rows, y)
        options = {id(model): {"zipmap": zipmap}} if hasattr(model, "predict_proba") else None
        exported = to_onnx(model, rows[:1], target_opset=17, options=options)
        (folder / f"{name}.onnx").write_bytes(exported.SerializeToString())
        answers = model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)
        cases[name] = (write(name, data.feature_names[:8], rows.tolist()), answers)

    matrix("scaler-logistic", make_pipeline(StandardScaler(), LogisticRegression()), cancer)
    matrix("minmax-mlp", make_pipeline(MinMaxScaler(), MLPClassifier((8,), max_iter=50, random_state=0)), cancer, zipmap=False)
    matrix("forest", RandomForestClassifier(10, random_state=0), cancer)
    matrix("boosting", GradientBoostingClassifier(n_estimators=10, random_state=0), cancer, zipmap=False)
    matrix("svc", make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)), cancer)
    matrix("linear", LinearRegression(), diabetes)
    matrix("svr", make_pipeline(StandardScaler(), SVR()), diabetes)
    matrix("forest-regression", RandomForestRegressor(10, random_state=0), diabetes)

    # One input for each column, of three types, as a DataFrame's export has them.
    n = 300
    age, hours = rng.uniform(18, 70, n), rng.integers(1, 60, n)
    job = rng.choice(["clerk", "cook", "driver"], n)
    label = np.where((age > 40) & (job != "cook"), "rich", "poor")

    table = np.array(list(zip(age, hours, job)), dtype=object)
    encoder = ColumnTransformer([("numbers", StandardScaler(), [0, 1]), ("words", OneHotEncoder(handle_unknown="ignore"), [2])])
    pipeline = make_pipeline(encoder, LogisticRegression()).fit(table, label)
    exported = to_onnx(pipeline, initial_types=[("age", FloatTensorType([None, 1])), ("hours", Int64TensorType([None, 1])),
                                                ("job", StringTensorType([None, 1]))], target_opset=17)
    (folder / "columns.onnx").write_bytes(exported.SerializeToString())
    rows = [[f"{a:.6f}", h, j] for a, h, j in zip(age, hours, job)]
    cases["columns"] = (write("columns", ["age", "hours", "job"], rows), pipeline.predict_proba(table))

    words = np.stack([job, rng.choice(["north", "south"], n)], axis=1)
    pipeline = make_pipeline(OrdinalEncoder(), RandomForestClassifier(5, random_state=0)).fit(words, label)
    exported = to_onnx(pipeline, initial_types=[("words", StringTensorType([None, 2]))], target_opset=17)
    (folder / "words.onnx").write_bytes(exported.SerializeToString())
    cases["words"] = (write("words", ["job", "side"], words.tolist()), pipeline.predict_proba(words))
    # A row whose words are not the most frequent ones, with which occlusion compares.
    rare = [min(set(column), key=list(column).count) for column in words.T]
    ROWS["words"] = next(i for i, pair in enumerate(words) if list(pair) == rare)
    return cases


ROWS = {}
CLASSICAL = ["scaler-logistic", "minmax-mlp", "forest", "boosting", "svc", "linear", "svr", "forest-regression", "columns", "words"]


@pytest.fixture(scope="module")
def classical(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classical")
    return folder, classical_models(folder)


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_models_predict(name, classical):
    folder, cases = classical
    table, answers = cases[name]
    for row in (0, 7):
        text = run("predict", folder / f"{name}.onnx", table, "--row", row, "--top", 1).stdout
        assert float(text.split()[0]) == pytest.approx(np.max(answers[row]), rel=2e-3, abs=2e-4)


@pytest.mark.parametrize("method", ["lime", "occlusion"])
@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_models_are_explained(name, method, classical, tmp_path):
    folder, cases = classical
    table, answers = cases[name]
    row = ROWS.get(name, 0)
    out = tmp_path / "e.json"
    more = ["--num-samples", 500] if method == "lime" else []
    run("explain", folder / f"{name}.onnx", table, "-m", method, "--background", table, "--row", row, *more, "-o", out, "-o", tmp_path / "e.html")
    explanation = json.loads(out.read_text())
    assert explanation["target"]["value"] == pytest.approx(np.max(answers[row]), rel=2e-3, abs=2e-4)
    assert any(explanation["attribution"]["values"]["data"]) and explanation["attribution"]["names"]
    run("replay", out)


@pytest.mark.parametrize("name", [name for name in CLASSICAL if "forest" in name or "boosting" in name])
def test_trees_in_onnx_files_are_explained(name, classical, tmp_path):
    folder, cases = classical
    table, answers = cases[name]
    asked = ["explain", folder / f"{name}.onnx", table, "-m", "tree-shap", "--background", table, "--target", 0]
    result = run(*asked, "--row", 2, "-o", tmp_path / "e.json", "-o", tmp_path / "e.html")
    explanation = json.loads((tmp_path / "e.json").read_text())
    assert any("the trees are those of the node TreeEnsemble" in note for note in explanation["diagnostics"]["notes"]), result.stdout
    run("replay", tmp_path / "e.json")
    run(*asked, "--rows", "all", "-o", tmp_path / "rows.csv")
    rows = list(csv.reader((tmp_path / "rows.csv").open()))
    assert len(rows) == len(answers) + 1
    names = explanation["attribution"]["names"]
    one = [float(rows[3][rows[0].index(column)]) for column in names]
    assert one == pytest.approx(explanation["attribution"]["values"]["data"], rel=1e-5, abs=1e-6)


def test_a_model_without_gradient_says_so(classical):
    folder, cases = classical
    line = fails(UNSUPPORTED, "explain", folder / "forest.onnx", cases["forest"][0], "-m", "integrated-gradients")
    assert "TreeEnsemble" in line
    result = run("explain", folder / "forest.onnx", cases["forest"][0], "--background", cases["forest"][0])
    assert "this is tree-shap, because the model holds a tree ensemble" in result.stderr
    result = run("explain", folder / "columns.onnx", cases["columns"][0], "--background", cases["columns"][0], "--num-samples", 300)
    assert "this is lime, because" in result.stderr


def test_unknown_categories_are_named(classical, tmp_path):
    folder, cases = classical
    (tmp_path / "t.csv").write_text("age,hours,job\n30,40,astronaut\n")
    fails(INPUT, "explain", folder / "columns.onnx", tmp_path / "t.csv", "-m", "lime", "--background", cases["columns"][0],
          says=["line 2", "astronaut", "clerk"])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
