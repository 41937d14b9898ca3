"""What the lime package (0.2.0.1) makes of texts.

    build/bench-venv/bin/python tests/text/make_lime_text_golden.py

Writes golden/lime_words.json (words, their places in bytes, texts with words removed) and golden/lime_weights.json: the mean
weights of many runs of LimeTextExplainer on a formula, with the standard errors of the means.
"""

import json
from pathlib import Path

import numpy as np
from lime.lime_text import IndexedCharacters, IndexedString, LimeTextExplainer

out = Path(__file__).parent / "golden"
texts = [
    "", "one", "a good film", "A good, GOOD film: it's not  bad (at all)!\n", " leading and trailing ", "naïve café – 東京 is_big 😀 x2",
    "e\u0301clair ½ x² Ⅷ ٣ \u200d zero\u00a0width", "\tthe the The the\r\n", "1,000 -- #1", "...", "snake_case and kebab-case",
]
cases = []
rng = np.random.default_rng(0)
for text in texts:
    at = np.cumsum([0] + [len(c.encode()) for c in text])
    for options in [{"bow": True}, {"bow": False}, {"bow": False, "mask_string": "[MASK]"}, {"bow": True, "split_expression": r"\s+"},
                    {"bow": False, "split_expression": r"[-_ ]"}, {"bow": True, "char_level": True}, {"bow": False, "char_level": True}]:
        character = options.get("char_level", False)
        kwargs = {"bow": options["bow"], "mask_string": options.get("mask_string")}
        if not text and not character:
            continue
        if character:
            if not text:
                continue
            indexed = IndexedCharacters(text, **kwargs)
        else:
            indexed = IndexedString(text, split_expression=options.get("split_expression", r"\W+"), **kwargs)
        n = indexed.num_words()
        removals = []
        for k in sorted({0, min(1, n), n // 2, n}):
            removed = sorted(int(i) for i in rng.choice(n, k, replace=False)) if k else []
            if n == 0 or (k == 0 and not options["bow"]):
                continue  # numpy cannot index with an empty list of places
            removals.append({"removed": removed, "text": indexed.inverse_removing(np.array(removed, dtype=int))})
        begins = [[int(at[p]) for p in np.atleast_1d(indexed.string_position(i)).astype(int)] for i in range(n)]
        cases.append({"text": text, "bow": options["bow"], "char_level": character, "mask_string": options.get("mask_string") or ("\0" if character else "UNKWORDZ"),
                      "split_expression": options.get("split_expression", r"\W+"), "words": [str(indexed.word(i)) for i in range(n)],
                      "begins": begins, "removals": removals})
(out / "lime_words.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")

text = "a good film with good actors, not a bad plot and not dull"
weights = {"a": 0.1, "good": 0.9, "film": 0.2, "actors": 0.4, "bad": -1.1, "dull": -0.7, "plot": 0.05}


def scores(rows):
    answers = []
    for row in rows:
        words = row.replace(",", " ").split()
        score = sum(w for word, w in weights.items() if word in words) + (0.8 if "not" in words and "bad" in words else 0)
        p = 1 / (1 + np.exp(-score))
        answers.append([1 - p, p])
    return np.array(answers)


result = {"text": text, "cases": []}
for name, options, features, width in [("bow", {"bow": True}, 100, 25), ("narrow", {"bow": True}, 100, 10), ("places", {"bow": False}, 100, 25)]:
    runs = []
    for seed in range(40):
        explainer = LimeTextExplainer(random_state=seed, kernel_width=width, feature_selection="none", **options)
        e = explainer.explain_instance(text, scores, labels=(1,), num_features=features, num_samples=2000)
        found = dict(e.local_exp[1])
        runs.append([found[i] for i in range(len(found))] + [e.intercept[1]])
    runs = np.array(runs)
    result["cases"].append({"name": name, "bow": options["bow"], "kernel_width": width, "runs": len(runs), "num_samples": 2000,
                            "weights": runs.mean(0).tolist(), "spread": runs.std(0, ddof=1).tolist()})
(out / "lime_weights.json").write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")
