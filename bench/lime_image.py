"""LIME on pictures: the lime package against Whence, time for an equally stable answer, and Whence's own work over the model's.

The package gets ONNX Runtime as its predictor and its model's layout straight away; both get the same segments.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from harness import fastest, forward, import_whence, in_turns, ort_session, relative_l2
from models import digit, mlp_784_50_10, mobilenet_of_pixels, photo, squeezenet_of_pixels

LADDER = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
STABLE = 0.9  # mean Jaccard index of the sets of the five leading segments, over all pairs of seeds
HOPELESS = 0.6  # below this after three seeds, the rung is left at once
SAMPLES = 1000


class Lime:
    """The package, told as little to do as its interface allows: one label, and the segments we have already."""

    def __init__(self, image: np.ndarray, segments: np.ndarray, predict, batch: int):
        self.image, self.segments, self.predict, self.batch = image, segments, predict, batch

    def __call__(self, samples: int, seed: int):
        from lime.lime_image import LimeImageExplainer

        return LimeImageExplainer(random_state=seed).explain_instance(
            self.image,
            self.predict,
            top_labels=1,
            num_samples=samples,
            batch_size=self.batch,
            segmentation_fn=lambda _: self.segments,
            random_seed=seed,
        )

    def values(self, samples: int, seed: int) -> np.ndarray:
        explanation = self(samples, seed)
        values = np.zeros(self.segments.max() + 1)
        for segment, weight in explanation.local_exp[explanation.top_labels[0]]:
            values[segment] = weight
        return values


class Whence:
    def __init__(self, whence, model, image: np.ndarray, segments: np.ndarray):
        self.whence, self.model, self.image, self.segments = whence, model, image, segments

    def __call__(self, samples: int, seed: int):
        return self.whence.explain(
            self.model, self.image, method="lime", num_samples=samples, segments=self.segments, seed=seed
        )

    def values(self, samples: int, seed: int) -> np.ndarray:
        return np.asarray(self(samples, seed).values, np.float64).reshape(-1)


def top_five(values: np.ndarray) -> frozenset[int]:
    return frozenset(np.argsort(-values, kind="stable")[:5].tolist())


def jaccard(sets) -> list[float]:
    return [len(a & b) / len(a | b) for a, b in combinations(sets, 2)]


def agreement(sets) -> float:
    return float(np.mean(jaccard(sets)))


def best_possible(sets, seeds: int) -> float:
    """The agreement if all the seeds to come agreed with all the others."""
    pairs = seeds * (seeds - 1) // 2
    return 1 - sum(1 - j for j in jaccard(sets)) / pairs


def samples_for_stability(bench, who: str, case: str, values, ladder, seeds: int):
    """(samples, reached?, their top five): the first rung of the ladder on which that many seeds agree."""
    for samples in ladder:
        sets = []
        for seed in range(seeds):
            sets.append(top_five(values(samples, seed)))
            if (len(sets) == 3 and agreement(sets) < HOPELESS) or best_possible(sets, seeds) < STABLE:
                break
        score = agreement(sets)
        bench.note(f"{case}: {who}: {samples} samples: Jaccard {score:.2f} over {len(sets)} seeds")
        if len(sets) == seeds and score >= STABLE:
            return samples, True, max(set(sets), key=sets.count)
    return samples, False, max(set(sets), key=sets.count)


def run(bench) -> None:
    whence = import_whence()
    small_network(bench, whence)
    path = squeezenet_of_pixels()
    if path is None:
        bench.note("no folder of trained networks here (WHENCE_DATA): the parts with photographs are left out")
        return
    model = whence.load(str(path), threads=bench.threads)
    session = forward(ort_session(path, bench.threads))
    own_share(bench, whence, model, session)
    if bench.quick:  # a network that answers in a millisecond
        path = mobilenet_of_pixels()
        if path is None:
            return
        model, session = whence.load(str(path), threads=bench.threads), forward(ort_session(path, bench.threads))
        stability(bench, whence, model, session, "mobilenet", 128)
    else:
        stability(bench, whence, model, session, "squeezenet", 224)


def small_network(bench, whence) -> None:
    """28x28 grey, 49 blocks of 4x4, 1000 samples: where a library's own work is nearly all there is."""
    path, _ = mlp_784_50_10()
    image = digit()
    segments = np.kron(np.arange(49).reshape(7, 7), np.ones((4, 4), int))
    session = forward(ort_session(path, bench.threads))
    predict = lambda images: session(np.ascontiguousarray(images[..., 0], np.float32)[:, None])  # noqa: E731
    ours = Whence(whence, whence.load(str(path), threads=bench.threads), image, segments)
    theirs = {str(batch): Lime(image, segments, predict, batch) for batch in (10, 100, 1000)}

    far = relative_l2(ours.values(20_000, 1), theirs["1000"].values(20_000, 1))
    bench.note(f"mlp 784-50-10: relative L2 distance of the two explanations with 20000 samples: {far:.2g}")
    batch = fastest({batch: lambda lime=lime: lime(SAMPLES, 0) for batch, lime in theirs.items()})
    bench.note(f"mlp 784-50-10: lime is quickest with batches of {batch} (its default is 10)")
    timings = in_turns(
        {"whence": lambda: ours(SAMPLES, 0), "peer": lambda: theirs[batch](SAMPLES, 0), "default": lambda: theirs["10"](SAMPLES, 0)},
        rounds=bench.rounds,
    )
    bench.ratio("mlp 1000 samples", timings["whence"], timings["peer"])
    bench.row("mlp 1000 samples, lime's own batch of 10", timings["whence"], timings["default"])


def own_share(bench, whence, model, session) -> None:
    """(explanation - the model's part) / the model's part; the model's part is the quickest bare way through as many pictures."""
    image = photo("chelsea", 224)
    segments = segment(image)
    samples = SAMPLES  # three single questions beside fewer would count too much
    pictures = np.ascontiguousarray(np.broadcast_to(image.transpose(2, 0, 1), (samples, 3, 224, 224)), np.float32)
    ways = {
        f"ONNX Runtime, batch {size}": lambda p, size=size: [session(p[i : i + size]) for i in range(0, len(p), size)]
        for size in (1, 10, 32, 64)
    }
    ways["Model.predict"] = model.predict
    some = pictures[:128]
    way = fastest({name: lambda call=call: call(some) for name, call in ways.items()}, rounds=1 if bench.quick else 3)
    timings = in_turns(
        {
            "given": lambda: whence.explain(model, image, method="lime", num_samples=samples, segments=segments, seed=0),
            "found": lambda: whence.explain(
                model, image, method="lime", num_samples=samples, segmentation="quickshift", seed=0
            ),
            "bare": lambda: ways[way](pictures),
        },
        rounds=5,
    )
    comment = f"(peer: {samples} bare forward passes, {way})"
    bench.share("squeezenet segments given", timings["given"], timings["bare"], comment)
    bench.share("squeezenet with quickshift", timings["found"], timings["bare"], comment)


def stability(bench, whence, model, session, network: str, side: int) -> None:
    names = ("coffee",) if bench.quick else ("chelsea", "coffee", "coral_bird")
    ladder = LADDER[:4] if bench.quick else LADDER
    seeds = 4 if bench.quick else 10
    predict = lambda images: session(np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32))  # noqa: E731
    for name in names:
        image = photo(name, side)
        if image is None:
            continue
        case = f"{network} {name}"
        segments = segment(image, coarse=bench.quick)
        bench.note(f"{case}: {segments.max() + 1} segments, top class {int(predict(image[None]).argmax())}")
        theirs = {str(batch): Lime(image, segments, predict, batch) for batch in (10, 32)}
        batch = fastest({batch: lambda lime=lime: lime(64, 0) for batch, lime in theirs.items()}, rounds=1 if bench.quick else 3)
        lime, ours = theirs[batch], Whence(whence, model, image, segments)

        need, reached, five = samples_for_stability(bench, "whence", case, ours.values, ladder, seeds)
        peer_needs, peer_reached, peer_five = samples_for_stability(bench, "lime", case, lime.values, ladder, seeds)
        bench.note(f"{case}: of the five leading segments, {len(five & peer_five)} are common to both")
        comment = f"({need} samples against {peer_needs}, lime's batch {batch})"
        if not reached:
            bench.warn(f"{case}: Whence is not stable with {need} samples: no comparison")
            continue
        if not peer_reached:
            comment += " LOWER BOUND: lime is not yet stable there"
        timings = in_turns({"whence": lambda: ours(need, 0), "peer": lambda: lime(peer_needs, 0)}, rounds=5)
        bench.ratio(f"{case} stable top five", timings["whence"], timings["peer"], comment)


def segment(image: np.ndarray, coarse: bool = False) -> np.ndarray:
    """The same map for both, found by scikit-image: lime's default quickshift, or some large SLIC segments."""
    from skimage.segmentation import quickshift, slic

    if coarse:
        return slic(image, n_segments=16, start_label=0)
    return quickshift(image, kernel_size=4, max_dist=200, ratio=0.2, rng=0)
