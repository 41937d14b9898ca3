"""Segmentation of a photograph: scikit-image against Whence, with the same parameters."""

from __future__ import annotations

import numpy as np

from harness import import_whence, in_turns
from models import photo

# One name per option in both libraries; quickshift's are those lime takes by default.
OPTIONS = {
    "quickshift": {"kernel_size": 4, "max_dist": 200, "ratio": 0.2},
    "slic": {"n_segments": 100, "compactness": 10.0},
    "felzenszwalb": {"scale": 100.0, "sigma": 0.8, "min_size": 50},
}


def run(bench) -> None:
    import skimage.segmentation
    from sklearn.metrics import adjusted_rand_score

    whence = import_whence()
    sizes = (224,) if bench.quick else (224, 448)
    for side in sizes:
        image = photo("chelsea", side)
        for method, options in OPTIONS.items():
            case = f"{method} {side}x{side}"
            peer = getattr(skimage.segmentation, method)
            extra = {"rng": 0} if method == "quickshift" else {"start_label": 0} if method == "slic" else {}
            contestants = {
                "whence": lambda method=method, options=options: whence.segment(image, method=method, **options),
                "peer": lambda peer=peer, options=options, extra=extra: peer(image, **options, **extra),
            }
            ours, theirs = np.asarray(contestants["whence"]()), contestants["peer"]()
            bench.note(
                f"{case}: segments {len(np.unique(ours))} against {len(np.unique(theirs))}, "
                f"adjusted Rand index of the two maps {adjusted_rand_score(theirs.ravel(), ours.ravel()):.2f}"
            )
            timings = in_turns(contestants, rounds=bench.rounds)
            bench.ratio(case, timings["whence"], timings["peer"])
