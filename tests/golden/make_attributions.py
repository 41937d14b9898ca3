#!/usr/bin/env python3
"""Makes the golden files of the attribution methods: two tiny networks and what captum and PAIR's saliency say of them.

    build/bench-venv/bin/python tests/golden/make_attributions.py [--out FOLDER]

For each network NAME.onnx (input `x` [N, 3, 8, 8], output `y` [N, 3], layers `h1` [N, 4, 8, 8] and `h2` [N, 5, 4, 4])
and NAME.npz with
    x, baseline       float32  the input explained and what it is compared with, one row each
    background        float32  five rows
    score             float64  y[1] at the input, at the baseline, and its mean over the background
    METHOD            float64  captum's attribution of y[1], weights and arithmetic in double
    METHOD_error      float64  of methods that sample: the standard error of each value
`relu` has ReLU and max-pooling, `smooth` has tanh, sigmoid and average pooling. `average` has ReLU and average pooling
and is for DeepLIFT alone: with max-pooling captum's DeepLIFT misses its own sum (on this network by 0.18 of 0.26, as its
convergence delta says). Made with PyTorch 2.15, captum 0.9, saliency 0.2.1,
NumPy 2, onnx 1.23; seeds are fixed. XRAI's ranking of regions is in ranking.npz.
"""
import argparse
from pathlib import Path

import captum.attr as ca
import numpy as np
import onnx
import saliency.core as pair
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage
from torch import nn

TARGET = 1
STEPS = 20


class Network(nn.Module):
    def __init__(self, first, pool, second):
        super().__init__()
        self.conv1, self.act1 = nn.Conv2d(3, 4, 3, padding=1), first
        self.pool, self.conv2, self.act2 = pool, nn.Conv2d(4, 5, 3, padding=1), second
        self.head = nn.Linear(5 * 4 * 4, 3)

    def forward(self, x):
        h1 = self.act1(self.conv1(x))
        h2 = self.act2(self.conv2(self.pool(h1)))
        return self.head(h2.flatten(1))


def save(net, ops, path):
    """The same network as an ONNX file with the layers' names above."""
    weights = [numpy_helper.from_array(v.detach().float().numpy(), k) for k, v in net.state_dict().items()]
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "conv1.weight", "conv1.bias"], ["u1"], **conv),
        helper.make_node(ops[0], ["u1"], ["h1"]),
        helper.make_node(ops[1], ["h1"], ["p"], **pool),
        helper.make_node("Conv", ["p", "conv2.weight", "conv2.bias"], ["u2"], **conv),
        helper.make_node(ops[2], ["u2"], ["h2"]),
        helper.make_node("Flatten", ["h2"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, path.stem,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def sampled(method, *args, draws, **kwargs):
    """The mean of independent small samples, and its standard error."""
    torch.manual_seed(7)
    values = np.stack([method(*args, **kwargs).detach().numpy() for _ in range(draws)])
    return values.mean(0), values.std(0, ddof=1) / np.sqrt(draws)


def pair_methods(net, x, baseline):
    """PAIR's guided IG and blur IG read one image [H, W, C] at a time."""
    hwc = lambda a: a[0].detach().numpy().transpose(1, 2, 0)

    def call(images, call_model_args=None, expected_keys=None):
        batch = torch.tensor(np.asarray(images).transpose(0, 3, 1, 2), requires_grad=True)
        gradient, = torch.autograd.grad(net(batch)[:, TARGET].sum(), batch)
        return {pair.INPUT_OUTPUT_GRADIENTS: gradient.numpy().transpose(0, 2, 3, 1)}

    quantile = np.quantile  # its `interpolation` is called `method` since NumPy 2
    np.quantile = lambda a, q, interpolation: quantile(a, q, method=interpolation)
    guided = pair.GuidedIG().GetMask(hwc(x), call, x_baseline=hwc(baseline), x_steps=50, max_dist=0.05, fraction=0.25)
    np.quantile = quantile
    module = pair.blur_ig
    # Edges are repeated, as Whence does; the authors' code fills with zeros.
    module.gaussian_blur = lambda image, sigma: (
        image if sigma == 0 else ndimage.gaussian_filter(image, sigma=[sigma, sigma, 0], mode="nearest", truncate=8))
    blur = pair.BlurIG().GetMask(hwc(x), call, max_sigma=3, steps=4000, grad_step=0.0005, batch_size=100)
    back = lambda a: a.transpose(2, 0, 1)[None]
    return {"guided_ig": back(guided), "blur_ig": back(blur)}


def deep(net, x, baseline, background):
    return {"deep_lift": ca.DeepLift(net).attribute(x, baselines=baseline, target=TARGET).detach().numpy(),
            "deep_shap": ca.DeepLiftShap(net).attribute(x, baselines=background, target=TARGET).detach().numpy()}


def attributions(net, x, baseline, background, smooth):
    out = {}
    path = dict(baselines=baseline, target=TARGET, n_steps=STEPS)
    for method in ("gausslegendre", "riemann_middle"):
        out["ig_" + method] = ca.IntegratedGradients(net).attribute(x, method=method, **path)
    for name, layer in (("h1", net.act1), ("h2", net.act2)):
        out["layer_ig_" + name] = ca.LayerIntegratedGradients(net, layer).attribute(x, method="gausslegendre", **path)
        out["influence_" + name] = ca.InternalInfluence(net, layer).attribute(x, method="gausslegendre", **path)
        # captum takes the left end of each chord; with this many chords that no longer matters
        out["conductance_" + name] = ca.LayerConductance(net, layer).attribute(
            x, baselines=baseline, target=TARGET, n_steps=20000, method="riemann_trapezoid", internal_batch_size=2000)
    out["input_x_gradient"] = ca.InputXGradient(net).attribute(x, target=TARGET)
    if smooth:
        out.update(deep(net, x, baseline, background))
    if not smooth:
        out["guided_backprop"] = ca.GuidedBackprop(net).attribute(x, target=TARGET)
        out["deconvolution"] = ca.Deconvolution(net).attribute(x, target=TARGET)
    deviation = 0.15 * float(x.max() - x.min())
    tunnel = ca.NoiseTunnel(ca.Saliency(net))
    for kind in ("smoothgrad", "smoothgrad_sq", "vargrad"):
        out[kind], out[kind + "_error"] = sampled(
            tunnel.attribute, x, nt_type=kind, nt_samples=400, stdevs=deviation, target=TARGET, abs=False, draws=25)
    out["gradient_shap"], out["gradient_shap_error"] = sampled(
        ca.GradientShap(net).attribute, x, baselines=background, n_samples=400, stdevs=0.0, target=TARGET, draws=25)
    if smooth:
        out.update(pair_methods(net, x, baseline))
    return {k: v.detach().numpy() if torch.is_tensor(v) else v for k, v in out.items()}


def ranking(path):
    random = np.random.default_rng(3)
    attribution = random.normal(size=(12, 12))
    masks = [random.random((12, 12)) < 0.2 for _ in range(15)]
    parameters = pair.XRAIParameters()
    parameters.experimental_params["min_pixel_diff"] = 5
    gains = pair.XRAI().GetMask(
        np.zeros((12, 12, 1)), None, base_attribution=attribution[..., None], segments=masks, extra_parameters=parameters)
    np.savez(path, attribution=attribution, masks=np.stack(masks).astype(np.int32), gains=gains.astype(np.float64))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "attributions")
    out = parser.parse_args().out
    out.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    for name, modules, ops in (
            ("relu", (nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()), ("Relu", "MaxPool", "Relu")),
            ("average", (nn.ReLU(), nn.AvgPool2d(2), nn.ReLU()), ("Relu", "AveragePool", "Relu")),
            ("smooth", (nn.Tanh(), nn.AvgPool2d(2), nn.Sigmoid()), ("Tanh", "AveragePool", "Sigmoid"))):
        torch.manual_seed(11)
        net = Network(*modules).eval()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(2)  # away from linear
        save(net, ops, out / f"{name}.onnx")
        rows = torch.randn(7, 3, 8, 8)
        x, baseline, background = rows[:1], 0.3 * rows[1:2], rows[2:]
        net, wide = net.double(), [t.double() for t in (x, baseline, background)]
        with torch.no_grad():
            score = np.array([float(net(t)[:, TARGET].mean()) for t in wide])
        maps = deep(net, *wide) if name == "average" else attributions(net, *wide, smooth=name == "smooth")
        np.savez(out / f"{name}.npz", x=x.numpy(), baseline=baseline.numpy(), background=background.numpy(),
                 score=score, **maps)
    ranking(out / "ranking.npz")


if __name__ == "__main__":
    main()
