"""Tree ensembles of the benchmarks, trained once on real tables, and Whence's C++ program beside a peer in Python."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import ROOT, SETTLE_SECONDS, Timing
from models import FOLDER, data_file

PROGRAM = ROOT / "build/release/bench/tree_shap_library"


@dataclass
class Trees:
    """An XGBoost model, the same as a dump for the C++ program, and the rows it was trained on."""

    name: str
    booster: object
    dump: Path
    rows: Path  # float32
    table: np.ndarray
    leaves: int

    def some_rows(self, count: int) -> np.ndarray:
        return np.resize(self.table, (count, self.table.shape[1]))


def housing(depth: int, trees: int) -> Trees | None:
    """Prices of California's districts, 20 640 rows of 8 columns. None where the table is not at hand."""
    path = data_file("tabular/california_housing_raw.csv")
    if path is None:
        return None
    columns = np.genfromtxt(path, delimiter=",")
    return trained(f"housing-{depth}", columns[:, :8].astype(np.float32), columns[:, 8] / 1e5, depth, trees)


def trained(name: str, table: np.ndarray, target: np.ndarray, depth: int, trees: int) -> Trees:
    import xgboost

    FOLDER.mkdir(parents=True, exist_ok=True)
    name = f"{name}-{trees}-xgboost-{xgboost.__version__}"
    model, dump, rows = (FOLDER / f"{name}.{ending}" for ending in ("json", "dump", "f32"))
    if not model.is_file():
        xgboost.XGBRegressor(max_depth=depth, n_estimators=trees, tree_method="hist").fit(table, target).save_model(model)
    leaves = write_dump(json.loads(model.read_text()), dump)
    np.ascontiguousarray(table, np.float32).tofile(rows)
    booster = xgboost.Booster()
    booster.load_model(model)
    return Trees(name, booster, dump, rows, table, leaves)


def write_dump(model: dict, path: Path) -> int:
    """XGBoost's JSON as the text that tree_shap_library reads; the number of leaves. Its splits ask x < t in float32: x <= the
    float before t."""
    learner = model["learner"]
    base = json.loads(learner["learner_model_param"]["base_score"])
    trees = learner["gradient_booster"]["model"]["trees"]
    lines = [f"{learner['learner_model_param']['num_feature']} 1 {len(trees)} {float(np.ravel(base)[0])!r}"]
    leaves = 0
    for tree in trees:
        left, right = tree["left_children"], tree["right_children"]
        lines.append(f"0 {len(left)}")
        for i in range(len(left)):
            number = np.float32(tree["split_conditions"][i])
            if left[i] < 0:
                lines.append(f"-1 -1 -1 {float(number)!r} 0 {tree['sum_hessian'][i]!r}")
                leaves += 1
            else:
                before = float(np.nextafter(number, np.float32(-np.inf)))
                feature, missing_left = tree["split_indices"][i], tree["default_left"][i]
                lines.append(f"{feature} {left[i]} {right[i]} {before!r} {int(missing_left)} {tree['sum_hessian'][i]!r}")
    path.write_text("\n".join(lines) + "\n")
    return leaves


def build_program() -> None:
    subprocess.run(["cmake", "--build", str(ROOT / "build/release"), "--target", "tree_shap_library"], check=True, stdout=subprocess.DEVNULL)


class Program:
    """Whence's values of some rows, computed by a program that waits to be asked."""

    def __init__(self, trees: Trees, count: int, kind: str, threads: int, precision: str = "float32", isa: str = "best", background: int = 0):
        command = [PROGRAM, trees.dump, trees.rows, count, kind, precision, isa, threads, background]
        self._process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.compilation = float(self._process.stdout.readline())
        self.calls = max(1, int(0.05 / max(self.seconds(1), 1e-7)))

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, line: str) -> str:
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def seconds(self, calls: int | None = None) -> float:
        """Mean of one call."""
        return float(self._ask(str(calls or self.calls)))

    def values(self, shape: tuple[int, ...]) -> np.ndarray:
        path = FOLDER / "tree-shap-values.f64"
        self._ask(str(path))
        return np.fromfile(path).reshape(shape)


def alternate(program: Program, peer, rounds: int) -> tuple[Timing, Timing]:
    """Rounds of Whence and the peer in turn, each warmed up."""
    start = time.perf_counter()
    peer()
    once = time.perf_counter() - start
    calls = max(1, int(0.05 / max(once, 1e-7)))
    whence, other = [], []
    for _ in range(rounds):
        time.sleep(SETTLE_SECONDS)
        whence.append(program.seconds())
        time.sleep(SETTLE_SECONDS)
        start = time.perf_counter()
        for _ in range(calls):
            peer()
        other.append((time.perf_counter() - start) / calls)
    return Timing(whence), Timing(other)


def per_leaf_row(timing: Timing, trees: Trees, rows: int) -> float:
    """Nanoseconds."""
    return statistics.median(timing.samples) / (trees.leaves * rows) * 1e9


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def newest_xgboost() -> bool:
    """XGBoost 3.3 replaced its algorithm: older releases are no peers."""
    import xgboost

    return tuple(int(part) for part in xgboost.__version__.split(".")[:2]) >= (3, 3)
