"""Saliency on a tiny network from C++: microseconds of one call of explain, beside one forward pass."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

from models import mlp_784_50_10

ROOT = Path(__file__).resolve().parents[1]


def run(bench) -> None:
    build = ROOT / "build/release"
    subprocess.run(["cmake", "--build", str(build), "--target", "saliency_library"], check=True, stdout=subprocess.DEVNULL)
    path, _ = mlp_784_50_10()
    program = build / "bench/saliency_library"
    lines = subprocess.run([str(program), str(path), str(max(5, bench.rounds))], check=True, text=True, capture_output=True)
    rounds = [tuple(map(float, line.split())) for line in lines.stdout.splitlines()]
    explain, forward = ([r[i] for r in rounds] for i in (0, 1))
    for name, values in (("explain", explain), ("predict", forward)):
        bench.note(f"{name}: {statistics.median(values):.1f} microseconds a call [{min(values):.1f}, {max(values):.1f}]")
    bench.note(f"microseconds saliency-library mlp {statistics.median(explain):.1f} [{min(explain):.1f}, {max(explain):.1f}]")
