#!/usr/bin/env python3
"""Makes the small CLIP of the relevance tests, as each exporter would write it, and what the formulas say of it.

    python tests/gradients/make_clip_relevance_golden.py      (torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2)

Models (tests/gradients/clip_relevance/): one vision transformer and one causal text encoder with the same weights, written
with attention as Hugging Face writes it ("separate"), as PyTorch's nn.MultiheadAttention, tokens first, as OpenAI's and
OpenCLIP's models have it ("module"), by F.scaled_dot_product_attention ("sdpa"), with one matrix for q, k and v ("fused"), and
as one operator, Attention of opset 23 ("operator"). Joined: pixels -> logits [N, 3] for three texts, tokens -> logits [N, 2]
for two images. Alone: embeddings, not normalised.

Values (relevance.npz): slow twins in float64, written from the formulas and from nothing else: every block and every head
by itself, gradients by autograd. Sources: Chefer, Gur, Wolf 2021; Zhao et al. 2024 (Grad-ECLIP), its multi-head form; Bousselham et al.
2024 (LeGrad); Moeller et al. 2025 (pairwise attributions).
"""
import math
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

FOLDER = Path(__file__).resolve().parent / "clip_relevance"
WIDTH, HEADS, BLOCKS, PATCH, SIDE, EMBED = 16, 4, 3, 4, 16, 8
WORDS, CONTEXT, BOS, EOT, PAD = 30, 10, 28, 29, 0
TAU = 10.0
HEAD = WIDTH // HEADS
IDS = [BOS, 5, 17, 9, 5, EOT, PAD, PAD, PAD, PAD]
REFERENCE_IDS = [BOS, PAD, PAD, PAD, PAD, EOT, PAD, PAD, PAD, PAD]
STEPS = 10


# ---- the weights, by name ------------------------------------------------------------------------------------------

def make_weights(seed):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape, std):
        # Rounded to float32: the models hold these very numbers.
        return (torch.randn(*shape, generator=g) * std).float().double()

    def norm(w, name):
        w[name + ".weight"], w[name + ".bias"] = 1 + normal(WIDTH, std=0.2), normal(WIDTH, std=0.2)

    encoders = {}
    for side in ("image", "text"):
        w = {"positions": normal(17 if side == "image" else CONTEXT, WIDTH, std=0.5)}
        if side == "image":
            w["patch"], w["class"] = normal(WIDTH, 3, PATCH, PATCH, std=0.3), normal(WIDTH, std=0.7)
            norm(w, "before")
        else:
            w["words"] = normal(WORDS, WIDTH, std=1)
        for b in range(BLOCKS):
            norm(w, f"{b}.norm1"), norm(w, f"{b}.norm2")
            for part in ("q", "k", "v", "out"):
                w[f"{b}.{part}.weight"] = normal(WIDTH, WIDTH, std=0.45)
                w[f"{b}.{part}.bias"] = normal(WIDTH, std=0.2)
            w[f"{b}.wide.weight"], w[f"{b}.wide.bias"] = normal(2 * WIDTH, WIDTH, std=0.3), normal(2 * WIDTH, std=0.2)
            w[f"{b}.narrow.weight"], w[f"{b}.narrow.bias"] = normal(WIDTH, 2 * WIDTH, std=0.3), normal(WIDTH, std=0.2)
        norm(w, "after")
        w["projection"] = normal(WIDTH, EMBED, std=0.4)
        encoders[side] = w
    return encoders


# ---- the models, as exporters see them -----------------------------------------------------------------------------

class Attention(nn.Module):
    def __init__(self, w, b, style):
        super().__init__()
        self.style = style
        get = lambda part: (w[f"{b}.{part}.weight"].float(), w[f"{b}.{part}.bias"].float())
        if style == "module":
            self.attn = nn.MultiheadAttention(WIDTH, HEADS)
            with torch.no_grad():
                self.attn.in_proj_weight.copy_(torch.cat([get(p)[0] for p in "qkv"]))
                self.attn.in_proj_bias.copy_(torch.cat([get(p)[1] for p in "qkv"]))
                self.attn.out_proj.weight.copy_(get("out")[0])
                self.attn.out_proj.bias.copy_(get("out")[1])
            return
        self.out = linear(*get("out"))
        if style == "fused":
            self.qkv = linear(torch.cat([get(p)[0] for p in "qkv"]), torch.cat([get(p)[1] for p in "qkv"]))
        else:
            self.q, self.k, self.v = (linear(*get(p)) for p in "qkv")

    def forward(self, x, mask):
        if self.style == "module":
            return self.attn(x, x, x, need_weights=False, attn_mask=mask)[0]
        n, t, _ = x.shape
        if self.style == "fused":
            q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q, k, v = (p(x).view(n, t, HEADS, HEAD).transpose(1, 2) for p in (self.q, self.k, self.v))
        if self.style in ("sdpa", "operator"):
            o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = torch.matmul(q, k.transpose(-1, -2)) * HEAD ** -0.5
            o = torch.matmul(F.dropout((scores if mask is None else scores + mask).softmax(-1), 0.1, self.training), v)
        return self.out(o.transpose(1, 2).reshape(n, t, WIDTH))


def linear(weight, bias):
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
    return layer


def layer_norm(w, name):
    layer = nn.LayerNorm(WIDTH)
    layer.weight.data, layer.bias.data = w[name + ".weight"].float(), w[name + ".bias"].float()
    return layer


class Block(nn.Module):
    def __init__(self, w, b, style):
        super().__init__()
        self.norm1, self.norm2 = layer_norm(w, f"{b}.norm1"), layer_norm(w, f"{b}.norm2")
        self.attention = Attention(w, b, style)
        self.wide = linear(w[f"{b}.wide.weight"].float(), w[f"{b}.wide.bias"].float())
        self.narrow = linear(w[f"{b}.narrow.weight"].float(), w[f"{b}.narrow.bias"].float())

    def forward(self, x, mask):
        x = x + self.attention(self.norm1(x), mask)
        h = self.wide(self.norm2(x))
        return x + self.narrow(h * torch.sigmoid(1.702 * h))


class Encoder(nn.Module):
    """With `others`, unit embeddings of the other side [K, EMBED]: logits; without: the embedding."""

    def __init__(self, side, w, style, others=None):
        super().__init__()
        self.side = side
        self.blocks = nn.ModuleList(Block(w, b, style) for b in range(BLOCKS))
        self.after = layer_norm(w, "after")
        self.positions = nn.Parameter(w["positions"].float())
        self.projection = nn.Parameter(w["projection"].float())
        if side == "image":
            self.patch = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
            self.patch.weight.data = w["patch"].float()
            self.token = nn.Parameter(w["class"].float())
            self.before = layer_norm(w, "before")
        else:
            self.words = nn.Embedding(WORDS, WIDTH)
            self.words.weight.data = w["words"].float()
            self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -math.inf).triu(1))
        if others is not None:
            self.register_buffer("others", others.float())
        self.joined = others is not None

    def forward(self, given):
        if self.side == "image":
            x = self.patch(given).flatten(2).transpose(1, 2)
            x = self.before(torch.cat([self.token.expand(x.shape[0], 1, -1), x], 1) + self.positions)
        else:
            x = self.words(given) + self.positions
        tokens_first = self.blocks[0].attention.style == "module"
        x = x.permute(1, 0, 2) if tokens_first else x
        for block in self.blocks:
            x = block(x, self.mask if self.side == "text" else None)
        x = x.permute(1, 0, 2) if tokens_first else x
        if self.side == "image":
            e = self.after(x[:, 0]) @ self.projection
        else:
            e = self.after(x)[torch.arange(x.shape[0]), given.argmax(-1)] @ self.projection
        if not self.joined:
            return e
        return TAU * (e / e.norm(dim=-1, keepdim=True)) @ self.others.T


def export(model, given, names, path, operator):
    model.eval()
    if operator:
        torch.onnx.export(model, (given,), str(path), opset_version=23, dynamo=True, external_data=False, verbose=False,
                          input_names=names[:1], output_names=names[1:],
                          dynamic_shapes=({0: torch.export.Dim("N")},))
    else:
        torch.onnx.export(model, (given,), str(path), opset_version=17, dynamo=False, input_names=names[:1], output_names=names[1:],
                          dynamic_axes={name: {0: "N"} for name in names})
    model = onnx.load(str(path))
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.save(model, str(path))


# ---- the slow twins ------------------------------------------------------------------------------------------------

def normalise(x, w, name):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5) * w[name + ".weight"] + w[name + ".bias"]


def embed(side, w, given):
    """What the first block reads: [tokens, width]."""
    if side == "text":
        return torch.stack([w["words"][i] for i in given]) + w["positions"]
    patches = [torch.einsum("oikl,ikl->o", w["patch"], given[:, PATCH * r:PATCH * r + PATCH, PATCH * c:PATCH * c + PATCH])
               for r in range(SIDE // PATCH) for c in range(SIDE // PATCH)]
    return normalise(torch.stack([w["class"], *patches]) + w["positions"], w, "before")


def attend(side, w, b, x, one_head, kept):
    """The attention of one block, head by head; what it computes is kept."""
    x = normalise(x, w, f"{b}.norm1")
    q, k, v = (x @ w[f"{b}.{p}.weight"].T + w[f"{b}.{p}.bias"] for p in "qkv")
    heads = [slice(0, WIDTH)] if one_head else [slice(h * HEAD, (h + 1) * HEAD) for h in range(HEADS)]
    probabilities, parts = [], []
    for head in heads:
        scores = q[:, head] @ k[:, head].T / math.sqrt(q[:, head].shape[1])
        if side == "text":
            scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf)
        a = torch.softmax(scores, -1)
        probabilities.append(a)
        parts.append(a @ v[:, head])
    o = torch.cat(parts, 1)
    kept.append({"q": q, "k": k, "v": v, "a": probabilities, "o": o})
    return o @ w[f"{b}.out.weight"].T + w[f"{b}.out.bias"]


def blocks_from(side, w, x, first=0, one_head_from=BLOCKS):
    kept = []
    for b in range(first, BLOCKS):
        x = x + attend(side, w, b, x, b >= one_head_from, kept)
        h = normalise(x, w, f"{b}.norm2") @ w[f"{b}.wide.weight"].T + w[f"{b}.wide.bias"]
        x = x + (h * torch.sigmoid(1.702 * h)) @ w[f"{b}.narrow.weight"].T + w[f"{b}.narrow.bias"]
        kept[-1]["x"] = x
    return x, kept


def read(w, token):
    return normalise(token, w, "after") @ w["projection"]


def logit(e, other):
    return TAU * (e / e.norm()) @ other


def relevance(side, w, x, other, row, start):
    """Chefer: R <- R + E_h[ReLU(dy/dA * A)] R."""
    out, kept = blocks_from(side, w, x)
    y = logit(read(w, out[row]), other)
    r = torch.eye(len(x), dtype=torch.float64)
    for block in kept[start:]:
        gradients = torch.autograd.grad(y, block["a"], retain_graph=True)
        mean = sum(torch.relu(g * a) for g, a in zip(gradients, block["a"])) / HEADS
        r = r + mean @ r
    return r[row].detach()


def grad_eclip(side, w, x, other, row, last):
    """As published: one head over the full width in the last `last` blocks."""
    out, kept = blocks_from(side, w, x, one_head_from=BLOCKS - last)
    y = logit(read(w, out[row]), other)
    seen = list(range(1, len(x))) if side == "image" else list(range(1, row))
    total = torch.zeros(len(seen), dtype=torch.float64)
    for b, block in list(enumerate(kept))[BLOCKS - last:]:
        g = torch.autograd.grad(y, block["o"], retain_graph=True)[0][row]
        project = lambda t: (t @ w[f"{b}.out.weight"].T + w[f"{b}.out.bias"]).detach()
        q, k = project(block["q"])[row], project(block["k"])
        # The published code scales over the patches of an image, but over all tokens of a text.
        over = seen if side == "image" else range(len(x))
        cosine = {i: F.cosine_similarity(q, k[i], dim=0) for i in over}
        low, high = min(cosine.values()), max(cosine.values())
        total = total + torch.stack([(g * block["v"][i]).sum() * (cosine[i] - low) / (high - low) for i in seen])
    return torch.relu(total).detach()


def grad_eclip_multi_head(side, w, x, other, row, last):
    """Gradient times attention-weighted value, of every token; and what they add up to."""
    out, kept = blocks_from(side, w, x)
    y = logit(read(w, out[row]), other)
    total, product = torch.zeros(len(x), dtype=torch.float64), 0.0
    for block in kept[BLOCKS - last:]:
        g = torch.autograd.grad(y, block["o"], retain_graph=True)[0][row]
        product += (g @ block["o"][row]).item()
        for h in range(HEADS):
            part = slice(h * HEAD, (h + 1) * HEAD)
            for i in range(len(x)):
                total[i] += (block["a"][h][row, i] * (g[part] @ block["v"][i, part])).item()
    return total, product


def legrad(side, w, x, other, row, start):
    """ReLU(ds/dA) of each block's own score, mean over heads and queries. A text is read where the model reads it."""
    out, kept = blocks_from(side, w, x)
    total = torch.zeros(len(x), dtype=torch.float64)
    for block in kept[start:]:
        s = logit(read(w, block["x"].mean(0) if side == "image" else block["x"][row]), other)
        gradients = torch.autograd.grad(s, block["a"], retain_graph=True)
        total = total + sum(torch.relu(g).mean(0) for g in gradients) / HEADS
    return total.detach()


def jacobian(side, w, a, r, row, steps):
    """Integrated Jacobian at the last block's input: [embedding, tokens, width]."""
    total = torch.zeros(EMBED, *a.shape, dtype=torch.float64)
    for n in range(1, steps + 1):
        point = (r + n / steps * (a - r)).detach().requires_grad_()
        e = read(w, blocks_from(side, w, point, BLOCKS - 1)[0][row])
        for d in range(EMBED):
            total[d] += torch.autograd.grad(e[d], point, retain_graph=True)[0] / steps
    return total


def pairwise(w, image, zeros, ids, reference, steps):
    """A [text tokens, image tokens] of the inner product; its four terms."""
    row = int(np.argmax(ids))
    below = lambda side, given: blocks_below(side, w[side], given).detach()
    a, ra, b, rb = below("image", image), below("image", zeros), below("text", ids), below("text", reference)
    ja, jb = jacobian("image", w["image"], a, ra, 0, steps), jacobian("text", w["text"], b, rb, row, steps)
    matrix = torch.zeros(len(b), len(a), dtype=torch.float64)
    for j in range(len(b)):
        for i in range(len(a)):
            for d in range(EMBED):
                matrix[j, i] += ((a - ra)[i] @ ja[d, i]) * ((b - rb)[j] @ jb[d, j])
    end = lambda side, point, at: read(w[side], blocks_from(side, w[side], point, BLOCKS - 1)[0][at])
    ea, era, eb, erb = end("image", a, 0), end("image", ra, 0), end("text", b, row), end("text", rb, row)
    terms = torch.stack([ea @ eb, ea @ erb, era @ eb, era @ erb])
    return matrix, terms.detach(), torch.stack([ea.norm(), eb.norm()]).detach()


def blocks_below(side, w, given):
    x = embed(side, w, given)
    for b in range(BLOCKS - 1):
        x = x + attend(side, w, b, x, False, [])
        h = normalise(x, w, f"{b}.norm2") @ w[f"{b}.wide.weight"].T + w[f"{b}.wide.bias"]
        x = x + (h * torch.sigmoid(1.702 * h)) @ w[f"{b}.narrow.weight"].T + w[f"{b}.narrow.bias"]
    return x


def main():
    torch.backends.mha.set_fastpath_enabled(False)
    FOLDER.mkdir(exist_ok=True)
    w = make_weights(11)
    g = torch.Generator().manual_seed(12)
    unit = lambda k: F.normalize(torch.randn(k, EMBED, generator=g).double(), dim=1).float().double()
    texts, images = unit(3), unit(2)
    image = torch.randn(3, SIDE, SIDE, generator=g).float().double()
    given = {"image": image.float()[None], "text": torch.tensor([IDS])}
    others = {"image": texts, "text": images}
    names = {"image": ["pixel_values", "logits"], "text": ["input_ids", "logits"]}
    for side in ("image", "text"):
        for style in ("separate", "module", "sdpa", "fused", "operator"):
            export(Encoder(side, w[side], style, others[side]), given[side].repeat(2, *[1] * (given[side].dim() - 1)),
                   names[side], FOLDER / f"{side}_{style}.onnx", style == "operator")
        for style in ("separate", "module"):
            export(Encoder(side, w[side], style), given[side].repeat(2, *[1] * (given[side].dim() - 1)),
                   [names[side][0], side + "_embeds"], FOLDER / f"{side}_encoder_{style}.onnx", False)

    for side in w:
        for name in w[side]:
            w[side][name].requires_grad_()
    out = {"pixel_values": given["image"].numpy(), "input_ids": given["text"].numpy(),
           "reference_ids": np.array([REFERENCE_IDS]), "texts": texts.numpy()}
    end = IDS.index(EOT)
    for side, row, index in (("image", 0, 1), ("text", end, 1)):
        x = embed(side, w[side], image if side == "image" else IDS)
        other = others[side][index]
        out[f"{side}_logit"] = logit(read(w[side], blocks_from(side, w[side], x)[0][row]), other).item()
        for start in (0, BLOCKS - 1):
            out[f"{side}_relevance_{BLOCKS - start}"] = relevance(side, w[side], x, other, row, start).numpy()
        for last in (1, BLOCKS):
            out[f"{side}_single_{last}"] = grad_eclip(side, w[side], x, other, row, last).numpy()
            total, product = grad_eclip_multi_head(side, w[side], x, other, row, last)
            out[f"{side}_multi_{last}"], out[f"{side}_product_{last}"] = total.numpy(), product
        for start in (0, BLOCKS - 2):
            out[f"{side}_legrad_{BLOCKS - start}"] = legrad(side, w[side], x, other, row, start).numpy()
    for steps in (2, STEPS):
        matrix, terms, norms = pairwise(w, image, torch.zeros_like(image), IDS, REFERENCE_IDS, steps)
        out[f"pairwise_{steps}"], out["pairwise_terms"], out["pairwise_norms"] = matrix.detach().numpy(), terms.numpy(), norms.numpy()
    np.savez_compressed(FOLDER / "relevance.npz", **{k: np.asarray(v) for k, v in out.items()})


if __name__ == "__main__":
    main()
