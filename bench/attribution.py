"""Gradient methods at equal work: Captum against Whence, on ResNet-18, SqueezeNet and a tiny network.

Both do the same number of gradients; Whence's time holds what it states besides (the prediction at the baseline and its neutrality).
Captum gets the best of three internal batch sizes where it takes one. DeepLIFT and guided backpropagation need a module that uses no
ReLU twice: SqueezeNet.
"""

from __future__ import annotations

import numpy as np

from harness import fastest, import_whence, in_turns
from models import digit, mlp_784_50_10, torchvision_network

STEPS, SAMPLES, BASELINES = 32, 25, 10


def cases(module, layer_module, x, baselines):
    """method -> (options of Whence, Captum's call by internal batch size)."""
    from captum import attr

    noise = float(0.15 * (x.max() - x.min()))

    def smooth(method, size, kind):
        tunnel = attr.NoiseTunnel(method)
        return tunnel.attribute(x, target=0, nt_type=kind, nt_samples=SAMPLES, nt_samples_batch_size=size, stdevs=noise)

    saliency = attr.Saliency(module)
    yield "saliency", {}, lambda _: saliency.attribute(x, target=0)
    yield "input-x-gradient", {}, lambda _: attr.InputXGradient(module).attribute(x, target=0)
    integrated = attr.IntegratedGradients(module)
    yield (
        "integrated-gradients",
        {"steps": STEPS, "rule": "gauss-legendre"},
        lambda size: integrated.attribute(x, target=0, n_steps=STEPS, internal_batch_size=size),
    )
    yield "smoothgrad", {"samples": SAMPLES}, lambda size: smooth(saliency, size, "smoothgrad")
    shap = attr.GradientShap(module)
    yield (
        "expected-gradients",
        {"samples": SAMPLES, "baseline": baselines},
        lambda _: shap.attribute(x, baselines=baselines_tensor(baselines), n_samples=SAMPLES, target=0),
    )
    if layer_module is not None:
        conductance = attr.LayerConductance(module, layer_module)
        yield (
            "layer-conductance",
            {"steps": STEPS},
            lambda size: conductance.attribute(x, target=0, n_steps=STEPS, internal_batch_size=size),
        )
        influence = attr.InternalInfluence(module, layer_module)
        yield (
            "internal-influence",
            {"steps": STEPS},
            lambda size: influence.attribute(x, target=0, n_steps=STEPS, internal_batch_size=size),
        )


def without_reuse(module, x, baselines):
    from captum import attr

    yield "deep-lift", {}, lambda _: attr.DeepLift(module).attribute(x, target=0)
    yield (
        "deep-shap",
        {"baseline": baselines},
        lambda _: attr.DeepLiftShap(module).attribute(x, baselines=baselines_tensor(baselines), target=0),
    )
    yield "guided-backprop", {}, lambda _: attr.GuidedBackprop(module).attribute(x, target=0)
    yield "deconvolution", {}, lambda _: attr.Deconvolution(module).attribute(x, target=0)


def baselines_tensor(path):
    import torch

    return torch.from_numpy(np.load(path.removeprefix("set:")))


def measure(bench, network, model, array, layer, work):
    for method, options, captum in work:
        sizes = {str(size): (lambda size=size: captum(size)) for size in (4, 8, 32)}
        size = int(fastest(sizes)) if method in ("integrated-gradients", "smoothgrad", "layer-conductance", "internal-influence") else 0
        where = layer if method in ("layer-conductance", "internal-influence") else ""
        timings = in_turns(
            {
                "whence": lambda: model_explain(model, array, method, where, options),
                "peer": lambda: captum(size),
            },
            rounds=bench.rounds,
        )
        bench.ratio(f"{network} {method}", timings["whence"], timings["peer"], f"(batch {size})" if size else "")


def model_explain(model, array, method, layer, options):
    import whence

    return whence.explain(model, array, method, target=0, layer=layer, **options)


def run(bench) -> None:
    import torch

    from models import FOLDER

    whence = import_whence()
    rng = np.random.default_rng(0)

    def set_of(shape):
        path = FOLDER / f"baselines-{'x'.join(map(str, shape))}.npy"
        np.save(path, rng.random((BASELINES, *shape), dtype=np.float32))
        return f"set:{path}"

    path, module = mlp_784_50_10()
    array = digit()[None, None]
    measure(
        bench, "mlp", whence.load(str(path), threads=bench.threads), array, "",
        cases(module, None, torch.from_numpy(array).requires_grad_(True), set_of(array.shape[1:])),
    )  # fmt: skip

    array = rng.standard_normal((1, 3, 224, 224)).astype(np.float32)
    x = torch.from_numpy(array).requires_grad_(True)
    baselines = set_of(array.shape[1:])
    if not bench.quick:
        path, module = torchvision_network("resnet18")
        model = whence.load(str(path), threads=bench.threads)
        layer = next(name for name, role, _ in model.info()["suggested"] if role == "last convolution")
        measure(bench, "resnet18", model, array, layer, cases(module, module.layer4, x, baselines))
    path, module = torchvision_network("squeezenet1.1")
    model = whence.load(str(path), threads=bench.threads)
    measure(bench, "squeezenet1.1", model, array, "", without_reuse(module, x, baselines))
