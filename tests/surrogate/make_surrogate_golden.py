"""Writes surrogate.npz: regression trees of scikit-learn 1.9.1 for surrogate_golden_test.

    build/bench-venv/bin/python tests/surrogate/make_surrogate_golden.py
"""
import pathlib

import numpy as np
import sklearn
from sklearn.tree import DecisionTreeRegressor

assert sklearn.__version__ == "1.9.1", sklearn.__version__
rng = np.random.RandomState(5)
x = rng.normal(size=(250, 4)).astype(np.float32).astype(float)  # scikit-learn's trees read float32
y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=250)
w = rng.uniform(0.5, 2, 250)
out = {"x": x, "y": y, "w": w}
for name, options in {"depth": {"max_depth": 4}, "leaves": {"max_depth": 30, "max_leaf_nodes": 12}}.items():
    for weighted in (False, True):
        tree = DecisionTreeRegressor(min_samples_leaf=5, random_state=0, **options)
        tree.fit(x, y, sample_weight=w if weighted else None)
        out[f"{name}/{int(weighted)}"] = tree.predict(x)
np.savez(pathlib.Path(__file__).with_name("surrogate.npz"), **out)
