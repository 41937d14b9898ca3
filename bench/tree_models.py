"""Tree ensembles of the benchmarks, trained once on a real table, and Whence's program beside a peer's.

The peers run in the Python that WHENCE_BENCH_PYTHON names (their newest releases may need a newer one), else in this one.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import HERE, ROOT, SETTLE_SECONDS, Timing
from models import FOLDER, data_file

PROGRAM = ROOT / "build/release/bench/tree_shap_library"
PEER = [os.environ.get("WHENCE_BENCH_PYTHON", sys.executable), str(HERE / "tree_peer.py")]


@dataclass
class Trees:
    model: Path
    rows: Path  # float32, what it was trained on
    count: int  # of rows
    features: int
    leaves: int

    def of_rows(self, count: int) -> "Trees":
        """The same with a file of `count` rows: beyond the table's own they are drawn from it with replacement, with a hundredth of each
        column's deviation of jitter."""
        if count <= self.count:
            return self
        path = self.rows.with_name(f"{self.rows.stem}-{count}.f32")
        if not path.is_file():
            table = np.fromfile(self.rows, np.float32).reshape(-1, self.features)
            generator = np.random.default_rng(0)
            drawn = table[generator.integers(0, len(table), count)]
            drawn += 0.01 * np.nanstd(table, axis=0) * generator.standard_normal(drawn.shape, np.float32)
            drawn.astype(np.float32).tofile(path)
        return replace(self, rows=path, count=count)


def adult(depth: int, trees: int = 100, library: str = "xgboost") -> Trees | None:
    """Income of 32 561 persons, 14 columns, categories as codes, some missing. None where the table is not at hand."""
    path = data_file("tabular/adult_train.csv")
    if path is None:
        return None
    with open(path, newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    columns = []
    for cells in zip(*rows, strict=True):
        words = sorted({cell for cell in cells if cell != "?"})
        numbers = all(word.isdigit() for word in words)
        columns.append([np.nan if cell == "?" else float(cell) if numbers else float(words.index(cell)) for cell in cells])
    table = np.array(columns, np.float32).T
    return _trained("adult", table[:, :-1], table[:, -1].astype(float), depth, trees, library)


def _trained(name: str, table: np.ndarray, target: np.ndarray, depth: int, trees: int, library: str) -> Trees:
    folder = FOLDER.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ending = {"xgboost": "json", "lightgbm": "txt", "catboost": "catboost.json"}[library]
    model, rows = folder / f"{name}-depth-{depth}-trees-{trees}.{ending}", folder / f"{name}.f32"
    np.ascontiguousarray(table).tofile(rows)
    if not model.is_file():
        np.save(folder / f"{name}-table.npy", table)
        np.save(folder / f"{name}-target.npy", target)
        arguments = [folder / f"{name}-table.npy", folder / f"{name}-target.npy", depth, trees, model]
        subprocess.run([*PEER, "train", library, *map(str, arguments)], check=True)
    return Trees(model, rows, len(table), table.shape[1], _leaves(model.read_text(), library))


def _leaves(text: str, library: str) -> int:
    if library == "lightgbm":
        return sum(int(line.removeprefix("num_leaves=")) for line in text.splitlines() if line.startswith("num_leaves="))
    if library == "catboost":
        return sum(len(tree["leaf_weights"]) for tree in json.loads(text)["oblivious_trees"])
    grown = json.loads(text)["learner"]["gradient_booster"]["model"]["trees"]
    return sum(child < 0 for tree in grown for child in tree["left_children"])


def housing(depth: int, trees: int = 100, library: str = "xgboost") -> Trees | None:
    """Prices of California's districts, 20 640 rows of 8 columns. None where the table is not at hand."""
    path = data_file("tabular/california_housing_raw.csv")
    if path is None:
        return None
    table = np.genfromtxt(path, delimiter=",").astype(np.float32)
    return _trained("housing", table[:, :8], table[:, 8] / 1e5, depth, trees, library)


def choices(parser, background: bool = False) -> None:
    """Options that replace a benchmark's own cases: depths, trees, rows, peers and, where there is one, the rows of the background."""
    numbers = lambda text: [int(number) for number in text.split(",")]  # noqa: E731
    parser.add_argument("--depths", type=numbers, metavar="N,N", help="depths of the models, in place of the usual cases")
    parser.add_argument("--trees", type=numbers, metavar="N,N", help="trees of the models (100)")
    parser.add_argument("--rows", type=numbers, metavar="N,N", help="rows to explain (1000)")
    if background:
        parser.add_argument("--background", type=numbers, metavar="N,N", help="background rows (100)")
    parser.add_argument("--peers", type=lambda text: text.split(","), metavar="NAME,NAME", help="these only, however long they take")


def chosen(options) -> list[dict[str, int]] | None:
    """All combinations of what the options name, with the usual value of what they do not. None where they name nothing."""
    usual = {"depths": 6, "trees": 100, "rows": 1000, "background": 100}
    named = {name: getattr(options, name, None) for name in usual}
    if not any(named.values()):
        return None
    return [dict(zip(usual, values, strict=True)) for values in itertools.product(*(named[name] or [value] for name, value in usual.items()))]


def build_program() -> None:
    subprocess.run(["cmake", "--build", str(ROOT / "build/release"), "--target", "tree_shap_library"], check=True, stdout=subprocess.DEVNULL)


class Contestant:
    """A program that prints a line when it is ready, and then answers: a number of calls with the mean seconds of one."""

    def __init__(self, command: list):
        self._process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.greeting = self._process.stdout.readline().strip()
        if not self.greeting:
            raise RuntimeError((self._process.stderr.read().strip().splitlines() or ["no answer"])[-1])
        self.calls = 1
        once = self.seconds()
        self.calls = max(1, int(0.05 / max(once, 1e-7)))
        self.rounds = 5 if once < 2 else 3 if once < 15 else 1  # as many as there is time for

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, line: str) -> str:
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def seconds(self, calls: int | None = None) -> float:
        return float(self._ask(str(calls or self.calls)))

    def values(self) -> np.ndarray:
        path = FOLDER.resolve() / "tree-shap-values.f64"
        self._ask(str(path))
        return np.fromfile(path)


def whence_program(trees: Trees, count: int, kind: str, threads: int, background: int = 0) -> Contestant:
    return Contestant([PROGRAM, trees.model, trees.rows, count, kind, "float32", "best", threads, background])


def per_leaf_row(timing: Timing, trees: Trees, rows: int) -> float:
    """Nanoseconds."""
    return statistics.median(timing.samples) / (trees.leaves * rows) * 1e9


def compare(bench, case: str, trees: Trees, count: int, kind: str, peers: list[str], background: int = 0) -> Timing:
    """One ratio for each peer, whose values are compared first; Whence's own time."""
    trees = trees.of_rows(count)
    rounds = 3 if bench.quick else 5
    width = (trees.features,) * (2 if kind.endswith("interactions") else 1)
    with whence_program(trees, count, kind, bench.threads, background) as whence:
        ours = whence.values().reshape(count, *width)
        alone = Timing([whence.seconds() for _ in range(min(rounds, whence.rounds))])
        bench.note(f"{case}: {trees.leaves} leaves, {alone}, {per_leaf_row(alone, trees, count):.3g} ns a leaf-row; compiled in {float(whence.greeting) * 1e3:.1f} ms")
        for name in peers:
            try:
                peer = Contestant([*PEER, name, trees.model, trees.rows, count, kind, bench.threads, background])
            except RuntimeError as error:
                bench.note(f"{case}: {name} is left out: {error}")
                continue
            with peer:
                if name == "xgboost" and tuple(map(int, peer.greeting.split(".")[:2])) < (3, 3):
                    bench.note(f"{case}: XGBoost {peer.greeting} has the algorithm of before 3.3: no ratio")
                    continue
                theirs = peer.values()
                shape = tuple(n + (theirs.size != ours.size) for n in width)  # XGBoost's last is the bias
                theirs = theirs.reshape(count, *shape)[tuple([slice(None)] + [slice(0, n) for n in width])]
                difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
                if not difference < 1e-4:
                    bench.warn(f"{name} has other values: {difference:.2g} of the largest")
                ours_seconds, theirs_seconds = [], []
                for _ in range(min(rounds, peer.rounds)):
                    time.sleep(SETTLE_SECONDS)
                    ours_seconds.append(whence.seconds())
                    time.sleep(SETTLE_SECONDS)
                    theirs_seconds.append(peer.seconds())
                bench.ratio(f"{case} {name}", Timing(ours_seconds), Timing(theirs_seconds), f"({name} {peer.greeting}, largest difference {difference:.1g})")
    return alone
