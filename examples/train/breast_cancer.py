#!/usr/bin/env python3
"""Trains the breast-cancer network of the examples and writes it as ONNX, with its table and preprocessing file.

The data comes with scikit-learn; nothing is downloaded.

    python3 examples/train/breast_cancer.py

The same seed gives the same files on the same machine and version of PyTorch.
"""
import argparse
import csv
import json
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

ROOT = Path(__file__).resolve().parents[2]


class Network(nn.Module):
    """Reads raw columns: the standardisation is part of the graph, so that nobody has to repeat it."""

    def __init__(self, mean, std, classes):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.layers = nn.Sequential(nn.Linear(len(mean), 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(),
                                    nn.Linear(16, classes))

    def forward(self, rows):
        logits = self.layers((rows - self.mean) / self.std)
        return logits, logits.softmax(1)


def train(network, rows, labels, epochs):
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(rows)).split(64):
            # Smoothed labels keep the probabilities off 0 and 1, where a perturbation method sees no change.
            loss = F.cross_entropy(network(rows[chosen])[0], labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


def export(network, path):
    torch.onnx.export(network, torch.zeros(1, len(network.mean)), str(path), opset_version=13,
                      input_names=["rows"], output_names=["logits", "probabilities"],
                      dynamic_axes={name: {0: "N"} for name in ("rows", "logits", "probabilities")})
    model = onnx.load(str(path))
    outputs = model.graph.output
    outputs.remove(next(output for output in outputs if output.name == "logits"))  # stays as a tensor's name
    model.graph.name = "breast_cancer"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def write_table(path, data, chosen):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*data.feature_names, "diagnosis"])
        for row in chosen:
            table.writerow([*(f"{value:.10g}" for value in data.data[row]), data.target_names[data.target[row]]])


def write_preprocessing(path, data):
    keys = {"kind": "table", "features": data.feature_names.tolist(), "classes": data.target_names.tolist(),
            "background": "../data/breast_cancer_train.csv"}
    path.write_text("{\n" + ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in keys.items()) + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "examples", help="folder with models/ and data/")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    data = load_breast_cancer()
    train_rows, test_rows = train_test_split(range(len(data.data)), test_size=0.2, stratify=data.target,
                                             random_state=options.seed)
    rows, labels = torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target)
    network = Network(rows[train_rows].mean(0), rows[train_rows].std(0), len(data.target_names))
    train(network, rows[train_rows], labels[train_rows], options.epochs)

    with torch.no_grad():
        right = network(rows)[0].argmax(1) == labels
    for name, part in (("training", train_rows), ("test", test_rows)):
        print(f"{name} accuracy {right[part].float().mean():.4f} ({right[part].sum()} of {len(part)})")

    export(network, options.out / "models/breast_cancer.onnx")
    write_preprocessing(options.out / "models/breast_cancer.json", data)
    write_table(options.out / "data/breast_cancer.csv", data, range(len(data.data)))
    write_table(options.out / "data/breast_cancer_train.csv", data, sorted(train_rows))


if __name__ == "__main__":
    main()
