"""Saliency on a tiny network, where only the library's own work per call is left: Captum against Whence, both from Python."""

from __future__ import annotations

import numpy as np

from harness import forward, import_whence, in_turns, ort_session, relative_l2
from models import digit, mlp_784_50_10


def run(bench) -> None:
    import torch
    from captum.attr import Saliency

    whence = import_whence()
    path, module = mlp_784_50_10()
    model = whence.load(str(path), threads=bench.threads)
    session = forward(ort_session(path, bench.threads))
    array = digit()[None, None]
    x = torch.from_numpy(array)
    target = int(session(array)[0].argmax())
    captum = Saliency(module)

    ours = whence.explain(model, array, method="saliency", target=target)
    # Captum's Saliency is the absolute gradient.
    theirs = captum.attribute(x.requires_grad_(True), target=target).numpy()
    bench.note(
        "784-50-10, one input, target given; relative L2 distance of the maps "
        f"{relative_l2(np.abs(np.asarray(ours.values)).reshape(theirs.shape), theirs):.2g}"
    )

    def captum_from_array():
        return captum.attribute(torch.from_numpy(array).requires_grad_(True), target=target).numpy()

    timings = in_turns(
        {
            "whence": lambda: whence.explain(model, array, method="saliency", target=target),
            "peer": captum_from_array,
            "gradient": lambda: model.gradient(array, target=target),
            "forward": lambda: session(array),
        },
        rounds=2 * bench.rounds,
    )
    bench.ratio("mlp", timings["whence"], timings["peer"], "(an explanation)")
    bench.row("mlp, Model.gradient", timings["gradient"], timings["peer"], "(the bare gradient of Whence)")
    bench.forward_multiple("mlp", timings["whence"], timings["forward"])
