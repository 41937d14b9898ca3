"""What the anchor package finds and draws on two tables: anchors.npz, for anchor_golden_test.cpp.

Made with anchor-exp 0.0.2.0, lime 0.2.0.1, scikit-learn 1.9.1 and NumPy 2.4.6 (Python 3.11). The model is a logistic regression
whose weights stand in the file. Random numbers differ, so what is compared are distributions: for each anchor its precision
over 40 000 samples of the package, and its coverage. Needs examples/data and, for adult, the folder of tables as its
argument: python tests/anchors/make_anchor_golden.py /path/to/tabular
"""

import csv
import sys
from pathlib import Path

import numpy as np
from anchor.anchor_base import AnchorBaseBeam
from anchor.anchor_tabular import AnchorTabularExplainer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 40_000
out: dict[str, np.ndarray] = {}


def read(path, drop, header):
    """Numbers, and categories by the place of their text in byte order, as Whence's CSV reader has them; whole rows only."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file, header, skipinitialspace=True) if row]
    rows = [row for row in rows if "?" not in (cell.strip() for cell in row.values())]
    names = [name for name in rows[0] if name != drop]
    columns, categories = [], {}
    for c, name in enumerate(names):
        cells = [row[name].strip() for row in rows]
        try:
            columns.append([float(cell) for cell in cells])
        except ValueError:
            categories[c] = sorted(set(cells), key=str.encode)
            place = {text: i for i, text in enumerate(categories[c])}
            columns.append([float(place[cell]) for cell in cells])
    return names, categories, np.array(columns).T, np.array([row[drop].strip() for row in rows])


class Model:
    """Score = b + sum over numbers w (x - m) / s + sum over categories table[code]; class 1 above 0."""

    def __init__(self, name, data, labels, categories):
        self.numbers = [c for c in range(data.shape[1]) if c not in categories]
        self.mean, self.scale = data[:, self.numbers].mean(0), data[:, self.numbers].std(0)
        self.sizes = [len(categories.get(c, [])) for c in range(data.shape[1])]
        fitted = LogisticRegression(C=1.0, max_iter=2000).fit(self.encode(data), labels)
        self.weights, self.bias = fitted.coef_[0], fitted.intercept_[0]
        out[f"{name}/model"] = np.concatenate([[self.bias], self.weights])
        out[f"{name}/mean"], out[f"{name}/scale"] = self.mean, self.scale

    def encode(self, data):
        parts = [(data[:, self.numbers] - self.mean) / self.scale]
        for c, size in enumerate(self.sizes):
            if size:
                parts.append(np.eye(size)[data[:, c].astype(int)])
        return np.hstack(parts)

    def __call__(self, data):
        return (self.encode(data) @ self.weights + self.bias > 0).astype(int)


def table(name, path, drop, positive, rows, header=None):
    names, categories, data, classes = read(path, drop, header)
    model = Model(name, data, classes == positive, categories)
    explainer = AnchorTabularExplainer(["no", "yes"], names, data, categories)
    out[f"{name}/rows"] = np.array(rows)
    for row in rows:
        np.random.seed(row)
        sample, mapping = explainer.get_sample_fn(data[row], model)
        found = AnchorBaseBeam.anchor_beam(sample, delta=0.1, epsilon=0.15, batch_size=10, desired_confidence=0.95)["feature"]
        rng = np.random.default_rng(row)
        others = [sorted(rng.choice(len(mapping), size, replace=False).tolist()) for size in (1, 2, 3)]
        for number, anchor in enumerate([found, *others]):
            case = f"{name}/{row}/{number}"
            conditions, holds = [], np.ones(len(data), bool)
            for feature, kind, value in (mapping[p] for p in anchor):
                edge = value if kind == "eq" else explainer.disc.maxs[feature][value]
                conditions.append([feature, ("eq", "leq", "geq").index(kind), edge])
                x = data[:, feature]
                holds &= {"eq": x == edge, "leq": x <= edge, "geq": x > edge}[kind]
            out[f"{case}/conditions"] = np.array(conditions, float).reshape(-1, 3)
            out[f"{case}/precision"] = np.array([sample(anchor, SAMPLES)[2].mean()])
            out[f"{case}/coverage"] = np.array([holds.mean()])
        print(name, row, out[f"{name}/{row}/0/precision"], out[f"{name}/{row}/0/coverage"], len(found), flush=True)


def main():
    table("breast_cancer", ROOT / "examples/data/breast_cancer_train.csv", "diagnosis", "malignant", [0, 17, 40, 95, 200])
    table("adult", Path(sys.argv[1]) / "adult_train.csv", "income", ">50K", [3, 8, 100, 2000, 7], [f"c{i}" for i in range(14)] + ["income"])
    np.savez_compressed(Path(__file__).parent / "anchors.npz", **out)
    print(f"{len(out)} arrays, Python {sys.version.split()[0]}")


main()
