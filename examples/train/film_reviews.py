#!/usr/bin/env python3
"""Trains the network of the film reviews (averaged word embeddings) and writes it as ONNX, with its vocabulary.

    python3 examples/train/film_reviews.py --data FOLDER   # with rt-polarity.pos.xz and rt-polarity.neg.xz (Pang, Lee 2005)
"""
import argparse
import collections
import json
import lzma
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from onnx import TensorProto, checker, helper, numpy_helper, save_model
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r"[a-z']+")
WORDS, WIDTH = 5000, 12


def read(path):
    return [WORD.findall(line.lower()) for line in lzma.open(path, "rt", encoding="latin-1")]


def train(reviews, labels, words, epochs=14):
    torch.manual_seed(7)
    embedding, head = nn.Embedding(words, WIDTH, padding_idx=0), nn.Linear(WIDTH, 2)
    optimizer = torch.optim.AdamW([*embedding.parameters(), *head.parameters()], lr=5e-3, weight_decay=0.3)

    def logits(batch):
        ids = nn.utils.rnn.pad_sequence([torch.tensor(r or [1]) for r in batch], batch_first=True)
        known = (ids != 0).float()[..., None]
        return head((embedding(ids) * known).sum(1) / known.sum(1))

    for _ in range(epochs):
        for chosen in torch.randperm(len(reviews)).split(64):
            loss = F.cross_entropy(logits([reviews[i] for i in chosen]), labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return embedding, head, logits


def export(embedding, head, path):
    """ids -> embedding -> mean over the words that are there -> probabilities."""
    table = embedding.weight.detach().numpy().copy()
    table[0] = 0
    constants = {"table": table, "w": head.weight.detach().numpy().T.copy(), "b": head.bias.detach().numpy(),
                 "zero": np.int64(0), "one": np.float32(1), "axis": np.array([2]), "words": np.array([1])}
    nodes = [helper.make_node("Gather", ["table", "ids"], ["embedded"]),
             helper.make_node("Equal", ["ids", "zero"], ["padding"]), helper.make_node("Not", ["padding"], ["there"]),
             helper.make_node("Cast", ["there"], ["counted"], to=TensorProto.FLOAT), helper.make_node("Unsqueeze", ["counted", "axis"], ["mask"]),
             helper.make_node("Mul", ["embedded", "mask"], ["kept"]), helper.make_node("ReduceSum", ["kept", "words"], ["sum"], keepdims=0),
             helper.make_node("ReduceSum", ["counted", "words"], ["count"], keepdims=1), helper.make_node("Max", ["count", "one"], ["length"]),
             helper.make_node("Div", ["sum", "length"], ["mean"]), helper.make_node("MatMul", ["mean", "w"], ["product"]),
             helper.make_node("Add", ["product", "b"], ["logits"]), helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1)]
    graph = helper.make_graph(nodes, "film_reviews", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", "words"])],
                              [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    save_model(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    reviews = [(words, label) for label, name in enumerate(["neg", "pos"]) for words in read(folder / f"rt-polarity.{name}.xz")]
    order = np.random.default_rng(7).permutation(len(reviews))
    held_out, kept = order[:1500], order[1500:]
    counts = collections.Counter(word for i in kept for word in reviews[i][0])
    vocabulary = ["<pad>", "<unknown>", *(word for word, _ in counts.most_common(WORDS - 2))]
    number = {word: i for i, word in enumerate(vocabulary)}
    encode = lambda words: [number.get(word, 1) for word in words]  # noqa: E731
    embedding, head, logits = train([encode(reviews[i][0]) for i in kept], torch.tensor([reviews[i][1] for i in kept]), len(vocabulary))
    right = (logits([encode(reviews[i][0]) for i in held_out]).argmax(1) == torch.tensor([reviews[i][1] for i in held_out])).float().mean()
    models = ROOT / "examples/models"
    export(embedding, head, models / "film_reviews.onnx")
    (models / "film_reviews.txt").write_text("\n".join(vocabulary) + "\n")
    settings = {"kind": "text", "vocabulary": "film_reviews.txt", "words": WORD.pattern, "unknown": "<unknown>", "pad": "<pad>",
                "classes": ["negative", "positive"]}
    (models / "film_reviews.json").write_text(json.dumps(settings, indent=1) + "\n")
    print(f"film_reviews: test accuracy {right:.3f} ({len(kept)} training reviews, {len(held_out)} test reviews)")


if __name__ == "__main__":
    main()
