"""Writes what PyTorch says of the networks that Whence trains: gradients of the weights, and the weights after
some steps of Adam with its defaults.

Made with PyTorch 2.15 and NumPy 2.4: build/bench-venv/bin/python tests/training/make_training_golden.py
"""

import pathlib

import numpy as np
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "golden"
CLASSES, BATCH, EPOCHS = 4, 8, 3


def dense(height, width, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(height * width * channels, 6), nn.ReLU(), nn.Linear(6, CLASSES))


def cnn(height, width, channels):
    def halved(length):
        return (length - 1) // 2 + 1

    last = 32 * halved(halved(height)) * halved(halved(width))
    return nn.Sequential(nn.Conv2d(channels, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
                         nn.Linear(last, CLASSES))


NAMES = {"dense": ["hidden", "output"], "cnn": ["conv1", "conv2", "output"]}


def named(network, architecture):
    layers = [layer for layer in network if list(layer.parameters())]
    for name, layer in zip(NAMES[architecture], layers, strict=True):
        yield f"{name}.weight", layer.weight
        yield f"{name}.bias", layer.bias


def make(architecture, build, height, width, channels):
    """20 pictures in steps of 8, 8 and 4, the same order in each epoch."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 256, (20, height, width, channels), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, 20).astype(np.int32)
    out = {"pixels": pixels, "labels": labels}
    torch.manual_seed(3)
    network = build(height, width, channels).double()
    x = torch.tensor(pixels).double() / 255
    # The dense network reads pixels as they lie, the convolutions channels first.
    x = x if architecture == "dense" else x.permute(0, 3, 1, 2)
    y = torch.tensor(labels).long()
    loss_of = nn.CrossEntropyLoss()
    # Doubles hold the truth; weights that float32 can hold are the same for both.
    with torch.no_grad():
        for name, weights in named(network, architecture):
            weights.copy_(weights.float().double())
            out[name] = weights.numpy().astype(np.float32)
    loss = loss_of(network(x[:BATCH]), y[:BATCH])
    loss.backward()
    out["loss"] = np.float64(loss.item())
    for name, weights in named(network, architecture):
        out[name + ".gradient"] = weights.grad.numpy().copy()
    adam = torch.optim.Adam(network.parameters())
    for _ in range(EPOCHS):
        for first in range(0, 20, BATCH):
            adam.zero_grad()
            loss_of(network(x[first:first + BATCH]), y[first:first + BATCH]).backward()
            adam.step()
    for name, weights in named(network, architecture):
        out[name + ".trained"] = weights.detach().numpy().copy()
    np.savez(FOLDER / f"{architecture}_{height}x{width}x{channels}.npz", **out)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    make("dense", dense, 4, 5, 1)
    make("dense", dense, 3, 4, 3)
    make("cnn", cnn, 7, 6, 1)
    make("cnn", cnn, 8, 9, 3)
    make("cnn", cnn, 3, 4, 2)
