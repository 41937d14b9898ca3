"""Integrated gradients at equal quality: Captum against the adaptive quadrature, both to an attribution error of 1 %.

Captum's quality depends on its number of steps, which its user has to find; Whence stops by itself. So the smallest number of steps of a ladder
with which Captum reaches the error is found first (that search is not timed), and Whence's map must be at least as near to a very
fine quadrature as Captum's: where it is not, its tolerance is lowered until it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from harness import fastest, forward, import_whence, in_turns, ort_session, relative_l1, relative_l2
from models import CIFAR_DEVIATION, CIFAR_MEAN, FOLDER, PHOTOS, normalised, onnx_in_torch, photo, real_squeezenet, shipped_cifar10

ERROR = 1e-2  # |sum of attributions - (f(x) - f(baseline))| / |f(x) - f(baseline)|
LADDER = (20, 50, 100, 200, 300, 500, 800)
TOLERANCES = (1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4)
BATCHES = (4, 8, 16, 32, 64)
METHOD = "integrated-gradients"
BASELINE = "zeros"  # of what the model reads: the arrays below are already normalised


def reference(path: Path, module, array: np.ndarray, target: int, steps: int, chunk: int = 16) -> np.ndarray:
    """Midpoint rule with very many steps in PyTorch, summed in double. Kept, for it takes a minute."""
    import torch

    key = hashlib.sha256(path.read_bytes() + array.tobytes() + f"{target} {steps}".encode()).hexdigest()[:16]
    kept = FOLDER / f"ig-reference-{key}.npy"
    if kept.is_file():
        return np.load(kept)
    x = torch.from_numpy(array)
    total = torch.zeros(array.shape, dtype=torch.float64)
    for start in range(0, steps, chunk):
        at = (torch.arange(start, min(start + chunk, steps), dtype=torch.float64) + 0.5) / steps
        points = (at.float().view(-1, *[1] * (x.dim() - 1)) * x).requires_grad_(True)
        gradient = torch.autograd.grad(module(points)[:, target].sum(), points)[0]
        total += gradient.double().sum(0, keepdim=True)
    result = (total * x.double() / steps).numpy()
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.save(kept, result)
    return result


def networks(bench):
    """(name, path, module, inputs by name) of each network that is at hand."""
    squeezenet = real_squeezenet()
    if squeezenet:
        names = ("chelsea",) if bench.quick else PHOTOS[:6]
        pictures = {name: photo(name, 224) for name in names}
        yield "squeezenet1.1", *squeezenet, {name: normalised(p) for name, p in pictures.items() if p is not None}
    else:
        bench.note("no folder of trained networks here (WHENCE_DATA): SqueezeNet is left out")

    shipped = shipped_cifar10()
    module = onnx_in_torch(shipped) if shipped else None
    if module is None:
        bench.note("cifar10_cnn is left out: " + ("it has an operator onnx_in_torch does not know" if shipped else "examples/models has none"))
        return
    names = PHOTOS[:2] if bench.quick else PHOTOS[:4]
    yield "cifar10_cnn", shipped, module, {name: normalised(photo(name, 32), CIFAR_MEAN, CIFAR_DEVIATION) for name in names}


def run(bench) -> None:
    import torch
    from captum.attr import IntegratedGradients

    whence = import_whence()
    steps_of_reference = 1024 if bench.quick else 4096
    bench.note(f"baseline zero where the model reads, target: the top class's logit; reference: midpoint rule, {steps_of_reference} steps")

    for network, path, module, inputs in networks(bench):
        model = whence.load(str(path), threads=bench.threads)
        session = forward(ort_session(path, bench.threads))
        captum = IntegratedGradients(module)
        for name, array in inputs.items():
            case = f"{network} {name}"
            x = torch.from_numpy(array)
            with torch.no_grad():
                outputs, at_baseline = module(x)[0], module(torch.zeros_like(x))[0]
            target = int(outputs.argmax())
            difference = float(outputs[target].double() - at_baseline[target].double())
            disagreement = relative_l2(_logits(session(array)[0]), _logits(outputs.numpy()))
            if not disagreement < 1e-3:
                bench.warn(f"{case}: PyTorch's and ONNX Runtime's outputs differ by {disagreement:.2g}: left out")
                continue
            exact = reference(path, module, array, target, steps_of_reference)

            def quality(values) -> tuple[float, float]:
                values = np.asarray(values, np.float64).reshape(exact.shape)
                return abs(values.sum() - difference) / abs(difference), relative_l1(values, exact)

            bench.note(
                f"{case}: class {target}, f(x) - f(baseline) = {difference:.3g}, error of the reference {quality(exact)[0]:.1e}"
            )

            # Captum: the fewest steps, then the best batch for them.
            for steps in LADDER:
                error, distance = quality(captum.attribute(x, target=target, n_steps=steps, internal_batch_size=16).numpy())
                if error <= ERROR:
                    break
            else:
                bench.warn(f"{case}: Captum does not reach an error of {ERROR} with {steps} steps: its time there is a lower bound")
            ways = {
                str(size): lambda size=size: captum.attribute(x, target=target, n_steps=steps, internal_batch_size=size)
                for size in BATCHES
                if size <= steps
            }
            size = fastest(ways)
            bench.note(f"{case}: captum: {steps} steps, batch {size}: error {error:.2g}, L1 distance {distance:.3g}")

            # Whence: its own stopping rule, tightened only if its map were the worse one.
            for tolerance in TOLERANCES:
                call = lambda tolerance=tolerance: whence.explain(  # noqa: E731
                    model, array, method=METHOD, target=target, baseline=BASELINE, tolerance=tolerance
                )
                explanation = call()
                our_error, our_distance = quality(explanation.values)
                bench.note(
                    f"{case}: whence: tolerance {tolerance:g}: {explanation.gradient_evaluations} gradients, {explanation.evaluations} forward: "
                    f"error {our_error:.2g}, L1 distance {our_distance:.3g}"
                )
                if our_error <= ERROR and our_distance <= distance:
                    break
            else:
                bench.warn(f"{case}: Whence's map stays worse than Captum's: no comparison")
                continue

            timings = in_turns({"whence": call, "peer": ways[size]}, rounds=5 if bench.quick else 7)
            comment = f"(error {our_error:.1e} against {error:.1e}; distance {our_distance:.2g} against {distance:.2g})"
            bench.ratio(case, timings["whence"], timings["peer"], comment)


def _logits(values: np.ndarray) -> np.ndarray:
    """Comparable whether or not a Softmax stands at the end: probabilities sum to one, and their logarithms are logits up to a constant."""
    values = np.asarray(values, np.float64)
    if np.all(values >= 0) and abs(values.sum() - 1) < 1e-3:
        values = np.log(np.maximum(values, 1e-30))
    return values - values.mean()
