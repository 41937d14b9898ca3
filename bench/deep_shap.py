"""DeepSHAP with 100 baselines on ResNet-50: memory and time of Whence; Captum where its DeepLiftShap takes the network.

Captum's DeepLIFT refuses a module that uses one ReLU twice, as torchvision's ResNets do: each ReLU is given a module of its own
first. It stacks all baselines into one batch, so its memory grows with them; Whence's does not.
"""

from __future__ import annotations

import copy
import resource

import numpy as np

from harness import import_whence, in_turns
from models import FOLDER, torchvision_network

COUNT = 100


def peak_mebibytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def separate_relus(module):
    """The same network with a ReLU module for each use, so that Captum's hooks see each alone."""
    import torch.fx

    traced = torch.fx.symbolic_trace(copy.deepcopy(module))
    uses = {}
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(traced.get_submodule(node.target), torch.nn.ReLU):
            uses[node.target] = uses.get(node.target, 0) + 1
            name = f"{node.target.replace('.', '_')}_use{uses[node.target]}"
            traced.add_submodule(name, torch.nn.ReLU())
            node.target = name
    traced.recompile()
    return traced


def run(bench) -> None:
    import torch
    from captum.attr import DeepLiftShap

    whence = import_whence()
    name, count = ("resnet18", 10) if bench.quick else ("resnet50", COUNT)
    path, module = torchvision_network(name)
    rng = np.random.default_rng(0)
    array = rng.standard_normal((1, 3, 224, 224)).astype(np.float32)
    rows = FOLDER / f"deep-shap-{count}.npy"
    np.save(rows, rng.standard_normal((count, 3, 224, 224)).astype(np.float32))
    before = peak_mebibytes()
    model = whence.load(str(path), threads=bench.threads)
    explanation = whence.explain(model, array, "deep-shap", target=0, baseline=f"set:{rows}")
    after = peak_mebibytes()
    bench.note(f"{name}, {count} baselines: Whence's peak is {after} MiB of the process ({before} MiB before the model was loaded)")
    bench.note(f"attribution error {explanation.error:.2g} of {explanation.value - explanation.base_value:.3g}")

    peer = DeepLiftShap(separate_relus(module))
    x, few = torch.from_numpy(array), torch.from_numpy(np.load(rows)[:10])
    ten = FOLDER / "deep-shap-ten.npy"
    np.save(ten, few.numpy())
    timings = in_turns(
        {
            "whence": lambda: whence.explain(model, array, "deep-shap", target=0, baseline=f"set:{ten}"),
            "peer": lambda: peer.attribute(x, baselines=few, target=0),
        },
        rounds=3 if bench.quick else 5,
    )
    bench.ratio(f"{name} ten baselines", timings["whence"], timings["peer"])
    bench.note(f"peak of the process after Captum's ten baselines: {peak_mebibytes()} MiB")
