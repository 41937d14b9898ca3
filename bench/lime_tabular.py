"""LIME on rows of tables: the lime package against Whence, the same ONNX file through ONNX Runtime for both.

The shipped breast-cancer network (30 columns) with its training table as the background, the package's 5000 samples and ten features,
with quartiles (the default of both) and without.
"""

from __future__ import annotations

import json

import numpy as np

from harness import ROOT, fastest, forward, import_whence, in_turns, ort_session


def run(bench) -> None:
    whence = import_whence()
    samples = 1000 if bench.quick else 5000
    breast_cancer(bench, whence, samples)


def breast_cancer(bench, whence, samples: int) -> None:
    import pandas as pd

    path = ROOT / "examples/models/breast_cancer.onnx"
    features = json.loads(path.with_suffix(".json").read_text())["features"]
    train = pd.read_csv(ROOT / "examples/data/breast_cancer_train.csv")[features].to_numpy(float)
    row = pd.read_csv(ROOT / "examples/data/breast_cancer.csv")[features].to_numpy(float)[17]
    model, ask = whence.load(path), forward(ort_session(path, bench.threads))
    for name, discretize in (("quartiles", True), ("numbers", False)):
        compare(bench, whence, model, ask, name, train, row, features, samples, discretize)


def in_batches(ask, batch: int):
    """A predictor as the package wants it: float64 rows to probabilities."""

    def predict(rows):
        rows = rows.astype(np.float32)
        return np.concatenate([ask(rows[i : i + batch]) for i in range(0, len(rows), batch)])

    return predict


def compare(bench, whence, model, ask, name, train, row, features, samples, discretize) -> None:
    from lime.lime_tabular import LimeTabularExplainer

    rows = np.repeat(row[None], samples, 0).astype(np.float32)
    batch = int(fastest({str(b): lambda b=b: in_batches(ask, b)(rows) for b in (256, 1024, samples)}))
    predict = in_batches(ask, batch)
    assert np.allclose(np.asarray(model.predict(row.astype(np.float32))).ravel(), predict(row[None])[0], atol=1e-5), "the two do not ask the same"
    # The explainer is made once: its statistics of the training table are not timed, nor are Whence's, which come with the model.
    explainer = LimeTabularExplainer(train, feature_names=features, discretize_continuous=discretize, random_state=0)
    options = {"discretizer": "quartile" if discretize else "none", "num_samples": samples, "target": 1}

    def lime():
        return explainer.explain_instance(row, predict, labels=(1,), num_features=10, num_samples=samples)

    def ours(**more):
        return whence.explain(model, row, method="lime", **options, **more)

    b = ours()
    theirs = dict(lime().as_list(label=1))
    bench.note(f"{name}: of the 10 features kept, {len(set(theirs) & set(b.names))} are common to both")
    timings = in_turns(
        {"whence": ours, "compatible": lambda: ours(compatible=True), "peer": lime, "model": lambda: predict(rows)}, rounds=bench.rounds
    )
    micro = {who: t.median / samples * 1e6 for who, t in timings.items()}
    bench.note(f"{name}: microseconds a row: " + ", ".join(f"{who} {value:.2f}" for who, value in micro.items()) + " (model: bare forward passes)")
    bench.ratio(f"{name} {samples} samples", timings["whence"], timings["peer"], f"({micro['whence']:.2f} us a row, lime {micro['peer']:.2f})")
    bench.ratio(f"{name} compatible", timings["compatible"], timings["peer"])
