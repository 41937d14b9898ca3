"""Counterfactuals from Python and from the command line, on the shipped breast-cancer network."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import whence

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples/models/breast_cancer.onnx"
ROWS = ROOT / "examples/data/breast_cancer.csv"
PICTURE_MODEL = ROOT / "examples/models/cifar10_cnn.onnx"
CAT = ROOT / "examples/data/cat.png"
CLI = Path(os.environ.get("WHENCE_CLI", ROOT / "build/release/whence"))


@pytest.fixture(scope="module")
def model():
    return whence.load(MODEL)


def answer(model, row):
    """The class of the last output, the probabilities."""
    outputs = model.predict(np.asarray(row, np.float32).reshape(1, -1))
    scores = list(outputs.values())[-1] if isinstance(outputs, dict) else outputs
    return int(np.argmax(scores))


@pytest.mark.parametrize("method", ["counterfactuals", "nearest-unlike-neighbour", "wachter"])
def test_each_is_valid_when_asked_again(model, method):
    rows = np.loadtxt(ROWS, delimiter=",", skiprows=1, usecols=range(30))
    for index in (0, 3, 8):
        explanation = whence.explain(model, rows[index], method=method)
        before = answer(model, rows[index])
        all_found = explanation.counterfactuals
        assert all_found.wanted.startswith("any class but ")
        assert "MAD" in all_found.metric
        assert all_found.found
        for one in all_found.found:
            assert one.valid and answer(model, one.values) != before
            assert one.distance > 0 and one.to_data >= 0
            moved = np.flatnonzero(one.values.ravel() != rows[index])
            assert sorted(change.feature for change in one.changes) == moved.tolist()
        distances = [one.distance for one in all_found.found]
        assert distances == sorted(distances)


def test_constraints_and_wanted(model):
    names = json.loads(MODEL.with_suffix(".json").read_text())["features"]
    row = np.loadtxt(ROWS, delimiter=",", skiprows=1, usecols=range(30))[0]
    free = whence.explain(model, row, method="counterfactuals")
    used = {change.name for one in free.counterfactuals.found for change in one.changes}
    fixed = ",".join(sorted(used)[:2])
    kept = whence.explain(model, row, method="counterfactuals", fixed=fixed, count=2)
    assert not {c.name for one in kept.counterfactuals.found for c in one.changes} & set(sorted(used)[:2])
    assert len(kept.counterfactuals.found) == 2
    assert kept.options["fixed"] == fixed
    ranged = whence.explain(model, row, method="counterfactuals", wanted="0.4..0.6", count=1)
    assert 0.4 <= ranged.counterfactuals.found[0].prediction <= 0.6
    with pytest.raises(whence.UsageError, match="no column 'nonsense'"):
        whence.explain(model, row, method="counterfactuals", fixed="nonsense")
    with pytest.raises(whence.UsageError, match="no answer to want"):
        whence.explain(model, row, method="wachter", wanted="nonsense")
    assert names[0] not in {c.name for one in whence.explain(model, row, method="wachter", fixed=names[0]).counterfactuals.found for c in one.changes}


def test_other_methods_have_none(model):
    row = np.loadtxt(ROWS, delimiter=",", skiprows=1, usecols=range(30))[0]
    assert whence.explain(model, row, method="saliency").counterfactuals is None


def test_json_there_and_back(model):
    row = np.loadtxt(ROWS, delimiter=",", skiprows=1, usecols=range(30))[0]
    explanation = whence.explain(model, row, method="counterfactuals")
    again = whence.from_json(explanation.to_json())
    for one, other in zip(explanation.counterfactuals.found, again.counterfactuals.found, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one[1:] == other[1:]
    assert "<table" in explanation._repr_html_()


def test_sedc_hides_few_segments():
    model = whence.load(PICTURE_MODEL)
    explanation = whence.explain(model, CAT, method="sedc", segmentation="grid:4x4")
    (one,) = explanation.counterfactuals.found
    assert one.valid and explanation.converged
    assert len(one.changes) == one.distance == explanation.values.sum() < 16
    assert explanation.segments.shape == (32, 32)
    with pytest.raises(whence.UsageError, match="sedc"):
        whence.explain(model, CAT, method="counterfactuals")


def run(*arguments):
    return subprocess.run([CLI, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def test_command_line(tmp_path):
    outputs = [tmp_path / f"c{ending}" for ending in (".json", ".csv", ".npz", ".png", ".svg", ".html")]
    done = run("explain", MODEL, ROWS, "--row", 3, "-m", "counterfactuals", "--count", 2, "--show", *(a for o in outputs for a in ("-o", o)))
    assert done.returncode == 0, done.stderr
    assert "1. " in done.stdout and ("→" in done.stdout or "->" in done.stdout)
    assert "distance" in done.stdout and "wanted" in done.stdout
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "counterfactual,answer,valid,distance,feature,from,to" and len(lines) > 2
    assert np.load(tmp_path / "c.npz")["counterfactuals"].shape == (2, 30)
    assert np.load(tmp_path / "c.npz")["valid"].all()
    assert "<h4>1. " in (tmp_path / "c.html").read_text()
    assert (tmp_path / "c.png").stat().st_size > 1000
    replayed = run("replay", tmp_path / "c.json")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    # Replay notices another row.
    saved = json.loads((tmp_path / "c.json").read_text())
    saved["counterfactuals"]["found"][0]["values"]["data"][0] += 1
    (tmp_path / "c.json").write_text(json.dumps(saved))
    assert run("replay", tmp_path / "c.json").returncode != 0


def test_command_line_picture(tmp_path):
    done = run("explain", PICTURE_MODEL, CAT, "-m", "sedc", "--segmentation", "grid:4x4", "--show", "-o", tmp_path / "c.png", "-o", tmp_path / "c.html")
    assert done.returncode == 0, done.stderr
    assert "removed" in done.stdout
