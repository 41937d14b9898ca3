"""Indexing a folder of photographs: whence.clip.index against bare encoding, on a model of ViT-B/32's size.

The weights are random (torchvision's vit_b_32 with a projection to 512), the photographs JPEGs of 500 x 375 smooth pixels. The
model alone is ONNX Runtime over prepared pixels, with the quicker of two batch sizes.
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np

from harness import ROOT, fastest, import_whence, in_turns, ort_session

SIDE, WIDTH, CONTEXT = 224, 512, 77


def export(module, example, path: Path, names: tuple[str, str]) -> None:
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), (example,), str(path), dynamo=False, opset_version=18, input_names=[names[0]],
                          output_names=[names[1]], dynamic_axes={name: {0: "N"} for name in names})


def pair_folder(folder: Path) -> Path:
    """Encoders of ViT-B/32's size, as folders of them come."""
    import torch
    import torchvision

    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)  # its one operator has no form in ONNX
    torch.manual_seed(0)
    vision = torchvision.models.vit_b_32(weights=None)
    vision.heads = torch.nn.Linear(768, WIDTH)
    # torchvision's head begins as zeros in some versions, and zeros have no direction.
    torch.nn.init.normal_(vision.heads.weight, std=0.05)
    export(vision, torch.zeros(2, 3, SIDE, SIDE), folder / "vision_model.onnx", ("pixel_values", "image_embeds"))

    class Text(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(1000, 64)
            self.out = torch.nn.Linear(64, WIDTH)

        def forward(self, ids):
            return self.out(self.words(ids).mean(1))

    export(Text(), torch.zeros(2, CONTEXT, dtype=torch.int64), folder / "text_model.onnx", ("input_ids", "text_embeds"))
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(ROOT / "tests/clip/golden/small" / name, folder)
    size = {"height": SIDE, "width": SIDE}
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "do_resize": True, "size": {"shortest_edge": SIDE}, "resample": 3, "do_center_crop": True, "crop_size": size, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}))
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "projection_dim": WIDTH, "logit_scale": 100.0}))
    return folder


def photographs(folder: Path, count: int) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
        small.resize((500, 375), Image.BICUBIC).save(folder / f"{i}.jpg", quality=90)


def run(bench) -> None:
    import_whence()
    import whence.clip

    count = 32 if bench.quick else 256
    folder = ROOT / "build" / "clip-index"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        photographs(folder / "photos", count)
        model = pair_folder(ROOT / "build" / "clip-index-model")
        session = ort_session(model / "vision_model.onnx", bench.threads)
        pixels = np.random.default_rng(1).standard_normal((count, 3, SIDE, SIDE)).astype(np.float32)

        def encode(batch: int):
            for begin in range(0, count, batch):
                session.run(None, {"pixel_values": pixels[begin : begin + batch]})

        batch = int(fastest({str(size): lambda size=size: encode(size) for size in (8, 32)}, rounds=1))

        def index():
            shutil.rmtree(folder / "store", ignore_errors=True)
            return whence.clip.index(folder / "photos", store=folder / "store", model=model, threads=bench.threads)

        def again():
            return whence.clip.index(folder / "photos", store=folder / "store", model=model, threads=bench.threads)

        assert index().added == count
        timings = in_turns({"index": index, "again": again, "encode": lambda: encode(batch)}, rounds=2 if bench.quick else 5)
        assert again().unchanged == count
        whole, nothing, bare = (timings[name] for name in ("index", "again", "encode"))
        bench.note(f"{count} photographs of 500 x 375; bare encoding in batches of {batch}: {1000 * bare.median / count:.1f} ms each")
        bench.note(f"loading the model and finding nothing to do takes {nothing}")
        bench.share(f"{count} photographs with loading", whole, bare)
        # Loading is paid once, however many pictures there are.
        for sample, loading in zip(range(len(whole.samples)), nothing.samples):
            whole.samples[sample] -= loading
        bench.share(f"{count} photographs", whole, bare)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
