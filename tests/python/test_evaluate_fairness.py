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

    # Every metric by group; what only the control is worse at is no finding.
    by_group = run(*common, "-m", "random", "--metrics", "deletion,sparseness", "--protected", "sex,age", "-o", out, "-o", tmp_path / "card.html", "--show")
    assert by_group.returncode == 0, by_group.stderr
    assert "By sex" in by_group.stdout and "By age" in by_group.stdout
    card = json.loads(out.read_text())["score_card"]
    gaps = {(gap["column"], gap["metric"], gap["method"]): gap for gap in card["quality_by_group"]}
    assert {column for column, _, _ in gaps} == {"sex", "age"} and ("age", "deletion", "random") in gaps
    sex = gaps["sex", "deletion", "kernel-shap"]
    assert [group["group"] for group in sex["groups"]] == ["Female", "Male"] and sum(group["samples"] for group in sex["groups"]) == 40
    assert sex["low"] <= sex["gap"] <= sex["high"] and 0 < sex["p_value"] <= 1
    female, male = (group["value"] for group in sex["groups"])
    assert abs(abs(female - male) - sex["gap"]) < 1e-12
    assert [group["group"].split()[0] for group in gaps["age", "deletion", "random"]["groups"]] == ["up", "above"]
    assert "By sex" in (tmp_path / "card.html").read_text()
    assert any(sentence["rule"] == "groups" for sentence in card["verdict"])

    # The same from Python.
    python = whence.evaluate(
        whence.load(model, background=COMPAS), COMPAS, ["kernel-shap", "random"], ["deletion", "sparseness"], samples=40, protected=["sex", "age"]
    )
    assert python.quality_by_group == card["quality_by_group"]

    unknown = run(*common, "--protected", "religion")
    assert unknown.returncode != 0 and "no column 'religion'" in unknown.stderr


ADULT = ROOT.parent / "shared/data/tabular/adult_test.csv"
NAMES = "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,capital_loss,hours_per_week,native_country,income"


@pytest.mark.skipif(not ADULT.exists(), reason=f"{ADULT} is not there")
def test_quality_by_group_of_adult(tmp_path):
    """Incomes: sex by itself, and what a gap of the control says."""
    rows = tmp_path / "adult.csv"
    rows.write_text(NAMES + "\n" + ADULT.read_text().replace(", ", ",").replace("?", "unknown"))
    model = whence.load(ROOT / "examples/models/adult.onnx", background=rows)
    card = whence.evaluate(model, rows, ["kernel-shap", "random"], ["deletion", "comprehensiveness"], samples=60, protected="sex")
    assert card.metrics[-3:] == ["protected-share", "proxy-share", "flip-rate"]
    gaps = {(gap["metric"], gap["method"]): gap for gap in card.quality_by_group}
    assert {"deletion", "comprehensiveness", "protected-share", "flip-rate"} <= {metric for metric, _ in gaps}
    for gap in gaps.values():
        assert [group["group"] for group in gap["groups"]] == ["Female", "Male"]
        assert gap["low"] <= gap["gap"] <= gap["high"]
        assert gap["higher"] != gap["lower"] or gap["gap"] == 0
    # Scores of the card, split by the table itself.
    sexes = [line.split(",")[9] for line in rows.read_text().splitlines()[1:]]
    scores = card.scores["kernel-shap"]["deletion"]
    for group in gaps["deletion", "kernel-shap"]["groups"]:
        own = [score for score, row in zip(scores, card.rows) if sexes[row] == group["group"]]
        assert group["samples"] == len(own) and abs(sum(own) / len(own) - group["value"]) < 1e-12
    with pytest.raises(whence.UnsupportedError, match="--protected"):
        whence.evaluate(model, rows, ["random"], ["quality-gap"], samples=4)
