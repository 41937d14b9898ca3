"""whence evaluate --protected on COMPAS (skipped where the data is missing)."""

import json
import subprocess
from pathlib import Path

import pytest

import whence

ROOT = Path(__file__).resolve().parents[2]
COMPAS = ROOT.parent / "shared/data/tabular/compas_two_years.csv"
WHENCE = Path(whence.__file__).resolve().parents[2] / "whence"


def run(*arguments):
    return subprocess.run([WHENCE, "evaluate", *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.mark.skipif(not COMPAS.exists(), reason=f"{COMPAS} is not there")
def test_protected_columns_of_compas(tmp_path):
    out = tmp_path / "card.json"
    model = ROOT / "examples/models/compas.onnx"
    common = [model, COMPAS, "--background", COMPAS, "-m", "kernel-shap", "--samples", "40"]
    result = run(*common, "--metrics", "sparseness", "--protected", "sex,race", "-o", out)
    assert result.returncode == 0, result.stderr
    rows = {row["metric"]: row["methods"]["kernel-shap"] for row in json.loads(out.read_text())["score_card"]["table"]}
    assert list(rows) == ["sparseness", "protected-share", "proxy-share", "flip-rate"]
    assert 0.02 < rows["protected-share"]["value"] < 0.5
    assert rows["proxy-share"]["value"] >= rows["protected-share"]["value"]
    assert 0 <= rows["flip-rate"]["value"] < 0.5 and rows["flip-rate"]["defined"] == 40
    assert rows["flip-rate"]["high"] > 0

    # The proxies may be named; then they count.
    with_priors = run(*common, "--protected", "race", "--set", "proxy-share.proxies=priors_count", "-o", out)
    assert with_priors.returncode == 0, with_priors.stderr
    rows = {row["metric"]: row["methods"]["kernel-shap"] for row in json.loads(out.read_text())["score_card"]["table"]}
    assert rows["proxy-share"]["value"] > rows["protected-share"]["value"] + 0.05

    unknown = run(*common, "--protected", "religion")
    assert unknown.returncode != 0 and "no column 'religion'" in unknown.stderr
