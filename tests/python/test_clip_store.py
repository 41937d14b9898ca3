"""Stores of embeddings: from Python, and whence clip index, search, remove, compact."""

import csv
import io
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
needs_program = pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The tiny pair of encoders."""
    folder = tmp_path_factory.mktemp("pair")
    for name in ("vision_model.onnx", "text_model.onnx", "preprocessor_config.json"):
        shutil.copy(GOLDEN / "pair" / name, folder)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(GOLDEN / "small" / name, folder)
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = rng.integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / ("deep" if i % 2 else "") / f"p{i}.png")
    (folder / "broken.jpg").write_text("no picture")
    return folder


def unit(count, width=24, seed=0):
    rows = np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_embeddings_of_ones_own(tmp_path):
    rows, queries = unit(500), unit(5, seed=1)
    with whence.clip.Writer(tmp_path / "s", fingerprint="mine", width=24) as writer:
        assert writer.put("image", [f"p{i}" for i in range(500)], 7 * rows) == 0
        assert writer.put("text", ["", ""], unit(2, seed=2), captions=["a", "b"]) == 0
        writer.finish()
        with pytest.raises(whence.UsageError, match="another process is writing"):
            whence.clip.Writer(tmp_path / "s", fingerprint="mine", width=24)
    with pytest.raises(whence.UsageError, match="closed"):
        writer.finish()
    store = whence.clip.Store(tmp_path / "s")
    assert (store.fingerprint, store.width, store.notes) == ("mine", 24, [])
    assert store.counts() == {"items": 500, "removed": 0, "in_graph": 0}
    truth = np.argsort(-queries @ rows.T, axis=1)[:, :10]
    ids, scores = store.nearest(queries)
    np.testing.assert_array_equal(ids - 1, truth)
    np.testing.assert_allclose(scores, np.take_along_axis(queries @ rows.T, truth, 1), atol=1e-6)
    found = store.search(embedding=queries[0], k=3, embeddings=True)
    assert [f.path for f in found] == [f"p{i}" for i in truth[0, :3]]
    assert [f.id for f in found] == ids[0, :3].tolist()
    np.testing.assert_allclose(found[0].embedding, rows[truth[0, 0]], atol=1e-6)
    assert store.search(embedding=queries[0])[0].embedding is None
    assert {f.caption for f in store.search(embedding=queries[0], kind="text")} == {"a", "b"}
    assert "p" in repr(found[0])
    with whence.clip.Writer(tmp_path / "s", fingerprint="mine", width=24) as writer:
        assert writer.remove([int(ids[0, 0])]) == 1
        writer.compact()
    assert store.nearest(queries)[0][0, 0] == ids[0, 1], "an open store follows"


def test_many_embeddings_have_a_graph(tmp_path):
    centres = unit(40, 64, seed=5)
    near = np.repeat(centres, 100, axis=0) + 0.08 * np.random.default_rng(6).standard_normal((4000, 64)).astype(np.float32)
    with whence.clip.Writer(tmp_path / "s", fingerprint="mine", width=64, graph_from=1000) as writer:
        writer.put("image", [str(i) for i in range(4000)], near)
        writer.finish()
    store = whence.clip.Store(tmp_path / "s")
    assert store.counts()["in_graph"] == 4000
    queries = near[::40] + 0.01 * unit(100, 64, seed=7)
    exact, walked = store.nearest(queries, exact=True)[0], store.nearest(queries, effort=64)[0]
    assert np.mean([len(set(a) & set(b)) for a, b in zip(exact, walked)]) >= 9.9
    assert np.array_equal(walked, store.nearest(queries, effort=64, threads=1)[0])


def test_what_goes_wrong(tmp_path):
    with pytest.raises(whence.InputError, match="no store"):
        whence.clip.Store(tmp_path)
    with whence.clip.Writer(tmp_path / "s", fingerprint="mine", width=4) as writer:
        bad = unit(2, 4)
        bad[1, 2] = np.nan
        with pytest.raises(whence.InputError, match="embedding of 'b'"):
            writer.put("image", ["a", "b"], bad)
        with pytest.raises(whence.InputError, match="4 numbers"):
            writer.put("image", ["a"], unit(1, 5))
        with pytest.raises(whence.InputError, match="captions"):
            writer.put("image", ["a"], unit(1, 4), captions=["a", "b"])
        with pytest.raises(whence.UsageError, match="'image' or 'text'"):
            writer.put("sound", ["a"], unit(1, 4))
        writer.put("image", ["a"], unit(1, 4))
    with pytest.raises(whence.UsageError, match="another model"):
        whence.clip.Writer(tmp_path / "s", fingerprint="other", width=4)
    store = whence.clip.Store(tmp_path / "s")
    for wrong in (dict(), dict(text="a", embedding=[1, 2, 3, 4])):
        with pytest.raises(whence.UsageError, match="one of them"):
            store.search(**wrong)
    with pytest.raises(whence.InputError, match=r"\[width\]"):
        store.search(embedding=unit(2, 4))
    with pytest.raises(whence.InputError):
        store.search(embedding=[1, 2, 3])
    with pytest.raises(whence.Error):
        store.search("a dog")  # there is no model


def test_index_and_search(model, photos, tmp_path):
    done = whence.clip.index(photos, store=tmp_path / "s", model=model, captions=["a dog", (photos / "p0.png", "a cat")])
    assert (done.added, done.captions_added, len(done.broken)) == (12, 2, 1)
    assert "broken.jpg" in done.broken[0]
    again = whence.clip.index([photos], store=tmp_path / "s", model=model)
    assert (again.added, again.unchanged) == (0, 12)
    store = whence.clip.Store(tmp_path / "s")
    assert Path(store.model) == model
    found = store.search(image=photos / "p4.png", k=3)
    assert found[0].path == str(photos / "p4.png") and found[0].score == pytest.approx(1, abs=1e-5)
    assert (found[0].width, found[0].height, found[0].kind) == (16, 12, "image")
    assert store.search("a cat", kind="text")[0].caption == "a cat"
    assert len(store.search("a cat", k=100)) == 12
    with pytest.raises(whence.FileError):
        whence.clip.index(tmp_path / "nowhere", store=tmp_path / "s", model=model)


@needs_program
def test_commands(model, photos, tmp_path):
    store = tmp_path / "s"
    captions = tmp_path / "captions.csv"
    captions.write_text("path,caption\nphotos/p0.png,\"a cat, asleep\"\n,a dog\n")
    out = run("clip", "index", photos, "-o", store, "--model", model, "--captions", captions)
    assert "12 pictures: 12 new, 1 more could not be read" in out.stdout
    assert "2 captions: 2 new" in out.stdout
    assert "broken.jpg" in out.stderr
    out = run("clip", "index", photos, "-o", store, "--model", model)
    assert "12 pictures: 0 new, 12 as they were" in out.stdout
    # The model is the one the store was made with.
    table = run("clip", "search", store, "--image", photos / "p4.png", "-k", "3").stdout.splitlines()
    assert len(table) == 3 and table[0].split()[:2] == ["1", "1.0000"] and table[0].endswith("p4.png")
    found = json.loads(run("clip", "search", store, "a dog", "--kind", "text", "--json").stdout)
    assert [f["caption"] for f in found] == ["a dog", "a cat, asleep"]
    assert found[1]["path"] == str(photos / "p0.png")
    rows = list(csv.DictReader(io.StringIO(run("clip", "search", store, "a dog", "--csv", "-k", "12").stdout)))
    assert len(rows) == 12
    assert [float(r["score"]) for r in rows] == sorted((float(r["score"]) for r in rows), reverse=True)
    exact = run("clip", "search", store, "a dog", "--csv", "-k", "12", "--exact").stdout
    assert list(csv.DictReader(io.StringIO(exact))) == rows
    (photos / "p2.png").unlink()
    assert "1 removed" in run("clip", "index", photos, "-o", store, "--model", model, "--prune").stdout
    assert run("clip", "remove", store, photos / "deep", "--text", "a dog").stdout == "7 removed\n"
    assert run("clip", "compact", store).stdout == "room of 8 removed vectors given back\n"
    assert len(json.loads(run("clip", "search", store, "a dog", "--json").stdout)) == 5


@needs_program
def test_commands_that_make_no_sense(model, photos, tmp_path):
    fails(USAGE, "clip", "index", "-o", tmp_path / "s", "--model", model, "-q", says="give DIR")
    fails(INPUT, "clip", "search", tmp_path, "a dog", "-q", says="no store")
    with whence.clip.Writer(tmp_path / "s", fingerprint="other", width=4):
        fails(USAGE, "clip", "compact", tmp_path / "s", "-q", says="another process is writing")
    fails(USAGE, "clip", "index", photos, "-o", tmp_path / "s", "--model", model, "-q", says="another model")
    fails(USAGE, "clip", "search", tmp_path / "s", "a dog", "--model", model, "-q", says="another model")
    fails(USAGE, "clip", "search", tmp_path / "s", "-q", says="what to look for")
    fails(USAGE, "clip", "search", tmp_path / "s", "a", "--json", "--csv", "-q", says="not both")
    fails(USAGE, "clip", "index", photos, "-o", photos, "--model", model, "-q", says="something else")
    fails(USAGE, "clip", "remove", tmp_path / "s", "-q", says="give PATH")
