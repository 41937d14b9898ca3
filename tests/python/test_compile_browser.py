"""A compiled explanation gives in a browser what it gives in ONNX Runtime on the machine."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import whence

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples/models/cifar10_cnn.onnx"
PACKAGES = ROOT / "build/browser"
CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")

# WebAssembly's kernels sum in another order; relative to the largest value of the map.
TOLERANCE = 1e-3

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and NODE and (PACKAGES / "stamp").is_file()), reason="no browser here: run tools/setup --browser"
)


@pytest.mark.parametrize(
    "method,options",
    [("integrated-gradients", {"steps": 8}), ("layer-cam", {"layer": "features"}), ("smoothgrad", {"samples": 5})],
)
def test_in_the_browser(tmp_path, method, options):
    model, given = tmp_path / "explained.onnx", tmp_path / "input.json"
    whence.compile(MODEL, model, method, **options)
    session = ort.InferenceSession(model)
    name = session.get_inputs()[0].name
    coarse = np.random.default_rng(1).random((2, 8, 8, 3), dtype=np.float32)
    x = coarse.repeat(4, axis=1).repeat(4, axis=2)
    given.write_text(json.dumps({"name": name, "dims": x.shape, "data": x.ravel().tolist()}))
    run = subprocess.run(
        [NODE, ROOT / "tests/browser/run_model.mjs", PACKAGES, CHROMIUM, model, given], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    there = json.loads(run.stdout)
    here = dict(zip([output.name for output in session.get_outputs()], session.run(None, {name: x})))
    assert set(there) == set(here) and "attribution" in there
    for output, value in here.items():
        if output == "attribution_error":  # a difference of nearly equal sums
            continue
        assert there[output]["dims"] == list(value.shape)
        difference = np.abs(np.array(there[output]["data"]) - value.ravel()).max()
        assert difference < TOLERANCE * np.abs(value).max(), output
    # Negative control: the rows' maps differ by more than that.
    first, second = here["attribution"]
    assert np.abs(first - second).max() > TOLERANCE * np.abs(first).max()
