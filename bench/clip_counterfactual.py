"""Counterfactual queries over a million made embeddings of 512 numbers: Whence's search in its store, and NumPy over all of them.

No library answers such a query. The peer is the obvious full scan: scores of every embedding with every text, their softmax, the
angle to the original, the nearest of those that reach the goal. It is also what recall is measured against.

The embeddings are made like those of a CLIP model: a common direction (the cone that real ones fill), a thousand concepts around it of
unequal sizes, pictures around their concept, both with a decaying spectrum; texts lie mostly along a direction of their own (the
modality gap) and a little along their concept. What cosines come of it is printed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from harness import ROOT, in_turns
from models import FOLDER

WIDTH, CONCEPTS, SCALE, WANTED_COUNT, LIMIT = 512, 1000, 100.0, 5, 20_000


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Concepts, and what is drawn around them."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)
        self.spectrum = (1 / np.sqrt(np.arange(WIDTH) + 10)).astype(np.float32)
        self.turn = np.linalg.qr(self.rng.normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)
        common = unit(self.rng.normal(size=(1, WIDTH)))
        self.own = self.noise(CONCEPTS)
        self.concepts = unit(common + 0.8 * self.own)
        other = unit(self.rng.normal(size=(1, WIDTH)))
        self.text_direction = unit(other - (other @ common.T) * common + 0.37 * common)
        self.shares = 1 / (np.arange(CONCEPTS) + 20)
        self.shares /= self.shares.sum()

    def noise(self, count: int) -> np.ndarray:
        return unit(self.rng.standard_normal((count, WIDTH), dtype=np.float32) * self.spectrum @ self.turn)

    def pictures(self, concepts: np.ndarray) -> np.ndarray:
        return unit(self.concepts[concepts] + 0.6 * self.noise(len(concepts)))

    def texts(self, concepts: np.ndarray) -> np.ndarray:
        return unit(0.8 * self.text_direction + 0.25 * self.own[concepts] + 0.15 * self.noise(len(concepts)))

    def write(self, path: Path, count: int) -> None:
        with path.open("wb") as file:
            for first in range(0, count, 50_000):
                some = self.rng.choice(CONCEPTS, min(50_000, count - first), p=self.shares)
                file.write(self.pictures(some).tobytes())


class Program:
    """The search, asked line by line."""

    def __init__(self, path: Path, folder: Path, threads: int) -> None:
        program = ROOT / "build/release/bench/clip_counterfactual_library"
        subprocess.run(["cmake", "--build", str(ROOT / "build/release"), "--target", program.name], check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [program, path, str(WIDTH), folder, str(threads)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.stored = self.process.stdout.readline().split()[1:]

    def ask(self, question: str) -> list[str]:
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


def full_scan(pictures, original, texts, wanted, goal, aim) -> np.ndarray:
    logits = SCALE * (pictures @ texts.T)
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    confidence = logits[:, wanted] / logits.sum(axis=1)
    reaching = np.flatnonzero(confidence >= goal if aim == "raise" else confidence <= goal)
    return reaching[np.argsort(-(pictures[reaching] @ original), kind="stable")[:WANTED_COUNT]]


def run(bench) -> None:
    count = 100_000 if bench.quick else 1_000_000
    queries = 20 if bench.quick else 50
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"clip-counterfactual-{count}.f32"
    world = World()
    if not path.exists():
        world.write(path, count)
    world.rng = np.random.default_rng(2)  # the same questions whether the file was there or not
    pictures = np.fromfile(path, np.float32).reshape(-1, WIDTH)
    program = Program(path, FOLDER / f"clip-counterfactual-{count}.store", bench.threads)
    seconds, size, in_graph = program.stored
    bench.note(f"{size} embeddings, {in_graph} of them in the graph; opened (or made) in {seconds} s")

    for texts_count in (10, 30):
        concepts = world.rng.choice(300, texts_count, replace=False)
        texts = world.texts(concepts)
        texts.tofile(FOLDER / "clip-counterfactual.texts")
        own = np.arange(queries) % texts_count
        originals = world.pictures(concepts[own])
        cosines = originals @ texts.T
        bench.note(
            f"{texts_count} texts: cosine of a picture with its own {cosines[np.arange(queries), own].mean():.3f}, "
            f"with all {cosines.mean():.3f}; of two pictures {np.mean(pictures[:2000] @ pictures[2000:4000].T):.3f}"
        )
        for aim, goal in (("raise", 0.9), ("lower", 0.1)):
            compare(bench, program, pictures, texts, originals, own, aim, goal)


def compare(bench, program, pictures, texts, originals, own, aim, goal) -> None:
    """Every query once, then recall, then one of the queries in turns with the full scan."""
    file = FOLDER / "clip-counterfactual.original"
    asked, answers, question = [], [], ""
    for i, original in enumerate(originals):
        wanted = own[i] if aim == "lower" else (own[i] + 3) % len(texts)
        before = np.exp(SCALE * (texts @ original - texts[wanted] @ original))
        if (1 / before.sum() >= goal) == (aim == "raise"):
            continue  # there already: nothing to look for
        original.tofile(file)
        question = f"{aim} {goal} {WANTED_COUNT} {LIMIT} {SCALE} {wanted} {FOLDER / 'clip-counterfactual.texts'} {file}"
        asked.append((original, wanted))
        answers.append(program.ask(question))
    found, expected = 0, 0
    for (original, wanted), answer in zip(asked, answers, strict=True):
        truth = full_scan(pictures, original, texts, wanted, goal, aim)
        found += len(set(truth) & {int(number) for number in answer[6:]})
        expected += len(truth)
    numbers = np.array([[float(value) for value in answer[:5]] for answer in answers])
    wall, index, busy = 1000 * numbers[:, 0], 1000 * numbers[:, 1], 1000 * numbers[:, 2]
    case = f"{len(texts)} texts {aim}"
    bench.note(
        f"{case}: recall {found / max(expected, 1):.4f} of {expected}; ms a query: median {np.median(wall):.1f}, 95% {np.quantile(wall, 0.95):.1f}, "
        f"most {wall.max():.1f}; the index {index.mean() / wall.mean():.0%} of it; of processors {busy.mean():.1f} (most {busy.max():.1f}); "
        f"questions {numbers[:, 3].mean():.1f}, scored {numbers[:, 4].mean():.0f}"
    )
    if found < 0.99 * expected:
        bench.warn(f"recall below 0.99 in {case}")
    original, wanted = asked[-1]
    timings = in_turns(
        {
            "whence": lambda: program.ask(question),
            "numpy": lambda: full_scan(pictures, original, texts, wanted, goal, aim),
        },
        rounds=bench.rounds,
    )
    bench.ratio(case, timings["whence"], timings["numpy"])
