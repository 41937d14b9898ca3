"""What the lime package makes of given samples and given background rows: lime.npz, for lime_golden_test.cpp and others.

Made with lime 0.2.0.1, scikit-learn 1.9.1, scipy 1.17.1 and NumPy 2.4.6 (Python 3.11). Random numbers differ between
lime and Whence, so both get the same samples, answers and distances; the fit, the choice of features and the bins
must then agree. Runs without a model: python tests/perturb/make_lime_golden.py
"""

import sys
from pathlib import Path

import numpy as np
from lime.discretize import DecileDiscretizer, EntropyDiscretizer, QuartileDiscretizer
from lime.lime_base import LimeBase
from lime.lime_image import ImageExplanation
from lime.lime_tabular import LimeTabularExplainer
from lime.submodular_pick import SubmodularPick
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.tree import DecisionTreeRegressor

METHODS = ("none", "forward_selection", "highest_weights", "lasso_path", "auto")
out: dict[str, np.ndarray] = {}


def fit_cases(name, z, y, metric, width, features):
    """LimeBase on the same samples with every way of choosing features."""
    kernel = lambda d: np.sqrt(np.exp(-(d**2) / width**2))  # noqa: E731
    distances = pairwise_distances(z, z[:1], metric=metric).ravel()
    out.update({f"{name}/z": z.astype(np.uint8) if metric == "cosine" else z, f"{name}/y": y, f"{name}/weights": kernel(distances), f"{name}/width": np.array([width])})
    base = LimeBase(kernel, random_state=np.random.RandomState(0))
    for method in METHODS:
        for count in features:
            intercept, pairs, score, local = base.explain_instance_with_data(
                z, y[:, None], distances, 0, count, feature_selection=method
            )
            case = f"{name}/{method}/{count}"
            out[f"{case}/features"] = np.array([j for j, _ in pairs], np.int64)
            out[f"{case}/coefficients"] = np.array([w for _, w in pairs])
            out[f"{case}/summary"] = np.array([intercept, score, local[0]])


def image_like(rng):
    z = rng.integers(0, 2, (400, 17)).astype(float)
    z[0] = 1
    y = z @ rng.normal(size=17) + 0.7 * z[:, 0] * z[:, 3] - 0.5 * z[:, 2] * z[:, 5] + 0.1 * rng.normal(size=400)
    return z, 1 / (1 + np.exp(-y))


def table_like(rng):
    z = rng.normal(size=(600, 12))
    z[:, 8:] = rng.integers(0, 2, (600, 4))
    z[0, 8:] = 1
    z[:, 1] = 0.6 * z[:, 0] + 0.8 * z[:, 1]  # so that the lasso path takes features out again
    return z, z @ rng.normal(size=12) + np.sin(2 * z[:, 0]) * z[:, 4] + 0.2 * rng.normal(size=600)


def background(rng):
    data = rng.normal(size=(150, 6)) * [1, 10, 0.01, 1, 1, 1] + [0, 5, 2, 0, 0, 0]
    data[:, 3] = np.round(data[:, 3]) + 0.0  # no -0, ties at the quartiles
    data[:, 4] = 3.25  # constant
    data[:, 5] = rng.integers(0, 3, 150)  # categories
    return data


def discretizer_cases(rng):
    data = background(rng)
    labels = (data[:, 0] + 0.1 * data[:, 1] + (data[:, 3] > 0) > 0.8).astype(np.int64)
    names = [f"c{i}" for i in range(6)]
    out.update({"bins/data": data, "bins/labels": labels})
    for kind, make in (("quartile", QuartileDiscretizer), ("decile", DecileDiscretizer), ("entropy", EntropyDiscretizer)):
        bins = make(data, [5], names, labels=labels, random_state=np.random.RandomState(0))
        for column in range(5):
            case = f"bins/{kind}/{column}"
            out[f"{case}/edges"] = np.array(bins.maxs[column][:-1])
            out[f"{case}/means"] = np.array(bins.means[column])
            out[f"{case}/deviations"] = np.array(bins.stds[column])
            out[f"{case}/ranges"] = np.array([bins.mins[column], bins.maxs[column]])
            out[f"{case}/names"] = np.array(bins.names[column])
    explainer = LimeTabularExplainer(data, feature_names=names, categorical_features=[5], discretizer="quartile")
    for column in range(6):
        out[f"bins/frequencies/{column}"] = np.asarray(explainer.feature_frequencies[column])
        out[f"bins/values/{column}"] = np.asarray(explainer.feature_values[column], float)
    plain = LimeTabularExplainer(data, feature_names=names, categorical_features=[5], discretize_continuous=False)
    out["bins/scaler"] = np.array([plain.scaler.mean_, plain.scaler.scale_])


class Pick(SubmodularPick):
    """The package's choice of rows, of explanations that are made here instead of by an explainer."""

    def __init__(self, weights, names, count):
        class Row:
            mode = "regression"

            def __init__(self, row):
                self.pairs = [(names[j], w) for j, w in enumerate(row) if w != 0]

            def as_list(self, label=1):
                return self.pairs

        rows = iter([Row(row) for row in weights])

        class Explainer:
            def explain_instance(self, *_, **__):
                return next(rows)

        super().__init__(Explainer(), weights, None, method="full", num_exps_desired=count)


def local_models():
    """scikit-learn's lasso, logistic regression and tree on the samples of both designs."""
    for name, penalties in (("image", (1e-4, 1e-3, 1e-2, 1.0)), ("table", (1e-3, 0.1, 0.5, 10.0))):
        z, y, w = out[f"{name}/z"].astype(float), out[f"{name}/y"], out[f"{name}/weights"]
        for alpha in penalties:
            lasso = Lasso(alpha, tol=1e-14, max_iter=10**6).fit(z, y, sample_weight=w)
            out[f"{name}/lasso/{alpha}"] = np.r_[lasso.coef_, lasso.intercept_, lasso.score(z, y, w)]
        for depth in (2, 3):
            tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=5, random_state=0).fit(z, y, sample_weight=w)
            out[f"{name}/tree/{depth}"] = np.r_[tree.feature_importances_, tree.predict(z[:1]), tree.score(z, y, w)]
            out[f"{name}/leaves/{depth}"] = np.unique(tree.predict(z))
    z, y, w = out["image/z"].astype(float), out["image/y"], out["image/weights"]
    for ridge in (0.1, 1.0):
        logistic = LogisticRegression(C=1 / ridge, tol=1e-14, max_iter=10**5)
        logistic.fit(np.r_[z, z], np.r_[np.ones(len(y)), np.zeros(len(y))], sample_weight=np.r_[w * y, w * (1 - y)])
        out[f"image/logistic/{ridge}"] = np.r_[logistic.coef_[0], logistic.intercept_, logistic.predict_proba(z[:1])[0, 1]]


def distances():
    for name in ("image", "table"):
        z = out[f"{name}/z"].astype(float)
        for metric in ("euclidean", "sqeuclidean", "manhattan", "chebyshev", "hamming", "cosine"):
            out[f"{name}/distance/{metric}"] = pairwise_distances(z, z[:1], metric=metric).ravel()


def picks(rng):
    weights = rng.normal(size=(40, 12)) * (rng.random((40, 12)) < 0.2)
    weights[7] = weights[3]  # of equals the package takes the last
    out.update({"pick/weights": weights, "pick/rows": np.array(Pick(weights, [f"f{j}" for j in range(12)], 8).V)})


def masks(rng):
    segments = np.repeat(np.repeat(np.arange(12).reshape(3, 4), 4, 0), 4, 1)
    weights = np.round(rng.normal(size=12), 3)
    image = rng.random((12, 16, 3))
    explanation = ImageExplanation(image, segments)
    explanation.local_exp[1] = sorted(enumerate(weights), key=lambda pair: abs(pair[1]), reverse=True)
    out.update({"mask/segments": segments.astype(np.int32), "mask/weights": weights, "mask/image": image})
    for case, (positive, negative, hide, count, least) in enumerate(MASKS):
        made, mask = explanation.get_image_and_mask(
            1, positive_only=positive, negative_only=negative, hide_rest=hide, num_features=count, min_weight=least
        )
        out.update({f"mask/{case}/image": made, f"mask/{case}/mask": mask.astype(np.int32)})
        out[f"mask/{case}/options"] = np.array([positive, negative, hide, count, least], float)


MASKS = ((True, False, False, 5, 0.0), (True, False, True, 3, 0.4), (False, True, True, 5, 0.2), (False, False, False, 6, 0.0),
         (False, False, True, 12, 0.5))


def main():
    rng = np.random.default_rng(5)
    fit_cases("image", *image_like(rng), "cosine", 0.25, (3, 8, 100000))
    fit_cases("table", *table_like(rng), "euclidean", 0.75 * np.sqrt(12), (2, 5, 10, 12))
    discretizer_cases(rng)
    local_models()
    distances()
    picks(rng)
    masks(rng)
    np.savez(Path(__file__).parent / "lime.npz", **out)
    print(f"{len(out)} arrays, Python {sys.version.split()[0]}")


main()
