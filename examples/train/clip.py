#!/usr/bin/env python3
"""Trains the small CLIP of the examples and writes it as a pair of ONNX encoders with its tokenizer and preprocessing.

Scenes of 64x64 are made on the fly: one picture that fills the canvas, or two or four side by side, each a photograph of CIFAR-10, a
handwritten digit (MNIST) or a piece of clothing (Fashion-MNIST), the last two in a colour on a dark ground. Captions are made from the
labels: "a photo of a cat", "a red seven and a truck". Whatever else is in a photograph, the captions do not know.

    python3 examples/train/clip.py --data FOLDER   # with mnist, fashion_mnist and cifar10 (its PNG sheets)

The image encoder begins with the layers of examples/models/cifar10_cnn.onnx, which stay as they are.
"""
import argparse
import collections
import gzip
import json
import math
import random
import re
import time
from pathlib import Path

import numpy as np
import onnx
import tokenizers
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

from cifar10_cnn import MEAN, STD, ConvUnit, Residual
from cifar10_cnn import load as load_cifar10

ROOT = Path(__file__).resolve().parents[2]
SIZE, WIDTH, HEADS, CONTEXT = 64, 128, 4, 32
START, END = "<|startoftext|>", "<|endoftext|>"

PHOTOGRAPHS = [["airplane", "plane"], ["car", "automobile"], ["bird"], ["cat"], ["deer"], ["dog"], ["frog"], ["horse"], ["ship", "boat"], ["truck"]]
CLOTHES = [["t-shirt"], ["trousers"], ["pullover"], ["dress"], ["coat"], ["sandal"], ["shirt"], ["sneaker"], ["bag"], ["ankle boot", "boot"]]
DIGITS = [[word, str(n), f"digit {word}", f"number {word}"] for n, word in enumerate("zero one two three four five six seven eight nine".split())]
NOUNS = PHOTOGRAPHS + CLOTHES + DIGITS
COLOURS = {"white": (1, 1, 1), "red": (1, 0.15, 0.1), "green": (0.1, 0.9, 0.2), "blue": (0.2, 0.35, 1), "yellow": (1, 0.9, 0.1), "purple": (0.75, 0.2, 0.9)}
KINDS = len(COLOURS) + 1  # a thing has one of the colours, or, in a photograph, none that is known
ONE = ["a photo of {}", "a picture of {}", "an image of {}", "{}"]
JOINTS = [" and ", " beside ", " next to "]


# --- scenes and captions


def load_idx(folder, part):
    """Pixels as uint8 [N, 28, 28] and labels of one part of MNIST or Fashion-MNIST."""
    images = gzip.open(folder / f"{part}-images-idx3-ubyte.gz").read()
    labels = gzip.open(folder / f"{part}-labels-idx1-ubyte.gz").read()
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8)


class Pictures:
    """All pictures of one part; a thing is (noun, colour), the last colour standing for a photograph's."""

    def __init__(self, folder, part):
        cifar = load_cifar10(folder / "cifar10", part)
        grey = "train" if part == "train" else "t10k"
        self.photographs = cifar[0].permute(0, 2, 3, 1).numpy(), cifar[1].numpy()
        self.clothes = load_idx(folder / "fashion_mnist", grey)
        self.digits = load_idx(folder / "mnist", grey)

    def draw(self, generator, kind=None):
        """A picture of [0, 1] as [3, 32, 32] and what it shows."""
        kind = kind if kind is not None else generator.choices(range(3), (0.56, 0.24, 0.2))[0]
        pixels, labels = (self.photographs, self.clothes, self.digits)[kind]
        return self.picture(kind, generator.randrange(len(labels)), generator)

    def picture(self, kind, number, generator):
        pixels, labels = (self.photographs, self.clothes, self.digits)[kind]
        noun = 10 * kind + int(labels[number])
        if kind == 0:
            return torch.from_numpy(pixels[number].transpose(2, 0, 1) / np.float32(255)), (noun, KINDS - 1)
        colour = generator.randrange(len(COLOURS))
        ink = F.pad(torch.from_numpy(pixels[number] / np.float32(255)), (2, 2, 2, 2))
        ground = torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(generator.getrandbits(40))) * 0.25
        paint = torch.tensor(list(COLOURS.values())[colour])[:, None, None]
        return ground * (1 - ink) + paint * ink, (noun, colour)


def varied(picture, size, generator):
    """Mirrored if a photograph's may be, cut a little, resized."""
    picture, (noun, _) = picture
    if noun < 20 and generator.random() < 0.5:
        picture = picture.flip(2)
    side = generator.randint(24 if noun < 10 else 28, 32)
    y, x = generator.randint(0, 32 - side), generator.randint(0, 32 - side)
    light = 1 + generator.uniform(-0.2, 0.2)
    cut = picture[None, :, y : y + side, x : x + side]
    return (F.interpolate(cut, (size, size), mode="bicubic", align_corners=False, antialias=True)[0] * light).clamp(0, 1)


def scene(pictures, generator):
    """A canvas [3, 64, 64] and the things in it."""
    count = generator.choices((1, 2, 4), (0.6, 0.25, 0.15))[0]
    found = [pictures.draw(generator) for _ in range(count)]
    things = [thing for _, thing in found]
    if count == 1:
        return varied(found[0], SIZE, generator), things
    if count == 4:
        tiles = [varied(one, 32, generator) for one in found]
        return torch.cat([torch.cat(tiles[:2], 2), torch.cat(tiles[2:], 2)], 1), things
    canvas = torch.full((3, SIZE, SIZE), generator.random())
    beside = generator.random() < 0.5
    for at, one in enumerate(found):
        size = generator.randint(28, 32)
        along, across = 32 * at + generator.randint(0, 32 - size), generator.randint(0, SIZE - size)
        y, x = (across, along) if beside else (along, across)
        canvas[:, y : y + size, x : x + size] = varied(one, size, generator)
    return canvas, things


def phrase(thing, generator):
    """What a caption calls a thing, and whether it tells the colour."""
    noun, colour = thing
    word = generator.choice(NOUNS[noun])
    told = colour < len(COLOURS) and generator.random() < 0.7
    words = f"{list(COLOURS)[colour]} {word}" if told else word
    article = "" if word.endswith("s") and word != "dress" else "an " if words[0] in "aeiou" else "a "
    return article + words, told


def caption(things, generator):
    """Words, and what they say: (noun, colour or None) for each thing named."""
    things = generator.sample(things, len(things))
    phrases = [phrase(thing, generator) for thing in things]
    said = [(noun, colour if told else None) for (noun, colour), (_, told) in zip(things, phrases, strict=True)]
    words = [text for text, _ in phrases]
    joined = generator.choice(JOINTS).join(words) if len(words) < 3 else ", ".join(words[:-1]) + " and " + words[-1]
    return generator.choice(ONE).format(joined), said


def true_of(said, things):
    """[image, caption]: whether all that a caption says is in the picture, so that they may not be held to be strangers."""
    facts = torch.zeros(len(things), len(NOUNS) * KINDS)
    for image, present in enumerate(things):
        for noun, colour in present:
            facts[image, noun * KINDS + colour] = 1
    true = torch.ones(len(things), len(said), dtype=torch.bool)
    for column, claims in enumerate(said):
        for noun, colour in claims:
            places = [noun * KINDS + c for c in (range(KINDS) if colour is None else [colour])]
            true[:, column] &= facts[:, places].any(1)
    return true


# --- tokenizer, as CLIP's: bytes, words ending in </w>, merges


def byte_letters():
    """The printable letter that stands for each byte (Radford et al. 2019)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in plain}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(plain))
    order = plain + [byte for byte in range(256) if byte not in plain]
    return [letters[byte] for byte in order]


def make_tokenizer(folder):
    """vocab.json and merges.txt from the words that captions are made of, and from words people write around them."""
    counts = collections.Counter()
    for nouns in NOUNS:
        for noun in nouns:
            counts.update({word: 100 for word in noun.split()})
    counts.update({word: 100 for word in [*COLOURS, *" ".join(ONE + JOINTS).replace("{}", "").split(), "with", "the", "on", "in", "no", "not"]})
    merges, words = [], {tuple(word[:-1]) + (word[-1] + "</w>",): n for word, n in counts.items()}
    while True:
        pairs = collections.Counter()
        for parts, n in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged = {}
        for parts, n in words.items():
            out = []
            for part in parts:
                if out and (out[-1], part) == best:
                    out[-1] += part
                else:
                    out.append(part)
            merged[tuple(out)] = n
        words = merged
    letters = byte_letters()
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges] + [START, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return vocabulary, merges


class Tokenizer:
    def __init__(self, folder):
        vocabulary, merges = make_tokenizer(folder)
        self.start, self.end = vocabulary[START], vocabulary[END]
        self.count = len(vocabulary)
        model = tokenizers.models.BPE(vocab=vocabulary, merges=merges, unk_token=END, end_of_word_suffix="</w>")
        self.inner = tokenizers.Tokenizer(model)
        self.inner.normalizer = tokenizers.normalizers.Sequence(
            [tokenizers.normalizers.NFC(), tokenizers.normalizers.Replace(tokenizers.Regex(r"\s+"), " "), tokenizers.normalizers.Lowercase()])
        pattern = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
        self.inner.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
            [tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), behavior="removed", invert=True), tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])

    def __call__(self, texts):
        rows = torch.zeros(len(texts), CONTEXT, dtype=torch.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = [self.start, *self.inner.encode(text, add_special_tokens=False).ids[: CONTEXT - 2], self.end]
            row[: len(ids)] = torch.tensor(ids)
        return rows


# --- the two encoders


class Block(nn.Module):
    """A transformer's block, normalised first (Radford et al. 2021), its attention written out."""

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


# Parts of the image encoder that are those of cifar10_cnn.onnx.
KNOWN = ("stem", "down1", "block1", "down2", "block2", "head")


class ImageEncoder(nn.Module):
    """A convolutional network that knows photographs, then a transformer over 8 x 8 patches and a token of its own for the whole.

    The network looks twice: at the canvas, which it leaves half way, and at the canvas halved, whose last features it gives; a picture that fills
    the canvas is then of the size it was trained on.
    """

    def __init__(self, blocks=4):
        super().__init__()
        self.stem = ConvUnit(3, 24)
        self.down1 = ConvUnit(24, 48, stride=2)
        self.block1 = Residual(48)
        self.down2 = ConvUnit(48, 96, stride=2)
        self.block2 = Residual(96)
        self.head = ConvUnit(96, 128)
        self.near, self.far = nn.Conv2d(96, WIDTH, 2, stride=2), nn.Conv2d(128, WIDTH, 1)
        self.whole = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, (SIZE // 8) ** 2 + 1, WIDTH) * 0.02)
        self.norm_before, self.norm_after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))
        self.project = nn.Linear(WIDTH, WIDTH, bias=False)

    def begin_with(self, path):
        """The weights of the network that classifies CIFAR-10, for the layers the two share; they learn no more."""
        weights = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in onnx.load(str(path)).graph.initializer}
        for name in KNOWN:
            part = getattr(self, name)
            part.load_state_dict({key: weights.get(f"{name}.{key}", value) for key, value in part.state_dict().items()})
            part.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        for name in KNOWN:
            getattr(self, name).eval()
        return self

    def look(self, pixels):
        return self.down2(self.block1(self.down1(self.stem(pixels))))

    def forward(self, pixels):
        near = self.near(self.look(pixels))
        far = self.far(self.head(self.block2(self.look(F.avg_pool2d(pixels, 2)))))
        patches = (near + far).flatten(2).transpose(1, 2)
        x = torch.cat([self.whole.expand(patches.shape[0], -1, -1), patches], 1) + self.positions
        x = self.norm_before(x)
        for block in self.blocks:
            x = block(x, None)
        return self.project(self.norm_after(x[:, 0]))


class TextEncoder(nn.Module):
    """Causal, read at the token that ends the text."""

    def __init__(self, vocabulary, blocks=3):
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        nn.init.normal_(self.words.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(1, CONTEXT, WIDTH) * 0.01)
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))
        self.norm = nn.LayerNorm(WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH, bias=False)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -1e4).triu(1))

    def forward(self, ids):
        x = self.words(ids) + self.positions
        for block in self.blocks:
            x = block(x, self.mask)
        return self.project(self.norm(x)[torch.arange(ids.shape[0]), ids.argmax(1)])


# --- training


def loss_of(images, texts, scale, true):
    """Cross-entropy of each row and column over its own partner and all that are certainly no partners."""
    logits = scale * F.normalize(images) @ F.normalize(texts).T
    logits = logits.masked_fill(true & ~torch.eye(len(true), dtype=torch.bool), -1e4)
    own = torch.arange(len(true))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def batches(pictures, size, first, last, seed):
    """Batch number `step` is the same wherever one begins."""
    for step in range(first, last):
        generator = random.Random(seed * 1_000_003 + step)
        canvases, things = zip(*(scene(pictures, generator) for _ in range(size)), strict=True)
        texts, said = zip(*(caption(present, generator) for present in things), strict=True)
        yield normalise(torch.stack(canvases)), list(texts), true_of(said, things)


def normalise(pixels):
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def train(image, text, log_scale, pictures, tokenizer, options):
    """Goes on from options.checkpoint if there is one: the steps that a stop lost are made again."""
    parameters = [p for p in [*image.parameters(), *text.parameters(), log_scale] if p.requires_grad]
    groups = [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.05}, {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 200) * (1 + math.cos(math.pi * step / options.steps)) / 2)
    state = nn.ModuleDict({"image": image, "text": text})
    begin = 0
    if options.checkpoint and options.checkpoint.is_file():
        kept = torch.load(options.checkpoint)
        state.load_state_dict(kept["weights"]), optimizer.load_state_dict(kept["optimizer"]), schedule.load_state_dict(kept["schedule"])
        log_scale.data, begin = kept["log_scale"], kept["step"]
    start, losses = time.time(), []
    for step, (pixels, texts, true) in enumerate(batches(pictures, options.batch, begin, options.steps, options.seed), begin + 1):
        loss = loss_of(image(pixels.contiguous(memory_format=torch.channels_last)), text(tokenizer(texts)), log_scale.exp(), true)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            log_scale.clamp_(max=math.log(100))
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"step {step}/{options.steps}  loss {np.mean(losses[-50:]):.3f}  scale {log_scale.exp().item():.1f}  {time.time() - start:.0f} s", flush=True)
            if options.checkpoint:
                kept = {"weights": state.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "log_scale": log_scale.data, "step": step}
                torch.save(kept, options.checkpoint.with_suffix(".new"))
                options.checkpoint.with_suffix(".new").replace(options.checkpoint)


# --- how good


@torch.no_grad()
def accuracy(image, text, tokenizer, pictures, kind, nouns, limit):
    """Share of test pictures whose own noun is the nearest of `nouns`, each alone on the canvas."""
    labels = F.normalize(text(tokenizer([f"a photo of {phrase((noun, KINDS - 1), random.Random(0))[0]}" for noun in nouns])))
    generator, hits = random.Random(1), 0
    for first in range(0, limit, 250):
        drawn = [pictures.picture(kind, number, generator) for number in range(first, first + 250)]
        canvases = torch.stack([F.interpolate(picture[None], (SIZE, SIZE), mode="bicubic", antialias=True)[0].clamp(0, 1) for picture, _ in drawn])
        nearest = (F.normalize(image(normalise(canvases))) @ labels.T).argmax(1)
        hits += sum(nouns[at] == noun for at, (_, (noun, _)) in zip(nearest.tolist(), drawn, strict=True))
    return hits / limit


@torch.no_grad()
def retrieval(image, text, tokenizer, pictures, count=1000, choices=100):
    """Share of test scenes whose caption is nearer than `choices` - 1 others that are not true of it."""
    generator, hits = random.Random(2), 0
    for _ in range(count // choices):
        canvases, things = zip(*(scene(pictures, generator) for _ in range(choices)), strict=True)
        texts, said = zip(*(caption(present, generator) for present in things), strict=True)
        scores = F.normalize(image(normalise(torch.stack(canvases)))) @ F.normalize(text(tokenizer(list(texts)))).T
        scores = scores.masked_fill(true_of(said, things) & ~torch.eye(choices, dtype=torch.bool), -2)
        hits += (scores.argmax(1) == torch.arange(choices)).sum().item()
    return hits / count


def report(image, text, tokenizer, pictures, limit):
    for name, kind in (("photographs", 0), ("clothes", 1), ("digits", 2)):
        own = range(10 * kind, 10 * kind + 10)
        print(f"{name}: {accuracy(image, text, tokenizer, pictures, kind, own, limit):.4f} of ten nouns, "
              f"{accuracy(image, text, tokenizer, pictures, kind, range(30), limit):.4f} of thirty", flush=True)
    print(f"captions of scenes, one of 100: {retrieval(image, text, tokenizer, pictures):.4f}", flush=True)


# --- files


def export(module, example, path, inputs, outputs):
    torch.onnx.export(module, example, str(path), opset_version=17, input_names=[inputs], output_names=[outputs], dynamo=False,
                      dynamic_axes={inputs: {0: "batch"}, outputs: {0: "batch"}})
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)


def write(folder, image, text, tokenizer, log_scale):
    image.eval(), text.eval()
    export(image, torch.zeros(2, 3, SIZE, SIZE), folder / "vision_model.onnx", "pixel_values", "image_embeds")
    export(text, tokenizer(["a cat", "a dog"]), folder / "text_model.onnx", "input_ids", "text_embeds")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "clip", "projection_dim": WIDTH, "logit_scale": log_scale.exp().item(),
        "text_config": {"max_position_embeddings": CONTEXT, "vocab_size": tokenizer.count, "bos_token_id": tokenizer.start, "eos_token_id": tokenizer.end},
        "vision_config": {"image_size": SIZE, "patch_size": 8}}, indent=1) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "do_resize": True, "size": {"shortest_edge": SIZE}, "resample": 3, "do_center_crop": True, "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": MEAN, "image_std": STD}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--out", type=Path, default=ROOT / "examples/models/clip")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, help="file to go on from after a stop")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)

    tokenizer = Tokenizer(options.out)
    image, text = ImageEncoder().to(memory_format=torch.channels_last), TextEncoder(tokenizer.count)
    image.begin_with(ROOT / "examples/models/cifar10_cnn.onnx")
    log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
    print(f"{tokenizer.count} tokens, {sum(p.numel() for p in image.parameters())} + {sum(p.numel() for p in text.parameters())} weights", flush=True)
    image.train(), text.train()
    train(image, text, log_scale, Pictures(options.data, "train"), tokenizer, options)
    image.eval(), text.eval()
    write(options.out, image, text, tokenizer, log_scale)
    report(image, text, tokenizer, Pictures(options.data, "test"), 10_000)


if __name__ == "__main__":
    main()
