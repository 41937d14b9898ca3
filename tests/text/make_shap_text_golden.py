"""What shap (0.51.0) makes of texts: exact Shapley values and Owen values over its own hierarchy of words.

    build/bench-venv/bin/python tests/text/make_shap_text_golden.py

Writes golden/shap_text.json. shap's mask takes the blanks after a word with it, so it gets one of its own, and blanks are collapsed: the texts have
single blanks and no punctuation, so that both packages write the same texts.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import shap

texts = ["not a bad film but a bad plot", "good and not good", "bad", "a very good very long and not so bad story of a film about films"]


def f(text):
    """The formula of text_shap_test.cpp: words count, and "not" turns the word after it round."""
    words = text.split()
    score = 0.01 * len(words)
    for i, word in enumerate(words):
        sign = -1.5 if i > 0 and words[i - 1] == "not" else 1.0
        score += sign * {"good": 1.0, "bad": -2.0, "film": 0.25}.get(word, 0.0)
        score += 0.125 * (word == "UNKWORDZ") * (i % 3)
    return float(np.tanh(0.5 * score))


def model(rows):
    return np.array([f(str(row)) for row in rows])


cases = []
warnings.filterwarnings("ignore")
for text in texts:
    masker = shap.maskers.Text(r"\W+", mask_token="UNKWORDZ ", collapse_mask_token=False)
    case = {"text": text, "f": f(text)}
    words = text.split()
    if len(words) > 1:
        explanation = shap.explainers.Partition(model, masker)([text], max_evals=100000, silent=True)
        case["merges"] = [[int(a), int(b)] for a, b in masker.clustering(text)[:, :2]]
        case["partition"] = [float(v) for v in np.ravel(explanation.values[0])]
    if len(words) <= 10:
        masker.clustering = None  # else the exact explainer takes the hierarchy, too
        case["exact"] = [float(v) for v in np.ravel(shap.explainers.Exact(model, masker)([text], silent=True).values[0])] if len(words) > 1 else [f(text) - f("UNKWORDZ")]
    cases.append(case)
    print(case)
(Path(__file__).parent / "golden" / "shap_text.json").write_text(json.dumps(cases, indent=1) + "\n")
