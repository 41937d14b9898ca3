"""Anchors on tables: the anchor package against Whence, same network, same rows, and the precision of the rules of both.

Both ask ONNX Runtime about the same file; the package through a function that returns classes. It gets the quicker of its batch
sizes 10 and 100; setting it up is not timed, while Whence starts from the background table each time.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np

from harness import ROOT, fastest, forward, import_whence, in_turns, ort_session

SAMPLES = 20_000  # by which the precision of every rule is measured


class Case:
    def __init__(self, name: str, model: Path, background: Path, names, categories, data, rows):
        self.name, self.model, self.background = name, model, background
        self.names, self.categories, self.data, self.rows = names, categories, data, rows


def breast_cancer(rows: int) -> Case:
    examples = ROOT / "examples"
    with open(examples / "data" / "breast_cancer_train.csv", newline="") as file:
        header, *lines = csv.reader(file)
    data = np.array([[float(cell) for cell in line[:30]] for line in lines])
    chosen = np.random.default_rng(0).choice(len(data), rows, replace=False)
    return Case("breast-cancer", examples / "models" / "breast_cancer.onnx", examples / "data" / "breast_cancer_train.csv", header[:30], {}, data, data[chosen])


def adult(rows: int, folder: Path) -> Case | None:
    source = folder / "tabular" / "adult_train.csv"
    if not source.exists():
        return None
    with open(source, newline="") as file:
        lines = [line for line in csv.reader(file, skipinitialspace=True) if line and "?" not in line]
    names, categories, columns = [f"c{i}" for i in range(14)], {}, []
    for c in range(14):
        cells = [line[c] for line in lines]
        try:
            columns.append([float(cell) for cell in cells])
        except ValueError:
            categories[c] = sorted(set(cells))
            place = {text: i for i, text in enumerate(categories[c])}
            columns.append([float(place[cell]) for cell in cells])
    data, labels = np.array(columns).T, np.array([line[14] == ">50K" for line in lines])
    made = ROOT / "build" / "bench-models"
    made.mkdir(parents=True, exist_ok=True)
    model, background = made / "adult_mlp.onnx", made / "adult_background.csv"
    if not model.exists():
        train(data, labels, categories, model)
    if not background.exists():
        with open(background, "w", newline="") as file:
            csv.writer(file).writerows([names, *(line[:14] for line in lines)])
    model.with_suffix(".json").write_text(json.dumps({"kind": "table", "features": names, "categories": {names[c]: texts for c, texts in categories.items()}}))
    chosen = np.random.default_rng(0).choice(len(data), rows, replace=False)
    return Case("adult", model, background, names, categories, data, data[chosen])


def train(data, labels, categories, path: Path) -> None:
    """A network 64-32 on standardised numbers and one-hot categories, as an ONNX file that reads the 14 codes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.neural_network import MLPClassifier

    numbers = [c for c in range(14) if c not in categories]
    mean, scale = data[:, numbers].mean(0), data[:, numbers].std(0)
    parts = [(data[:, numbers] - mean) / scale]
    for c, texts in categories.items():
        parts.append(np.eye(len(texts))[data[:, c].astype(int)])
    network = MLPClassifier((64, 32), max_iter=12, random_state=0).fit(np.hstack(parts), labels)
    nodes, constants = [], []

    def constant(name, values):
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    nodes.append(helper.make_node("Gather", ["x", constant("numbers", np.array(numbers))], ["picked"], axis=1))
    nodes.append(helper.make_node("Sub", ["picked", constant("mean", mean.astype(np.float32))], ["centred"]))
    nodes.append(helper.make_node("Div", ["centred", constant("scale", scale.astype(np.float32))], ["n"]))
    joined = ["n"]
    for c, texts in categories.items():
        nodes.append(helper.make_node("Gather", ["x", constant(f"column{c}", np.array([c]))], [f"g{c}"], axis=1))
        nodes.append(helper.make_node("Sub", [f"g{c}", constant(f"codes{c}", np.arange(len(texts), dtype=np.float32)[None])], [f"d{c}"]))
        nodes.append(helper.make_node("Abs", [f"d{c}"], [f"a{c}"]))
        nodes.append(helper.make_node("Less", [f"a{c}", constant(f"half{c}", np.float32(0.5))], [f"b{c}"]))
        nodes.append(helper.make_node("Cast", [f"b{c}"], [f"h{c}"], to=TensorProto.FLOAT))
        joined.append(f"h{c}")
    nodes.append(helper.make_node("Concat", joined, ["z0"], axis=1))
    weights, biases = list(network.coefs_), list(network.intercepts_)
    weights[-1] = np.hstack([-weights[-1], weights[-1]]) / 2  # one logit as two
    biases[-1] = np.concatenate([-biases[-1], biases[-1]]) / 2
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        last = i + 1 == len(weights)
        nodes.append(helper.make_node("Gemm", [f"z{i}", constant(f"w{i}", w.astype(np.float32)), constant(f"bias{i}", b.astype(np.float32))], [f"y{i}"]))
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"y{i}"], ["p" if last else f"z{i + 1}"], **({"axis": 1} if last else {})))
    graph = helper.make_graph(nodes, "adult", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 14])], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 2])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class Conditions:
    """low < value <= high for each column of a rule; a category is the range of its code alone."""

    def __init__(self):
        self.ranges: dict[int, tuple[float, float]] = {}

    def cut(self, column: int, low: float, high: float):
        a, b = self.ranges.get(column, (-np.inf, np.inf))
        self.ranges[column] = (max(a, low), min(b, high))

    def precision(self, case: Case, classes, row, seed: int) -> float:
        """Of rows of the background with what breaks the rule drawn anew."""
        rng = np.random.default_rng(seed)
        drawn = case.data[rng.integers(len(case.data), size=SAMPLES)]
        for column, (low, high) in self.ranges.items():
            values = case.data[:, column]
            inside = values[(values > low) & (values <= high)]
            wrong = ~((drawn[:, column] > low) & (drawn[:, column] <= high))
            drawn[wrong, column] = rng.choice(inside, wrong.sum()) if len(inside) else row[column]
        return float((classes(drawn) == classes(row[None])[0]).mean())

    def coverage(self, case: Case) -> float:
        holds = np.ones(len(case.data), bool)
        for column, (low, high) in self.ranges.items():
            holds &= (case.data[:, column] > low) & (case.data[:, column] <= high)
        return float(holds.mean())


class Peer:
    def __init__(self, case: Case, classes, batch: int):
        from anchor.anchor_tabular import AnchorTabularExplainer

        self.case, self.classes, self.batch = case, classes, batch
        self.explainer = AnchorTabularExplainer(["0", "1"], case.names, case.data, case.categories)
        self.asked = 0

    def counted(self, rows):
        self.asked += len(rows)
        return self.classes(rows)

    def __call__(self):
        return [self.explain(row) for row in self.case.rows]

    def explain(self, row):
        from anchor.anchor_base import AnchorBaseBeam

        # What explain_instance does, without turning the answer into text.
        sample, mapping = self.explainer.get_sample_fn(row, self.counted)
        found = AnchorBaseBeam.anchor_beam(sample, delta=0.1, epsilon=0.15, batch_size=self.batch, desired_confidence=0.95, coverage_samples=10_000)
        conditions = Conditions()
        for column, kind, value in (mapping[p] for p in found["feature"]):
            if kind == "eq":
                conditions.cut(column, value - 0.5, value + 0.5)
            else:
                edge = self.explainer.disc.maxs[column][value]
                conditions.cut(column, *((-np.inf, edge) if kind == "leq" else (edge, np.inf)))
        return conditions


class Ours:
    def __init__(self, whence, case: Case, threads: int):
        self.whence, self.case = whence, case
        self.model = whence.load(case.model, background=case.background, threads=threads)
        self.asked = 0

    def __call__(self):
        return [self.explain(row) for row in self.case.rows]

    def explain(self, row):
        explanation = self.whence.explain(self.model, row, method="anchors")
        self.asked += explanation.evaluations
        conditions = Conditions()
        for column, text in explanation.rule.conditions:
            if column in self.case.categories:
                conditions.cut(column, row[column] - 0.5, row[column] + 0.5)
                continue
            words = text.replace(explanation.names[column], "X").split()
            if words[0] == "X":
                conditions.cut(column, *((float(words[2]), np.inf) if words[1] == ">" else (-np.inf, float(words[2]))))
            else:
                conditions.cut(column, float(words[0]), float(words[4]))
        return conditions


def compare(bench, whence, case: Case) -> None:
    ask = forward(ort_session(case.model, bench.threads))
    classes = lambda rows: np.argmax(ask(np.asarray(rows, np.float32)), 1)  # noqa: E731
    large = np.repeat(case.data[:100], 10, axis=0).astype(np.float32)
    model = in_turns({"model": lambda: ask(large)}, rounds=3)["model"].median / len(large)
    bench.note(f"{case.name}: {len(case.data)} rows of background, {len(case.rows)} explained; the model takes {1e6 * model:.2f} us a row in batches of 1000")
    few = Case(case.name, case.model, case.background, case.names, case.categories, case.data, case.rows[:1])
    best = int(fastest({str(batch): Peer(few, classes, batch) for batch in (10, 100)}, rounds=1))
    peer, ours = Peer(case, classes, best), Ours(whence, case, bench.threads)
    rules = {"anchor-exp": peer(), "whence": ours()}
    mean = {}
    for name, found in rules.items():
        precisions = [rule.precision(case, classes, row, i) for i, (rule, row) in enumerate(zip(found, case.rows, strict=True))]
        mean[name] = np.mean(precisions)
        asked = (peer if name == "anchor-exp" else ours).asked / len(case.rows)
        bench.note(
            f"{name}: precision {np.mean(precisions):.3f} on average, least {min(precisions):.3f}, {sum(p < 0.9 for p in precisions)} below 0.9; "
            f"coverage {np.median([rule.coverage(case) for rule in found]):.3f} (median); {np.mean([len(rule.ranges) for rule in found]):.1f} columns; {asked:.0f} rows asked"
        )
    if mean["whence"] < mean["anchor-exp"] - 0.005:
        bench.warn("Whence's rules are less precise")
    timings = in_turns({"whence": ours, "anchor-exp": peer}, rounds=2 if bench.quick else 5)
    bench.ratio(case.name, timings["whence"], timings["anchor-exp"], f"(batches of {best} for the package, {len(case.rows)} rows)")


def run(bench) -> None:
    whence = import_whence()
    rows = 2 if bench.quick else 12
    compare(bench, whence, breast_cancer(rows))
    case = adult(rows, Path(os.environ.get("WHENCE_DATA", "")))
    if case:
        compare(bench, whence, case)
    else:
        bench.note("no folder of tables here (WHENCE_DATA): adult is left out")
