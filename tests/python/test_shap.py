"""Shapley values from Python: options, the background, interactions."""

from pathlib import Path

import numpy as np
import pytest

import whence

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "examples/data/breast_cancer.csv"
GROUPS = "; ".join(
    f"{part}: " + ", ".join(f"{kind} {part}" if kind != "error" else f"{part} error" for kind in ("mean", "error", "worst"))
    for part in ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry", "fractal dimension")
)


@pytest.fixture(scope="module")
def cancer():
    return whence.load(ROOT / "examples/models/breast_cancer.onnx")


@pytest.fixture(scope="module")
def exact(cancer):
    return whence.explain(cancer, TABLE, row=3, method="exact-shap", groups=GROUPS, summary="sample:20")


def test_exact_values_add_up(exact):
    assert exact.values.shape == (10,)
    assert exact.names[0] == "radius"
    assert abs(exact.error) < 1e-9
    assert np.all(exact.standard_errors == 0)
    # 25 coalitions were asked of the network itself as well
    assert exact.evaluations == 1024 * 20 + 25 * 20 + 1
    assert any("summarized by 20" in note for note in exact.notes)


def test_the_definition_holds(cancer, exact):
    """v of two coalitions, asked of the model directly: nobody and everyone."""
    row = np.genfromtxt(TABLE, delimiter=",", skip_header=1, usecols=range(30))[3]
    everyone = cancer.predict(row[None].astype(np.float32))
    assert abs(exact.value - np.ravel(everyone).max()) < 1e-5 or abs(exact.value - np.ravel(everyone).min()) < 1e-5


@pytest.mark.parametrize("method", ["kernel-shap", "permutation-shap", "sampling-shap"])
def test_estimates_are_within_their_errors(cancer, exact, method):
    found = whence.explain(
        cancer, TABLE, row=3, method=method, groups=GROUPS, summary="sample:20", budget=400, tolerance=0.0
    )
    assert np.all(np.abs(found.values - exact.values) <= 6 * found.standard_errors + 1e-12)
    assert abs(found.error) < 1e-9


def test_interactions(cancer, exact):
    found = whence.explain(cancer, TABLE, row=3, method="shap-interactions", groups=GROUPS, summary="sample:20")
    assert found.interactions.shape == (10, 10)
    assert np.allclose(found.interactions, found.interactions.T)
    assert np.allclose(found.interactions.sum(1), exact.values, atol=1e-9)
    assert np.all(found.interaction_errors == 0)
    assert "pairs: what two features do only together" in str(found)
    again = whence.from_json(found.to_json())
    assert np.allclose(again.interactions, found.interactions)
    assert exact.interactions is None and exact.interaction_errors is None


def test_a_link_is_told(cancer):
    found = whence.explain(cancer, TABLE, row=3, method="exact-shap", groups=GROUPS, link="logit", summary="sample:5")
    probability = 1 / (1 + np.exp(-found.value))
    assert 0 < probability < 1 and abs(found.error) < 1e-9
    assert "logit of the probability" in str(found)


def test_pictures_by_superpixels():
    model = whence.load(ROOT / "examples/models/cifar10_cnn.onnx")
    for method in ("kernel-shap", "partition-shap", "banzhaf"):
        found = whence.explain(model, ROOT / "examples/data/cat.png", method=method, segmentation="grid:4x4", budget=200)
        assert found.values.shape == (16,)
        assert found.segments.max() == 15
        assert (found.error is None) == (method == "banzhaf")


def test_what_makes_no_sense(cancer):
    def explain(**options):
        return whence.explain(cancer, TABLE, row=3, **options)

    for options in (
        {"method": "kernel-shap", "groups": "no such column"},
        {"method": "kernel-shap", "groups": "mean area, worst area; worst area"},
        {"method": "kernel-shap", "summary": "median:3"},
        {"method": "kernel-shap", "link": "probit"},
        {"method": "kernel-shap", "budget": -1},
        {"method": "kernel-shap", "compatible": True, "l1_reg": "most"},
    ):
        with pytest.raises(whence.UsageError):
            explain(**options)
    with pytest.raises(whence.LimitError):
        explain(method="exact-shap")
    with pytest.raises(whence.UnsupportedError):
        explain(method="linear-shap", scale="probability")
