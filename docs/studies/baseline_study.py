#!/usr/bin/env python3
"""The study of baseline.md: what attributions add up to, by method, layer and baseline, on real networks.

    PYTHONPATH=build/release/python build/venv/bin/python docs/studies/baseline_study.py ../shared/data study.csv

Reads the ImageNet networks and the photographs of that folder, writes a line for each explanation and prints the tables of the
page. A quarter of an hour on two cores.
"""

import csv
import json
import statistics
import sys
import tempfile
from pathlib import Path

import whence

# Name, file, preprocessing, layers from shallow to deep: the last features of each size.
NETWORKS = [
    ("SqueezeNet 1.1", "squeezenet1.1.onnx", {"kind": "image", "preset": "imagenet"},
     ["squeezenet0_concat1", "squeezenet0_concat3", "squeezenet0_concat7", "squeezenet0_relu25_fwd"]),
    ("MobileNetV2", "mobilenet_v2_1.0_224.onnx", {"kind": "image", "scale": 255, "mean": 128, "std": 128},
     ["add_9", "add_20", "add_57", "act_61"]),
    ("MobileNetV1 0.25", "mobilenet_v1_0.25_128.onnx", {"kind": "image", "scale": 255, "mean": 128, "std": 128},
     ["act_6", "act_10", "act_22", "act_26"]),
]  # fmt: skip
BASELINES = ["zeros", "mean", "blur:10", "noise:0:1"]
ADAPTIVE = {"tolerance": 1e-2}
# Method, where it runs, whether it takes a baseline, its options.
METHODS = [
    ("baseline-integrated-gradients", "layers", True, ADAPTIVE),
    ("difference-map", "layers", True, {}),
    ("grad-cam", "layers", False, {}),
    ("hires-cam", "layers", False, {}),
    ("layer-cam", "layers", False, {}),
    ("integrated-gradients", "input", True, ADAPTIVE),
    ("input-x-gradient", "input", True, {}),
    ("deep-lift", "input", True, {}),
]
FIELDS = ["network", "photo", "method", "layer", "baseline", "f_x", "f_baseline", "error", "relative_error", "neutrality", "gradients"]


def explanations(folder):
    photos = sorted(p for p in (folder / "photos").iterdir() if p.suffix in (".png", ".jpg"))
    for network, file, preprocessing, layers in NETWORKS:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as written:
            json.dump(preprocessing, written)
            written.flush()
            model = whence.load(folder / "onnx_imagenet" / file, preprocess=written.name)
        for photo in photos:
            print(network, photo.name, file=sys.stderr, flush=True)
            for method, where, compared, options in METHODS:
                for layer in layers if where == "layers" else [""]:
                    for baseline in BASELINES if compared else [None]:
                        yield network, photo.name, layer, whence.explain(
                            model, str(photo), method, layer=layer, baseline=baseline, **options
                        )


def row(network, photo, layer, e):
    return {
        "network": network, "photo": photo, "method": e.method, "layer": layer or "input", "baseline": e.baseline, "f_x": e.value,
        "f_baseline": e.base_value, "error": e.error, "relative_error": e.relative_error, "neutrality": e.neutrality,
        "gradients": e.gradient_evaluations,
    }  # fmt: skip


def percent(values):
    values = [float(v) for v in values if v not in (None, "")]
    if not values:
        return "-"
    return f"{100 * statistics.median(values):.3g} %"


def table(rows, column, kept, titles):
    """Median relative error: a line for each method of each network, a column for each value of `column`."""
    print(f"\n| network | method | {' | '.join(titles)} |\n|{'---|' * (2 + len(titles))}")
    for network, *_ in NETWORKS:
        for method, where, *_ in METHODS:
            mine = [r for r in rows if r["network"] == network and r["method"] == method and kept(r)]
            groups = column(network, mine)
            if mine:
                print(f"| {network} | `{method}` | {' | '.join(percent(g) for g in groups)} |")


def report(rows):
    layers = {network: names for network, _, _, names in NETWORKS}

    def by_depth(network, mine):
        return [[r["relative_error"] for r in mine if r["layer"] == name] for name in ["input", *layers[network]]]

    def by_baseline(_, mine):
        return [[r["relative_error"] for r in mine if r["baseline"] == name] for name in BASELINES]

    print("\nMedian relative attribution error by layer, all baselines together")
    table(rows, by_depth, lambda r: True, ["input", "layer 1", "layer 2", "layer 3", "layer 4"])
    print("\nThe same by baseline, all layers together")
    table(rows, by_baseline, lambda r: r["baseline"] in BASELINES, BASELINES)
    print("\nBaselines: neutrality (0 says nothing), f(x) - f(baseline) over f(x)")
    print(f"\n| network | {' | '.join(BASELINES)} |\n|{'---|' * (1 + len(BASELINES))}")
    for network, *_ in NETWORKS:
        cells = []
        for name in BASELINES:
            mine = [r for r in rows if r["network"] == network and r["method"] == "integrated-gradients" and r["baseline"] == name]
            neutrality = statistics.median(float(r["neutrality"]) for r in mine)
            share = statistics.median((float(r["f_x"]) - float(r["f_baseline"])) / float(r["f_x"]) for r in mine)
            cells.append(f"{neutrality:.2f}, {share:.2f}")
        print(f"| {network} | {' | '.join(cells)} |")
    print("\nGradients that baseline integrated gradients took (median)")
    table_of_cost(rows, layers)


def table_of_cost(rows, layers):
    for network, *_ in NETWORKS:
        for layer in ["input", *layers[network]]:
            mine = [int(r["gradients"]) for r in rows if r["network"] == network and r["layer"] == layer and "integrated" in r["method"]]
            print(f"{network} {layer}: {statistics.median(mine):.0f}")


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    if len(sys.argv) < 4:
        with open(out, "w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            for network, photo, layer, e in explanations(folder):
                writer.writerow(row(network, photo, layer, e))
    with open(out, newline="") as file:
        report(list(csv.DictReader(file)))


if __name__ == "__main__":
    main()
