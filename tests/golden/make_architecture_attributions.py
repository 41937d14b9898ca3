#!/usr/bin/env python3
"""Makes the golden files of path attributions on the architectures people use: captum's answers for eight tiny networks.

    build/bench-venv/bin/python -W ignore tests/golden/make_architecture_attributions.py [--out FOLDER]

Six networks are those of make_cams.py (cams/NAME.onnx); `text` (word embeddings [N, 9, 12] called `embedded`, two
transformer blocks) and `lstm` (an unrolled LSTM over x [N, 6, 4]) are made here. NAME.npz holds
    x, baseline   float32 (text: int64)   the input and what it is compared with, one row each
    target        int64    the class explained: the largest output
    ig            float32  IntegratedGradients, 20 Gauss-Legendre nodes; of text LayerIntegratedGradients of `embedded`
    influence     float32  InternalInfluence at `features`, the same nodes (networks of convolutions)
    guided        float32  GuidedBackprop (networks of ReLU alone)
all of the target, weights and arithmetic in double, rounded when stored. Made with PyTorch 2.15, captum 0.9, onnx 1.23, NumPy 2.4.
"""
import argparse
from pathlib import Path

import captum.attr as ca
import numpy as np
import onnxruntime
import torch
from make_cams import CLASSES, Block, Classifier, Densenet, Mobilenet, Resnet, Squeezenet, Vgg, Vit, Whole, export, randomise
from torch import nn

HERE = Path(__file__).parent
STEPS = dict(n_steps=20, method="gausslegendre")


class First(nn.Module):
    """A network that returns several tensors, as one that returns the scores."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)[0]


class Text(nn.Module):
    def __init__(self, words=20, width=12, heads=3):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Parameter(torch.randn(1, 9, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, ids):
        embedded = self.embedding(ids)
        x = embedded + self.positions
        for block in self.blocks:
            x, _ = block(x)
        return self.head(torch.tanh(self.norm(x).mean(1))), embedded


class Lstm(nn.Module):
    def __init__(self, features=4, width=8):
        super().__init__()
        self.width, self.gates, self.state = width, nn.Linear(features, 4 * width), nn.Linear(width, 4 * width, False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        h = c = x[:, 0, :1] * torch.zeros(1, self.width, dtype=x.dtype)
        for t in range(x.shape[1]):
            i, f, g, o = (self.gates(x[:, t]) + self.state(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return self.head(h), h


def attributions(kind, net, x, baseline):
    scores = First(net) if kind in (Vit, Text, Lstm) else Classifier(net)
    y = scores(x)
    target = int(y[0].argmax())
    common = dict(baselines=baseline, target=target, **STEPS)
    out = {"y": y, "target": target}
    if kind is Text:
        out["ig"] = ca.LayerIntegratedGradients(scores, net.embedding).attribute(x, **common)
    else:
        out["ig"] = ca.IntegratedGradients(scores).attribute(x, **common)
    if kind not in (Vit, Text, Lstm):
        out["influence"] = ca.InternalInfluence(scores, net.features).attribute(x, **common)
    if kind in (Resnet, Squeezenet, Vgg):
        for module in net.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        out["guided"] = ca.GuidedBackprop(scores).attribute(x, target=target)
    return {name: v.detach().numpy() if torch.is_tensor(v) else v for name, v in out.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=HERE / "architectures")
    out = parser.parse_args().out
    out.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    for seed, kind in enumerate([Resnet, Mobilenet, Densenet, Squeezenet, Vgg, Vit, Text, Lstm]):
        name = kind.__name__.lower()
        torch.manual_seed(seed)
        net = randomise(kind())
        if kind is Text:
            x, baseline = torch.randint(1, 20, (1, 9)), torch.zeros(1, 9, dtype=torch.int64)
        elif kind is Lstm:
            x, baseline = torch.randn(1, 6, 4), 0.3 * torch.randn(1, 6, 4)
        else:  # the very networks of make_cams.py
            x = torch.randn(1, 3, 24, 24)
            baseline = 0.3 * torch.randn(1, 3, 24, 24)
        file = HERE / "cams" / f"{name}.onnx"
        if kind in (Text, Lstm):
            file = out / f"{name}.onnx"
            export(net, x, ["y", "embedded" if kind is Text else "state"], file)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        answer = session.run(["y"], {"x": x.numpy()})[0]
        wide = [t if kind is Text else t.double() for t in (x, baseline)]
        golden = attributions(kind, net.double(), *wide)
        assert np.allclose(answer, golden.pop("y"), atol=1e-4), f"{file} is another network"
        np.savez(out / f"{name}.npz", x=x.numpy(), baseline=baseline.numpy(), **{
            k: np.asarray(v, np.int64 if k == "target" else np.float32) for k, v in golden.items()})
        print(name, {k: np.shape(v) or v for k, v in golden.items()})


if __name__ == "__main__":
    main()
