"""The worked examples run to their end and say what they are about."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data"

SAYS = {"medical_diagnosis": ["malignant", "If worst", "benign"],
        "photograph": ["cat", "grad-cam"],
        "film_review": ["unforgettable", "dull"],
        "income": [">50K", "capital", "without touching"],
        "criminal_justice": ["African-American", "Caucasian", "earlier arrests"]}
NEEDS = {"income": SHARED / "tabular/adult_test.csv", "criminal_justice": SHARED / "tabular/compas_two_years.csv"}


@pytest.mark.parametrize("example", SAYS)
def test_example(example):
    if example in NEEDS and not NEEDS[example].exists():
        pytest.skip(f"{NEEDS[example]} is not there")
    result = subprocess.run([sys.executable, ROOT / f"examples/{example}.py"], capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert result.returncode == 0, result.stderr
    for text in SAYS[example]:
        assert text in result.stdout


def test_an_example_without_its_data_says_what_to_give(tmp_path):
    result = subprocess.run([sys.executable, ROOT / "examples/income.py", tmp_path / "none.csv"], capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.strip().endswith("FILE") and "is not there" in result.stderr
