"""Which word goes with which patch, from Python: a tiny pair of encoders (tests/clip/golden/pair)."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import whence

ROOT = Path(__file__).resolve().parents[2]
CAT = ROOT / "examples/data/cat.png"
PACKAGES = ROOT / "build/browser"
TOOL = ROOT / "build/release/whence"
CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pair")
    golden = ROOT / "tests/clip/golden"
    for name in ("pair/vision_model.onnx", "pair/text_model.onnx", "pair/preprocessor_config.json", "small/vocab.json", "small/merges.txt"):
        shutil.copy(golden / name, path)
    return path


@pytest.fixture(scope="module")
def pairs(folder):
    return whence.pairwise(folder, CAT, "a photo of a cat", steps=4, rule="published")


def test_pairs_of_words_and_patches(pairs):
    assert pairs.words == ["a", "photo", "of", "a", "cat"]
    assert pairs.values.shape[0] == 5 and pairs.values.dtype == np.float64 and np.any(pairs.values != 0)
    assert pairs.relative_error == pytest.approx(abs(pairs.attribution_error) / abs(pairs.value - pairs.baseline_value))
    saved = json.loads(pairs.to_json())
    assert saved["words"] == pairs.words and saved["provenance"]["method"] == "pairwise"
    assert "patch" in str(pairs)


def test_more_steps_are_nearer(folder, pairs):
    finer = whence.pairwise(folder, CAT, "a photo of a cat", steps=32)
    assert finer.relative_error < pairs.relative_error
    with pytest.raises(ValueError, match="0 steps"):
        whence.pairwise(folder, CAT, "a cat", steps=0)


@pytest.mark.skipif(not (CHROMIUM and NODE and (PACKAGES / "stamp").is_file()), reason="no browser here: run tools/setup --browser")
def test_pointing_at_a_word_shows_its_patches(pairs, tmp_path):
    page = tmp_path / "pairs.html"
    page.write_text(pairs.html())
    run = subprocess.run(
        [NODE, ROOT / "tests/browser/hover.mjs", PACKAGES, CHROMIUM, page], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    # Which maps (of 5 words) and which patches' words are seen: nothing, then the second word's, then the third patch's.
    patches = pairs.values[0].size
    assert seen["before"] == [[False] * 5, [False] * patches]
    assert seen["word"] == [[i == 1 for i in range(5)], [False] * patches]
    assert seen["patch"] == [[False] * 5, [i == 2 for i in range(patches)]]


@pytest.mark.skipif(not TOOL.is_file(), reason="the command line is not built")
def test_command_line(folder, tmp_path):
    page, saved = tmp_path / "pairs.html", tmp_path / "pairs.json"

    def run(*options):
        command = [TOOL, "clip", "explain", CAT, "--model", folder, "--text", "a photo of a cat", "-m", "pairwise", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    told = run("-o", page, "-o", saved, "--show", "--steps", "4")
    assert told.returncode == 0, told.stderr
    assert "patch" in told.stdout and 'class="pairs"' in page.read_text()
    assert json.loads(saved.read_text())["words"] == ["a", "photo", "of", "a", "cat"]
    wrong = run("-o", tmp_path / "pairs.png")
    assert wrong.returncode != 0 and "written as .json or .html" in wrong.stderr
    assert "pairwise is of one IMAGE and one --text" in run("--text", "a dog").stderr
