"""Metrics of saliency maps of a dense network of MNIST's size and of the small CIFAR-10 network: pixel flipping, infidelity,
max-sensitivity, ROAD, MPRT; Whence and Quantus.

Both get the same pictures, maps, weights and settings, and ask the model as often: 49 or 192 inputs for a curve, 490 or 640 subsets
for infidelity, 10 neighbours, 50 shares (Whence asks both orders of ROAD, Quantus one), 2 or 9 layers. Quantus draws its own subsets and weights.
Run bench/setup-quantus first.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np

from harness import in_turns
from models import CIFAR_DEVIATION, CIFAR_MEAN, FOLDER, data_file, export, mlp_784_50_10, shipped_cifar10

ROOT = Path(__file__).resolve().parents[1]


def import_quantus():
    for site in (ROOT / "build/quantus-venv/lib").glob("python*/site-packages"):
        sys.path.append(str(site))
    if importlib.util.find_spec("quantus") is None:
        raise SystemExit("bench metrics: Quantus is not here: run bench/setup-quantus first")
    np.trapz = np.trapezoid  # Quantus 0.6.0 calls a function of NumPy 1
    import quantus

    return quantus


def network(path: Path):
    """The network of the examples in PyTorch, with the weights of its file."""
    import onnx
    import torch
    from onnx import numpy_helper

    spec = importlib.util.spec_from_file_location("train", ROOT / "examples/train/cifar10_cnn.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    weights = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in onnx.load(path).graph.initializer}
    module = train.Network(10)
    missing = module.load_state_dict(weights, strict=False)
    assert all("num_batches_tracked" in name for name in missing.missing_keys) and not missing.unexpected_keys, missing

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, x):
            return self.inner(x)[1]

    return Logits().eval()


def photographs(count: int) -> np.ndarray | None:
    from PIL import Image

    sheet = data_file("cifar10/test_00.png")
    if sheet is None:
        return None
    tiles = np.asarray(Image.open(sheet).convert("RGB"), dtype=np.float32).reshape(25, 32, 40, 32, 3) / 255
    tiles = tiles.transpose(0, 2, 4, 1, 3).reshape(-1, 3, 32, 32)[:count]
    mean, deviation = (np.array(v, dtype=np.float32).reshape(1, 3, 1, 1) for v in (CIFAR_MEAN, CIFAR_DEVIATION))
    return np.ascontiguousarray((tiles - mean) / deviation)


def digits(count: int) -> np.ndarray | None:
    import gzip

    file = data_file("mnist/t10k-images-idx3-ubyte.gz")
    if file is None:
        return None
    return np.frombuffer(gzip.open(file).read(), np.uint8, count * 784, 16).reshape(-1, 1, 28, 28) / np.float32(255)


def convolutional():
    """(file, module): the network of the examples, 34 million multiplications a picture."""
    path = shipped_cifar10()
    return path, path and network(path)


def dense():
    """(file, module): 784-50-10, random weights, answers logits: next to nothing to compute."""
    import torch

    _, module = mlp_784_50_10()
    path = FOLDER / "metrics-dense.onnx"
    export(module, torch.zeros(1, 1, 28, 28), path)
    return path, module


def run(bench) -> None:
    quantus = import_quantus()
    for name, make, draw in (("dense", dense, digits), ("convolutional", convolutional, photographs)):
        (path, model), x = make(), draw(4 if bench.quick else 16)
        if path is None or x is None:
            bench.note(f"{name}: left out: no such network in examples/models, or no pictures (WHENCE_DATA)")
        else:
            compare(bench, quantus, name, path, model, x)


def compare(bench, quantus, case: str, path: Path, model, x: np.ndarray) -> None:
    import torch

    torch.set_num_threads(bench.threads)
    y = model(torch.tensor(x)).argmax(1).numpy()

    def saliency(model, inputs, targets, **_):
        inputs = torch.tensor(np.asarray(inputs), dtype=torch.float32).reshape(-1, *x.shape[1:]).requires_grad_()
        score = model(inputs)[torch.arange(len(inputs)), torch.as_tensor(targets)].sum()
        return torch.autograd.grad(score, inputs)[0].numpy()

    gradients = saliency(model, x, y)
    maps = np.abs(gradients)
    files = [FOLDER / f"metrics-{name}.npy" for name in ("pictures", "maps", "classes")]
    for file, array in zip(files, (x, maps.reshape(len(x), -1), y.astype(np.int64))):
        np.save(file, array)

    build = ROOT / "build/release"
    subprocess.run(["cmake", "--build", str(build), "--target", "metrics_library"], check=True, stdout=subprocess.DEVNULL)
    program = subprocess.Popen(
        [str(build / "bench/metrics_library"), str(path), *map(str, files), str(bench.threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def whence(name: str):
        program.stdin.write(name + "\n")
        program.stdin.flush()
        return float(program.stdout.readline().split()[1])

    common = dict(disable_warnings=True, display_progressbar=False)
    call = dict(model=model, x_batch=x, y_batch=y, channel_first=True, softmax=False, device="cpu", batch_size=64)

    def imputed(arr, indices, **_):
        """Quantus 0.6.0 ranks the numbers of all channels, and then takes them for pixels: out of bounds for pictures in colour.

        Here as many times the share of numbers as there are channels, those of a pixel being equal, names the share of pixels.
        """
        return quantus.perturb_func.noisy_linear_imputation(arr=arr, indices=np.unique(indices % x[0, 0].size), noise=0.01)

    peers = {
        "pixel-flipping": lambda: quantus.PixelFlipping(
            features_in_step=16, perturb_baseline=0.0, abs=False, normalise=False, **common)(a_batch=maps, **call),
        "infidelity": lambda: quantus.Infidelity(
            perturb_baseline=0.0, perturb_patch_sizes=[4], n_perturb_samples=10, abs=False, normalise=False, **common)(a_batch=maps, **call),
        "max-sensitivity": lambda: quantus.MaxSensitivity(
            nr_samples=10, lower_bound=0.2, abs=False, normalise=False, **common)(a_batch=gradients, **call, explain_func=saliency),
        "road": lambda: quantus.ROAD(
            percentages=[x.shape[1] * percent for percent in range(1, 100, 2)], perturb_func=imputed, abs=False, normalise=False, **common)(
                a_batch=maps.max(axis=1, keepdims=True), **call),
        "mprt": lambda: quantus.MPRT(
            layer_order="top_down", abs=True, normalise=False, return_average_correlation=True, **common)(
                a_batch=np.abs(gradients), **call, explain_func=saliency),
    }
    bench.note(f"{case}: quantus {quantus.__version__}, torch {torch.__version__}; {len(x)} pictures of {x.shape[1:]}")
    for name, peer in peers.items():
        timings = in_turns({"whence": lambda: whence(name), "peer": peer}, rounds=3 if bench.quick else 5)
        bench.ratio(f"{case} {name}", timings["whence"], timings["peer"])
    batch = torch.tensor(np.repeat(x, 64 // len(x) + 1, 0)[:64])
    with torch.no_grad():
        forward = in_turns({"batch": lambda: model(batch), "one": lambda: model(batch[:1])}, rounds=3)
    bench.note(f"{case}: PyTorch forward: 64 pictures {forward['batch']}, one {forward['one']}")
    program.stdin.close()
    program.wait()
