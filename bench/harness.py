"""Timing in turns and the report: what every benchmark shares.

A benchmark is a file in this folder with a function `run(bench)`. It asks `bench` to time contestants in turns, to
add rows to the table and to state comparisons; `main` prints everything. The first line of its docstring is its entry in --list.
A function `options(parser)`, where there is one, adds its own options; their values are in `bench.options`.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# After one contestant, the worker threads of its library keep spinning for a moment in the hope of more work. The next one
# must not pay for that.
SETTLE_SECONDS = 0.05


# ---------------------------------------------------------------------------------------------------- timing


@dataclass
class Timing:
    """Seconds of one call in each round."""

    samples: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def __str__(self) -> str:
        return f"{duration(self.median)} [{duration(min(self.samples))}, {duration(max(self.samples))}]"


@dataclass
class Ratio:
    """A quotient, with the spread of its rounds: round i of one contestant stands beside round i of the other."""

    rounds: list[float]

    @classmethod
    def of(cls, above: Timing, below: Timing) -> "Ratio":
        return cls([a / b for a, b in zip(above.samples, below.samples, strict=True)])

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        return f"{self.value:.3g} [{min(self.rounds):.3g}, {max(self.rounds):.3g}]"


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def in_turns(
    contestants: dict[str, Callable[[], Any]],
    rounds: int = 7,
    shortest: float = 0.05,
    warm_up: int = 1,
) -> dict[str, Timing]:
    """Times each contestant once a round, the order turned round from one round to the next.

    A contestant quicker than `shortest` seconds is called several times a round, and the round's time is the mean of a call.
    """
    calls: dict[str, int] = {}
    for name, call in contestants.items():
        start = time.perf_counter()
        for _ in range(warm_up):
            call()
        if warm_up and (time.perf_counter() - start) / warm_up > 4 * shortest + 0.5:  # slow: one call a round is plain
            calls[name] = 1
            continue
        time.sleep(SETTLE_SECONDS)
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
        if once < shortest / 4:  # too short for one call to tell: the second guess is taken over several
            several = max(1, int(shortest / 4 / max(once, 1e-7)))
            start = time.perf_counter()
            for _ in range(several):
                call()
            once = (time.perf_counter() - start) / several
        calls[name] = max(1, int(shortest / max(once, 1e-7)))

    samples: dict[str, list[float]] = {name: [] for name in contestants}
    order = list(contestants)
    for _ in range(rounds):
        for name in order:
            call = contestants[name]
            time.sleep(SETTLE_SECONDS)
            start = time.perf_counter()
            for _ in range(calls[name]):
                call()
            samples[name].append((time.perf_counter() - start) / calls[name])
        order.reverse()
    return {name: Timing(values) for name, values in samples.items()}


def fastest(contestants: dict[str, Callable[[], Any]], rounds: int = 2) -> str:
    """Name of the quickest of several ways to do one thing, by their best of a few short rounds."""
    timings = in_turns(contestants, rounds=rounds, shortest=0.0, warm_up=1)
    return min(timings, key=lambda name: min(timings[name].samples))


# ---------------------------------------------------------------------------------------------------- report


class Bench:
    """What a benchmark gets: how it is to run, and where its results go."""

    def __init__(self, name: str, arguments: argparse.Namespace):
        self.name = name
        self.quick = arguments.quick
        self.threads = arguments.threads
        self.options = arguments  # with those that the benchmark adds
        self.rounds = 5 if self.quick else 9
        self._rows: list[tuple[str, str, str, str]] = []
        self._lines: list[str] = []

    def note(self, text: str) -> None:
        """A line for the person who reads: sizes, qualities, what was checked."""
        print(f"  {text}", flush=True)

    def warn(self, text: str) -> None:
        """Something that makes a comparison doubtful; it stands in the output in capitals."""
        print(f"  DOUBTFUL: {text}", flush=True)

    def row(self, case: str, whence: Timing, peer: Timing | None, comment: str = "") -> None:
        self._rows.append((case, str(whence), str(peer) if peer else "-", comment))
        print(f"  ... {case}: whence {whence}, peer {peer or '-'} {comment}".rstrip(), flush=True)

    def ratio(self, case: str, whence: Timing, peer: Timing, comment: str = "") -> None:
        """The peer's time over Whence's: above 1, Whence is faster."""
        self.row(case, whence, peer, comment)
        self._lines.append(f"ratio {self.name} {_word(case)} {Ratio.of(peer, whence)}")

    def share(self, case: str, whole: Timing, model: Timing, comment: str = "") -> None:
        """Whence's own work over the model's."""
        rounds = Ratio([(a - b) / b for a, b in zip(whole.samples, model.samples, strict=True)])
        self.row(case, whole, model, comment or "(peer: the model alone)")
        self._lines.append(f"share {self.name} {_word(case)} {rounds}")

    def forward_multiple(self, case: str, whence: Timing, forward: Timing) -> None:
        """Whence's time over that of a bare forward pass."""
        self.row(f"{case} forward", whence, forward, "(peer: ONNX Runtime, a bare forward pass)")
        self._lines.append(f"forward-multiple {self.name} {_word(case)} {Ratio.of(whence, forward)}")

    def finish(self, seconds: float) -> None:
        """The table, and after it nothing but the comparisons, one a line."""
        print(f"\nmedian of some rounds [least, most]; {seconds:.0f} s in all\n")
        header = ("case", "whence median [min, max]", "peer median [min, max]", "")
        rows = [header, *self._rows]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        print()
        for line in self._lines:
            print(line)


def _word(case: str) -> str:
    return case.replace(" ", "-")


def relative_l2(a, b) -> float:
    import numpy as np

    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def relative_l1(a, b) -> float:
    import numpy as np

    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.abs(a - b).sum() / np.abs(b).sum())


# ---------------------------------------------------------------------------------------------------- the libraries


def import_whence():
    """The Python module of the build folder. ONNX Runtime's own package is loaded first: the two keep apart."""
    import onnxruntime  # noqa: F401

    try:
        import whence
    except ImportError as error:
        where = os.environ.get("PYTHONPATH", "")
        sys.exit(f"bench/run: no Python module whence in {_relative(where)} ({error}): build the project first")
    return whence


def ort_session(path: Path | str, threads: int):
    """ONNX Runtime as its Python package gives it, with this many threads."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def forward(session) -> Callable[[Any], Any]:
    name = session.get_inputs()[0].name
    return lambda array: session.run(None, {name: array})[0]


def _relative(path: str) -> str:
    return os.path.relpath(path, ROOT) if path else "PYTHONPATH"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        else:
            model = platform.processor()
        flags = Path("/proc/cpuinfo").read_text()
        widest = next((name for name in ("avx512f", "avx2", "asimd") if name in flags), "")
        return f"{model} ({widest})" if widest else model
    except OSError:
        return platform.processor() or platform.machine()


def print_conditions(threads: int, whence) -> None:
    from importlib import metadata

    print(f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.2f}")
    print(f"threads: {threads} for everyone")
    versions = [f"whence {getattr(whence, '__version__', '?')}", f"python {platform.python_version()}"]
    for name in ("torch", "torchvision", "captum", "lime", "anchor-exp", "shap", "shapiq", "faiss-cpu", "hnswlib", "onnxruntime", "scikit-image", "scikit-learn", "numpy"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            pass
    print("versions:", ", ".join(versions))
    print(flush=True)


# ---------------------------------------------------------------------------------------------------- command line


def benchmarks() -> dict[str, str]:
    """Name -> first line of its docstring, read without importing anything."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            summary = (ast.get_docstring(tree) or "").splitlines()
            found[path.stem.replace("_", "-")] = summary[0] if summary else ""
    return found


def _load(name: str):
    """The benchmark's file as a module, whatever installed packages are called."""
    path = HERE / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures Whence and a peer in turns.", allow_abbrev=False)
    parser.add_argument("name", nargs="?", help="which benchmark")
    parser.add_argument("--list", action="store_true", help="name them all")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases, under a minute")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("WHENCE_BENCH_THREADS") or os.cpu_count() or 1))
    arguments, _ = parser.parse_known_args()  # others may be the benchmark's own
    if arguments.list:
        width = max(map(len, known), default=0)
        for name, summary in known.items():
            print(f"{name.ljust(width)}  {summary}")
        return 0
    if arguments.name not in known:
        parser.error(f"no benchmark {arguments.name!r}; there are: {', '.join(known)}")
    if arguments.threads < 1:
        parser.error("--threads must be at least 1")

    start = time.perf_counter()
    whence = import_whence()
    import torch

    benchmark = _load(arguments.name)
    if hasattr(benchmark, "options"):
        benchmark.options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bench = Bench(arguments.name, arguments)
    print(f"{arguments.name}{' (quick)' if arguments.quick else ''}: {known[arguments.name]}")
    print_conditions(arguments.threads, whence)
    benchmark.run(bench)
    bench.finish(time.perf_counter() - start)
    return 0


if __name__ == "__main__":
    # Benchmarks import this file as `harness`: let that be this very module.
    sys.modules["harness"] = sys.modules["__main__"]
    # This folder comes last, so that no file here hides a package of the same name.
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE] + [str(HERE)]
    sys.exit(main())
