#!/usr/bin/env python3
"""Trains the networks of the examples "income" (adult) and "criminal justice" (COMPAS) and writes them as ONNX.

    python3 examples/train/tables.py --data FOLDER   # with adult_train.csv, adult_test.csv, compas_two_years.csv

Every column is an input of its own, words as words: the encoder is part of the file.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
ADULT = ("age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain "
         "capital_loss hours_per_week native_country income").split()


def adult(path):
    table = pd.read_csv(path, names=ADULT, skipinitialspace=True, na_values="?", keep_default_na=False)
    table["income"] = table["income"].str.rstrip(".")
    # The weight of the census and the code of the education say nothing that the other columns do not.
    return table.drop(columns=["fnlwgt", "education_num"]).fillna("unknown")


def compas(path):
    table = pd.read_csv(path)
    # As ProPublica's analysis: arrests within 30 days of the screening, no ordinary traffic offences.
    table = table[table["days_b_screening_arrest"].between(-30, 30) & (table["c_charge_degree"] != "O") & (table["is_recid"] != -1)]
    table["two_year_recid"] = np.where(table["two_year_recid"] == 1, "yes", "no")
    return table[["sex", "age", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "c_charge_degree", "two_year_recid"]]


def pipeline(rows):
    numbers = list(rows.select_dtypes("number"))
    words = [c for c in rows if c not in numbers]
    columns = ColumnTransformer([("words", OneHotEncoder(handle_unknown="ignore", min_frequency=20), words),
                                 ("numbers", StandardScaler(), numbers)])
    network = MLPClassifier((24,), alpha=1, early_stopping=True, random_state=7, max_iter=60)
    return Pipeline([("columns", columns), ("network", network)])


def export(name, model, train, test, target):
    rows = train.drop(columns=target)
    numbers = set(rows.select_dtypes("number"))
    types = [(c, FloatTensorType([None, 1]) if c in numbers else StringTensorType([None, 1])) for c in rows]
    onnx = to_onnx(model, initial_types=types, options={id(model): {"zipmap": False}}, target_opset=17)
    folder = ROOT / "examples/models"
    (folder / f"{name}.onnx").write_bytes(onnx.SerializeToString())
    settings = {"kind": "table", "features": list(rows), "target": target, "classes": [str(c) for c in model.classes_]}
    (folder / f"{name}.json").write_text(json.dumps(settings, indent=1) + "\n")
    print(f"{name}: test accuracy {model.score(test.drop(columns=target), test[target]):.3f} ({len(train)} training rows, {len(test)} test rows)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    train, test = adult(folder / "adult_train.csv"), adult(folder / "adult_test.csv")
    export("adult", pipeline(train.drop(columns="income")).fit(train.drop(columns="income"), train["income"]), train, test, "income")
    train, test = train_test_split(compas(folder / "compas_two_years.csv"), test_size=0.25, random_state=7)
    target = "two_year_recid"
    export("compas", pipeline(train.drop(columns=target)).fit(train.drop(columns=target), train[target]), train, test, target)


if __name__ == "__main__":
    main()
