"""Class activation maps: pytorch-grad-cam against Whence, on ResNet-18.

Both make the map of one picture, target given, at the last block (512 x 7 x 7). pytorch-grad-cam's maps are resized to the picture
and normalised, Whence's are signed and come with their attribution error; Score-CAM and Ablation-CAM ask the model 512 times.
"""

from __future__ import annotations

import numpy as np

from harness import import_whence, in_turns
from models import torchvision_network

METHODS = {
    "grad-cam": "GradCAM",
    "grad-cam++": "GradCAMPlusPlus",
    "xgrad-cam": "XGradCAM",
    "hires-cam": "HiResCAM",
    "layer-cam": "LayerCAM",
    "eigen-cam": "EigenCAM",
    "ablation-cam": "AblationCAM",
    "score-cam": "ScoreCAM",
}
SLOW = ("ablation-cam", "score-cam")


def run(bench) -> None:
    import pytorch_grad_cam
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    whence = import_whence()
    path, module = torchvision_network("resnet18")
    for parameter in module.parameters():  # pytorch-grad-cam asks the parameters' gradients
        parameter.requires_grad_(True)
    model = whence.load(str(path), threads=bench.threads)
    layer = next(name for name, role, _ in model.info()["suggested"] if role == "last convolution")
    array = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
    x = torch.from_numpy(array)
    targets = [ClassifierOutputTarget(0)]

    for method, peer in METHODS.items():
        if bench.quick and method in SLOW:
            continue
        with getattr(pytorch_grad_cam, peer)(model=module, target_layers=[module.layer4[-1]]) as cam:
            if hasattr(cam, "batch_size"):
                cam.batch_size = 16
            timings = in_turns(
                {
                    "whence": lambda: whence.explain(model, array, method, target=0, layer=layer),
                    "peer": lambda: cam(input_tensor=x, targets=targets),
                },
                rounds=3 if method in SLOW else bench.rounds,
            )
        bench.ratio(f"resnet18 {method}", timings["whence"], timings["peer"])
