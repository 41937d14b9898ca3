#!/usr/bin/env python3
"""Makes the golden files of class activation maps and attention: tiny random networks, and the maps of
pytorch-grad-cam (CAMs) and of a few lines of PyTorch (attention), all in double.

    build/bench-venv/bin/python tests/golden/make_cams.py [--out FOLDER]

For each network NAME.onnx (input `x`, output `y`, tensor `features`; for vit `attention0`, ...) and NAME.npz with
    x         float32  one row of input
    target    int64    the class explained: the largest output
    zero      float64  the target's output with every feature zero (not for vit)
    METHOD    float64  the signed map [h, w] of each method, before ReLU, normalisation and enlargement; in "guided"
              the whole product [3, H, W]; for vit one row of relevance over all tokens
pytorch-grad-cam enlarges Score-CAM's masks with aligned corners; the method's authors and Whence do not, so that one
function is replaced here. Its sign of Eigen-CAM is whatever the decomposition returns: it is turned to go with the
sum of the features, as Whence defines it.
"""
import argparse
import io
from pathlib import Path

import numpy as np
import onnx
import pytorch_grad_cam
import torch
import torch.nn.functional as F
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models.densenet import _DenseBlock, _Transition
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock
from torchvision.models.squeezenet import Fire

CLASSES = 5


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        down = nn.Sequential(nn.Conv2d(6, 12, 1, 2, bias=False), nn.BatchNorm2d(12))
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                                      BasicBlock(6, 6), BasicBlock(6, 12, 2, down))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, CLASSES))


class Mobilenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU6(),
                                      InvertedResidual(6, 6, 1, 2), InvertedResidual(6, 8, 2, 2),
                                      nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16), nn.ReLU6())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES))


class Densenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), _DenseBlock(2, 6, 2, 4, 0), _Transition(14, 7),
                                      _DenseBlock(2, 7, 2, 4, 0), nn.BatchNorm2d(15), nn.ReLU())
        # Two layers: neither the mean gradient nor the gradient itself is complete here.
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(15, 8), nn.Tanh(),
                                  nn.Linear(8, CLASSES))


class Squeezenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
                                      Fire(6, 3, 5, 5), Fire(10, 4, 6, 6))
        self.head = nn.Sequential(nn.Conv2d(12, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Vgg(nn.Module):
    """A head that flattens: gradients differ over space, and Grad-CAM's mean of them is no longer HiResCAM."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 36, 10), nn.ReLU(), nn.Linear(10, CLASSES))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(n, t, d))
        return x + self.mlp(self.norm2(x)), attention


class Vit(nn.Module):
    def __init__(self, width=12, heads=3):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 6, 6)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(3))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        attentions = []
        for block in self.blocks:
            x, attention = block(x)
            attentions.append(attention)
        return (self.head(x[:, 0]), *attentions)


class Whole(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        features = self.net.features(x)
        return self.net.head(features), features


class Classifier(Whole):
    def forward(self, x):
        return super().forward(x)[0]


def randomise(net):
    """Weights large enough to matter, statistics of a network that has been trained."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, 0, 1.5 / np.sqrt(module.weight[0].numel()))
            nn.init.normal_(module.bias, 0, 0.2) if module.bias is not None else None
    return net.eval()


def export(model, x, names, path):
    """The tensors in `names` keep them; only `y` stays an output."""
    buffer = io.BytesIO()
    torch.onnx.export(model, (x,), buffer, input_names=["x"], output_names=names, opset_version=18, dynamo=False,
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    graph = onnx.load_from_string(buffer.getvalue())
    del graph.graph.output[1:]
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


class Unaligned(nn.Module):
    """What Score-CAM's authors enlarge masks with."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return F.interpolate(x, size=self.size, mode="bilinear", align_corners=False)


CAMS = {"grad-cam": "GradCAM", "grad-cam++": "GradCAMPlusPlus", "xgrad-cam": "XGradCAM", "hires-cam": "HiResCAM",
        "layer-cam": "LayerCAM", "score-cam": "ScoreCAM", "ablation-cam": "AblationCAM", "eigen-cam": "EigenCAM"}


def signed_map(kind, model, layer, x, target):
    """What pytorch-grad-cam computes before it drops the negative part."""
    with getattr(pytorch_grad_cam, kind)(model, [layer]) as cam:
        targets = [ClassifierOutputTarget(target)]
        outputs = cam.activations_and_grads(x)
        gradients = np.zeros(1)
        if cam.uses_gradients:
            model.zero_grad()
            outputs[0, target].backward()
            gradients = cam.activations_and_grads.gradients[0].numpy()
        features = cam.activations_and_grads.activations[0].detach().numpy()
        image = cam.get_cam_image(x, layer, targets, features, gradients, False)[0]
        if kind == "EigenCAM" and (image * features[0].sum(0)).sum() < 0:
            image = -image
    return image


def guided(model, x, target, grad_cam):
    """The gradient with negative parts stopped at every ReLU (not ReLU6: Captum leaves it alone too), times the
    enlarged positive Grad-CAM."""
    handles = [m.register_full_backward_hook(lambda m, i, o: (i[0].clamp(min=0),))
               for m in model.modules() if isinstance(m, nn.ReLU)]
    x = x.clone().requires_grad_()
    model(x)[0, target].backward()
    for handle in handles:
        handle.remove()
    positive = torch.from_numpy(grad_cam).clamp(min=0)[None, None]
    return (x.grad * Unaligned(x.shape[2:])(positive))[0].numpy()


def cams(net, x):
    double, one = Classifier(net).double().eval(), x.double()
    for module in double.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    y = double(one)[0]
    target = int(y.argmax())
    maps = {name: signed_map(kind, double, net.features, one, target) for name, kind in CAMS.items()}
    with torch.no_grad():
        zero = net.head(torch.zeros_like(net.features(one)))[0, target].item()
    maps["guided-grad-cam"] = guided(double, one, target, maps["grad-cam"])
    return {"target": target, "zero": zero, "value": y[target].item(), **maps}


def attentions(net, x):
    y, *maps = net.double()(x.double())
    target = int(y[0].argmax())
    gradients = torch.autograd.grad(y[0, target], maps)
    tokens = torch.eye(maps[0].shape[-1], dtype=torch.float64)
    rollout, relevance = tokens, tokens
    for a, g in zip(maps, gradients):
        rollout = (a[0].mean(0) + tokens) / 2 @ rollout
        relevance = relevance + (g * a)[0].clamp(min=0).mean(0) @ relevance
    rows = {"raw-attention": maps[-1][0].mean(0), "attention-rollout": rollout, "attention-relevance": relevance}
    return {"target": target, "value": y[0, target].item(),
            **{name: matrix[0].detach().numpy() for name, matrix in rows.items()}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "cams")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    pytorch_grad_cam.score_cam.torch.nn.UpsamplingBilinear2d = Unaligned
    for seed, kind in enumerate([Resnet, Mobilenet, Densenet, Squeezenet, Vgg, Vit]):
        torch.manual_seed(seed)
        net, x = randomise(kind()), torch.randn(1, 3, 24, 24)
        vit = kind is Vit
        names = ["y", "attention0", "attention1", "attention2"] if vit else ["y", "features"]
        export((net if vit else Whole(net)).eval(), x, names, out / f"{kind.__name__.lower()}.onnx")
        golden = attentions(net, x) if vit else cams(net, x)
        np.savez(out / f"{kind.__name__.lower()}.npz", x=x.numpy(),
                 **{name: np.asarray(value, np.int64 if name == "target" else np.float64)
                    for name, value in golden.items()})
        print(kind.__name__, {name: np.shape(value) or value for name, value in golden.items()})


if __name__ == "__main__":
    main()
