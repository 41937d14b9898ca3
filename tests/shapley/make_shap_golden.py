"""Writes shap.npz: what shap 0.51.0 and shapiq 1.4.1 return where nothing is random.

    build/bench-venv/bin/python tests/shapley/make_shap_golden.py
"""

import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import shap
import shapiq
from shap.utils._legacy import DenseData

out = {}
rng = np.random.default_rng(0)


def as_model(table):
    """Columns of 0 and 1 -> value of the coalition; bit j of the code is column j."""
    return lambda rows: table[(np.asarray(rows) @ (1 << np.arange(int(np.log2(len(table)))))).astype(int)]


def kernel():
    players = 8
    table = rng.normal(size=1 << players)
    table += (((np.arange(1 << players)[:, None] >> np.arange(players)) & 1) * np.array([-3, 0, 0, 1, 0, 0, 0.3, 3])).sum(1)
    out["kernel/table"] = table
    explainer = shap.KernelExplainer(as_model(table), np.zeros((1, players)))
    for name, l1 in {
        "none": False,
        "num_features(3)": "num_features(3)",
        "num_features(10)": "num_features(10)",
        "auto": "auto",
        "aic": "aic",
        "bic": "bic",
        "0.002": 0.002,
        "0.1": 0.1,
    }.items():
        values = explainer.shap_values(np.ones((1, players)), nsamples=1000, l1_reg=l1, silent=True)
        out[f"kernel/{name}"] = np.ravel(values)
        print(name, np.flatnonzero(np.ravel(values)))


def model():
    """Weights of the background, the logit of the mean, one column that does not vary."""
    x = np.array([[0.5, -1.0, 0.25, 2.0, 0.125]])
    background = rng.normal(size=(6, 5))
    background[:, 3] = 2.0
    weights = np.array([1.0, 2, 3, 1, 2, 1])

    def f(rows):
        return 1 / (1 + np.exp(-(rows @ np.array([1, -0.5, 2, 0.5, -1]) + rows[:, 0] * rows[:, 1])))

    data = DenseData(background, [str(i) for i in range(5)], None, weights)
    out["model/x"], out["model/background"], out["model/weights"] = x, background, weights
    for link in ("identity", "logit"):
        explainer = shap.KernelExplainer(f, data, link=link)
        out[f"model/{link}"] = np.ravel(explainer.shap_values(x, l1_reg=False, silent=True))
        out[f"model/{link}/base"] = np.ravel(explainer.expected_value)


def partition():
    players = 7
    table = rng.normal(size=1 << players)
    merges = np.array([[0, 3, 1, 2], [1, 5, 2, 2], [7, 2, 3, 3], [8, 6, 4, 3], [9, 10, 5, 6], [11, 4, 6, 7]], float)
    masker = shap.maskers.Partition(np.zeros((1, players)), clustering=merges)
    explainer = shap.explainers.Partition(as_model(table), masker)
    out["partition/table"], out["partition/merges"] = table, merges[:, :2]
    out["partition/values"] = np.ravel(explainer(np.ones((1, players)), max_evals=100000).values)


def interactions():
    players = 6
    table = rng.normal(size=1 << players)
    game = shapiq.Game(n_players=players, normalize=False)
    game.value_function = lambda coalitions: as_model(table)(coalitions.astype(float))
    computer = shapiq.ExactComputer(game, n_players=players)
    pairs = computer(index="SII", order=2)
    matrix = np.zeros((players, players))
    for pair, at in pairs.interaction_lookup.items():
        if len(pair) == 2:
            matrix[pair] = pairs.values[at]
    banzhaf = computer(index="BV", order=1)
    out["interactions/table"], out["interactions/pairs"] = table, matrix
    out["interactions/banzhaf"] = np.array([banzhaf[(j,)] for j in range(players)])


def clusters():
    centres = np.array([[0, 0, 0], [10, 0, 5], [0, 10, -5], [10, 10, 0]])
    rows = np.concatenate([centre + rng.normal(size=(n, 3)) for centre, n in zip(centres, (5, 9, 4, 12))])
    summary = shap.kmeans(rows, 4)
    order = np.lexsort(summary.data.T)
    out["kmeans/rows"], out["kmeans/centres"] = rows, summary.data[order]
    out["kmeans/weights"] = np.asarray(summary.weights)[order] * len(rows) / np.sum(summary.weights)


warnings.simplefilter("ignore")
found = {name: metadata.version(name) for name in ("shap", "shapiq")}
assert found == {"shap": "0.51.0", "shapiq": "1.4.1"}, found
for part in (kernel, model, partition, interactions, clusters):
    part()
np.savez(Path(__file__).with_name("shap.npz"), **out)
