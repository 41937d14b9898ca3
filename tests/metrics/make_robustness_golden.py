"""Writes robustness.npz: values of Quantus 0.6.0 and captum 0.9.0 for metrics_robustness_test and metrics_randomisation_test.

    PYTHON tests/metrics/make_robustness_golden.py

with a Python that has Quantus installed beside the packages of build/bench-venv. The explanation is the gradient of
V tanh(W x + b) + c. Noise and randomised weights that a library would draw are written down, so that the test judges the
same explanations.
"""
import pathlib

import captum.metrics
import numpy as np
import quantus
import torch

versions = (quantus.__version__, captum.__version__)
assert versions == ("0.6.0", "0.9.0"), versions

rng = np.random.RandomState(5)
side, images, hidden, classes, samples = 4, 3, 6, 3, 7
pixels = side * side
model = torch.nn.Sequential(
    torch.nn.Flatten(), torch.nn.Linear(pixels, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, classes)
)
with torch.no_grad():
    model[1].weight[:] = torch.tensor(rng.normal(size=(hidden, pixels)) / 2)
    model[1].bias[:] = torch.tensor(rng.normal(size=hidden) / 3)
    model[3].weight[:] = torch.tensor(rng.normal(size=(classes, hidden)))
    model[3].bias[:] = torch.tensor(rng.normal(size=classes))
model.eval()
x = rng.uniform(0.1, 1, size=(images, 1, side, side)).astype(np.float32)
y = model(torch.tensor(x)).argmax(1).numpy()
# Small enough that no image changes its class: Quantus answers NaN then.
noise = rng.uniform(-0.05, 0.05, size=(images, samples, pixels)).astype(np.float32)


@torch.enable_grad()
def gradient(model, inputs, targets, **_):
    inputs = torch.as_tensor(inputs, dtype=torch.float32).reshape(-1, 1, side, side).requires_grad_()
    score = model(inputs)[torch.arange(len(inputs)), torch.as_tensor(targets)].sum()
    return torch.autograd.grad(score, inputs)[0].numpy()


class Given:
    """Noise number 0, 1, 2, ... of each image, in turn."""

    def __init__(self):
        self.sample = -1

    def __call__(self, arr, indices=None, **_):
        self.sample += 1
        return arr + noise[:, self.sample]


a = gradient(model, x, y)
common = dict(disable_warnings=True, display_progressbar=False, abs=False, normalise=False)
call = dict(model=model, x_batch=x, y_batch=y, explain_func=gradient, channel_first=True, softmax=False, device="cpu")


def ask(make, **options):
    metric = make(nr_samples=samples, perturb_func=Given(), **common, **options)
    return np.asarray(metric(a_batch=a.copy(), **call), dtype=np.float64)


def weights(of):
    return [p.detach().numpy().astype(np.float64).ravel() for p in of.parameters()]


out = dict(x=x.reshape(images, pixels), y=y, noise=noise, weights=np.concatenate(weights(model)))
out["max-sensitivity"] = ask(quantus.MaxSensitivity)
out["avg-sensitivity"] = ask(quantus.AvgSensitivity)
out["local-lipschitz"] = ask(quantus.LocalLipschitzEstimate)
out["relative-input-stability"] = ask(quantus.RelativeInputStability)
out["relative-output-stability"] = ask(quantus.RelativeOutputStability)
out["relative-representation-stability"] = ask(quantus.RelativeRepresentationStability, layer_names=["2"])
assert all(np.isfinite(out[name]).all() for name in out)


def captum_noise(inputs, *_):
    return inputs + torch.tensor(noise.reshape(images * samples, 1, side, side))


out["captum-max-sensitivity"] = captum.metrics.sensitivity_max(
    lambda inputs, target: (
        torch.tensor(gradient(model, inputs[0] if isinstance(inputs, tuple) else inputs, target)),
    ),
    torch.tensor(x), perturb_func=captum_noise, n_perturb_samples=samples, target=torch.tensor(y),
).numpy().astype(np.float64)

# Randomised layer by layer as Quantus does; the weights of each step are written down.
wrapped = quantus.helpers.utils.get_wrapped_model(model, channel_first=True, softmax=False, device="cpu")
for order in ("top_down", "bottom_up", "independent"):
    steps = [np.concatenate(weights(m)) for _, m in wrapped.get_random_layer_generator(order=order, seed=42)]
    out[f"weights-{order}"] = np.stack(steps)
    metric = quantus.MPRT(layer_order=order, seed=42, **{**common, "abs": True})
    scores = metric(a_batch=np.abs(a), **call)
    out[f"mprt-{order}"] = np.array([scores[name] for name in scores if name != "original"])
metric = quantus.EfficientMPRT(complexity_func_kwargs={"n_bins": 10}, seed=42, **common)
out["efficient-mprt"] = np.array(metric(a_batch=a.copy(), **{**call, "softmax": True}))
off = (y + 1) % classes
out["random-logit"] = quantus.similarity_func.correlation_spearman(
    a.reshape(images, -1), gradient(model, x, off).reshape(images, -1), batched=True)
# The entry of the model as it is, always 1, is averaged in: its name is not the one that is left out.
average = quantus.MPRT(seed=42, return_average_correlation=True, **{**common, "abs": True})(a_batch=np.abs(a), **call)
np.testing.assert_allclose(average, np.append(np.ones((1, images)), out["mprt-top_down"], 0).mean(0), atol=1e-6)
np.savez(pathlib.Path(__file__).with_name("robustness.npz"), **out)
for name, value in out.items():
    if value.size < 20:
        print(name, value)
