"""whence global and whence.global_view, on the shipped example and on functions."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import whence

ROOT = Path(__file__).resolve().parents[2]
MODEL, TABLE = ROOT / "examples/models/breast_cancer.onnx", ROOT / "examples/data/breast_cancer.csv"
WHENCE = Path(whence.__file__).resolve().parents[2] / "whence"
VIEWS = ["importance", "dependence", "ice", "ale", "interaction", "surrogate-tree", "rules", "surrogate-linear"]
BY_FEATURE = VIEWS[:5]


def run(*arguments, check=0):
    result = subprocess.run([WHENCE, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert result.returncode == check, result.stderr
    return result


@pytest.mark.parametrize("view", VIEWS)
def test_command_writes_every_format(view, tmp_path):
    files = [tmp_path / f"view{ending}" for ending in (".json", ".csv", ".png", ".svg", ".html", ".txt")]
    features = ["--feature", "worst radius", "--feature", "mean texture"] if view in BY_FEATURE else []
    shown = run("global", MODEL, TABLE, "--view", view, "-t", "malignant", *features, "--show", *[x for f in files for x in ("-o", f)])
    saved = json.loads(files[0].read_text())
    assert saved["view"] == view and saved["target"]["label"] == "malignant" and saved["evaluations"] > 0
    assert files[1].read_text().count("\n") > 1
    assert files[2].read_bytes().startswith(b"\x89PNG") and "<svg" in files[3].read_text() and "image/svg+xml" in files[4].read_text()
    assert "malignant" in shown.stdout and "malignant" in files[5].read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--view", "alle"], "no view 'alle'"),
        (["--view", "ale", "--terms", 3], "--terms is no option of the view ale; it is one of surrogate-linear"),
        (["--view", "ale", "--feature", "worst radios"], "did you mean 'worst radius'"),
        (["--label", "diagnoses"], "did you mean 'diagnosis'"),
        (["--points", "many", "--view", "ale"], "'many' is not a whole number"),
        (["-o", "x.npz"], "the ending says the format"),
    ],
)
def test_command_refuses(arguments, message):
    assert message in run("global", MODEL, TABLE, *arguments, check=2).stderr


def test_importance_with_labels_is_that_of_the_command(tmp_path):
    out = tmp_path / "i.json"
    run("global", MODEL, TABLE, "--label", "diagnosis", "--feature", "worst radius", "-t", "malignant", "--loss", "log-loss", "-o", out)
    made = whence.global_view(MODEL, TABLE, labels="diagnosis", features="worst radius", target="malignant", loss="log-loss")
    assert made.result == json.loads(out.read_text())["result"]
    assert made.result["loss"] == "log-loss" and made.result["values"][0] > 0


def test_functions_and_arrays(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    model = whence.function(lambda x: 2 * x[:, 0] + x[:, 1] ** 2, ["a", "b", "c"])
    ale = whence.global_view(model, rows, "ale", features=["b"], target=0, points=9)
    curve = ale.result["curves"][0]
    grid, values = np.array(curve["grid"]), np.array(curve["values"])
    np.testing.assert_allclose(np.diff(values), np.diff(grid**2), atol=1e-10)
    assert ale.evaluations == 2 * 200 and ale.rows == 200
    found = whence.global_view(model, rows, labels=2 * rows[:, 0] + rows[:, 1] ** 2, repeats=2).result
    assert found["loss"] == "squared-error" and found["reference"] == 0 and found["values"][2] == 0
    linear = whence.global_view(model, rows, "surrogate_linear", terms=1)
    assert [t["feature"] for t in linear.result["terms"]] == ["a"]
    assert "<img" in linear._repr_html_() and "Linear surrogate" in linear.to_text()
    linear.save(tmp_path / "l.csv")
    assert (tmp_path / "l.csv").read_text().startswith("feature,category,weight,effect")
    with pytest.raises(whence.UsageError, match="no feature"):
        whence.global_view(model, rows, "ale", features="z")
    with pytest.raises(whence.InputError, match="labels"):
        whence.global_view(model, rows, labels=[1, 2])
    with pytest.raises(whence.InputError, match="columns"):
        whence.global_view(model, rows[:, :2])
