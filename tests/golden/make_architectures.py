#!/usr/bin/env python3
"""Makes golden files of architectures people use, tiny: beside those of make_networks.py, in the same form.

    build/bench-venv/bin/python -W ignore tests/golden/make_architectures.py [NAME ...] [--out FOLDER]

The networks are torchvision's own classes with few layers and channels; a text model reads token ids, and `grad` is taken
at its embedding, the tensor `embedding`. Made with torch 2.15, torchvision 0.29 and onnx 1.23.
"""
import argparse
import copy
import io
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torchvision.models import convnext, densenet, efficientnet, mobilenetv2, vision_transformer

ROWS = 3
CLASSES = 5


def vit():
    return vision_transformer.VisionTransformer(image_size=12, patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16,
                                                num_classes=CLASSES), (3, 12, 12)


def dense_net():
    return densenet.DenseNet(4, (2, 2), 8, 2, num_classes=CLASSES), (3, 16, 16)


def mobile_net():
    net = mobilenetv2.MobileNetV2(inverted_residual_setting=[[1, 8, 1, 1], [4, 8, 2, 2]], width_mult=0.25, num_classes=CLASSES)
    net.features[-1] = mobilenetv2.Conv2dNormActivation(8, 16, 1, activation_layer=nn.ReLU6)
    net.classifier[1] = nn.Linear(16, CLASSES)
    return net, (3, 16, 16)


def efficient_net():
    block = efficientnet.MBConvConfig
    return efficientnet.EfficientNet([block(1, 3, 1, 8, 8, 1, 1.0, 1.0), block(4, 3, 2, 8, 8, 2, 1.0, 1.0)], 0.0, num_classes=CLASSES,
                                     last_channel=16), (3, 16, 16)


def conv_next():
    return convnext.ConvNeXt([convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 2)], num_classes=CLASSES,
                             layer_scale=0.5), (3, 16, 16)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layers = kind(4, 6, 2, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.classify(self.layers(x)[0].mean(1))


class Bert(nn.Module):
    """Token ids, positions, two encoder layers with the norm behind, a tanh pooler on the first token."""

    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(30, 8), nn.Parameter(torch.randn(1, 7, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.pool, self.classify = nn.Linear(8, 8), nn.Linear(8, CLASSES)

    def above(self, embedding):
        return self.classify(torch.tanh(self.pool(self.encoder(embedding + self.positions)[:, 0])))

    def forward(self, ids):
        return self.above(self.words(ids))


NETWORKS = {"vit": vit, "dense_net": dense_net, "mobile_net": mobile_net, "efficient_net": efficient_net, "conv_next": conv_next,
            "lstm": lambda: (Recurrent(nn.LSTM), (5, 4)), "gru": lambda: (Recurrent(nn.GRU), (5, 4)), "bert": lambda: (Bert(), (7,))}


def gradient(net, x, target):
    text = not x.is_floating_point()
    at = (net.words(x) if text else x).detach().clone().requires_grad_()
    (net.above if text else net)(at).gather(1, target[:, None]).sum().backward()
    return at.grad


def furthest(value, reference):
    difference = (value.double() - reference).flatten(1).abs().amax(1)
    return (difference / reference.flatten(1).abs().amax(1)).max().item()


def make(name, build, out):
    torch.manual_seed(11)
    net, shape = build()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.normal_(module.weight, 0, 1.5 / module.weight[0].numel() ** 0.5)
    net = net.eval()
    random = torch.Generator().manual_seed(12)
    exact = copy.deepcopy(net).double()
    for _ in range(1000):
        text = name == "bert"
        x = torch.randint(0, 30, (ROWS, *shape), generator=random) if text else torch.randn(ROWS, *shape, generator=random)
        wide = x if text else x.double()
        target = exact(wide).argmax(1)
        grad = gradient(exact, wide, target)
        # Clear of kinks: a nudge changes little, and float32 agrees.
        nudged = wide if text else wide + 1e-5 * torch.randn(wide.shape, generator=random)
        if furthest(gradient(exact, nudged, target), grad) < 1e-3 and furthest(gradient(net, x, target), grad) < 1e-5:
            break
    else:
        raise RuntimeError("no draw of inputs is clear of kinks")
    file = io.BytesIO()
    torch.onnx.export(net, (x[:2],), file, opset_version=17, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, dynamo=False)
    model = onnx.load_from_string(file.getvalue())
    if name == "bert":
        made = next(node for node in model.graph.node if node.op_type == "Gather").output
        for node in model.graph.node:
            for i, used in enumerate(node.input):
                if used == made[0]:
                    node.input[i] = "embedding"
        made[0] = "embedding"
    model.graph.name = name
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out / f"{name}.onnx")
    arrays = {"x": x, "y": exact(wide), "target": target, "grad": grad}
    np.savez(out / f"{name}.npz", **{key: array.detach().numpy() for key, array in arrays.items()})
    operators = sorted({node.op_type for node in model.graph.node} - {"Constant"})
    print(f"{name}: {(out / f'{name}.onnx').stat().st_size // 1024} kB: {' '.join(operators)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "networks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    for name, build in NETWORKS.items():
        if not options.names or name in options.names:
            make(name, build, options.out)


if __name__ == "__main__":
    main()
