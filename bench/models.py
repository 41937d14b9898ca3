"""Networks and pictures of the benchmarks.

Made once into build/bench-models, each network as ONNX for Whence and with the same weights for PyTorch. Real trained networks and
further photographs are read from the folder that WHENCE_DATA names, or from shared/data in or beside the repository; where there
is none, a benchmark says so and takes what the project ships.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from harness import ROOT

FOLDER = ROOT / "build" / "bench-models"
OPSET = 17
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
CIFAR_MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32)
CIFAR_DEVIATION = np.array([0.2470, 0.2435, 0.2616], np.float32)


def data_folder() -> Path | None:
    candidates = [os.environ.get("WHENCE_DATA"), ROOT / "shared" / "data", ROOT.parent / "shared" / "data"]
    return next((Path(c) for c in candidates if c and Path(c).is_dir()), None)


def data_file(name: str) -> Path | None:
    folder = data_folder()
    return folder / name if folder and (folder / name).is_file() else None


# ---------------------------------------------------------------------------------------------------- pictures

# The first four come with scikit-image, so they are always there.
PHOTOS = ("chelsea", "coffee", "rocket", "astronaut", "coral_bird", "coral_dragonfly", "captum_elephant", "coral_hot_dog")


def photo(name: str, side: int) -> np.ndarray | None:
    """[side, side, 3] in 0..255 (uint8): the middle square, scaled. None where the picture is not at hand."""
    from PIL import Image

    if name in PHOTOS[:4]:
        import skimage.data

        picture = Image.fromarray(getattr(skimage.data, name)())
    else:
        path = data_file(f"photos/{name}.png") or data_file(f"photos/{name}.jpg")
        if path is None:
            return None
        picture = Image.open(path).convert("RGB")
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    picture = picture.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def normalised(picture: np.ndarray, mean: np.ndarray = IMAGENET_MEAN, deviation: np.ndarray = IMAGENET_DEVIATION) -> np.ndarray:
    """[1, 3, H, W] as ImageNet networks want it, or with other statistics."""
    scaled = (picture.astype(np.float32) / 255 - mean) / deviation
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


# ---------------------------------------------------------------------------------------------------- torchvision

ARCHITECTURES = {
    "resnet50": "resnet50",
    "resnet18": "resnet18",
    "squeezenet1.1": "squeezenet1_1",
    "mobilenetv2": "mobilenet_v2",
}


def torchvision_network(name: str, seed: int = 0):
    """(path of the ONNX file, module in eval mode): a torchvision architecture with random weights."""
    import torch
    import torchvision

    FOLDER.mkdir(parents=True, exist_ok=True)
    onnx_path, weights_path = FOLDER / f"{name}.onnx", FOLDER / f"{name}.pt"
    torch.manual_seed(seed)
    module = getattr(torchvision.models, ARCHITECTURES[name])(weights=None)
    if onnx_path.is_file() and weights_path.is_file():
        module.load_state_dict(torch.load(weights_path, weights_only=True))
        return onnx_path, frozen(module)

    _calibrate(module)
    frozen(module)
    torch.save(module.state_dict(), weights_path)
    export(module, torch.zeros(1, 3, 224, 224), onnx_path)
    return onnx_path, module


def _calibrate(module) -> None:
    """Gives batch normalisations the statistics of some noise.

    With the statistics they are born with, activations of an untrained network shrink or grow from layer to layer (MobileNetV2's
    vanish), and a gradient of nothing is no test. After this every channel is centred, with unit deviation, as in a trained one.
    """
    import torch

    norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.momentum = None  # a plain mean over the batches
    module.train()
    with torch.no_grad():
        for _ in range(2):
            module(torch.randn(16, 3, 224, 224))
    for norm in norms:
        norm.momentum = 0.1


def frozen(module):
    """Eval mode, and no gradient of any parameter: as one computes an explanation."""
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module


def export(module, example, path: Path) -> None:
    import warnings

    import torch

    unfinished = path.with_suffix(".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            str(unfinished),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        )
    unfinished.replace(path)


# ---------------------------------------------------------------------------------------------------- real networks


def real_squeezenet():
    """(path, module) of the trained SqueezeNet 1.1, torchvision's with the weights of the ONNX file; None without the data folder."""
    import onnx
    import torch
    import torchvision
    from onnx import numpy_helper

    path = data_file("onnx_imagenet/squeezenet1.1.onnx")
    if path is None:
        return None
    graph = onnx.load(path).graph
    values = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    module = torchvision.models.squeezenet1_1(weights=None)
    theirs = [node for node in graph.node if node.op_type == "Conv"]
    ours = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(theirs) == len(ours) == 26
    for node, convolution in zip(theirs, ours):
        weight, bias = values[node.input[1]], values[node.input[2]]
        assert weight.shape == convolution.weight.shape, (node.name, weight.shape, convolution.weight.shape)
        convolution.weight.data, convolution.bias.data = weight, bias
    # The ceiling of torchvision's pooling sizes and the floor of the file's agree for inputs of 224 (111, 55 and 27 are odd).
    return path, frozen(module)


def shipped_cifar10() -> Path | None:
    """The network of the examples with its logits as the only output, so that nobody has to ask which one is meant."""
    import onnx

    source = ROOT / "examples" / "models" / "cifar10_cnn.onnx"
    if not source.is_file():
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "cifar10_cnn_logits.onnx"
    model = onnx.load(source)
    outputs = list(model.graph.output)
    logits = next((o for o in outputs if o.name == "logits"), outputs[-1])
    del model.graph.output[:]
    model.graph.output.append(logits)
    onnx.save(model, path)
    return path


def squeezenet_of_pixels() -> Path | None:
    """The trained SqueezeNet as a photograph meets it: [N, 3, 224, 224] in 0..255 in, probabilities out.

    Scaling and normalisation are folded into the first convolution (it has no padding, so that is exact), and a Softmax stands at the end.
    """
    import onnx
    from onnx import helper, numpy_helper

    source = data_file("onnx_imagenet/squeezenet1.1.onnx")
    if source is None:
        return None
    path = FOLDER / "squeezenet1.1_pixels.onnx"
    if path.is_file():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = onnx.load(source)
    graph = model.graph
    first = next(node for node in graph.node if node.op_type == "Conv")
    assert not any(a.name == "pads" and any(a.ints) for a in first.attribute)
    initializers = {i.name: i for i in graph.initializer}
    weight = numpy_helper.to_array(initializers[first.input[1]]).astype(np.float64)
    bias = numpy_helper.to_array(initializers[first.input[2]]).astype(np.float64)
    mean, deviation = IMAGENET_MEAN.astype(np.float64), IMAGENET_DEVIATION.astype(np.float64)
    bias -= np.einsum("ochw,c->o", weight, mean / deviation)
    weight /= (255 * deviation)[None, :, None, None]
    for name, value in ((first.input[1], weight), (first.input[2], bias)):
        initializers[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    logits = graph.output[0].name
    graph.node.append(helper.make_node("Softmax", [logits], ["probabilities"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["N", 1000]))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def mobilenet_of_pixels() -> Path | None:
    """The trained MobileNetV1 0.25: [N, 3, 128, 128] in 0..255 in, probabilities out. Its scaling stands in front (the first convolution pads)."""
    import onnx
    from onnx import helper, numpy_helper

    source = data_file("onnx_imagenet/mobilenet_v1_0.25_128.onnx")
    if source is None:
        return None
    path = FOLDER / "mobilenet_v1_pixels.onnx"
    if path.is_file():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = onnx.load(source)
    graph = model.graph
    inner = graph.input[0].name
    graph.input[0].name = "pixels"
    for name, value in (("middle", 128), ("reach", 128)):
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    graph.node.insert(0, helper.make_node("Sub", ["pixels", "middle"], ["centred"]))
    graph.node.insert(1, helper.make_node("Div", ["centred", "reach"], [inner]))
    graph.node.append(helper.make_node("Softmax", [graph.output[0].name], ["probabilities"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["N", 1001]))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def mlp_784_50_10(seed: int = 0):
    """(path, module): 28x28 grey -> 50 -> 10 with a ReLU between, random weights. The ONNX file ends with a Softmax; the module in logits."""
    import torch

    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "mlp_784_50_10.onnx"
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
    frozen(module)
    if not path.is_file():
        export(torch.nn.Sequential(module, torch.nn.Softmax(dim=1)).eval(), torch.zeros(1, 1, 28, 28), path)
    return path, module


def digit() -> np.ndarray:
    """[28, 28] float32 in 0..1: a ring with a tail, drawn here, so that no data set is needed."""
    y, x = np.mgrid[0:28, 0:28]
    ring = np.abs(np.hypot(y - 9.5, x - 13.5) - 5) < 1.3
    tail = (np.abs(x - 18 + (y - 10) * 0.2) < 1.3) & (y > 8) & (y < 24)
    return (ring | tail).astype(np.float32)


# ---------------------------------------------------------------------------------------------------- ONNX in PyTorch


def onnx_in_torch(path: Path):
    """A small sequential ONNX network as a PyTorch module, up to its final Softmax; None where an operator is not known here.

    Parameters and operators are PyTorch's own; only the loop over the nodes is ours, a few microseconds a layer.
    """
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import helper, numpy_helper

    graph = onnx.load(path).graph
    constants = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    produced_last = graph.output[0].name
    steps = []
    for node in graph.node:
        a = {x.name: helper.get_attribute_value(x) for x in node.attribute}
        op = node.op_type
        if op == "Constant":
            constants[node.output[0]] = torch.from_numpy(numpy_helper.to_array(a["value"]).copy())
            continue
        pads = a.get("pads", [0, 0, 0, 0])
        if op in ("Conv", "MaxPool", "AveragePool"):
            two = len(a.get("kernel_shape", [])) in (0, 2) and pads[:2] == pads[2:]
            if not two or a.get("auto_pad", b"NOTSET") not in (b"", b"NOTSET", b"VALID") or a.get("ceil_mode", 0):
                return None
            pads = pads[:2]
        if op == "Conv":
            f = lambda x, w, b=None, a=a, p=pads: F.conv2d(  # noqa: E731
                x, w, b, a.get("strides", 1), p, a.get("dilations", 1), a.get("group", 1)
            )
        elif op == "MaxPool":
            f = lambda x, a=a, p=pads: F.max_pool2d(x, a["kernel_shape"], a.get("strides", 1), p)  # noqa: E731
        elif op == "AveragePool":
            f = lambda x, a=a, p=pads: F.avg_pool2d(  # noqa: E731
                x, a["kernel_shape"], a.get("strides", 1), p, count_include_pad=bool(a.get("count_include_pad", 0))
            )
        elif op == "GlobalAveragePool":
            f = lambda x: x.mean((2, 3), keepdim=True)  # noqa: E731
        elif op == "ReduceMean" and "axes" in a:
            f = lambda x, a=a: x.mean(tuple(a["axes"]), keepdim=bool(a.get("keepdims", 1)))  # noqa: E731
        elif op == "BatchNormalization":
            f = lambda x, g, b, m, v, a=a: F.batch_norm(x, m, v, g, b, False, 0.0, a.get("epsilon", 1e-5))  # noqa: E731
        elif op == "Gemm" and a.get("alpha", 1) == a.get("beta", 1) == 1 and not a.get("transA", 0):
            f = lambda x, w, b=None, a=a: F.linear(x, w if a.get("transB", 0) else w.T, b)  # noqa: E731
        elif op == "MatMul":
            f = torch.matmul
        elif op == "Flatten" and a.get("axis", 1) == 1:
            f = lambda x: x.flatten(1)  # noqa: E731
        elif op == "Reshape":
            f = lambda x, shape: x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])  # noqa: E731
        elif op == "Concat":
            f = lambda *xs, a=a: torch.cat(xs, a["axis"])  # noqa: E731
        elif op in ("Relu", "Sigmoid", "Tanh", "Add", "Sub", "Mul", "Div"):
            f = getattr(torch, op.lower())
        elif op in ("Identity", "Dropout"):
            f = lambda x, *_: x  # noqa: E731
        elif op == "Softmax" and node.output[0] == produced_last:
            produced_last = node.input[0]
            continue
        else:
            return None
        steps.append((f, [name for name in node.input if name], node.output[0]))
    source = next(i.name for i in graph.input if i.name not in constants)

    class Network(torch.nn.Module):
        def forward(self, x):
            values = dict(constants)
            values[source] = x
            for f, inputs, output in steps:
                values[output] = f(*(values[name] for name in inputs))
            return values[produced_last]

    return frozen(Network())
