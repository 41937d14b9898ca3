#!/usr/bin/env python3
"""Makes the golden files of the gradient engine: tiny random networks and PyTorch's answers for them.

    python3 tests/golden/make_networks.py [NAME ...] [--out FOLDER]

For each network NAME.onnx (input `x`, output `y` [N, classes], free batch) and NAME.npz with
    x             float32  three rows of input
    y             float64  the output for them
    target        int64    the class explained in each row: its largest output
    grad          float64  d(sum over rows of y[row, target[row]]) / dx, weights and arithmetic in double
    grad_float32  float32  the same by autograd in float32: how far single precision itself is from the truth
Inputs near a kink (of ReLU, max, clip, ...) are drawn again, so that any correct engine agrees.
"""
import argparse
import copy
import io
import math
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

ROWS = 3
FLOAT_AGREES = 1e-4  # float32 against float64, relative to the largest gradient of the row
NUDGE = 1e-5  # a nudge of the input by this much, relative to its largest entry, ...
NUDGE_AGREES = 1e-3  # ... may change the gradient by no more than this, or a kink is near
CLEAR_WINNER = 1e-3  # the target's lead over the second class, relative to the spread of the outputs

GAIN = 2.5  # times PyTorch's initial weights

NETWORKS = {}


def network(opset, *shape, spread=1.0):
    """Registers a class: its opset, the shape of one row of its input, and the inputs' standard deviation."""
    def register(cls):
        name = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")
        NETWORKS[name] = (cls, opset, shape, spread)
        return cls
    return register


class Node(torch.autograd.Function):
    @staticmethod
    def forward(context, x, module, operator, attributes):
        tracing = torch._C._get_tracing_state()
        torch._C._set_tracing_state(None)  # or the exporter trips over the module's own nodes
        y = module(x)
        torch._C._set_tracing_state(tracing)
        return y

    @staticmethod
    def symbolic(graph, x, module, operator, attributes):
        return graph.op(operator, x, **attributes)


class AsNode(nn.Module):
    """A module that PyTorch would export as several nodes, exported as the one ONNX operator that says the same."""

    def __init__(self, module, operator, **attributes):
        super().__init__()
        self.module, self.operator, self.attributes = module, operator, attributes

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            return Node.apply(x, self.module, self.operator, self.attributes)
        return self.module(x)


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


# --- convolutions --------------------------------------------------------------------------------------------

@network(9, 3, 25)
class Conv1d(nn.Module):
    def __init__(self):
        super().__init__()
        self.strided = nn.Conv1d(3, 8, 5, stride=2, padding=2)
        self.dilated = nn.Conv1d(8, 8, 3, padding=2, dilation=2, groups=4, bias=False)
        self.up = nn.ConvTranspose1d(8, 4, 4, stride=2, padding=1)
        self.classify = nn.LazyLinear(5)

    def forward(self, x):
        x = torch.tanh(self.strided(x))
        x = F.leaky_relu(self.dilated(x), 0.2)
        x = F.max_pool1d(x, 3, stride=2, padding=1)
        x = F.avg_pool1d(self.up(x), 3, stride=1)
        return self.classify(x.flatten(1))


@network(11, 4, 15, 13)
class Conv2d(nn.Module):
    """Strides that do and do not divide the size, dilation, groups, depthwise, 1x1, uneven kernels and padding."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(4, 12, 3, stride=2, padding=1)
        self.dilated = nn.Conv2d(12, 12, 3, padding=2, dilation=2, bias=False)
        self.grouped = nn.Conv2d(12, 18, 3, padding=1, groups=3)
        self.depthwise = nn.Conv2d(18, 18, 3, stride=2, padding=1, groups=18)
        self.multiplier = nn.Conv2d(18, 36, 3, padding=1, groups=18, bias=False)
        self.point = nn.Conv2d(36, 10, 1)
        self.shortcut = nn.Conv2d(12, 10, 1, stride=2)
        self.uneven = nn.Conv2d(10, 8, (2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1))
        self.classify = nn.LazyLinear(6)

    def forward(self, x):
        x = F.relu(self.stem(F.pad(x, (2, 1, 0, 1))))
        trunk = F.relu(self.grouped(torch.sigmoid(self.dilated(x))))
        trunk = self.point(F.relu6(self.multiplier(self.depthwise(trunk))))
        x = F.relu(trunk + self.shortcut(x))
        return self.classify(F.relu(self.uneven(F.pad(x, (0, 2, 1, 0)))).flatten(1))


@network(13, 2, 7, 6, 8)
class Conv3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.strided = nn.Conv3d(2, 6, 3, stride=(2, 1, 2), padding=1)
        self.grouped = nn.Conv3d(6, 6, (1, 3, 3), padding=(0, 1, 1), groups=2, bias=False)
        self.up = nn.ConvTranspose3d(6, 3, 2, stride=2)
        self.classify = nn.Linear(3, 4)

    def forward(self, x):
        x = F.elu(self.strided(x))
        x = F.max_pool3d(x, 2, stride=(1, 2, 2), padding=(0, 1, 0)) + F.avg_pool3d(
            self.grouped(x), 2, stride=(1, 2, 2), padding=(0, 1, 0), count_include_pad=False)
        return self.classify(F.softplus(self.up(x)).pow(2).mean((2, 3, 4)))


@network(11, 6, 5, 6)
class ConvTranspose(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(6, 8, 3, stride=2, padding=1, output_padding=1)
        self.grouped = nn.ConvTranspose2d(8, 12, (3, 2), stride=(1, 2), groups=4, dilation=(2, 1), bias=False)
        self.overlapping = nn.ConvTranspose2d(3, 4, 5, stride=3, padding=(2, 0))
        self.classify = nn.Linear(4, 5)

    def forward(self, x):
        x = F.relu(self.up(x))
        x = F.pixel_shuffle(self.grouped(x), 2)
        x = torch.tanh(self.overlapping(x))
        return self.classify((x * x).mean((2, 3)))


# --- pooling, normalisation, resizing ----------------------------------------------------------------------------

@network(11, 6, 14, 13)
class Pools(nn.Module):
    """Every branch starts from the input; negative values meet the padding of each pool."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(6, 6, 1)
        self.branches = nn.ModuleList([
            nn.MaxPool2d(3, 2, 1),
            nn.MaxPool2d((3, 2), (2, 2)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.MaxPool2d(2, 3, dilation=2),
            nn.AvgPool2d(3, 2, 1, count_include_pad=True),
            nn.AvgPool2d(3, 2, 1, count_include_pad=False),
            nn.AvgPool2d((2, 3), (3, 1)),
            nn.AdaptiveAvgPool2d((7, 1)),
            AsNode(nn.AdaptiveMaxPool2d(1), "GlobalMaxPool"),
            nn.AdaptiveAvgPool2d(1),
            nn.LPPool2d(2, 3, 2),
            AsNode(nn.LPPool2d(2, (2, 3), 2), "LpPool", p_i=2, kernel_shape_i=[2, 3], strides_i=[2, 2]),
        ])
        self.classify = nn.LazyLinear(4)

    def forward(self, x):
        x = self.mix(x)
        return self.classify(torch.cat([branch(x).flatten(1) for branch in self.branches], 1))


@network(13, 8, 7, 6)
class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.batch = nn.BatchNorm2d(8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.plain_instance = nn.InstanceNorm2d(8)
        self.response = AsNode(nn.LocalResponseNorm(3, alpha=0.5, beta=0.75, k=1.5), "LRN",
                               size_i=3, alpha_f=0.5, beta_f=0.75, bias_f=1.5)
        self.group = nn.GroupNorm(4, 8)
        self.layer = nn.LayerNorm([7, 6])
        self.rows = nn.BatchNorm1d(8)
        self.classify = nn.Linear(8, 5)
        for norm in (self.batch, self.instance, self.group, self.layer, self.rows):
            nn.init.normal_(norm.weight)  # some are negative
            nn.init.normal_(norm.bias)
        for norm in (self.batch, self.rows):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.3, 2)

    def forward(self, x):
        x = self.instance(F.relu(self.batch(self.first(x))) + x)
        x = self.plain_instance(x * x) + self.group(torch.tanh(x))
        x = self.response(x) - torch.sigmoid(x)
        return self.classify(self.rows((self.layer(x) * x).sum((2, 3))))


@network(9, 4, 6, 5)
class UpsampleOld(nn.Module):
    """Opset 9 still has Upsample instead of Resize."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.join = nn.Conv2d(12, 6, 3, padding=1)
        self.classify = nn.LazyLinear(5)

    def forward(self, x):
        low = F.relu(self.down(x))
        up = F.interpolate(low, scale_factor=2, mode="nearest")[:, :, :, :5]
        return self.classify(F.selu(self.join(torch.cat([up, x], 1))).flatten(1))


@network(11, 4, 8, 6)
class Unet(nn.Module):
    """Resize in the modes that PyTorch writes, concatenation, residual sums."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.up1 = nn.Conv2d(20, 8, 3, padding=1)
        self.up2 = nn.Conv2d(16, 6, 3, padding=1)
        self.classify = nn.Conv2d(6, 5, 1)

    def forward(self, x):
        half = F.relu(self.down1(x))
        quarter = F.relu(self.down2(half))
        quarter = quarter + torch.sigmoid(quarter) * quarter
        up = F.interpolate(quarter, size=(4, 3), mode="nearest")
        half = F.relu(self.up1(torch.cat([half, up], 1))) + half
        smooth = F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
        corners = F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=True)
        x = torch.tanh(self.up2(torch.cat([smooth, corners], 1)))
        x = F.interpolate(x, scale_factor=1.5, mode="bilinear", align_corners=False, recompute_scale_factor=False)
        return (self.classify(x) ** 2).mean((2, 3))


# --- pointwise, reductions, shapes -------------------------------------------------------------------------------

@network(16, 24, spread=3.0)
class Activations(nn.Module):
    """Each activation on its own columns, wide enough to reach both ends."""

    def __init__(self):
        super().__init__()
        self.prelu = nn.PReLU()
        self.channel_prelu = nn.PReLU(24, init=0.1)
        with torch.no_grad():
            self.channel_prelu.weight.uniform_(-0.5, 0.5)
        self.kinds = nn.ModuleList([
            nn.ReLU(), nn.LeakyReLU(0.1), self.prelu, self.channel_prelu, nn.ELU(0.7), nn.SELU(), nn.CELU(1.5),
            nn.Hardswish(), nn.Hardsigmoid(), nn.ReLU6(), nn.Hardtanh(-1.5, 2.5), nn.Softplus(), nn.Softplus(beta=2),
            nn.Softsign(), AsNode(nn.Softsign(), "Softsign"), nn.Mish(), nn.SiLU(), nn.GELU(), nn.Tanh(), nn.Sigmoid(),
            # Log(Sigmoid(x)) for very negative x is at the mercy of the runtime's Sigmoid: stay near 0.
            Function(lambda x: F.logsigmoid(x / 3)),
            nn.Softshrink(0.4), nn.Hardshrink(0.8), nn.Tanhshrink(),
            AsNode(nn.Threshold(0.3, 0), "ThresholdedRelu", alpha_f=0.3)])
        self.spread = nn.Linear(24, 24)
        self.classify = nn.LazyLinear(6)

    def forward(self, x):
        x = x + self.spread(x)
        return self.classify(torch.cat([kind(x) for kind in self.kinds], 1))


@network(13, 20)
class Elementwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(20) + 0.5)
        self.classify = nn.LazyLinear(5)

    def forward(self, x):
        positive = x * x + 0.5
        inside = 0.9 * torch.tanh(x)
        return self.classify(torch.cat([
            x / positive, self.scale / positive, x - self.scale, 2 - x, -x * x.abs(),
            positive.sqrt(), positive.rsqrt(), positive.log(), (-positive).exp(), positive.reciprocal(),
            x.sin(), x.cos(), torch.erf(x), inside.asin(), inside.acos(), x.atan(),
            positive ** 1.7, torch.pow(positive, inside), torch.pow(1.3, x)], 1))


@network(11, 4, 5, 6)
class Reductions(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(6, 6)
        self.length = AsNode(Function(lambda x: x.norm(dim=(1, 3))), "ReduceL2", axes_i=[1, 3], keepdims_i=0)
        self.size = AsNode(Function(lambda x: x.norm(1, dim=2, keepdim=True)), "ReduceL1", axes_i=[2])
        self.log_sum = AsNode(Function(lambda x: x.sum((1, 2)).log()), "ReduceLogSum", axes_i=[1, 2], keepdims_i=0)
        self.sum_square = AsNode(Function(lambda x: x.pow(2).sum(3, keepdim=True)), "ReduceSumSquare", axes_i=[-1])
        self.unit = AsNode(Function(lambda x: x / x.norm(dim=2, keepdim=True)), "LpNormalization", axis_i=2)
        self.classify = nn.LazyLinear(5)

    def forward(self, x):
        x = x + self.mix(x)
        centred = x - x.mean((1, 3), keepdim=True)
        parts = [x.mean((1, 2)), x.sum(-1), x.amax((2, 3)), x.amin(1), x.norm(dim=3), x.abs().sum((2, 3)),
                 x.logsumexp(2), centred.pow(2).sum((1, 3)).sqrt(), torch.prod(x, 3).sum(2),
                 x.std((1, 2, 3), keepdim=True), x.max(1)[0], self.log_sum(x.exp()), self.sum_square(x), self.unit(x),
                 self.length(x), self.size(x)]
        return self.classify(torch.cat([part.flatten(1) for part in parts], 1))


@network(13, 8, 6)
class Reductions13(nn.Module):
    """From opset 13 on, the axes of ReduceSum, Squeeze, Unsqueeze and Split are inputs."""

    def __init__(self):
        super().__init__()
        self.classify = nn.LazyLinear(4)

    def forward(self, x):
        left, middle, right = x.split([3, 3, 2], 1)
        scores = torch.softmax(x.sum(2), 1)
        pooled = (scores.unsqueeze(1) @ x).squeeze(1)
        joined = torch.cat([left * middle, right], 1).sum(2)
        first, second = torch.tanh(x).chunk(2, 1)
        return self.classify(torch.cat([pooled, joined, (first * second).sum(1, keepdim=True).flatten(1),
                                        x[:, 1] * x[:, -1], torch.cumsum(x, 1).mean(1), x.logsumexp(2)], 1))


@network(11, 6, 10)
class Shapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("chosen", torch.tensor([7, 0, 3, 3]))  # one twice: its gradients add up
        self.register_buffer("elements", torch.randint(0, 10, (1, 6, 4)))
        self.bias = nn.Parameter(torch.randn(1, 6, 1))
        self.floor = nn.Parameter(torch.randn(10) - 0.5)
        self.classify = nn.LazyLinear(5)

    def forward(self, x):
        n = x.shape[0]
        top, bottom = x.split([2, 4], 1)
        parts = [
            x[:, 1:5, ::3], x[:, -2:, 2:-1], x[:, :, :-3:2],
            x.index_select(2, self.chosen), x[:, 2], x.gather(2, self.elements.expand(n, -1, -1)),
            F.pad(x, (1, 2, 0, 1), value=0.3), F.pad(x, (2, 1), mode="reflect"), F.pad(x, (1, 3), mode="replicate"),
            x[:, :2].repeat(1, 2, 2) * self.bias[:, :4], self.bias.expand(n, 6, 10) * x,
            torch.where(x > 0.1, x * x, -x), torch.where(x[:, :1] > 0, x, self.bias),
            x.clamp(-0.7, 0.9), x.clamp(min=-0.2), torch.max(x, self.floor), torch.min(x, x.flip(2) * self.bias),
            x.transpose(1, 2).reshape(n, 4, 15)[:, 1:3], torch.stack([x[:, 0], x[:, 3]], 2), torch.roll(x, 2, 2),
            top * bottom[:, 1:3],
        ]
        flat = torch.cat([torch.sin(part * 1.3).flatten(1) for part in parts], 1)
        first, second = flat[:, :450], flat[:, -450:]
        return self.classify(first * second)


@network(16, 6, 8)
class Matmuls(nn.Module):
    """Batched products, broadcast on either side, by constants and by each other."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Parameter(torch.randn(8, 5))
        self.from_left = nn.Parameter(torch.randn(4, 6))
        self.heads = nn.Parameter(torch.randn(3, 8, 2))
        self.vector = nn.Parameter(torch.randn(8))
        self.column = nn.Parameter(torch.randn(1, 6, 1))
        self.classify = nn.LazyLinear(6)

    def forward(self, x):
        right = torch.tanh(x @ self.shared)
        gram = torch.bmm(right.transpose(1, 2), right) / math.sqrt(6)
        heads = x.unsqueeze(1) @ self.heads
        parts = [gram, self.from_left @ x, heads, x @ self.vector, torch.einsum("bic,bjc->bij", x * self.column, x),
                 (right * self.column).sum(1), torch.einsum("bhic,bi->bhic", heads, x[:, :, 0]).sum(2).repeat(1, 1, 2)]
        return self.classify(torch.cat([part.flatten(1) for part in parts], 1))


@network(9, 10)
class Mlp(nn.Module):
    """Ends in probabilities; has a log-softmax and a gate inside."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Dropout(),
                                    nn.Linear(24, 16, bias=False), nn.Tanh())
        self.gate = nn.Linear(10, 16)
        self.classify = nn.Linear(16, 4)

    def forward(self, x):
        hidden = self.layers(x) * torch.softmax(self.gate(x), 1) + 0.1 * F.log_softmax(self.gate(x), 1)
        return torch.softmax(2 * self.classify(hidden), 1)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        parts = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        scores = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(width // self.heads), -1)
        return self.project((scores @ v).transpose(1, 2).reshape(n, tokens, width))


class Transformer(nn.Module):
    """A small vision transformer: patches, class token, positions, two blocks, log-probabilities."""

    def __init__(self, width=16, heads=4, patches=6):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, patches + 1, width))
        self.blocks = nn.ModuleList([nn.ModuleDict({
            "norm1": nn.LayerNorm(width), "attention": Attention(width, heads), "norm2": nn.LayerNorm(width),
            "mlp": nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))}) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, 5)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                nn.init.normal_(module.weight, 1, 0.3)
                nn.init.normal_(module.bias, 0, 0.3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        for block in self.blocks:
            x = x + block["attention"](block["norm1"](x))
            x = x + block["mlp"](block["norm2"](x))
        return F.log_softmax(self.classify(self.norm(x)[:, 0]), -1)


@network(16, 3, 8, 12)
class Transformer16(Transformer):
    pass


@network(11, 3, 8, 12)
class Transformer11(Transformer):
    pass


# --- making the files --------------------------------------------------------------------------------------------

def make(cls, shape):
    """A network with weights large enough that its input matters more than its biases."""
    net = cls().eval()
    with torch.no_grad():
        net(torch.zeros(1, *shape))  # gives lazy layers their size
        for module in net.modules():
            if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):
                module.weight *= GAIN
    return net


def gradient(net, x, target):
    x = x.clone().requires_grad_()
    net(x).gather(1, target[:, None]).sum().backward()
    return x.grad


def furthest(value, reference):
    """The largest difference in any row, relative to the row's largest entry."""
    difference = (value.double() - reference).flatten(1).abs().amax(1)
    return (difference / reference.flatten(1).abs().amax(1)).max().item()


def golden(net, shape, spread, random):
    """The arrays of one file, for the first draw of inputs that is clear of kinks and of ties."""
    exact = copy.deepcopy(net).double()
    for _ in range(1000):
        x = torch.randn(ROWS, *shape, generator=random) * spread
        with torch.no_grad():
            y = exact(x.double())
        best = y.topk(2, 1)
        target = best.indices[:, 0]
        grad, grad_float32 = gradient(exact, x.double(), target), gradient(net, x, target)
        lead = (best.values[:, 0] - best.values[:, 1]) / (y.amax(1) - y.amin(1))
        nudges = (x + NUDGE * x.abs().max() * torch.randn(x.shape, generator=random) for _ in range(8))
        if (lead.min() > CLEAR_WINNER and furthest(grad_float32, grad) < FLOAT_AGREES
                and all(furthest(gradient(exact, nudged.double(), target), grad) < NUDGE_AGREES for nudged in nudges)):
            return {"x": x, "y": y, "target": target, "grad": grad, "grad_float32": grad_float32}
    raise RuntimeError("no draw of inputs is clear of kinks")


def export(net, opset, shape, name):
    """PRESERVE: batch normalisation stays a node instead of being folded into the convolution before it."""
    file = io.BytesIO()
    torch.onnx.export(net.requires_grad_(False), torch.zeros(2, *shape), file, opset_version=opset,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
                      training=torch.onnx.TrainingMode.PRESERVE)
    model = onnx.load_from_string(file.getvalue())
    model.graph.name = name
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks to make; all of them if none is named")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "networks")
    options = parser.parse_args()
    unknown = set(options.names) - set(NETWORKS)
    if unknown:
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for index, (name, (cls, opset, shape, spread)) in enumerate(NETWORKS.items()):
        if options.names and name not in options.names:
            continue
        torch.manual_seed(100 + index)
        random = torch.Generator().manual_seed(1000 + index)
        net = make(cls, shape)
        arrays = golden(net, shape, spread, random)
        model = export(net, opset, shape, name)
        onnx.save(model, str(options.out / f"{name}.onnx"))
        np.savez(options.out / f"{name}.npz", **{key: array.numpy() for key, array in arrays.items()})
        operators = sorted({node.op_type for node in model.graph.node} - {"Constant"})
        print(f"{name} (opset {opset}), float32 off by {furthest(arrays['grad_float32'], arrays['grad']):.1e}: "
              f"{' '.join(operators)}")


if __name__ == "__main__":
    main()
