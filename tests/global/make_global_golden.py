"""Writes global.npz: importance and partial dependence of scikit-learn 1.9.1 for global_golden_test.

    build/bench-venv/bin/python tests/global/make_global_golden.py

The shuffles are those that scikit-learn draws, written down so that the test can use the same: each shuffles the shuffled
column again, by an order that is shuffled again (sklearn.inspection._permutation_importance).
"""
import pathlib

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence, permutation_importance

assert sklearn.__version__ == "1.9.1", sklearn.__version__


class Formula(RegressorMixin, BaseEstimator):
    """The formula of the test."""

    def fit(self, x, y):
        self.n_features_in_ = x.shape[1]
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, x):
        return np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + np.where(x[:, 3] > 1, 1.5, 0)


rng = np.random.RandomState(7)
n, repeats = 60, 4
x = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.randint(0, 6, n), rng.randint(0, 4, n)]).astype(float)
y = Formula().predict(x) + 0.3 * rng.normal(size=n)
model = Formula().fit(x, y)
out = {"x": x, "y": y}
importance = permutation_importance(model, x, y, scoring="neg_mean_squared_error", n_repeats=repeats, random_state=11)
out["importances"] = importance.importances
# Every column starts again from the same seed.
seed = np.random.RandomState(11).randint(np.iinfo(np.int32).max + 1)
state, order, column = np.random.RandomState(seed), np.arange(n), np.arange(n)
orders = []
for _ in range(repeats):
    state.shuffle(order)
    column = column[order]
    orders.append(column)
out["orders"] = np.array(orders, dtype=np.int32)
for column in (2, 3):  # few values: both look at each of them
    found = partial_dependence(model, x, [column], kind="both", method="brute")
    out[f"grid/{column}"] = found["grid_values"][0]
    out[f"average/{column}"] = found["average"][0]
    out[f"individual/{column}"] = found["individual"][0]
for column in (0, 1):
    grid = np.linspace(*np.quantile(x[:, column], [0.05, 0.95]), 7)
    found = partial_dependence(model, x, [column], kind="both", method="brute", custom_values={column: grid})
    out[f"grid/{column}"] = found["grid_values"][0]
    out[f"average/{column}"] = found["average"][0]
    out[f"individual/{column}"] = found["individual"][0]
np.savez(pathlib.Path(__file__).with_name("global.npz"), **out)
