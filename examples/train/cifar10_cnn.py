#!/usr/bin/env python3
"""Trains the small CIFAR-10 network of the examples and writes it as ONNX, with its preprocessing file.

The data is a folder of lossless PNG sheets, each holding 1000 tiles of 32x32 in 25 rows of 40
(train_00.png, ..., test_00.png, ...), with train_labels.csv and test_labels.csv (columns sheet, index, label)
and classes.txt.

    python3 examples/train/cifar10_cnn.py [--data ../shared/data/cifar10]

The same seed and one thread give the same weights on the same machine and version of PyTorch.
"""
import argparse
import csv
import json
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
MEAN = (0.4914, 0.4822, 0.4465)  # of the 50 000 training images, as usually published
STD = (0.2470, 0.2435, 0.2616)
SIZE = 32


class ConvUnit(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = ConvUnit(channels, channels)
        self.second = ConvUnit(channels, channels)

    def forward(self, x):
        return x + self.second(self.first(x))


class Network(nn.Module):
    """Three resolutions; the last map stays 8x8, so that a class activation map has something to show."""

    def __init__(self, classes):
        super().__init__()
        self.stem = ConvUnit(3, 24)
        self.down1 = ConvUnit(24, 48, stride=2)
        self.block1 = Residual(48)
        self.down2 = ConvUnit(48, 96, stride=2)
        self.block2 = Residual(96)
        self.head = ConvUnit(96, 128)
        self.classify = nn.Linear(128, classes)

    def forward(self, x):
        x = self.block1(self.down1(self.stem(x)))
        features = self.head(self.block2(self.down2(x)))
        return features, self.classify(features.mean((2, 3)))


def load(folder, part):
    """All tiles of one part as uint8 [N, 3, 32, 32], and their labels."""
    tiles, labels, sheets = [], [], {}
    with open(folder / f"{part}_labels.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["sheet"] not in sheets:
                sheets[row["sheet"]] = np.asarray(Image.open(folder / row["sheet"]).convert("RGB"))
            y, x = (SIZE * at for at in divmod(int(row["index"]), 40))
            tiles.append(sheets[row["sheet"]][y:y + SIZE, x:x + SIZE])
            labels.append(int(row["label"]))
    return torch.from_numpy(np.stack(tiles).transpose(0, 3, 1, 2).copy()), torch.tensor(labels)


def normalise(tiles):
    """uint8 pixels to what the network reads: pixels in [0, 1], minus mean, over std."""
    shape = (1, 3, 1, 1)
    return (tiles.float() / 255 - torch.tensor(MEAN).view(shape)) / torch.tensor(STD).view(shape)


def augment(images):
    """Mirrors half of the images; shifts half of them by up to 4 pixels, zooms into or out of the others."""
    n = len(images)
    shifted = torch.rand(n) < 0.5
    window = torch.where(shifted, torch.ones(n), torch.exp(torch.empty(n).uniform_(math.log(0.5), math.log(1.2))))
    step = 2 / SIZE  # of one pixel, in grid_sample's coordinates
    by_pixels = torch.randint(-4, 5, (n, 2)) * step
    anywhere = torch.empty(n, 2).uniform_(-1, 1) * ((1 - window).abs() + step)[:, None]
    shift = torch.where(shifted[:, None], by_pixels, anywhere)
    mirror = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    zero = torch.zeros(n)
    affine = torch.stack([torch.stack([window * mirror, zero, shift[:, 0]], 1),
                          torch.stack([zero, window, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def train(network, images, labels, epochs, batch, peak_rate):
    steps = len(images) // batch
    optimizer = torch.optim.SGD(network.parameters(), lr=peak_rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=epochs * steps, pct_start=0.2)
    for epoch in range(epochs):
        network.train()
        start, loss_sum, hits = time.time(), 0.0, 0
        order = torch.randperm(len(images))
        for step in range(steps):
            chosen = order[step * batch:(step + 1) * batch]
            x = augment(images[chosen]).contiguous(memory_format=torch.channels_last)
            logits = network(x)[1]
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
            hits += (logits.argmax(1) == labels[chosen]).sum().item()
        print(f"epoch {epoch + 1:2}/{epochs}  loss {loss_sum / steps:.3f}  "
              f"training accuracy {hits / (steps * batch):.3f}  {time.time() - start:.0f} s", flush=True)


@torch.no_grad()
def predict(network, images):
    network.eval()
    return torch.cat([network(part)[1] for part in images.split(500)])


def export(network, path):
    """The normalisation of batches stays in the file as nodes: PRESERVE keeps the exporter from folding it."""
    network.eval()
    names = {"input_names": ["image"], "output_names": ["features", "logits"]}
    torch.onnx.export(network, torch.zeros(1, 3, SIZE, SIZE), str(path), opset_version=17, **names,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      dynamic_axes={name: {0: "N"} for name in ("image", "features", "logits")})
    model = onnx.load(str(path))
    outputs = model.graph.output
    outputs.remove(next(output for output in outputs if output.name == "features"))  # stays as a tensor's name
    model.graph.name = "cifar10_cnn"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def write_preprocessing(path, classes):
    """One key a line, so that a person reads it at a glance."""
    keys = {"kind": "image", "size": [SIZE, SIZE], "resize": "shorter", "crop": "center", "channels": "rgb",
            "layout": "nchw", "mean": MEAN, "std": STD, "classes": classes}
    path.write_text("{\n" + ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in keys.items()) + "\n}\n")


def photo_crops(path):
    """The crop that the preprocessing file describes, and some neighbours of it."""
    photo = Image.open(path).convert("RGB")
    for shorter in (32, 36, 40):
        scale = shorter / min(photo.size)
        small = photo.resize([round(side * scale) for side in photo.size], Image.BILINEAR)
        width, height = small.size
        for name, part in (("left", 0), ("center", 0.5), ("right", 1)):
            x, y = round((width - SIZE) * part), (height - SIZE) // 2
            tile = np.asarray(small.crop((x, y, x + SIZE, y + SIZE)))
            yield f"shorter side {shorter}, {name}", torch.from_numpy(tile.transpose(2, 0, 1).copy())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/cifar10")
    parser.add_argument("--out", type=Path, default=ROOT / "examples/models")
    parser.add_argument("--photo", type=Path, default=ROOT / "examples/data/cat.png", help="shown after the training")
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1, help="highest learning rate of the cycle")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    torch.set_flush_denormal(True)

    classes = (options.data / "classes.txt").read_text().split()
    images, labels = load(options.data, "train")
    test_images, test_labels = load(options.data, "test")
    network = Network(len(classes)).to(memory_format=torch.channels_last)
    print(f"{len(images)} training images, {len(test_images)} test images, "
          f"{sum(p.numel() for p in network.parameters())} parameters")

    start = time.time()
    train(network, normalise(images), labels, options.epochs, options.batch, options.rate)
    print(f"trained in {time.time() - start:.0f} s")
    logits = predict(network, normalise(test_images))
    print(f"test accuracy {(logits.argmax(1) == test_labels).float().mean():.4f}")

    export(network.to(memory_format=torch.contiguous_format), options.out / "cifar10_cnn.onnx")
    write_preprocessing(options.out / "cifar10_cnn.json", classes)

    for name, tile in photo_crops(options.photo):
        probability = predict(network, normalise(tile[None])).softmax(1)[0]
        print(f"{options.photo.name}, {name}: {classes[probability.argmax()]} {probability.max():.3f}")


if __name__ == "__main__":
    main()
