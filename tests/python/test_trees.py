"""Tree ensembles from Python: loaded by content, asked, explained. What they say is tested in tests/trees."""

from pathlib import Path

import numpy as np
import pytest

import whence

TREES = Path(__file__).parents[1] / "trees"
GOLDEN = np.load(TREES / "golden.npz")


@pytest.mark.parametrize("name", ["xgboost_softprob.ubj", "lightgbm_multiclass.txt", "catboost_labels.json"])
def test_predict(name):
    model = whence.load(TREES / "models" / name)
    stem = name.split(".")[0]
    answer = model.predict(GOLDEN[f"{stem}/x"])
    np.testing.assert_allclose(answer["probabilities"], GOLDEN[f"{stem}/prediction"], atol=1e-6)
    np.testing.assert_allclose(answer["margin"], GOLDEN[f"{stem}/margin"], atol=1e-5)


def test_info():
    info = whence.load(TREES / "models/catboost_labels.json").info()
    assert (info["format"], info["trees"], info["classes"]) == ("catboost", 4, ["eggs", "ham", "spam"])
    assert len(info["sha256"]) == 64


def test_explain(tmp_path):
    rows = np.nan_to_num(GOLDEN["xgboost_softprob/x"])
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows, delimiter=",", header="a,b,c,d,e", comments="")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    why = whence.explain(model, table, row=3, method="lime", target=2, discretizer="quartile", seed=1)
    assert np.size(why.values) == 5
    assert np.abs(why.values).max() > 0


def test_named_columns_take_missing_values():
    model = whence.load(TREES / "models/xgboost_frame.json")
    assert np.isfinite(model.predict(np.array([[0.5, 1, np.nan], [0.5, 2, 1]]))).all()


def test_no_gradients():
    model = whence.load(TREES / "models/xgboost_softprob.json")
    with pytest.raises(whence.UnsupportedError, match="no ONNX file"):
        model.gradient(GOLDEN["xgboost_softprob/x"][:1])


def test_refused():
    with pytest.raises(whence.ModelError, match="gblinear"):
        whence.load(TREES / "models/xgboost_linear.json")
