"""Nearest counterfactuals of tree ensembles, proven minimal: Whence's search against its own `counterfactuals` and DiCE on the same trees.

One hundred trees of XGBoost of depth 4 and 6 on real tables: the census table "adult" and breast cancer (classes), housing prices (a range).
Every answer is checked with XGBoost itself. Distances are Whence's metric: sum of |change| / MAD, 1 for another category.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

from counterfactual import ADULT, breast_cancer
from harness import Timing, import_whence
from models import FOLDER, data_file

READ = "age workclass education-num marital-status occupation relationship race sex capital-gain capital-loss hours-per-week".split()


class Booster:
    """What DiCE asks of scikit-learn's models, answered by XGBoost."""

    classes_ = np.array([0, 1])

    def __init__(self, model, categories):
        self.model, self.categories = model, categories

    def frame(self, rows):
        import pandas as pd

        out = rows.copy()
        for column in out.columns:
            if column in self.categories:
                out[column] = pd.Categorical(out[column], categories=self.categories[column])
            else:
                out[column] = out[column].astype(float)
        return out

    def predict(self, rows):
        return self.model.predict(self.frame(rows))

    def predict_proba(self, rows):
        return self.model.predict_proba(self.frame(rows))


def tables():
    """(case, rows, target, categories, the wanted answer) of each table that is at hand."""
    import pandas as pd

    _, rows, _, _, _ = breast_cancer()
    labels = pd.read_csv(breast_cancer_labels())
    yield "breast-cancer", rows, labels.iloc[:, -1].astype("category").cat.codes.to_numpy(), {}, "other"
    if path := data_file("tabular/adult_train.csv"):
        table = pd.read_csv(path, names=ADULT.split(), skipinitialspace=True, na_values="?").dropna().reset_index(drop=True)
        categories = {c: sorted(table[c].unique()) for c in READ if table[c].dtype.kind not in "if"}
        yield "adult", table[READ], (table["income"] == ">50K").to_numpy(int), categories, "other"
    if path := data_file("tabular/california_housing_raw.csv"):
        table = pd.read_csv(path, header=None)
        rows = table.iloc[:, :8].set_axis("longitude latitude age rooms bedrooms people households income".split(), axis=1)
        yield "housing", rows, table.iloc[:, 8].to_numpy() / 1e5, {}, ">=3"


def breast_cancer_labels():
    from harness import ROOT

    return ROOT / "examples/data/breast_cancer_train.csv"


def trained(case, rows, target, categories, depth):
    """XGBoost's model, its file, and the rows as a CSV for Whence."""
    import xgboost

    FOLDER.mkdir(parents=True, exist_ok=True)
    kind = xgboost.XGBRegressor if case == "housing" else xgboost.XGBClassifier
    model = kind(n_estimators=100, max_depth=depth, learning_rate=0.1, enable_categorical=True, tree_method="hist", random_state=0)
    booster = Booster(model, categories)
    model.fit(booster.frame(rows), target)
    path, background = FOLDER / f"tree-search-{case}-{depth}.json", FOLDER / f"tree-search-{case}.csv"
    model.get_booster().save_model(path)
    rows.to_csv(background, index=False)
    return booster, path, background


def scales(rows, categories):
    out = {}
    for column in rows.columns:
        if column not in categories:
            values = rows[column].dropna()
            out[column] = (values - values.median()).abs().median() or (values.max() - values.min()) or 1
    return out


def dice(rows, categories, booster, chosen):
    """DiCE's genetic counterfactuals: one for each row, in Whence's metric, and whether XGBoost agrees."""
    import dice_ml

    frame = rows.copy()
    frame["outcome"] = booster.predict(rows)
    data = dice_ml.Data(dataframe=frame, continuous_features=[c for c in rows if c not in categories], outcome_name="outcome")
    explainer = dice_ml.Dice(data, dice_ml.Model(model=booster, backend="sklearn"), method="genetic")
    spread, seconds, distances = scales(rows, categories), [], []
    for i in range(len(chosen)):
        row = chosen.iloc[[i]]
        start = time.perf_counter()
        try:
            found = explainer.generate_counterfactuals(row, total_CFs=1, desired_class="opposite", verbose=False).cf_examples_list[0].final_cfs_df
        except Exception:  # noqa: BLE001 a peer that finds none is counted, not hidden
            found = None
        seconds.append(time.perf_counter() - start)
        distances.append(np.nan)
        if found is not None and len(found) and booster.predict(found[rows.columns])[0] != booster.predict(row)[0]:
            other, here = found.iloc[0], row.iloc[0]
            distances[-1] = sum(abs(float(other[c]) - float(here[c])) / spread[c] if c in spread else float(other[c] != here[c]) for c in rows)
    return seconds, distances


def measure(bench, case, rows, target, categories, wanted, depth) -> None:
    whence = import_whence()
    booster, path, background = trained(case, rows, target, categories, depth)
    model = whence.load(path, background=background, threads=bench.threads)
    count = 10 if bench.quick else 50
    order = np.random.default_rng(1).permutation(len(rows))
    if case == "housing":  # prices below the wanted one
        order = [i for i in order[: 20 * count] if booster.predict(rows.iloc[[i]])[0] < 2.9]
    chosen = rows.iloc[order[:count]]
    codes = {c: {text: i for i, text in enumerate(texts)} for c, texts in categories.items()}
    inputs = [np.array([codes[c][row[c]] if c in codes else row[c] for c in rows], np.float64) for _, row in chosen.iterrows()]

    def ask(method, **options):
        seconds, results = [], []
        for row in inputs:
            start = time.perf_counter()
            results.append(whence.explain(model, row, method=method, wanted=wanted, **options))
            seconds.append(time.perf_counter() - start)
        return seconds, results

    ask("tree-counterfactual", seconds=1.0)  # the first builds what is kept
    seconds, exact = ask("tree-counterfactual", seconds=20.0)
    _, fewest = ask("tree-counterfactual", objective="changes", seconds=20.0)
    local_seconds, local = ask("counterfactuals", count=1, diversity=0.0)
    nearest = [e.counterfactuals.found[0] for e in exact]
    for row, one in zip(inputs, nearest):
        values = np.asarray(one.values).reshape(1, -1)
        answer, before = (model.predict(x) for x in (values, row.reshape(1, -1)))
        if case == "housing":  # one output: an array
            good = np.asarray(answer).ravel()[0] >= 3
        else:
            good = answer["probabilities"].argmax() != before["probabilities"].argmax()
        if not good:
            bench.warn(f"{case} depth {depth}: an answer is not what was wanted")
    proven = np.mean([bool(e.converged) for e in exact])
    found = [e.counterfactuals.found[0].distance if e.counterfactuals.found and e.counterfactuals.found[0].valid else np.nan for e in local]
    ours = np.array([one.distance for one in nearest])
    bench.note(f"{case} depth {depth}: {len(inputs)} rows, {proven:.0%} proven minimal within 20 s, fewest changes {np.mean([bool(e.converged) for e in fewest]):.0%}; "
               f"seconds a row: median {np.median(seconds):.3g}, mean {np.mean(seconds):.3g}, most {max(seconds):.3g}")
    bench.note(f"  distance: proven {np.nanmean(ours):.3f}; counterfactuals {np.nanmean(found):.3f} "
               f"({np.nanmean(np.array(found) / np.maximum(ours, 1e-12)):.3f} times as far, in {np.median(local_seconds):.3g} s); "
               f"changes {np.mean([len(o.changes) for o in nearest]):.2f}, fewest {np.mean([len(e.counterfactuals.found[0].changes) for e in fewest]):.2f}")
    if np.nanmin(np.array(found) - ours * proven) < -1e-6 and proven == 1:
        bench.warn(f"{case} depth {depth}: counterfactuals found a nearer one than the proven nearest")
    anchor_seconds, rules = [], []
    within = {"within": 0.5} if case == "housing" else {}
    for row in inputs[: len(inputs) // 2]:
        start = time.perf_counter()
        rules.append(whence.explain(model, row, method="tree-anchors", seconds=20.0, **within))
        anchor_seconds.append(time.perf_counter() - start)
    bench.note(f"  tree-anchors: {np.mean([len(e.rule.conditions) for e in rules]):.1f} conditions, coverage {np.mean([e.rule.coverage for e in rules]):.4f}, "
               f"{np.mean([bool(e.converged) for e in rules]):.0%} minimal and widest, seconds a row: median {np.median(anchor_seconds):.3g}, most {max(anchor_seconds):.3g}")
    rounds = range(3 if bench.quick else 5)
    timing = Timing([float(np.median(ask("tree-counterfactual")[0])) for _ in rounds])
    bench.ratio(f"{case} depth {depth} counterfactuals", timing, Timing([float(np.median(ask("counterfactuals", count=1, diversity=0.0)[0])) for _ in rounds]))
    if case == "housing":
        return  # DiCE wants classes here
    few = 3 if bench.quick else 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        their_rounds = [dice(rows, categories, booster, chosen.iloc[:few]) for _ in rounds]
    their_seconds, theirs = their_rounds[0]
    bench.note(f"  DiCE genetic: {np.mean(~np.isnan(theirs)):.0%} valid, {np.nanmean(np.array(theirs) / np.maximum(ours[:few], 1e-12)):.2f} times as far as the proven nearest, {np.median(their_seconds):.3g} s a row")
    bench.ratio(f"{case} depth {depth} DiCE", timing, Timing([float(np.median(one)) for one, _ in their_rounds]))


def run(bench) -> None:
    for case in tables():
        for depth in (4, 6):
            measure(bench, *case, depth)
