"""Counterfactuals of table rows: DiCE (random and genetic) against Whence, four for each row, every one checked with the model.

Both ask the same ONNX file: the shipped breast-cancer network (30 numbers), and a small network of the census table "adult" (numbers and
categories), trained here once where its data are at hand. Both get the same training table.
"""

from __future__ import annotations

import json
import time
import warnings

import numpy as np

from harness import ROOT, forward, import_whence, in_turns, ort_session
from models import FOLDER, data_file

COUNT = 4
ADULT = "age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain capital-loss hours-per-week country income"
READ = "age workclass education marital-status occupation race sex capital-gain hours-per-week".split()


class Predictor:
    """What DiCE asks of scikit-learn's models, answered by ONNX Runtime."""

    classes_ = np.array([0, 1])

    def __init__(self, session, encode):
        self.session, self.encode = session, encode

    def predict_proba(self, frame):
        return self.session(self.encode(frame))

    def predict(self, frame):
        return self.predict_proba(frame).argmax(1)


def breast_cancer():
    """(model, its table, columns of numbers, rows to explain)"""
    import pandas as pd

    path = ROOT / "examples/models/breast_cancer.onnx"
    train = pd.read_csv(ROOT / "examples/data/breast_cancer_train.csv")
    rows = pd.read_csv(ROOT / "examples/data/breast_cancer.csv")
    features = json.loads(path.with_suffix(".json").read_text())["features"]
    return path, train[features], features, rows[features], lambda frame: frame[features].to_numpy(np.float32)


def adult(source):
    """A network 24 wide on nine columns of the census; categories are one-hot inside the graph."""
    import pandas as pd

    path = FOLDER / "counterfactual_adult.onnx"
    names = ADULT.split()
    train = pd.read_csv(source, names=names, skipinitialspace=True, na_values="?").dropna()
    categories = {c: sorted(train[c].unique()) for c in READ if train[c].dtype.kind not in "if"}
    codes = {c: {text: i for i, text in enumerate(texts)} for c, texts in categories.items()}

    def encode(frame):
        columns = [frame[c].map(codes[c]) if c in codes else frame[c] for c in READ]
        return np.column_stack([np.asarray(c, np.float32) for c in columns])

    if not path.exists():
        train_adult(path, encode(train), (train["income"] == ">50K").to_numpy(int), categories)
    table = train[READ].reset_index(drop=True)
    background = FOLDER / "counterfactual_adult.csv"
    table.to_csv(background, index=False)
    path.with_suffix(".json").write_text(
        json.dumps({"kind": "table", "features": READ, "categories": categories, "background": str(background), "classes": ["<=50K", ">50K"]})
    )
    return path, table, [c for c in READ if c not in categories], table.sample(20, random_state=1), encode


def train_adult(path, rows, labels, categories):
    import torch

    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.numbers = [i for i, c in enumerate(READ) if c not in categories]
            self.texts = [(i, len(categories[c])) for i, c in enumerate(READ) if c in categories]
            numbers = torch.from_numpy(rows[:, self.numbers])
            self.register_buffer("mean", numbers.mean(0))
            self.register_buffer("std", numbers.std(0))
            width = len(self.numbers) + sum(n for _, n in self.texts)
            self.layers = torch.nn.Sequential(torch.nn.Linear(width, 24), torch.nn.ReLU(), torch.nn.Linear(24, 2))

        def scores(self, x):
            parts = [(x[:, self.numbers] - self.mean) / self.std]
            parts += [(x[:, i : i + 1] == torch.arange(n, dtype=torch.float32)).float() for i, n in self.texts]
            return self.layers(torch.cat(parts, 1))

        def forward(self, x):
            return self.scores(x).softmax(1)

    network, x, y = Network(), torch.from_numpy(rows), torch.from_numpy(labels)
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(6):
        for batch in torch.randperm(len(x)).split(512):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network.scores(x[batch]), y[batch]).backward()
            optimiser.step()
    torch.onnx.export(network.eval(), (x[:2],), str(path), input_names=["rows"], output_names=["probabilities"], dynamo=False,
                      dynamic_axes={"rows": {0: "n"}, "probabilities": {0: "n"}}, opset_version=17)


def dice_of(kind, table, numbers, predictor):
    import dice_ml

    frame = table.copy()
    frame["outcome"] = predictor.predict(table)
    data = dice_ml.Data(dataframe=frame, continuous_features=numbers, outcome_name="outcome")
    return dice_ml.Dice(data, dice_ml.Model(model=predictor, backend="sklearn"), method=kind)


def measure(bench, case, made) -> None:
    whence = import_whence()
    path, table, numbers, rows, encode = made
    model = whence.load(str(path), threads=bench.threads)
    onnx = ort_session(path, bench.threads)
    output = onnx.get_outputs()[-1].name  # the probabilities
    name = onnx.get_inputs()[0].name
    predictor = Predictor(lambda x: onnx.run([output], {name: x})[0], encode)
    some = encode(table.head(1000))
    forwards = in_turns({"forward": lambda: predictor.session(some)}, rounds=3)["forward"]
    bench.note(f"{case}: {len(table)} training rows, {table.shape[1]} columns; the model takes {forwards.median / len(some) * 1e6:.2f} us a row in a batch of {len(some)}")
    chosen = rows.head(3 if bench.quick else 10)
    inputs = encode(chosen).astype(np.float64)

    def ours():
        return [whence.explain(model, row, method="counterfactuals", count=COUNT) for row in inputs]

    results = ours()
    found = [one for e in results for one in e.counterfactuals.found]
    before = predictor.session(inputs.astype(np.float32)).argmax(1)
    asked = [predictor.session(np.asarray(one.values, np.float32).reshape(1, -1)).argmax() != was
             for e, was in zip(results, before) for one in e.counterfactuals.found]
    if not all(asked) or len(found) != COUNT * len(inputs):
        bench.warn(f"{case}: whence returned {sum(asked)} valid of {COUNT * len(inputs)} wanted")
    bench.note(f"{case}, whence: {sum(asked)} of {len(found)} valid; changes {np.mean([len(o.changes) for o in found]):.1f}, "
               f"distance {np.mean([o.distance for o in found]):.2f} (median {np.median([o.distance for o in found]):.2f}), "
               f"{np.mean([e.evaluations for e in results]):.0f} evaluations a row")
    timings = {"whence": ours}
    for kind in ("random", "genetic"):
        dice = dice_of(kind, table, numbers, predictor)

        def theirs(dice=dice, kind=kind):
            options = {"random_seed": 0} if kind == "random" else {}
            return dice.generate_counterfactuals(chosen, total_CFs=COUNT, desired_class="opposite", verbose=False, **options)

        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = theirs()
            except Exception as error:  # noqa: BLE001 a peer that fails is reported, not hidden
                bench.note(f"{case}, DiCE {kind} failed: {type(error).__name__}: {str(error)[:120]}")
                continue
        describe(bench, f"{case}, DiCE {kind}", answer, chosen, table, numbers, predictor, time.perf_counter() - start)
        timings[kind] = theirs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measured = in_turns(timings, rounds=3 if bench.quick else 5)
    for kind in ("random", "genetic"):
        if kind in measured:
            bench.ratio(f"{case} {kind}", measured["whence"], measured[kind], f"({len(inputs)} rows, {COUNT} each)")


def describe(bench, who, answer, chosen, table, numbers, predictor, seconds) -> None:
    """Validity, changes and distance of DiCE's rows, in Whence's metric."""
    spread = {c: (table[c] - table[c].median()).abs().median() or (table[c].max() - table[c].min()) or 1 for c in numbers}
    valid, changes, distances, total = 0, [], [], 0
    for (_, row), one in zip(chosen.iterrows(), answer.cf_examples_list):
        frame = one.final_cfs_df
        if frame is None:
            continue
        for _, other in frame.iterrows():
            total += 1
            before = predictor.predict(row.to_frame().T)[0]
            valid += predictor.predict(other[table.columns].to_frame().T)[0] != before
            moved = [c for c in table.columns if (abs(float(other[c]) - float(row[c])) > 1e-9 if c in numbers else other[c] != row[c])]
            changes.append(len(moved))
            distances.append(sum(abs(float(other[c]) - float(row[c])) / spread[c] if c in numbers else 1 for c in moved))
    if total:
        bench.note(f"{who}: {valid} of {total} valid (of {COUNT * len(chosen)} wanted); changes {np.mean(changes):.1f}, "
                   f"distance {np.mean(distances):.2f} (median {np.median(distances):.2f}), {seconds:.2f} s")
    else:
        bench.note(f"{who}: none found, {seconds:.2f} s")


def run(bench) -> None:
    measure(bench, "breast-cancer", breast_cancer())
    source = data_file("tabular/adult_train.csv")
    if not source:
        bench.note("no census table here (WHENCE_DATA/tabular/adult_train.csv): adult is left out")
        return
    measure(bench, "adult", adult(source))
