"""Search among embeddings: the wheels of faiss-cpu and hnswlib against a store, at equal recall, on the same vectors.

The vectors are unit vectors of 512 numbers made to lie as embeddings of pictures do: around one common direction (cosines of
two at random: mean 0.6, standard deviation 0.1), in clusters of very unequal size (Pareto, one for each 250 vectors on
average), with a spectrum that falls as rank^-1/2, turned by one random rotation; the nearest of a query has a cosine of 0.93.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np

from harness import ROOT, import_whence, in_turns

WIDTH = 512
K = 10
LINKS, EFFORT = 16, 100  # M and efConstruction of all three
LADDER = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256)


def clustered(count: int, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clusters = max(16, count // 250)
    mean = rng.standard_normal(width)
    mean /= np.linalg.norm(mean)
    scale = (1 + np.arange(width)) ** -0.5
    scale = (scale / np.linalg.norm(scale)).astype(np.float32)
    centres = rng.standard_normal((clusters, width)).astype(np.float32) * scale
    weight = rng.pareto(1.2, clusters) + 1
    rotation = np.linalg.qr(rng.standard_normal((width, width)))[0].astype(np.float32)
    out = np.empty((count, width), np.float32)
    for begin in range(0, count, 50_000):
        end = min(count, begin + 50_000)
        pick = rng.choice(clusters, end - begin, p=weight / weight.sum())
        noise = rng.standard_normal((end - begin, width), dtype=np.float32) * scale
        rows = (0.75 * mean.astype(np.float32) + 0.5 * centres[pick] + 0.35 * noise) @ rotation
        out[begin:end] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return out


def nearest_of_all(base: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The score of the K-th nearest of each query, by a full scan in NumPy."""
    worst = np.empty(len(queries), np.float32)
    for begin in range(0, len(queries), 50):
        scores = queries[begin : begin + 50] @ base.T
        worst[begin : begin + 50] = np.partition(scores, -K, axis=1)[:, -K]
    return worst


class Ours:
    name = "whence"

    def __init__(self, whence, folder: Path, base: np.ndarray, threads: int, keep: bool):
        self.whence, self.threads = whence, threads
        path = folder / "store"
        if not keep:
            shutil.rmtree(path, ignore_errors=True)
        self.put_seconds = self.seconds = 0.0
        if not path.exists():
            start = time.perf_counter()
            with whence.clip.Writer(path, fingerprint="bench", width=WIDTH, graph_from=1) as writer:
                for begin in range(0, len(base), 10_000):
                    rows = base[begin : begin + 10_000]
                    writer.put("image", [str(begin + i) for i in range(len(rows))], rows, threads=threads)
                self.put_seconds = time.perf_counter() - start
                start = time.perf_counter()
                writer.finish(threads=threads)
                self.seconds = time.perf_counter() - start
        self.store = whence.clip.Store(path)

    def search(self, queries: np.ndarray, effort: int):
        return self.store.nearest(queries, k=K, effort=effort, threads=self.threads)[0] - 1

    def exact(self, queries: np.ndarray):
        return self.store.nearest(queries, k=K, exact=True, threads=self.threads)[0] - 1


class Faiss:
    name = "faiss"

    def __init__(self, folder: Path, base: np.ndarray, threads: int, keep: bool):
        import faiss

        faiss.omp_set_num_threads(threads)
        path = folder / "faiss.index"
        self.seconds = 0.0
        if keep and path.exists():
            self.index = faiss.read_index(str(path))
        else:
            self.index = faiss.IndexHNSWFlat(WIDTH, LINKS, faiss.METRIC_INNER_PRODUCT)
            self.index.hnsw.efConstruction = EFFORT
            start = time.perf_counter()
            self.index.add(base)
            self.seconds = time.perf_counter() - start
            if keep:
                faiss.write_index(self.index, str(path))

    def search(self, queries: np.ndarray, effort: int):
        self.index.hnsw.efSearch = effort
        return self.index.search(queries, K)[1]


class Hnswlib:
    name = "hnswlib"

    def __init__(self, folder: Path, base: np.ndarray, threads: int, keep: bool):
        import hnswlib

        self.threads = threads
        self.index = hnswlib.Index("ip", WIDTH)
        path = folder / "hnswlib.bin"
        self.seconds = 0.0
        if keep and path.exists():
            self.index.load_index(str(path))
        else:
            self.index.init_index(len(base), ef_construction=EFFORT, M=LINKS)
            start = time.perf_counter()
            self.index.add_items(base, num_threads=threads)
            self.seconds = time.perf_counter() - start
            if keep:
                self.index.save_index(str(path))

    def search(self, queries: np.ndarray, effort: int):
        self.index.set_ef(effort)
        return self.index.knn_query(queries, K, num_threads=self.threads)[0]


def options(parser) -> None:
    parser.add_argument("--vectors", type=int, help="how many (default 1 000 000; --quick: 20 000)")
    parser.add_argument("--keep", action="store_true", help="keep vectors and indexes in build/clip-search for the next run")
    parser.add_argument("--build-only", action="store_true", help="with --keep: build what is missing, time no search")


def recall(base: np.ndarray, queries: np.ndarray, worst: np.ndarray, found: np.ndarray) -> float:
    """Share of the places held by a vector as near as the true ones (within a rounding)."""
    scores = np.einsum("qkw,qw->qk", base[found], queries)
    return float(np.mean((scores >= worst[:, None] - 1e-6) & (found >= 0)))


def vectors(folder: Path, count: int, keep: bool):
    files = [folder / name for name in ("base.npy", "queries.npy", "worst.npy")]
    if keep and all(file.exists() for file in files):
        base, queries, worst = (np.load(file, mmap_mode="r" if i == 0 else None) for i, file in enumerate(files))
        if len(base) == count:
            return base, queries, worst
    rows = clustered(count + 1000)
    base, queries = rows[:count], rows[count:]
    worst = nearest_of_all(base, queries)
    if keep:
        for file, array in zip(files, (base, queries, worst)):
            np.save(file, array)
    return base, queries, worst


def run(bench) -> None:
    import_whence()
    import whence.clip

    threads = bench.threads
    count = bench.options.vectors or (20_000 if bench.quick else 1_000_000)
    keep = bench.options.keep
    folder = ROOT / "build" / "clip-search"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        base, queries, worst = vectors(folder, count, keep)
        contestants = [
            Ours(whence, folder, base, threads, keep),
            Faiss(folder, base, threads, keep),
            Hnswlib(folder, base, threads, keep),
        ]
        times = {c.name: c.seconds for c in contestants if c.seconds}
        if keep:
            log = folder / "build.json"
            times = {**(json.loads(log.read_text()) if log.exists() else {}), **times}
            log.write_text(json.dumps(times))
        for name, seconds in times.items():
            bench.note(f"graph of {count} vectors by {name}: {seconds:.1f} s" + (f", and {contestants[0].put_seconds:.1f} s to write the vectors" if name == "whence" and contestants[0].put_seconds else ""))
        if bench.options.build_only:
            return
        measure(bench, contestants, base, queries, worst, count)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def measure(bench, contestants, base, queries, worst, count) -> None:
    ours = contestants[0]
    some = queries[:100]
    bench.note(f"full scan of the store: recall {recall(base, some, worst[:100], ours.exact(some)):.4f}")
    for target in (0.95, 0.99):
        chosen = {}
        for contestant in contestants:
            for effort in LADDER:
                reached = recall(base, queries, worst, contestant.search(queries, effort))
                if reached >= target:
                    break
            chosen[contestant.name] = effort
            bench.note(f"recall {target}: {contestant.name} reaches {reached:.4f} with ef {effort}")
        timings = in_turns(
            {c.name: lambda c=c: c.search(queries, chosen[c.name]) for c in contestants}, rounds=bench.rounds, shortest=0.2
        )
        bench.note("queries a second, 1000 at once: " + ", ".join(f"{name} {len(queries) / t.median:.0f}" for name, t in timings.items()))
        for peer in contestants[1:]:
            bench.ratio(f"{count} vectors recall {target} {peer.name}", timings["whence"], timings[peer.name])
    one = queries[:1]
    timings = in_turns(
        {
            **{c.name: lambda c=c: c.search(one, chosen[c.name]) for c in contestants},
            "full scan": lambda: ours.exact(one),
            "full scan of 100": lambda: ours.exact(some),
        },
        rounds=bench.rounds,
    )
    bench.note("one query: " + ", ".join(f"{name} {t}" for name, t in timings.items()))
