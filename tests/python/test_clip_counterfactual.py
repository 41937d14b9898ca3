"""whence clip counterfactual: against a full scan of the same store in NumPy."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import whence
import whence.clip
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_cli import INPUT, USAGE, WHENCE, fails, run  # noqa: E402

GOLDEN = Path(__file__).resolve().parents[1] / "clip/golden"
LABELS = ["cat", "dog", "fox"]
pytestmark = pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The tiny pair of encoders, pictures of noise around colours, and a store of them with captions."""
    root = tmp_path_factory.mktemp("world")
    model = root / "pair"
    model.mkdir()
    for name in ("vision_model.onnx", "text_model.onnx", "preprocessor_config.json"):
        shutil.copy(GOLDEN / "pair" / name, model)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(GOLDEN / "small" / name, model)
    photos = root / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(60):
        colour = rng.integers(0, 256, 3)
        pixels = np.clip(colour + rng.normal(0, 40, (12, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(photos / f"p{i:02}.png")
    captions = ["a cat", "a dog", "the quick brown fox", "a fox and a dog", "brown cat", "quick"]
    whence.clip.index(photos, store=root / "store", model=model, captions=captions)
    return root


def ask(world, *arguments):
    return json.loads(run("clip", "counterfactual", *arguments, "--model", world / "pair", "--store", world / "store", "--json").stdout)


def confidences(world, label):
    """Of every picture, by the command that only classifies."""
    told = json.loads(run("clip", "classify", world / "photos", "--labels", ",".join(LABELS), "--model", world / "pair", "--json").stdout)
    return {image["path"]: image["confidence"][label] for image in told["images"]}


def test_the_answers_are_those_of_a_full_scan(world):
    original = str(world / "photos/p00.png")
    for label in LABELS:
        scores = confidences(world, label)
        goal = float(np.quantile(list(scores.values()), 0.7))
        if scores[original] >= goal:
            continue
        answer = ask(world, original, "--labels", ",".join(LABELS), "--want", label, "--confidence", str(goal), "-k", "60")
        reaching = {Path(path).name for path, score in scores.items() if score >= goal}
        assert {Path(found["path"]).name for found in answer["found"]} == reaching
        assert answer["exact"] and answer["reachable"] and all(found["reaches"] for found in answer["found"])
        assert [found["angle"] for found in answer["found"]] == sorted(found["angle"] for found in answer["found"])
        assert answer["confidence"] == pytest.approx(scores[original], abs=1e-5)
        for found in answer["found"]:
            assert found["confidence"] == pytest.approx(scores[str(world / "photos" / Path(found["path"]).name)], abs=1e-5)
            assert found["angle"] >= answer["wanted_embedding"]["angle"] - 1e-6


def test_lowering(world):
    original = str(world / "photos/p00.png")
    scores = confidences(world, "dog")
    goal = float(np.quantile(list(scores.values()), 0.3))
    answer = ask(world, original, "--labels", ",".join(LABELS), "--want", "dog", "--lower", "--confidence", str(goal), "-k", "60")
    if answer["already"]:
        assert scores[original] <= goal + 1e-6
        return
    assert {Path(found["path"]).name for found in answer["found"]} == {Path(p).name for p, s in scores.items() if s <= goal}


def test_from_the_text(world):
    pictures = [str(world / "photos/p01.png"), str(world / "photos/p02.png")]
    first = ask(world, *pictures, "--text", "a dog", "--confidence", "0.000001")
    assert first["already"] and first["found"] == []
    answer = ask(world, *pictures, "--text", "a dog", "--confidence", str(min(0.999, first["confidence"] * 1.02)))
    assert answer["measure"] == "softmax" and answer["size"] == 6
    assert all(found["caption"] for found in answer["found"])


def test_what_no_embedding_reaches(world):
    answer = ask(world, world / "photos/p00.png", "--labels", ",".join(LABELS), "--want", "cat", "--confidence", "1")
    assert not answer["reachable"] and answer["extreme"] <= answer["extreme_bound"]
    assert "no embedding at all reaches" in answer["notes"][0]
    assert len(answer["found"]) == 5 and not any(found["reaches"] for found in answer["found"])


def test_text_and_page(world, tmp_path):
    out = tmp_path / "why.html"
    told = run(
        "clip", "counterfactual", world / "photos/p00.png", "--labels", ",".join(LABELS), "--want", "cat", "--confidence", "1", "-k", "2",
        "--model", world / "pair", "--store", world / "store", "-m", "saliency", "-o", out,
    ).stdout
    assert "wanted: confidence at least 1 of cat" in told and "does not reach it" in told
    page = out.read_text()
    assert page.count("<img") + page.count("<svg") >= 3 and "Original: " in page


def test_requests_that_make_no_sense(world, tmp_path):
    common = ["-q", "--model", world / "pair", "--store", world / "store"]
    picture = world / "photos/p00.png"
    fails(USAGE, "clip", "counterfactual", picture, "--labels", "cat,dog", "--want", "cow", *common, says=["none of --labels"])
    fails(USAGE, "clip", "counterfactual", picture, "--labels", "cat,dog", *common, says=["give --want"])
    fails(USAGE, "clip", "counterfactual", picture, "--labels", "cat,dog", "--want", "cat", "--confidence", "2", *common, says=["it lies between 0 and 1"])
    fails(USAGE, "clip", "counterfactual", picture, "--labels", "cat", "--want", "cat", *common, says=["its cosine"])
    fails(USAGE, "clip", "counterfactual", picture, "--labels", "cat,dog", "--want", "cat", "-o", tmp_path / "x.png", *common, says=[".html or .json"])
    fails(INPUT, "clip", "counterfactual", picture, "--labels", "cat,dog", "--want", "cat", "-q", "--model", world / "pair", "--store", tmp_path, says=["no store"])
