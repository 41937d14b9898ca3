"""whence train: the network it writes is one that explain reads, and the same for the same seed."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_cli import INPUT, IO, USAGE, WHENCE, fails, left_in, run  # noqa: E402

pytestmark = pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")


def idx(array):
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """Pictures with an upright bar or a lying one."""
    folder = tmp_path_factory.mktemp("bars")
    rng = np.random.default_rng(0)
    for stem, count in [("train", 300), ("t10k", 100)]:
        labels = rng.integers(0, 2, count).astype(np.uint8)
        images = rng.integers(0, 60, (count, 8, 8)).astype(np.uint8)
        for image, label in zip(images, labels):
            at = rng.integers(0, 8)
            if label:
                image[at] = 250
            else:
                image[:, at] = 250
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))
    (folder / "classes.txt").write_text("upright\nlying\n")
    upright = np.full((8, 8), 20, np.uint8)
    upright[:, 3] = 250
    Image.fromarray(upright).save(folder / "upright.png")
    return folder


@pytest.mark.parametrize("architecture", ["dense", "cnn"])
def test_what_is_trained_can_be_explained(bars, tmp_path, architecture):
    model = tmp_path / "bars.onnx"
    told = run("train", bars, "-o", model, "--architecture", architecture, "--epochs", 30, "--batch", 20, "--learning-rate", 0.01)
    lines = told.stdout.splitlines()
    assert len(lines) == 30 and lines[0].startswith("epoch 1  loss ")
    assert float(lines[-1].split()[-1]) > 0.9
    assert left_in(tmp_path) == ["bars.json", "bars.onnx"]
    preprocessing = json.loads((tmp_path / "bars.json").read_text())
    assert preprocessing["classes"] == ["upright", "lying"] and preprocessing["size"] == [8, 8]
    explanation = tmp_path / "why.json"
    run("explain", model, bars / "upright.png", "-m", "integrated-gradients", "-o", explanation)
    assert "upright" in run("predict", model, bars / "upright.png").stdout.splitlines()[0]
    assert json.loads(explanation.read_text())["target"]


def test_seeds_decide_everything(bars, tmp_path):
    def trained(name, *words):
        run("train", bars, "-o", tmp_path / name, "--epochs", 1, *words)
        return (tmp_path / name).read_bytes()

    first = trained("a.onnx", "--seed", 3)
    assert trained("b.onnx", "--seed", 3, "--threads", 1) == first
    assert trained("c.onnx", "--seed", 4) != first
    assert trained("d.onnx", "--seed", 3, "--hidden", 49) != first


def test_errors_are_one_line_and_leave_nothing(bars, tmp_path):
    out = tmp_path / "out.onnx"
    fails(IO, "train", tmp_path / "none", "-o", out, says="there is no such folder")
    fails(INPUT, "train", tmp_path, "-o", out, says="no image set")
    fails(USAGE, "train", bars, "-o", tmp_path / "out.txt", says="must end in .onnx")
    fails(USAGE, "train", bars, "-o", out, "--architecture", "deep", says=["deep", "dense", "cnn"])
    fails(USAGE, "train", bars, "-o", out, "--epochs", 0, says="epochs must be from 1 to 10000")
    fails(USAGE, "train", bars, "-o", out, "--batch", -1, says="batch must be")
    assert left_in(tmp_path) == []
