"""Training the two small networks in PyTorch and in Whence: seconds, and the test accuracy over seeds."""

from __future__ import annotations

import gzip
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from harness import Timing
from models import data_folder

ROOT = Path(__file__).resolve().parents[1]
SETS = {"mnist": 48_000, "fashion_mnist": 48_000, "cifar10": 16_000}
BATCH = 64


def run(bench) -> None:
    data = data_folder()
    if data is None:
        bench.note("no image sets here (WHENCE_DATA): nothing to measure")
        return
    build = ROOT / "build/release"
    subprocess.run(["cmake", "--build", str(build), "--target", "training_library"], check=True, stdout=subprocess.DEVNULL)
    epochs, seeds = (1, 2) if bench.quick else (5, 5)
    for name in SETS:
        for architecture in ("dense", "cnn"):
            compare(bench, data / name, architecture, epochs, seeds)


def compare(bench, folder: Path, architecture: str, epochs: int, seeds: int) -> None:
    """`threads` trainings for each seed: side by side in Whence, one after another with that many threads in PyTorch."""
    train, test = read(folder)
    rows = SETS[folder.name]
    train = tuple(part[:rows] for part in train)
    ours, theirs, our_accuracies, their_accuracies = [], [], [], []
    for seed in range(seeds):
        program = [str(ROOT / "build/release/bench/training_library"), str(folder), architecture, str(epochs), str(rows),
                   str(seed * bench.threads), str(bench.threads)]  # fmt: skip
        seconds, *accuracies = map(float, subprocess.run(program, check=True, text=True, capture_output=True).stdout.split())
        ours.append(seconds / bench.threads)
        our_accuracies += accuracies
        start = time.perf_counter()
        modules = [pytorch(train, architecture, epochs, seed * bench.threads + i) for i in range(bench.threads)]
        theirs.append((time.perf_counter() - start) / bench.threads)
        their_accuracies += [accuracy(module, test) for module in modules]
    case = f"{folder.name} {architecture}"
    bench.note(f"{case}, {epochs} epochs of {rows}: accuracy of Whence {spread(our_accuracies)}, of PyTorch {spread(their_accuracies)}")
    apart = abs(statistics.mean(our_accuracies) - statistics.mean(their_accuracies))
    if seeds > 2 and apart > 2 * max(map(statistics.stdev, (our_accuracies, their_accuracies))):
        bench.warn(f"{case}: the mean accuracies are {apart:.4f} apart, more than two standard deviations over seeds")
    bench.ratio(case, Timing(ours), Timing(theirs), "(a training)")


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} [{min(values):.4f}, {max(values):.4f}]"


def pytorch(train, architecture: str, epochs: int, seed: int):
    """As an expert would write it: the set in memory as one tensor, batches by index, the fused form of Adam."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    images, labels = train
    channels, side = images.shape[1], images.shape[2]
    if architecture == "dense":
        module = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 50), nn.ReLU(), nn.Linear(50, 10))
    else:
        last = 32 * (side // 4) ** 2
        module = nn.Sequential(nn.Conv2d(channels, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
                               nn.Linear(last, 10))  # fmt: skip
    adam = torch.optim.Adam(module.parameters(), fused=True)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        order = torch.randperm(len(labels))
        for first in range(0, len(labels), BATCH):
            chosen = order[first : first + BATCH]
            adam.zero_grad()
            loss_of(module(images[chosen]), labels[chosen]).backward()
            adam.step()
    return module


def accuracy(module, test) -> float:
    import torch

    with torch.no_grad():
        return (module(test[0]).argmax(1) == test[1]).float().mean().item()


def read(folder: Path):
    """Training and test set as tensors: images [n, channels, side, side] in [0, 1], and labels."""
    return (sheets(folder, "train"), sheets(folder, "test")) if folder.name == "cifar10" else (idx(folder, "train"), idx(folder, "t10k"))


def tensors(images: np.ndarray, labels):
    import torch

    return torch.from_numpy(images.astype(np.float32) / 255), torch.from_numpy(np.asarray(labels).astype(np.int64))


def idx(folder: Path, stem: str):
    images, labels = (gzip.open(folder / f"{stem}-{part}-ubyte.gz").read() for part in ("images-idx3", "labels-idx1"))
    return tensors(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28), np.frombuffer(labels, np.uint8, offset=8))


def sheets(folder: Path, stem: str):
    import csv

    from PIL import Image

    pictures, images, labels = {}, [], []
    for line in csv.DictReader((folder / f"{stem}_labels.csv").open()):
        if line["sheet"] not in pictures:
            pictures[line["sheet"]] = np.asarray(Image.open(folder / line["sheet"]))
        row, column = divmod(int(line["index"]), 40)
        images.append(pictures[line["sheet"]][row * 32 : row * 32 + 32, column * 32 : column * 32 + 32].transpose(2, 0, 1))
        labels.append(int(line["label"]))
    return tensors(np.stack(images), labels)
