#!/usr/bin/env python3
"""Credit and income: why does the model expect more than 50K a year, and what could this person change?

    python3 examples/income.py [adult_test.csv]    # of UCI's Adult data, without header, as it comes
"""
import csv

import whence
from common import MODELS, OUT, SHARED, given_or, show, write_table

COLUMNS = ("age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain "
           "capital_loss hours_per_week native_country income").split()
LEFT_OUT = {"fnlwgt", "education_num"}


def rows_of(path, most=3000):
    for cells in list(csv.reader(open(path), skipinitialspace=True))[:most]:
        if len(cells) == len(COLUMNS):
            row = {name: "unknown" if cell == "?" else cell.rstrip(".") for name, cell in zip(COLUMNS, cells)}
            yield [value for name, value in row.items() if name not in LEFT_OUT]


table = write_table(OUT / "adult.csv", [name for name in COLUMNS if name not in LEFT_OUT], rows_of(given_or(SHARED / "tabular/adult_test.csv")))
model = whence.load(MODELS / "adult.onnx", background=table)

why = whence.explain(model, table, row=2, method="kernel-shap", target=">50K", budget=1000)
show("What raises and lowers the probability of more than 50K (KernelSHAP)", why)
whence.plot("waterfall", why, OUT / "income-waterfall.png")
show("LIME, for comparison", whence.explain(model, table, row=2, method="lime", target=">50K").words())
show("A rule that nearly suffices", whence.explain(model, table, row=0, method="anchors").words())

# Nobody can change age, sex, race or where they were born: only what is left may be advised.
fixed = "age,sex,race,native_country,marital_status,relationship"
other = whence.explain(model, table, row=2, method="counterfactuals", fixed=fixed, count=3)
show("What would change the answer, without touching " + fixed, other)
print(f"\npictures: {OUT}")
