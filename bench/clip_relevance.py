"""Relevance from the image side of a CLIP as large as ViT-B/32 (random weights) over one encoding of the image in ONNX Runtime.

No other library takes part: the target is a multiple of the encoding.
"""

from __future__ import annotations

import numpy as np

from harness import forward, import_whence, in_turns, ort_session
from models import FOLDER

METHODS = [
    ("raw-attention", {}),
    ("attention-rollout", {}),
    ("attention-relevance", {"blocks": 1}),
    ("attention-relevance", {}),
    ("grad-eclip", {}),
    ("grad-eclip", {"form": "single-head"}),
    ("legrad", {}),
    ("legrad", {"blocks": 12}),
]


def run(bench) -> None:
    whence = import_whence()
    # A quarter of the width in the quick form: minutes of exporting less.
    size = (192, 3, 50) if bench.quick else (768, 12, 50)
    path = encoder(*size)
    bench.note(f"12 blocks, {size[0]} wide, {size[1]} heads, 50 tokens, 10 texts; random weights")
    image = np.random.default_rng(1).normal(size=(1, 3, 224, 224)).astype(np.float32)
    model = whence.load(str(path), threads=bench.threads)
    encode = forward(ort_session(path, bench.threads))
    for method, options in METHODS:
        timings = in_turns(
            {"whence": lambda: whence.explain(model, image, method=method, target=3, **options), "forward": lambda: encode(image)},
            rounds=bench.rounds,
        )
        case = " ".join([method, *(f"{key} {value}" for key, value in options.items())])
        bench.forward_multiple(case, timings["whence"], timings["forward"])


def encoder(width: int, heads: int, tokens: int):
    """Pixels [N, 3, 224, 224] to logits [N, 10], as Hugging Face's CLIP is exported."""
    import torch
    from torch import nn

    path = FOLDER / f"clip_relevance_{width}.onnx"
    if path.exists():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            n, t, _ = x.shape
            y = self.norm1(x)
            q, k, v = (part(y).view(n, t, heads, width // heads).transpose(1, 2) for part in (self.q, self.k, self.v))
            a = (q @ k.transpose(-1, -2) * (width // heads) ** -0.5).softmax(-1)
            x = x + self.out((a @ v).transpose(1, 2).reshape(n, t, width))
            h = self.wide(self.norm2(x))
            return x + self.narrow(h * torch.sigmoid(1.702 * h))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, width, 32, 32, bias=False)
            self.token = nn.Parameter(torch.randn(width))
            self.positions = nn.Parameter(torch.randn(tokens, width))
            self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
            self.blocks = nn.ModuleList(Block() for _ in range(12))
            self.projection = nn.Linear(width, 512, bias=False)
            self.register_buffer("texts", nn.functional.normalize(torch.randn(512, 10), dim=0))

        def forward(self, pixels):
            x = self.patch(pixels).flatten(2).transpose(1, 2)
            x = self.before(torch.cat([self.token.expand(x.shape[0], 1, -1), x], 1) + self.positions)
            for block in self.blocks:
                x = block(x)
            e = self.projection(self.after(x[:, 0]))
            return 100 * (e / e.norm(dim=-1, keepdim=True)) @ self.texts

    torch.onnx.export(
        Encoder().eval(), torch.zeros(1, 3, 224, 224), str(path), opset_version=17, dynamo=False,
        input_names=["pixel_values"], output_names=["logits"], dynamic_axes={"pixel_values": {0: "N"}, "logits": {0: "N"}},
    )  # fmt: skip
    return path
