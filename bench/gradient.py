"""Gradient of the top class with respect to the input: PyTorch against the gradient graph."""

from __future__ import annotations

import numpy as np

from harness import forward, fastest, import_whence, in_turns, ort_session, relative_l2
from models import torchvision_network

# Where float32 and float64 of PyTorch itself differ by some hundredths (a ReLU on the other side of its kink), so may the two engines.
LARGEST_DIFFERENCE = 0.1


def torch_gradient(module, array: np.ndarray, memory_format=None):
    """A function: the gradient of each picture's top class, in one pass."""
    import torch

    x = torch.from_numpy(array)
    if memory_format is not None:
        x = x.to(memory_format=memory_format)
    x.requires_grad_(True)

    def call():
        top = module(x).max(dim=1).values.sum()
        return torch.autograd.grad(top, x)[0]

    return call


def tuned(module, memory_format):
    """The same network as an expert would prepare it: batch normalisation folded, and a choice of memory layout."""
    import copy

    import torch

    module = copy.deepcopy(module)
    try:
        from torch.fx.experimental.optimization import fuse

        module = fuse(module)
    except Exception as error:  # torch.fx cannot trace it, or the experimental module is gone
        print(f"  not folded: {error}")
    return module.to(memory_format=memory_format)


def run(bench) -> None:
    import torch

    whence = import_whence()
    if bench.quick:
        cases = [("squeezenet1.1", 1), ("squeezenet1.1", 8), ("mobilenetv2", 1), ("resnet18", 1), ("resnet50", 1)]
    else:
        cases = [(name, n) for name in ("resnet50", "resnet18", "squeezenet1.1", "mobilenetv2") for n in (1, 8)]
    bench.note("input [N, 3, 224, 224], random weights; parameters frozen in PyTorch, one pass per batch in both")

    for name, batch in cases:
        case = f"{name} batch {batch}"
        path, module = torchvision_network(name)
        model = whence.load(str(path), threads=bench.threads)
        session = forward(ort_session(path, bench.threads))
        array = np.random.default_rng(batch).standard_normal((batch, 3, 224, 224), dtype=np.float32)

        peer = torch_gradient(module, array)
        reference, ours = peer().numpy(), np.asarray(model.gradient(array))
        difference = relative_l2(ours, reference)
        doubled = torch_gradient(module.double(), array.astype(np.float64))().numpy()
        module.float()
        bench.note(
            f"{case}: relative L2 distance of the gradients {difference:.2g}; "
            f"to PyTorch in float64: whence {relative_l2(ours, doubled):.2g}, PyTorch float32 {relative_l2(reference, doubled):.2g}"
        )
        if not difference <= LARGEST_DIFFERENCE:
            bench.warn(f"{case}: the gradients differ by {difference:.2g}")

        contestants = {
            "whence": lambda: model.gradient(array),
            "peer": peer,
            "forward": lambda: session(array),
        }
        if not bench.quick:
            layouts = {
                "channels last": torch_gradient(tuned(module, torch.channels_last), array, torch.channels_last),
                "contiguous": torch_gradient(tuned(module, torch.contiguous_format), array),
            }
            choice = fastest(layouts)
            contestants["tuned"] = layouts[choice]
        timings = in_turns(contestants, rounds=bench.rounds)
        bench.ratio(case, timings["whence"], timings["peer"])
        if "tuned" in timings:
            comment = f"(peer: PyTorch with batch normalisation folded, {choice})"
            bench.ratio(f"{case} tuned", timings["whence"], timings["tuned"], comment)
        bench.forward_multiple(case, timings["whence"], timings["forward"])
