"""whence evaluate and whence.evaluate: on the shipped models, on functions, on real data (skipped where it is missing)."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import whence

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data"
MODEL, TABLE = ROOT / "examples/models/breast_cancer.onnx", ROOT / "examples/data/breast_cancer.csv"
WHENCE = Path(whence.__file__).resolve().parents[2] / "whence"


def run(*arguments, check=0):
    result = subprocess.run([WHENCE, "evaluate", *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert result.returncode == check, result.stderr
    return result


def test_command_writes_every_format(tmp_path):
    files = [tmp_path / f"card{ending}" for ending in (".json", ".csv", ".png", ".svg", ".html", ".txt")]
    shown = run(
        MODEL, TABLE, "-m", "integrated-gradients,random", "--metrics", "deletion,sparseness", "--rows", "0:8", "--show",
        *[x for f in files[1:] for x in ("-o", f)], "--json", files[0],
    )  # fmt: skip
    card = json.loads(files[0].read_text())["score_card"]
    assert card["samples"] == 8 and card["available"] == 569 and [row["metric"] for row in card["table"]] == ["deletion", "sparseness"]
    assert files[1].read_text().count("\n") == 1 + 2 * 2
    assert files[2].read_bytes().startswith(b"\x89PNG") and "<svg" in files[3].read_text()
    page = files[4].read_text()
    assert "<script" not in page and "lower is better" in page and "What may be concluded" in page
    for text in (shown.stdout, files[5].read_text()):
        assert "deletion" in text and "random" in text and "What may be concluded" in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([MODEL, TABLE, "--metrics", "delition"], "no metric 'delition'; did you mean 'deletion'?"),
        ([MODEL, TABLE, "-m", "random", "--metrics", "road"], "road: it is of images, and these are tables"),
        ([MODEL, TABLE, "-m", "random", "--metrics", "mege"], "mege: it needs the class of each input: give labels (--label)"),
        ([MODEL, TABLE, "-m", "random", "--label", "nonsense"], "nonsense"),
        ([MODEL, TABLE, "-m", "random", "--rows", "9:3"], "rows 9:3: there are 569, and none of these"),
        ([MODEL, TABLE, "-m", "random", "--set", "deletion.steps=3"], "steps"),
        ([MODEL, TABLE, "-m", "random", "--set", "lime.num-samples=3"], "lime is neither a method nor a metric of this evaluation"),
        ([MODEL, TABLE, "-m", "random", "-o", "card.pdf"], "the ending says the format"),
        ([MODEL, TABLE, "--attributions", "values.npy"], "give NAME=FILE.npy"),
        ([MODEL], "give MODEL and DATA"),
    ],
)
def test_command_refuses(arguments, message):
    result = subprocess.run([WHENCE, "evaluate", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert result.returncode != 0 and message in result.stderr
    assert result.stderr.count("\n") == 1 and result.stdout == ""


def test_list_tells_what_each_metric_cannot_tell():
    text = run("--list").stdout
    for word in ("deletion\n", "pointing-game\n", "needs object masks", "cannot tell:", "assumes:", "source:", "--set reco.distance"):
        assert word in text
    assert "deletion\n" not in run("--list", "--metrics", "localisation").stdout
    assert "--metrics" in run("--help").stdout


def test_same_card_from_command_and_python_whatever_the_threads(tmp_path):
    out = tmp_path / "card.json"
    run(MODEL, TABLE, "-m", "lime,random", "--metrics", "faithfulness", "--rows", "0:6", "--label", "diagnosis", "--seed", 3, "--threads", 1, "-o", out)
    card = whence.evaluate(MODEL, TABLE, ["lime", "random"], "faithfulness", rows=slice(0, 6), labels="diagnosis", seed=3, threads=2)
    saved, mine = json.loads(out.read_text())["score_card"], card.to_dict()
    for one in (saved, mine):
        one.pop("seconds")
        for method in one["methods"]:
            method.pop("seconds")
    assert saved == mine


def test_python_object(tmp_path):
    card = whence.evaluate(MODEL, TABLE, ["integrated_gradients", "random"], ["deletion", "attribution_error"], samples=10, labels="diagnosis")
    assert card.samples == 10 and len(card.rows) == 10 and card.metrics == ["attribution-error", "deletion"]
    scores = card.scores["integrated-gradients"]["deletion"]
    cell = card.table["deletion"]["integrated-gradients"]
    assert scores.shape == (10,) and np.isclose(scores.mean(), cell["value"]) and cell["low"] <= cell["value"] <= cell["high"]
    assert np.isnan(card.scores["random"]["attribution-error"]).all() and card.table["attribution-error"]["random"]["undefined"] == 10
    assert json.loads(card.to_json())["score_card"] == card.to_dict()
    assert "<table>" in card._repr_html_() and "deletion" in str(card) and "2 methods" in repr(card)
    assert any("deletion" in sentence for sentence in card.verdict)
    assert card.methods[0]["attribution_error"]["stated"] == 10
    card.save(tmp_path / "card.csv")
    assert (tmp_path / "card.csv").read_text().startswith("metric,category,better,method,value")
    with pytest.raises(whence.UsageError, match="ending"):
        card.save(tmp_path / "card.pdf")


def test_functions_and_arrays_and_values_made_elsewhere():
    """A linear function, explained rightly, wrongly, and by chance: what is exact is known by hand."""
    weights = np.array([3.0, -2, 1, 0.5])
    model = whence.function(lambda rows: rows @ weights, 4)
    rows = np.random.default_rng(0).normal(size=(40, 4))
    right, wrong = rows * weights, rows * weights[::-1]
    card = whence.evaluate(
        model, rows, attributions={"right": right, "wrong": wrong}, removed="zeros",
        metrics=["infidelity", "completeness", "sensitivity-n", "deletion", "sparseness"],
    )  # fmt: skip
    table = card.table
    assert table["infidelity"]["right"]["value"] < 1e-20 < table["infidelity"]["wrong"]["value"]
    assert table["completeness"]["right"]["value"] == 1 and table["completeness"]["wrong"]["value"] == 0
    assert np.isclose(table["sensitivity-n"]["right"]["value"], 1)
    assert table["deletion"]["right"]["best"] and not table["deletion"]["wrong"]["best"]
    # Deletion of the first row, by hand: the area under f after each removal.
    order = np.argsort(-right[0], kind="stable")
    curve = [rows[0] @ weights - right[0][order[:k]].sum() for k in range(5)]
    assert np.isclose(card.scores["right"]["deletion"][0], np.trapezoid(curve, dx=0.25))
    shap_like = whence.evaluate(model, rows, ["kernel-shap"], ["deletion"], attributions={"right": right}, removed="zeros")
    assert np.allclose(shap_like.scores["kernel-shap"]["deletion"], shap_like.scores["right"]["deletion"])


def test_wrong_values_from_python():
    model = whence.function(lambda rows: rows.sum(axis=1), 3)
    rows = np.ones((8, 3))
    with pytest.raises(whence.UsageError, match="have 7 rows for 8 inputs"):
        whence.evaluate(model, rows, attributions={"mine": np.ones((7, 3))})
    with pytest.raises(whence.InputError, match="mine: .*for an input of 3 columns"):
        whence.evaluate(model, rows, attributions={"mine": np.ones((8, 4))})
    with pytest.raises(whence.InputError, match="mine: .*not a finite number"):
        whence.evaluate(model, rows, attributions={"mine": np.full((8, 3), np.nan)})
    with pytest.raises(whence.UsageError, match="5 labels for 8 inputs"):
        whence.evaluate(model, rows, ["random"], labels=[0, 1, 0, 1, 0])


def test_an_exception_of_the_function_comes_through():
    def broken(rows):
        if len(rows) > 1:
            raise RuntimeError("no more than one")
        return rows.sum(axis=1)

    model = whence.function(broken, 3)
    with pytest.raises(RuntimeError, match="no more than one"):
        whence.evaluate(model, np.ones((8, 3)), ["random"])


def test_interrupted_leaves_no_file(tmp_path):
    out = tmp_path / "card.json"
    process = subprocess.Popen(
        [WHENCE, "evaluate", MODEL, TABLE, "-m", "lime,kernel-shap,sampling-shap", "--rows", "all", "-o", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0 and os.listdir(tmp_path) == []


def test_trees():
    path = SHARED / "trees/xgboost_ref/adult_binary.json"
    if not path.exists():
        pytest.skip("no tree models")
    rows = np.load(path.with_name("adult_binary.X.npy"))[:8]
    card = whence.evaluate(path, rows, ["tree-shap", "random"], ["completeness", "deletion", "attribution-error", "sparseness"])
    assert card.methods[0]["explained"] == 8 and card.table["deletion"]["tree-shap"]["defined"] == 8
    assert card.table["attribution-error"]["tree-shap"]["value"] < 1e-4


def test_real_pictures_with_masks():
    """Handwritten digits through a real network: the foreground is the mask."""
    path, images = SHARED / "onnx_small/mnist_cntk_opt.onnx", SHARED / "mnist/t10k-images-idx3-ubyte.gz"
    if not path.exists() or not images.exists():
        pytest.skip("no digits")
    model = whence.load(path)
    pixels = np.frombuffer(gzip.open(images).read(), np.uint8, offset=16).reshape(-1, 28, 28)[:12].astype(np.float32)
    data = pixels[:, None]
    labels = np.frombuffer(gzip.open(images.parent / "t10k-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)[:12]
    card = whence.evaluate(
        model, data, ["integrated-gradients", "random"], ["deletion", "insertion", "road", "localisation"], labels=labels, masks=pixels > 77
    )  # fmt: skip
    assert card.table["insertion"]["integrated-gradients"]["best"] and card.table["roc-auc"]["integrated-gradients"]["best"]
    assert abs(card.table["roc-auc"]["random"]["value"] - 0.5) < 0.1
    assert card.to_dict()["accuracy"] > 0.8


def photographs(folder, pictures):
    """PNG files of the colour pictures [n, side, side, 3] by their label: a folder for each class."""
    from PIL import Image

    for i, (label, picture) in enumerate(pictures):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / label / f"{i:03}.png")
    return folder


def of_the_cat():
    """One photograph, cut out in twelve ways: all of it real, most of it cat."""
    from PIL import Image

    cat = Image.open(ROOT / "examples/data/cat.png").convert("RGB")
    for left in range(0, 152, 38):
        for size in (300, 270, 240):
            top = (300 - size) // 2
            yield "cat", np.asarray(cat.crop((left, top, left + size, top + size)).resize((32, 32)))


def of_the_test_set(count):
    import csv

    from PIL import Image

    folder = SHARED / "cifar10"
    lines = [line for line in csv.DictReader((folder / "test_labels.csv").open()) if line["sheet"] == "test_00.png"][:count]
    sheet = np.asarray(Image.open(folder / "test_00.png").convert("RGB"))
    names = (folder / "classes.txt").read_text().split()
    for line in lines:
        row, column = divmod(int(line["index"]), 40)
        label = line["label"] if line["label"] in names else names[int(line["label"])]
        yield label, sheet[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]


PICTURES = ROOT / "examples/models/cifar10_cnn.onnx"


@pytest.mark.parametrize("source", ["cat", "test set"])
def test_photographs_from_command_and_python(tmp_path, source):
    """Photographs through the shipped network: files in folders of their class, every kind of metric, both ways of asking."""
    pytest.importorskip("PIL")
    if source == "test set" and not (SHARED / "cifar10/test_00.png").exists():
        pytest.skip("no photographs")
    folder = photographs(tmp_path / "pictures", of_the_cat() if source == "cat" else of_the_test_set(12))
    out = tmp_path / "card.json"
    metrics = ["deletion", "insertion", "road", "irof", "sparseness", "max-sensitivity", "mprt", "random-logit"]
    paths = sorted(folder.glob("*/*.png"))[::3]  # four are enough, and quick
    run(
        PICTURES, *paths, "-m", "saliency,integrated-gradients,random", "--metrics", ",".join(metrics), "--label", "folder",
        "--set", "max-sensitivity.samples=3", "--seed", 2, "-o", out, "-o", tmp_path / "card.html",
    )  # fmt: skip
    card = json.loads(out.read_text())["score_card"]
    table = {row["metric"]: row["methods"] for row in card["table"]}
    assert set(table) == set(metrics) and card["modality"] == "image" and card["samples"] == len(paths) == 4
    assert card["accuracy"] in (0.25, 0.5, 0.75, 1)
    # Single pixels of four photographs do not tell gradients from random values by deletion; how the values are spread does.
    assert table["sparseness"]["integrated-gradients"]["value"] > table["sparseness"]["random"]["value"]
    for metric, low, high in (("mprt", -1, 0.9), ("random-logit", -1, 1), ("max-sensitivity", 0, np.inf), ("sparseness", 0, 1)):
        assert low <= table[metric]["saliency"]["value"] <= high, metric
    # Random values cannot be explained again.
    assert table["mprt"]["random"]["undefined"] == 4
    python = whence.evaluate(
        PICTURES, [str(path) for path in paths], ["saliency", "integrated-gradients", "random"], metrics, labels="folder", seed=2,
        options={"max-sensitivity": {"samples": 3}},
    )  # fmt: skip
    mine = python.to_dict()
    for one in (card, mine):
        one.pop("seconds")
        for method in one["methods"]:
            method.pop("seconds")
    assert mine == card


def test_texts_from_command_and_python(tmp_path):
    """Reviews through the shipped model of texts."""
    reviews = [
        "a wonderful film with a moving story and brilliant acting", "dull, slow and far too long: a waste of time",
        "the best comedy of the year, funny from the first minute", "bad jokes, bad acting and a terrible plot",
        "a masterpiece, beautiful and touching", "boring and predictable, I left before the end",
        "great performances in a great story", "awful: the worst film I have seen",
    ]  # fmt: skip
    folder = tmp_path / "reviews"
    folder.mkdir()
    for i, review in enumerate(reviews):
        (folder / f"{i}.txt").write_text(review)
    model, out = ROOT / "examples/models/film_reviews.onnx", tmp_path / "card.json"
    metrics = ["deletion", "comprehensiveness", "sufficiency", "sparseness"]
    run(model, *sorted(folder.iterdir()), "-m", "lime,random", "--metrics", ",".join(metrics), "-o", out)
    card = json.loads(out.read_text())["score_card"]
    table = {row["metric"]: row["methods"] for row in card["table"]}
    assert card["modality"] == "text" and card["samples"] == 8 and set(table) == set(metrics)
    assert table["comprehensiveness"]["lime"]["value"] > table["comprehensiveness"]["random"]["value"]
    python = whence.evaluate(model, reviews, ["lime", "random"], metrics)
    assert python.scores["lime"]["deletion"].tolist() == table["deletion"]["lime"]["scores"]
