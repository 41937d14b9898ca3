#!/usr/bin/env python3
"""Makes the golden files of rules other than the gradient: captum's answers for small networks.

    build/bench-venv/bin/python tests/golden/make_rules.py [--out FOLDER]

For each network NAME.onnx (input `x`, output `y` [N, classes], free batch) and NAME.npz with
    x, reference     float32  three rows of input, and what each is compared with
    target           int64    the class explained in each row: its largest output
    change           float64  y[target] - y(reference)[target]
    deep_lift        float64  captum's DeepLift: (x - reference) times the multipliers, where that sums to `change`
    guided, deconvolution  float64  captum's GuidedBackprop and Deconvolution (networks with ReLUs)
Weights and arithmetic are in double. captum's answer does not add up for products, normalisations, and max pools where
the reference's maximum is larger (it loses what is routed to the reference): no answer is kept then. Made with torch
2.15 and captum 0.9.
"""
import argparse
import io
from pathlib import Path

import captum.attr
import numpy as np
import onnx
import torch
from torch import nn

ROWS = 3


def relu_pool():
    """Without a bias before the pool: a reference of zeros has the smaller maximum everywhere."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12), nn.ReLU(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, 5)), (3, 12, 12), 0.0


def pool_first():
    """A pool of signed values, padded, and one behind a ReLU, padded: its maxima may be zero."""
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.MaxPool2d(2, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
                         nn.MaxPool2d(3, 3, padding=1), nn.Flatten(), nn.Linear(8 * 9, 4)), (3, 14, 14), 0.7


def bends():
    """Every activation that captum rescales."""
    return nn.Sequential(nn.Linear(7, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.Softplus(),
                         nn.Linear(16, 16), nn.ELU(), nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4)), (7,), 0.7


NETWORKS = {"relu_pool": relu_pool, "pool_first": pool_first, "bends": bends}


def make(name, build, out):
    torch.manual_seed(7)
    net, shape, spread = build()
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.data *= 2
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    net = net.eval()
    x, reference = torch.randn(ROWS, *shape), torch.randn(ROWS, *shape) * spread
    file = io.BytesIO()
    torch.onnx.export(net, (x,), file, opset_version=17, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, dynamo=False)
    onnx.save(onnx.load_from_string(file.getvalue()), out / f"{name}.onnx")

    net, wide, other = net.double(), x.double(), reference.double()
    y, y0 = net(wide), net(other)
    target = y.argmax(1)
    arrays = {"x": x, "reference": reference, "target": target, "change": (y - y0).gather(1, target[:, None])[:, 0]}
    deep_lift = captum.attr.DeepLift(net).attribute(wide.clone(), other, target=target)
    off = (deep_lift.flatten(1).sum(1) - arrays["change"]).abs().max().item()
    if off < 1e-12:
        arrays["deep_lift"] = deep_lift
    if any(isinstance(module, nn.ReLU) for module in net):
        arrays["guided"] = captum.attr.GuidedBackprop(net).attribute(wide.clone(), target=target)
        arrays["deconvolution"] = captum.attr.Deconvolution(net).attribute(wide.clone(), target=target)
    np.savez(out / f"{name}.npz", **{key: value.detach().numpy() for key, value in arrays.items()})
    print(f"{name}: captum's attributions are off by {off:.1e} of {arrays['change'].abs().max().item():.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "rules")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, build in NETWORKS.items():
        make(name, build, options.out)


if __name__ == "__main__":
    main()
