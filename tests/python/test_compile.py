"""An explanation compiled to ONNX, run by plain ONNX Runtime, gives what the method gives."""

import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import whence

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE_MODEL = ROOT / "examples/models/cifar10_cnn.onnx"
TABLE_MODEL = ROOT / "examples/models/breast_cancer.onnx"

# Both run the same float32 kernels, but ONNX Runtime fuses the two graphs differently; a ReLU whose
# input is zero up to rounding may then fall on either side. Relative to the largest value of the map.
TOLERANCE = 2e-4


def pictures(rows, seed=0):
    # Smooth random pictures: noise would sit on kinks everywhere.
    rng = np.random.default_rng(seed)
    coarse = rng.random((rows, 8, 8, 3), dtype=np.float32)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


def compiled(tmp_path, model, method, **options):
    path = tmp_path / "explained.onnx"
    whence.compile(model, path, method, **options)
    file = onnx.load(path)
    onnx.checker.check_model(file, full_check=True)
    assert {node.domain for node in file.graph.node} <= {""}, "standard operators only"
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]), file


def run(session, x):
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: x})))


def difference(a, b):
    return np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(b).max()


CASES = [
    ("saliency", {}),
    ("saliency", {"absolute": False, "target": 5}),
    ("input-x-gradient", {"baseline": "value:0.5"}),
    ("input-x-gradient", {"target": (3, 5)}),
    ("integrated-gradients", {"steps": 12}),
    ("integrated-gradients", {"steps": 9, "rule": "gauss-legendre", "target": "cat", "baseline": "model-zeros"}),
    ("integrated-gradients", {"steps": 6, "rule": "trapezoid", "scale": "probability"}),
    ("integrated-gradients", {"steps": 8, "layer": "/block2/Add_output_0", "baseline": "value:0.3"}),
    ("smoothgrad", {"samples": 7, "noise": 0.1, "seed": 3}),
    ("grad-cam", {"layer": "features", "target": "dog"}),
    ("layer-cam", {"layer": "/block2/Add_output_0"}),
]


@pytest.mark.parametrize("method,options", CASES, ids=[f"{method}-{i}" for i, (method, _) in enumerate(CASES)])
def test_equals_the_method(tmp_path, method, options):
    model = whence.load(IMAGE_MODEL)
    session, _ = compiled(tmp_path, model, method, **options)
    x = pictures(3)
    out = run(session, x)
    assert difference(out["logits"], model.predict(x)) < 1e-5
    for row in range(len(x)):
        e = whence.explain(model, x[row : row + 1], method, **options)
        assert difference(out["attribution"][row], e.values[0]) < TOLERANCE
        if "attribution_error" in out:
            assert abs(out["attribution_error"][row] - e.error) < TOLERANCE * max(1, np.abs(e.values).sum())
    # Negative control: another picture's map is not within the tolerance.
    assert difference(out["attribution"][0], out["attribution"][1]) > 2 * TOLERANCE


def test_a_row_does_not_depend_on_its_neighbours(tmp_path):
    session, _ = compiled(tmp_path, IMAGE_MODEL, "integrated-gradients", steps=4)
    x = pictures(4)
    together, alone = run(session, x), run(session, x[2:3])
    assert difference(together["attribution"][2], alone["attribution"][0]) < 1e-5


def test_a_table(tmp_path):
    model = whence.load(TABLE_MODEL)
    session, _ = compiled(tmp_path, model, "integrated-gradients", steps=16, rule="gauss-legendre", baseline="zeros")
    x = np.loadtxt(ROOT / "examples/data/breast_cancer.csv", delimiter=",", skiprows=1, usecols=range(30), max_rows=5)
    x = x.astype(np.float32)
    out = run(session, x)
    for row in range(5):
        e = whence.explain(model, x[row], "integrated-gradients", steps=16, rule="gauss-legendre", baseline="zeros")
        assert difference(out["attribution"][row], e.values) < TOLERANCE


def test_what_was_compiled_is_in_the_metadata(tmp_path):
    _, file = compiled(tmp_path, IMAGE_MODEL, "integrated-gradients", steps=4, target="cat", baseline="value:0.5")
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    assert metadata["whence.method"] == "integrated-gradients" and metadata["whence.baseline"] == "value:0.5"
    assert metadata["whence.target"] == "3" and metadata["whence.steps"] == "4 midpoint"


@pytest.mark.parametrize(
    "method,options,says",
    [
        ("lime", {}, "cannot be compiled"),
        ("integrated-gradients", {"baseline": "blur"}, "depends on the input"),
        ("integrated-gradients", {"steps": 0}, "fixed number of steps"),
        ("integrated-gradients", {"steps": 10**9}, "from 1 to 10000"),
        ("grad-cam", {}, "needs a layer"),
        ("saliency", {"layer": "nowhere"}, "nowhere"),
        ("saliency", {"target": 12}, "class 12"),
        ("saliency", {"wings": 2}, "wings"),
        ("integrated-gradients", {"steps": "many"}, "'steps' of a compiled explanation has the wrong type"),
        ("smoothgrad", {"samples": 2.5}, "'samples'"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(tmp_path, method, options, says):
    with pytest.raises(whence.Error, match=says) as caught:
        whence.compile(IMAGE_MODEL, tmp_path / "x.onnx", method, **options)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_on_the_command_line(tmp_path):
    path = tmp_path / "cam.onnx"
    command = [ROOT / "build/release/whence", "compile", IMAGE_MODEL, "-m", "layer-cam", "-l", "features", "-o", path]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    out = run(ort.InferenceSession(path), pictures(2))
    assert out["attribution"].shape == (2, 1, 8, 8)
