"""Whence's own work beside the model's: each black-box method on a network of some 10 microseconds a row.

No other library takes part: the peer is the same ONNX file in ONNX Runtime, asked for as many rows as the explanation says it asked, in the
batches that Whence takes.
"""

from __future__ import annotations

import csv

import numpy as np

from harness import forward, import_whence, in_turns, ort_session
from models import FOLDER

COLUMNS, BACKGROUND, BATCH = 30, 1000, 1024
NAMES = [f"c{j}" for j in range(COLUMNS)]

# Of the table's methods all that ask the model for rows and nothing else.
METHODS = {
    "lime": {"num_samples": 5000},
    "kernel-shap": {"budget": 200, "tolerance": 0.0},
    "permutation-shap": {"budget": 200, "tolerance": 0.0},
    "sampling-shap": {"budget": 200, "tolerance": 0.0},
    "partition-shap": {"budget": 200},
    "banzhaf": {"budget": 200, "tolerance": 0.0},
    "shap-interactions": {"budget": 1800, "tolerance": 0.0},
    "anchors": {},
    "counterfactuals": {},
    "nearest-unlike-neighbour": {},
}


def run(bench) -> None:
    whence = import_whence()
    path = network()
    rng = np.random.default_rng(1)
    table = FOLDER / "overhead_background.csv"
    rows = rng.normal(size=(BACKGROUND, COLUMNS)).astype(np.float32)
    with table.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows([[repr(float(v)) for v in row] for row in rows])
    model = whence.load(str(path), threads=bench.threads, background=str(table))
    model.predict(rows[:1])
    predict = forward(ort_session(path, bench.threads))
    for method, options in METHODS.items():
        compare(bench, whence, model, predict, rows, method, options)


def network():
    """30-800-800-2, softmax: more weights than Whence would answer from without ONNX Runtime."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "overhead.onnx"
    widths = (COLUMNS, 800, 800, 2)
    nodes, tensors, at = [], [], "x"
    for layer, (deep, wide) in enumerate(zip(widths, widths[1:])):
        for name, value in ((f"w{layer}", rng.normal(size=(deep, wide)) * 1.5 / np.sqrt(deep)), (f"b{layer}", rng.normal(size=wide) / 3)):
            tensors.append(helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.astype(np.float32).ravel()))
        nodes.append(helper.make_node("Gemm", [at, f"w{layer}", f"b{layer}"], [f"h{layer}"]))
        last = layer == len(widths) - 2
        at = "y" if last else f"a{layer}"
        nodes.append(helper.make_node("Softmax" if last else "Tanh", [f"h{layer}"], [at]))
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, COLUMNS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])], tensors,
    )  # fmt: skip
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


def compare(bench, whence, model, predict, rows, method: str, options: dict) -> None:
    def ours():
        return whence.explain(model, rows[0], method=method, **options)

    asked = int(ours().evaluations)
    given = np.resize(rows, (min(asked, BATCH), COLUMNS)).copy()
    rest = given[: asked % BATCH] if asked > BATCH else None

    def bare():
        for _ in range(max(1, asked // BATCH)):
            predict(given)
        if rest is not None and len(rest):
            predict(rest)

    timings = in_turns({"whence": ours, "bare": bare}, rounds=3 if bench.quick else bench.rounds)
    each = timings["bare"].median / asked * 1e6
    bench.share(method, timings["whence"], timings["bare"], f"({asked} rows, {each:.2f} us a row bare; peer: the model alone)")
