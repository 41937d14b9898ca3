"""docs/explanation-json.md names every key of a score card, and no other."""

import json
import re
from pathlib import Path

import whence

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def card():
    """Everything a card can hold: labels, a control, groups, something undefined, something left out, a method that fails."""
    model = whence.load(EXAMPLES / "models/breast_cancer.onnx", background=EXAMPLES / "data/breast_cancer.csv")
    made = whence.evaluate(
        model, EXAMPLES / "data/breast_cancer.csv", ["integrated-gradients", "random"], ["deletion", "completeness", "consistency"],
        labels="diagnosis", samples=12, protected="mean radius",
    )  # fmt: skip
    return json.loads(made.to_json())


def documented():
    """Keys in each part of the document: `part`: { `key`, ... }."""
    text = (ROOT / "docs/explanation-json.md").read_text().split("## A score card as JSON")[1]
    parts, name = {}, ""
    for line in text.splitlines():
        head = re.match(r"`(\w+)`[,:]", line)
        if head:
            name = head[1]
        if name:
            parts.setdefault(name, set()).update(re.findall(r"`(\w+)`", line))
    return parts


def test_the_document_names_every_key():
    whole = card()
    assert list(whole) == ["whence", "version", "score_card"]
    inner, parts = whole["score_card"], documented()
    assert set(inner) <= parts["score_card"]
    for name in ("methods", "table", "agreements", "quality_by_group", "left_out", "verdict"):
        assert inner[name], f"nothing to look at: {name}"
        for one in inner[name]:
            assert set(one) <= parts[name], name
    for method in inner["methods"]:
        assert set(method["attribution_error"]) <= parts["methods"]
    for row in inner["table"]:
        for estimate in row["methods"].values():
            assert set(estimate) <= parts["table"]
    for gap in inner["quality_by_group"]:
        for group in gap["groups"]:
            assert set(group) <= parts["quality_by_group"]


def test_the_document_names_no_other():
    """Keys in the first cell of a table's line are there."""
    inner = card()["score_card"]
    text = (ROOT / "docs/explanation-json.md").read_text().split("## A score card as JSON")[1]
    there = {"score_card": set(inner), "methods": set().union(*inner["methods"]) | {"failure"}}
    there["table"] = set().union(*inner["table"])
    there["quality_by_group"] = set().union(*inner["quality_by_group"])
    name, seen = "", 0
    for line in text.splitlines():
        head = re.match(r"`(\w+)`[,:]", line)
        if head:
            name = head[1]
        if line.startswith("| `"):
            for key in re.findall(r"`(\w+)`", line.split("|")[1]):
                assert key in there[name], f"{name}: {key}"
                seen += 1
    assert seen > 40
