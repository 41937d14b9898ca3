#!/usr/bin/env python3
"""Criminal justice: a model of who is arrested again within two years, and how it treats two groups of people.

    python3 examples/criminal_justice.py [compas-scores-two-years.csv]    # ProPublica's table, or one of the same columns

It shows a bias, not its cause: arrests are not crimes, and a model trained on them learns who is arrested.
"""
import csv

import numpy as np
import whence
from common import MODELS, OUT, SHARED, given_or, show, write_table

COLUMNS = "sex age race juv_fel_count juv_misd_count juv_other_count priors_count c_charge_degree two_year_recid".split()
GROUPS = ("African-American", "Caucasian")


def rows_of(path):
    for row in csv.DictReader(open(path)):
        days = row["days_b_screening_arrest"]
        if days and abs(float(days)) <= 30 and row["c_charge_degree"] != "O" and row["is_recid"] != "-1":
            yield [{"0": "no", "1": "yes"}[row[c]] if c == "two_year_recid" else row[c] for c in COLUMNS]


people = list(rows_of(given_or(SHARED / "tabular/compas_two_years.csv")))
table = write_table(OUT / "compas.csv", COLUMNS, people)
model = whence.load(MODELS / "compas.onnx", background=table)
risk = {column: np.array([row[i] for row in people]) for i, column in enumerate(COLUMNS)}
scores = model.predict({c: (risk[c].astype(np.float32) if c.endswith(("count", "age")) else risk[c]).reshape(-1, 1) for c in COLUMNS[:-1]})
scores = scores["probabilities"] if isinstance(scores, dict) else scores
warned = scores[:, 1] > 0.5

lines = []
for group in GROUPS:
    of_group, clean = risk["race"] == group, risk["two_year_recid"] == "no"
    lines.append(f"{group:18s} called likely to be arrested again though they were not: {100 * warned[of_group & clean].mean():.0f} % "
                 f"(of {np.sum(of_group & clean)}); missed: {100 * (~warned)[of_group & ~clean].mean():.0f} % (of {np.sum(of_group & ~clean)})")
show("Errors by group", "\n".join(lines))

lines = []
for group in GROUPS:
    chosen = np.flatnonzero(risk["race"] == group)[:40]
    made = [whence.explain(model, table, row=int(i), method="kernel-shap", target="yes", budget=254, summary="sample:50") for i in chosen]
    values = np.array([e.values for e in made])
    share = {name: np.abs(values[:, i]).mean() for i, name in enumerate(made[0].names)}
    race = values[:, made[0].names.index("race")].mean()
    lines.append(f"{group:18s} race itself adds {race:+.3f} on average; of all attribution "
                 + ", ".join(f"{name} {100 * v / sum(share.values()):.0f} %" for name, v in sorted(share.items(), key=lambda kv: -kv[1])[:4]))
    whence.plot("beeswarm", made, OUT / f"criminal-justice-{group}.png")
show("What the model uses (KernelSHAP, 40 people of each group)", "\n".join(lines))
print("\nThat race itself weighs little does not clear the model: the number of earlier arrests and the age carry the difference.")
print(f"pictures: {OUT}")
