"""Models of pictures and texts, end to end: the tiny pair of tests/clip/golden, from Python and from the command line."""

import csv
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

import whence
import whence.clip

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/clip/golden"
FILES = ROOT / "tests/data/files"
CAT, PHOTO = ROOT / "examples/data/cat.png", FILES / "photo_46x50.png"
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))
SCALE = 14.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("pair")
    for name in ("pair/vision_model.onnx", "pair/text_model.onnx", "pair/preprocessor_config.json", "small/vocab.json", "small/merges.txt"):
        shutil.copy(GOLDEN / name, out)
    (out / "config.json").write_text(json.dumps({"logit_scale": SCALE}))
    return out


@pytest.fixture(scope="module")
def pair(folder):
    return whence.clip.load(folder)


@pytest.fixture(scope="module")
def expected():
    return json.loads((GOLDEN / "pair.json").read_text())


def run(*arguments, status=0):
    done = subprocess.run([WHENCE, "clip", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def confidences(pair, picture, texts):
    scores = SCALE * pair.embed_images([picture]).values[0].astype(float) @ pair.embed_texts(texts).values.T.astype(float)
    exp = np.exp(scores - scores.max())
    return exp / exp.sum()


def test_embeddings(pair, expected):
    assert (pair.width, pair.context, pair.activation, pair.logit_scale) == (6, 12, "softmax", SCALE)
    found = pair.embed_images([FILES / name for name in expected["pictures"]])
    np.testing.assert_allclose(found.values, expected["images"], atol=2e-5)
    texts = pair.embed_texts(expected["texts"])
    np.testing.assert_allclose(texts.values, expected["words"], atol=2e-5)
    assert texts.cut == [3]


def test_arrays_are_pictures(pair):
    gray = np.full((20, 30), 128, np.uint8)
    three = pair.embed_images([gray, gray[..., None], np.repeat(gray[..., None], 3, 2)]).values
    assert np.array_equal(three[0], three[1]) and np.array_equal(three[0], three[2])
    with pytest.raises(whence.InputError, match="uint8"):
        pair.embed_images([gray / 255])


def test_classify(pair):
    labels = ["cat", "quick dog", "fox"]
    one = pair.classify(CAT, labels)
    wanted = confidences(pair, CAT, [f"a photo of a {label}" for label in labels])
    assert list(one) == sorted(labels, key=one.get, reverse=True)
    np.testing.assert_allclose([one[label] for label in labels], wanted, atol=1e-6)
    plain = pair.classify(CAT, labels, prompt="{}")
    np.testing.assert_allclose([plain[label] for label in labels], confidences(pair, CAT, labels), atol=1e-6)
    both = pair.classify(CAT, labels, prompt=["{}", "a photo of a {}"])
    means = sum(pair.embed_texts([p.format(label) for label in labels]).values for p in ("{}", "a photo of a {}"))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    scores = SCALE * means @ pair.embed_images([CAT]).values[0]
    np.testing.assert_allclose([both[label] for label in labels], np.exp(scores) / np.exp(scores).sum(), atol=1e-5)


def test_broken_pictures_are_skipped_and_said(pair, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="broken.png"):
        rows = pair.classify([CAT, broken], ["cat", "dog"])
    assert rows[0] and rows[1] is None
    with pytest.raises(whence.InputError, match="broken.png"):
        pair.classify(broken, ["cat"])
    filtered = pair.filter([broken, CAT], ["cat", "dog"], 0.0)
    assert list(filtered.set_aside) == [1] and "broken.png" in filtered.unreadable[0]


def test_filter(pair):
    pictures, labels = [CAT, PHOTO], ["cat", "dog", "fox"]
    images = pair.embed_images(pictures).values.astype(float)
    names = pair.embed_texts([f"a photo of a {label}" for label in labels]).values.astype(float)
    cosines = images @ names.T
    nothing = images @ pair.embed_texts(["a photo of a"]).values[0].astype(float)
    presence = 1 / (1 + np.exp(-SCALE * (cosines - nothing[:, None])))
    for measure, values in (("presence", presence), ("cosine", cosines)):
        threshold = float(np.median(values))
        found = pair.filter(pictures, labels, threshold, measure=measure).set_aside
        assert 0 < sum(map(len, found.values())) < 6
        for i in range(2):
            assert {label for label, v in zip(labels, values[i], strict=True) if v >= threshold + 1e-5} <= set(found.get(i, {}))
            for label, value in found.get(i, {}).items():
                assert value == pytest.approx(values[i][labels.index(label)], abs=1e-5)
    # A bar that nothing reaches.
    assert pair.filter(pictures, labels, 1.0, measure="cosine").set_aside == {}


def test_explain_both_sides(pair):
    picture = pair.explain(CAT, "a photo of a cat", method="integrated-gradients")
    assert picture.values.shape[-1] == 3
    assert abs(picture.error) < 1e-2 * max(1, np.abs(picture.values).sum())
    competing = pair.explain(CAT, ["a cat", "a dog"], method="occlusion", target="a dog")
    assert competing.target.label == "a dog"
    words = pair.explain(CAT, "the quick dog", side="text", method="occlusion", scale="raw", bow=True)
    assert "quick" in words.names
    whole, less = (SCALE * pair.embed_images([CAT]).values[0] @ pair.embed_texts([t]).values[0] for t in ("the quick dog", "the  dog"))
    assert words.values[words.names.index("quick")] == pytest.approx(whole - less, abs=1e-3)
    model = pair.text_model([CAT, PHOTO])
    assert model.classes == ["cat.png", "photo_46x50.png"]
    assert model.predict(["a dog"]).shape == (1, 2)


def test_saved_explanations_replay(pair, tmp_path):
    for side in ("image", "text"):
        file = tmp_path / f"{side}.json"
        pair.explain(CAT, "a dog", side=side, method="integrated-gradients").save(file)
        assert whence.replay(file).same


def test_wrong_requests(pair, folder, tmp_path):
    for call in (
        lambda: pair.classify(CAT, []), lambda: pair.classify(CAT, "cat"), lambda: pair.classify(CAT, ["a", "a"]),
        lambda: pair.classify(CAT, ["a"], prompt="a photo"), lambda: pair.filter([CAT], ["a"], measure="loudness"),
        lambda: pair.explain(CAT, "a", side="back"), lambda: pair.explain([CAT, PHOTO], "a"), lambda: pair.embed_texts("a"),
    ):
        with pytest.raises(whence.UsageError):
            call()
    with pytest.raises(whence.FileError, match="no such folder"):
        whence.clip.load(tmp_path / "nowhere")
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "config.json").unlink()
    with pytest.warns(UserWarning, match="100 stands for it"):
        whence.clip.load(other)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whence.clip.load(folder)


# ---------------------------------------------------------------------------------------------- the command line


def test_info(folder, pair):
    text = run("info", folder).stdout
    assert "16 x 16 pixels, bicubic; 2 blocks of attention" in text and "up to 12 tokens; 2 blocks" in text
    assert run("load", folder).stdout == text
    facts = json.loads(run("info", folder, "--json").stdout)
    assert facts["fingerprint"] == pair.fingerprint and facts["logit_scale"] == SCALE and facts["preprocessing"]["resample"] == "bicubic"


def test_classify_command(folder, pair, tmp_path):
    text = run("classify", CAT, "--labels", "cat, quick dog,fox", "--model", folder).stdout
    wanted = pair.classify(CAT, ["cat", "quick dog", "fox"])
    assert [line.split(maxsplit=1) for line in text.splitlines()] == [[f"{v:.4f}", k] for k, v in wanted.items()]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    done = run("classify", CAT, broken, "--labels", "cat,fox", "--model", folder, "--json")
    found = json.loads(done.stdout)
    assert len(found["images"]) == 1 and found["unreadable"][0]["path"] == str(broken) and "broken.png" in done.stderr
    assert run("classify", broken, "--labels", "cat", "--model", folder, status=3).stdout == ""


def test_filter_command(folder, pair, tmp_path):
    photos = tmp_path / "photos/deep"
    photos.mkdir(parents=True)
    for file in (CAT, PHOTO):
        shutil.copy(file, photos)
    (photos / "broken.jpg").write_bytes(b"no picture")
    before = sorted(photos.iterdir())
    threshold = np.median([v for row in pair.classify([CAT, PHOTO], ["cat", "fox"]) for v in row.values()])
    shared = ["filter", tmp_path / "photos", "--labels", "cat,fox", "--model", folder, "--measure", "confidence", "--threshold", threshold]
    done = run(*shared, "-o", tmp_path / "m.json", "-o", tmp_path / "m.csv")
    assert "2 of 3 pictures at or over confidence" in done.stdout and "1 could not be read" in done.stdout
    manifest = json.loads((tmp_path / "m.json").read_text())
    assert manifest["pictures"] == 3 and len(manifest["unreadable"]) == 1
    with (tmp_path / "m.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [row["path"] for row in manifest["set_aside"]]
    assert all(float(row[row["found"].split(";")[0]]) >= threshold for row in rows)
    assert sorted(photos.iterdir()) == before  # nothing was moved
    run(*shared[:-2], "--threshold", "2", status=2)
    run(*shared, "-o", tmp_path / "m.txt", status=2)


def test_explain_command(folder, tmp_path):
    page, saved, picture = tmp_path / "why.html", tmp_path / "why.json", tmp_path / "why.png"
    run("explain", CAT, "--text", "a photo of a cat", "--model", folder, "-m", "integrated-gradients", "-o", page, "-o", saved, "-o", picture)
    assert "attribution error" in page.read_text().lower() and picture.read_bytes()[:4] == b"\x89PNG"
    assert subprocess.run([WHENCE, "replay", saved], check=False).returncode == 0
    text = run("explain", CAT, PHOTO, "--text", "the quick dog", "--side", "text", "--model", folder, "-m", "integrated-gradients", "-t", "1").stdout
    assert "photo_46x50.png" in text and "quick" in text
    labels = run("explain", CAT, "--labels", "cat,fox", "--model", folder, "-m", "occlusion", "-t", "fox").stdout
    assert "fox" in labels
    for wrong in (["--side", "back", "--text", "a"], [], ["--text", "a", "--text", "b", "--side", "text"], ["--text", "a", "--labels", "b"]):
        assert run("explain", CAT, "--model", folder, *wrong, status=2).stderr.count("\n") == 1
    assert "no command 'clip explian'" in run("explian", status=2).stderr
