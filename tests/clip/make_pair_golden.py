"""Writes a tiny CLIP of random weights as the usual tools export it, and what it makes of some pictures and texts.

    build/bench-venv/bin/python tests/clip/make_pair_golden.py

Made with torch 2.15.0, onnx 1.23.2, onnxruntime 1.31.1, tokenizers 0.23.3, Pillow 13.0.0. Writes golden/pair: vision_model.onnx and
text_model.onnx (texts of a fixed length, embeddings of any length), model.onnx (both encoders, texts of any length with a mask, embeddings
of length 1, logits with scale and bias), preprocessor_config.json; golden/pair.json: embeddings (length 1) of PICTURES and TEXTS by
onnxruntime, pictures resized and cut by Pillow, and the logits of the model of both.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torch import nn

HERE = Path(__file__).parent
OUT = HERE / "golden/pair"
DATA = HERE.parent / "data/files"
SIZE, PATCH, WIDTH, HEADS, SPACE, CONTEXT, VOCABULARY = 16, 4, 8, 2, 6, 12, 814
SCALE, BIAS = 14.5, -3.25
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
PICTURES = ["photo_46x50_bicubic.png", "../../../examples/data/cat.png", "photo_11x37_bicubic.png", "gray_decoded.png"]
TEXTS = ["a photo of a cat", "a dog", "", "the quick brown fox jumps over the lazy dog", "日本 😀"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x, mask):
        n, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(2, 3) * (WIDTH // HEADS) ** -0.5
        attention = (scores if mask is None else scores + mask).softmax(-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(n, tokens, WIDTH))
        h = self.wide(self.norm2(x))
        return x + self.narrow(h * torch.sigmoid(1.702 * h))


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH, bias=False)
        nn.init.normal_(self.patch.weight, std=0.3)
        self.whole = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.randn(1, (SIZE // PATCH) ** 2 + 1, WIDTH) * 0.3)
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.project = nn.Linear(WIDTH, SPACE, bias=False)

    def forward(self, pixels):
        x = self.patch(pixels).flatten(2).transpose(1, 2)
        x = self.before(torch.cat([self.whole.expand(x.shape[0], -1, -1), x], 1) + self.positions)
        for block in self.blocks:
            x = block(x, None)
        return self.project(self.after(x[:, 0]))


class Texts(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(torch.randn(1, CONTEXT, WIDTH) * 0.3)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.norm = nn.LayerNorm(WIDTH)
        self.project = nn.Linear(WIDTH, SPACE, bias=False)
        self.register_buffer("causal", torch.full((CONTEXT, CONTEXT), -1e4).triu(1))

    def forward(self, ids, mask=None):
        length = ids.shape[1]
        hidden = self.causal[:length, :length]
        if mask is not None:
            hidden = hidden + (1 - mask.float())[:, None, None, :] * -1e4
        x = self.words(ids) + self.positions[:, :length]
        for block in self.blocks:
            x = block(x, hidden)
        return self.project(self.norm(x)[torch.arange(ids.shape[0]), ids.argmax(1)])


class Both(nn.Module):
    def __init__(self, pictures, texts):
        super().__init__()
        self.pictures, self.texts = pictures, texts
        self.logit_scale = nn.Parameter(torch.tensor(SCALE).log())
        self.logit_bias = nn.Parameter(torch.tensor(BIAS))

    def forward(self, ids, pixels, mask):
        texts, pictures = self.texts(ids, mask), self.pictures(pixels)
        texts, pictures = texts / texts.norm(dim=-1, keepdim=True), pictures / pictures.norm(dim=-1, keepdim=True)
        logits = texts @ pictures.T * self.logit_scale.exp() + self.logit_bias
        return logits.T, logits, texts, pictures


def export(module, examples, name, inputs, outputs, axes):
    torch.onnx.export(module, examples, str(OUT / name), opset_version=17, input_names=inputs, output_names=outputs, dynamo=False,
                      dynamic_axes=axes)


def tokens(text):
    return TOKENIZER.encode(text).ids


def prepared(path):
    picture = Image.open(DATA / path).convert("RGB")
    shorter = min(picture.size)
    picture = picture.resize([side * SIZE // shorter for side in picture.size], Image.BICUBIC)
    left, top = [round((side - SIZE) / 2) for side in picture.size]
    pixels = np.asarray(picture.crop((left, top, left + SIZE, top + SIZE)), np.float32) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32)


def padded(rows):
    length = max(map(len, rows))
    end = max(max(row) for row in rows)
    return np.array([row + [end] * (length - len(row)) for row in rows]), np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows])


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def listed(rows):
    return [[float(value) for value in row] for row in rows]


def main():
    global TOKENIZER
    from tokenizers import Tokenizer  # as make_tokenizer_golden.py makes it, of golden/small
    from tokenizers import Regex, models, normalizers, pre_tokenizers, processors

    vocabulary = json.loads((HERE / "golden/small/vocab.json").read_text())
    merges = [tuple(line.split()) for line in (HERE / "golden/small/merges.txt").read_text().split("\n")[1:] if line]
    start, end = "<|startoftext|>", "<|endoftext|>"
    TOKENIZER = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token=end, end_of_word_suffix="</w>", continuing_subword_prefix=""))
    TOKENIZER.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    TOKENIZER.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    TOKENIZER.post_processor = processors.RobertaProcessing((end, vocabulary[end]), (start, vocabulary[start]), trim_offsets=False, add_prefix_space=False)
    TOKENIZER.enable_truncation(CONTEXT)

    torch.manual_seed(7)
    OUT.mkdir(parents=True, exist_ok=True)
    both = Both(Pictures(), Texts()).eval()
    pixels, ids = torch.zeros(2, 3, SIZE, SIZE), torch.tensor([[812, 3, 813], [812, 5, 813]])
    full = torch.full((2, CONTEXT), 813)
    export(both.pictures, (pixels,), "vision_model.onnx", ["pixel_values"], ["image_embeds"], {"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}})
    export(both.texts, (full,), "text_model.onnx", ["input_ids"], ["text_embeds"], {"input_ids": {0: "batch"}, "text_embeds": {0: "batch"}})
    rows, columns = {0: "image_batch"}, {0: "text_batch", 1: "sequence"}
    export(both, (ids, pixels, torch.ones_like(ids)), "model.onnx", ["input_ids", "pixel_values", "attention_mask"],
           ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"],
           {"input_ids": columns, "attention_mask": columns, "pixel_values": rows, "logits_per_image": {0: "image_batch", 1: "text_batch"},
            "logits_per_text": {0: "text_batch", 1: "image_batch"}, "text_embeds": {0: "text_batch"}, "image_embeds": rows})
    (OUT / "preprocessor_config.json").write_text(json.dumps({
        "crop_size": {"height": SIZE, "width": SIZE}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True,
        "do_resize": True, "image_mean": MEAN, "image_processor_type": "CLIPImageProcessor", "image_std": STD, "resample": 3,
        "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": SIZE}}, indent=1) + "\n")

    def run(name, feeds):
        return onnxruntime.InferenceSession(str(OUT / name)).run(None, feeds)

    stack = np.concatenate([prepared(path) for path in PICTURES])
    fixed = np.array([tokens(text) + [813] * (CONTEXT - len(tokens(text))) for text in TEXTS])
    free, mask = padded([tokens(text) for text in TEXTS])
    logits, _, texts, pictures = run("model.onnx", {"input_ids": free, "pixel_values": stack, "attention_mask": mask})
    images = unit(run("vision_model.onnx", {"pixel_values": stack})[0])
    words = unit(run("text_model.onnx", {"input_ids": fixed})[0])
    assert np.abs(images - pictures).max() < 1e-5 and np.abs(words - texts).max() < 1e-5
    (HERE / "golden/pair.json").write_text(json.dumps({"pictures": PICTURES, "texts": TEXTS, "scale": SCALE, "bias": BIAS, "images": listed(images),
                                                       "words": listed(words), "logits": listed(logits)}, ensure_ascii=False, indent=1) + "\n")


main()
