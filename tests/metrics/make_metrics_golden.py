"""Writes metrics.npz: values of Quantus 0.6.0, captum 0.9.0, SciPy 1.17.1 and scikit-learn 1.9.1 for metrics_golden_test.

    PYTHON tests/metrics/make_metrics_golden.py

with a Python that has Quantus installed beside the packages of build/bench-venv. Subsets that a library draws are written
down, so that the test can ask about the same; superpixels are given instead of made.
"""
import pathlib

import captum.metrics
import numpy as np
import quantus
import scipy
import scipy.spatial.distance
import sklearn
import torch
from quantus.functions.perturb_func import noisy_linear_imputation
from quantus.helpers import utils

versions = (quantus.__version__, captum.__version__, scipy.__version__, sklearn.__version__)
assert versions == ("0.6.0", "0.9.0", "1.17.1", "1.9.1"), versions
# Quantus 0.6.0 calls a function of NumPy 1.
np.trapz = np.trapezoid

rng = np.random.RandomState(3)
side, images, hidden, classes = 6, 3, 8, 2
pixels = side * side
w, b, v = rng.normal(size=(hidden, pixels)) / 3, rng.normal(size=hidden) / 3, rng.normal(size=(classes, hidden))
x = rng.uniform(size=(images, 1, side, side)).astype(np.float32)
a = rng.normal(size=(images, 1, side, side)).astype(np.float32)
y = np.array([0, 1, 0])
masks = np.zeros((images, 1, side, side), dtype=np.uint8)
masks[0, 0, 1:4, 2:5], masks[1, 0, 0:2, 0:6], masks[2, 0, 5, 5] = 1, 1, 1


class Net(torch.nn.Module):
    """The formula of the test: V tanh(W x + b)."""

    def __init__(self):
        super().__init__()
        self.w, self.b, self.v = (torch.tensor(t, dtype=torch.float32) for t in (w, b, v))

    def forward(self, rows):
        return torch.tanh(rows.reshape(len(rows), -1) @ self.w.T + self.b) @ self.v.T


net = Net().eval()
out = {"w": w, "b": b, "v": v, "x": x.reshape(images, pixels), "a": a.reshape(images, pixels), "y": y.astype(np.int64),
       "masks": masks.reshape(images, pixels)}
quiet = {"disable_warnings": True, "display_progressbar": False}
plain = {"abs": False, "normalise": False, **quiet}


def ask(metric):
    """One image at a time: Quantus 0.6.0 divides by the largest value of the whole batch."""
    found = [metric(model=net, x_batch=x[i:i + 1], y_batch=y[i:i + 1], a_batch=a[i:i + 1].copy(), s_batch=masks[i:i + 1].astype(bool),
                    softmax=False) for i in range(images)]
    return np.concatenate([np.asarray(one, dtype=float) for one in found])


# "black" would be the smallest value of the image.
black = {"perturb_baseline": 0.0, "return_aggregate": False, **plain}
out["pixel-flipping"] = ask(quantus.PixelFlipping(features_in_step=1, **black))
out["region-perturbation"] = ask(quantus.RegionPerturbation(patch_size=2, regions_evaluation=5, **black))
out["non-sensitivity"] = ask(quantus.NonSensitivity(eps=0.1, features_in_step=1, abs=True, normalise=True,
                                                    perturb_baseline=0.0, **quiet))

# The library's own draws, written down.
drawn, choice = [], np.random.choice
np.random.choice = lambda *args, **named: drawn.append(choice(*args, **named)) or drawn[-1]
np.random.seed(5)
out["faithfulness-correlation"] = ask(quantus.FaithfulnessCorrelation(nr_runs=30, subset_size=7, **black))
np.random.choice = choice
out["subsets"] = np.array(drawn, dtype=np.int32).reshape(images, 30, 7)

# Superpixels: squares of 2 x 2 pixels.
squares = (np.arange(side)[:, None] // 2 * (side // 2) + np.arange(side) // 2).astype(np.int32)
out["squares"] = squares.reshape(-1)
utils.get_superpixel_segments = lambda **named: squares
out["irof"] = ask(quantus.IROF(**black))

# captum: perturbations given as masks of who is removed, in units of the answer.
removed = np.zeros((30, images, pixels), dtype=np.float32)
for run in range(30):
    for image in range(images):
        removed[run, image, drawn[image * 30 + run]] = 1
for scaled in (False, True):
    turn = iter(range(30))

    def perturb(inputs):
        z = torch.tensor(removed[next(turn)]).reshape(inputs.shape)
        return z, inputs * (1 - z)

    found = captum.metrics.infidelity(net, perturb, torch.tensor(x), torch.tensor(a), target=torch.tensor(y), n_perturb_samples=30,
                                      max_examples_per_batch=images, normalize=scaled)
    out["infidelity-scaled" if scaled else "infidelity"] = found.numpy().astype(float)

missing = np.array([0, 1, 6, 7, 8, 14, 15, 20, 21, 22, 27, 28, 35])
out["missing"] = missing.astype(np.int32)
out["imputed"] = np.stack([noisy_linear_imputation(image.astype(float), missing, noise=0).reshape(-1) for image in x])

for name, metric in {"sparseness": quantus.Sparseness, "complexity": quantus.Complexity}.items():
    out[name] = ask(metric(abs=True, normalise=True, **quiet))
out["effective-complexity"] = ask(quantus.EffectiveComplexity(eps=0.2, abs=True, normalise=True, **quiet))
for name, metric in {"pointing-game": quantus.PointingGame, "relevance-rank": quantus.RelevanceRankAccuracy, "roc-auc": quantus.AUC}.items():
    out[name] = ask(metric(**plain))
out["relevance-mass"] = ask(quantus.RelevanceMassAccuracy(abs=True, normalise=True, **quiet))
out["attribution-localisation"] = ask(quantus.AttributionLocalisation(positive_attributions=True, **plain))
out["top-k-intersection"] = ask(quantus.TopKIntersection(k=10, **plain))

# Distances: SciPy's. Rounded, so that there are ties of ranks.
rows = np.round(rng.normal(size=(5, 9)), 1)
out["rows"] = rows
for name in ("cityblock", "euclidean", "cosine", "correlation"):
    out[name] = scipy.spatial.distance.pdist(rows, name)
out["spearman"] = 1 - scipy.stats.spearmanr(rows, axis=1)[0][np.triu_indices(5, 1)]

# Quantus 0.6.0 fills its baseline in with its baseline: monotone whatever the attribution.
assert ask(quantus.Monotonicity(**black)).all()
np.savez(pathlib.Path(__file__).with_name("metrics.npz"), **out)
