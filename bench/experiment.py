"""The study of model quality and explanation quality: a measured slice of it against PyTorch, lime and shap, extrapolated.

Whence runs whole trainings of the study on MNIST by its command line; the peers train one epoch and explain a few digits over the same 7x7 grid.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from harness import ROOT, Timing, in_turns

TRAININGS, EPOCHS, EXPLANATIONS = 300, 5, 150_000  # of the main study; explanations by each method
SIDE, GRID = 28, 7
SEGMENTS = np.add.outer(np.arange(SIDE) // 4 * GRID, np.arange(SIDE) // 4)


def run(bench) -> None:
    data = Path(os.environ.get("WHENCE_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not (data / "mnist").is_dir():
        raise SystemExit("bench/run experiment: WHENCE_DATA must name a folder with mnist/ in it")
    epochs = 1 if bench.quick else EPOCHS
    ours = Whence(data, folds=5, epochs=epochs, threads=bench.threads)
    theirs = Peers(data / "mnist", digits=2 if bench.quick else 4)
    calls = {"whence": ours, "epoch": theirs.epoch, "lime": theirs.lime, "shap": theirs.shap}
    times = in_turns(calls, rounds=2 if bench.quick else 4, shortest=0.0, warm_up=1)
    bench.note(f"accuracy after {epochs} epochs: whence {ours.accuracy:.4f} (mean of {ours.trainings} networks, four fifths of the pictures)")
    bench.note(f"the peers' after {theirs.epochs} epochs, all pictures: {theirs.accuracy():.4f}")
    for name in ("epoch", "lime", "shap"):
        bench.note(f"{name}: {times[name]}" + ("" if name == "epoch" else f" for {theirs.digits} digits"))
    # Whence's clock is its own: seconds of its threads, without reading the pictures.
    whence = Timing([TRAININGS * s for s in ours.training_seconds[-len(times["whence"].samples) :]])
    peer = Timing(
        [
            TRAININGS * EPOCHS * epoch * 0.8 + EXPLANATIONS / theirs.digits * (lime + shap)
            for epoch, lime, shap in zip(times["epoch"].samples, times["lime"].samples, times["shap"].samples, strict=True)
        ]
    )
    bench.ratio("study", whence, peer, f"(300 trainings, 300 000 explanations, extrapolated from {ours.trainings} trainings)")


class Whence:
    """A slice of the study; one training's share of the threads' time, all epochs and explanations in it."""

    def __init__(self, data: Path, folds: int, epochs: int, threads: int):
        spec = json.loads((ROOT / "examples" / "experiments" / "quality.json").read_text())
        spec.update({"iterations": 1, "folds": folds, "epochs": epochs})
        spec["data-sets"] = spec["data-sets"][:1]
        self.spec, self.data, self.threads, self.trainings = spec, data, threads, folds
        self.share = epochs / EPOCHS
        self.training_seconds: list[float] = []
        self.accuracy = 0.0

    def __call__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            spec, ledger = Path(folder) / "spec.json", Path(folder) / "ledger"
            spec.write_text(json.dumps(self.spec))
            words = [ROOT / "build" / "release" / "whence", "experiment", "quality", spec, "--ledger", ledger, "--data", self.data]
            subprocess.run([*map(str, words), "-q", "--threads", str(self.threads)], check=True, stdout=subprocess.DEVNULL)
            rows = [json.loads(line) for line in Path(f"{ledger}.seconds").read_text().splitlines()]
            results = [json.loads(line) for line in ledger.read_text().splitlines()[1:]]
        seconds = sum(value for row in rows for key, value in row.items() if key.endswith("-seconds"))
        self.training_seconds.append(seconds / len(rows) / min(self.threads, len(rows)) / self.share)
        last = [row["accuracy"] for row in results if row["row"] == "result" and row["epoch"] == self.spec["epochs"]]
        self.accuracy = float(np.mean(last))


class Peers:
    """PyTorch, lime and shap as a study in Python would use them, with batches that suit them."""

    def __init__(self, folder: Path, digits: int):
        import torch

        self.torch, self.digits, self.epochs = torch, digits, 0
        self.train, self.train_labels = read(folder, "train")
        self.test, self.test_labels = read(folder, "t10k")
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(SIDE * SIDE, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
        self.optimiser = torch.optim.Adam(self.model.parameters())
        self.mean = self.train.mean(axis=0)

    def epoch(self) -> None:
        torch = self.torch
        pixels, labels = torch.from_numpy(self.train), torch.from_numpy(self.train_labels)
        loss = torch.nn.CrossEntropyLoss()
        for batch in torch.randperm(len(pixels)).split(64):
            self.optimiser.zero_grad()
            loss(self.model(pixels[batch]), labels[batch]).backward()
            self.optimiser.step()
        self.epochs += 1

    def predict(self, rows: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            return self.torch.softmax(self.model(self.torch.from_numpy(np.ascontiguousarray(rows, np.float32))), dim=1).numpy()

    def accuracy(self) -> float:
        return float((self.predict(self.test).argmax(axis=1) == self.test_labels).mean())

    def lime(self) -> None:
        from lime.lime_image import LimeImageExplainer

        for i in range(self.digits):
            picture = np.repeat(self.test[i].reshape(SIDE, SIDE, 1), 3, axis=2).astype(np.float64)
            LimeImageExplainer(random_state=i).explain_instance(
                picture,
                lambda pictures: self.predict(pictures[..., 0].reshape(-1, SIDE * SIDE)),
                top_labels=1,
                num_samples=1000,
                batch_size=250,
                segmentation_fn=lambda _: SEGMENTS,
            )

    def shap(self) -> None:
        import shap

        place = SEGMENTS.reshape(-1)
        for i in range(self.digits):
            digit = self.test[i]
            target = int(self.predict(digit[None]).argmax())
            masked = lambda z: self.predict(np.where(z[:, place] > 0, digit, self.mean))[:, target]  # noqa: B023, E731
            explainer = shap.KernelExplainer(masked, np.zeros((1, GRID * GRID)))
            explainer.shap_values(np.ones((1, GRID * GRID)), nsamples="auto", l1_reg=False, silent=True)


def read(folder: Path, stem: str) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.frombuffer(gzip.decompress((folder / f"{stem}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((folder / f"{stem}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return pixels.reshape(-1, SIDE * SIDE).astype(np.float32) / 255, labels.astype(np.int64)
