"""whence experiment as a user meets it: a study that is killed and continued, and the document made of it."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))
USAGE, INPUT, IO, INTERRUPTED = 2, 3, 7, 130
SPEC = {
    "title": "A small study", "seed": 3, "iterations": 6, "folds": 2, "epochs": 2, "objects": 9, "batch": 16,
    "data-sets": [{"name": "blocks", "foreground": 0.5, "segmentation": "grid:4x4"}],
    "architectures": [{"name": "small", "hidden": 6}],
    "methods": [{"name": "lime", "kind": "lime", "samples": 500}, {"name": "shap", "kind": "kernel-shap", "hide": "training-mean"}],
    "differences": [{"distance": "mean-absolute"}],
}

pytestmark = pytest.mark.skipif(not WHENCE.exists(), reason=f"{WHENCE} is not built")


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def place(tmp_path):
    """A folder with MNIST's files, small, and a spec."""
    (tmp_path / "blocks").mkdir()
    rng = np.random.default_rng(0)
    for stem, count in (("train", 600), ("t10k", 60)):
        labels = np.arange(count) % 3
        pixels = rng.integers(0, 60, (count, 8, 8))
        for i, label in enumerate(labels):
            pixels[i, (label // 2) * 4 : (label // 2) * 4 + 4, (label % 2) * 4 : (label % 2) * 4 + 4] += 150
        write_idx(tmp_path / "blocks" / f"{stem}-images-idx3-ubyte", pixels)
        write_idx(tmp_path / "blocks" / f"{stem}-labels-idx1-ubyte", labels)
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    return tmp_path


def command(*words) -> list[str]:
    return [str(WHENCE), "experiment", *map(str, words)]


def run(place, *words, check=0):
    result = subprocess.run(command(*words), cwd=place, capture_output=True, text=True, timeout=300)
    assert result.returncode == check, result.stderr
    return result


def test_killed_at_any_moment_it_continues_to_the_same_ledger(place):
    run(place, "quality", "spec.json", "--ledger", "whole", "--threads", 1)
    whole = (place / "whole").read_bytes()
    assert whole.count(b"\n") == 1 + 1 + 12 * 4 + 6
    start = time.monotonic()
    run(place, "quality", "spec.json", "--ledger", "timed", "--threads", 2)
    takes = time.monotonic() - start
    rng = random.Random(7)
    kills = grown = 0
    for attempt in range(60):
        before = (place / "cut").read_bytes() if (place / "cut").exists() else b""
        process = subprocess.Popen(command("quality", "spec.json", "--ledger", "cut", "--threads", 2, "-q"), cwd=place,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0, 0.7 * takes))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        now = (place / "cut").read_bytes() if (place / "cut").exists() else b""
        # What was there stays; what came is the beginning of the uninterrupted ledger, torn nowhere but at its end.
        kept = before[: before.rfind(b"\n") + 1]
        assert now.startswith(kept) and whole.startswith(now)
        grown += len(now) > len(before)
        if now == whole and process.returncode == 0:
            if kills >= 2 and grown >= 2:
                break
            takes /= 2  # it was measured while the machine did something else
            (place / "cut").unlink()
    assert kills >= 2 and grown >= 2
    run(place, "quality", "spec.json", "--ledger", "cut")
    assert (place / "cut").read_bytes() == whole


def test_interrupted_it_says_how_to_go_on(place):
    # As Python's own children ignore nothing: SIGINT as from a terminal.
    process = subprocess.Popen(command("quality", "spec.json", "--ledger", "cut", "--threads", 1), cwd=place, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (place / "cut").exists() or (place / "cut").read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "the same command continues" in said and said.count("\n") == 1
    assert "found there" in run(place, "quality", "spec.json", "--ledger", "cut").stdout


def test_one_writer_one_study(place):
    run(place, "quality", "spec.json")
    assert (place / "spec.ledger.jsonl").exists()
    (place / "other.json").write_text(json.dumps({**SPEC, "seed": 4}))
    said = run(place, "quality", "other.json", "--ledger", "spec.ledger.jsonl", check=USAGE).stderr
    assert "belongs to another study" in said
    (place / "wrong.json").write_text(json.dumps({**SPEC, "fold": 4}))
    assert run(place, "quality", "wrong.json", check=INPUT).stderr.startswith("whence: wrong.json: there is no setting 'fold'")
    run(place, "quality", "missing.json", check=IO)
    assert "expected" in run(place, "quality", "spec.json", "more", check=USAGE).stderr
    assert run(place, check=USAGE).stderr


def test_the_document_is_made_of_the_ledger(place):
    run(place, "quality", "spec.json", "--ledger", "l")
    run(place, "report", "l", "-o", "quality.md")
    text = (place / "quality.md").read_text()
    figures = sorted(path.name for path in (place / "quality").iterdir())
    assert figures == ["accuracy-reco.png", "examples-blocks.png", "matrix-lime.png", "matrix-shap.png"]
    assert all(f"(quality/{name})" in text for name in figures)
    assert "# A small study" in text and str(place) not in text
    assert "Markdown" in run(place, "report", "l", "-o", "quality.html", check=USAGE).stderr
    (place / "letter").write_text("Dear Sir,\n")
    assert "no ledger" in run(place, "report", "letter", "-o", "x.md", check=INPUT).stderr
