"""A peer of tree SHAP, as a program of its own: the newest releases may need another Python than the rest of the benchmarks.

    tree_peer.py train LIBRARY TABLE.npy TARGET.npy DEPTH TREES MODEL
    tree_peer.py NAME MODEL.json ROWS.f32 COUNT KIND THREADS BACKGROUND

The second prints its version, then answers as tree_shap_library does: to a number, the mean seconds of so many calls; to a name, the
values written to that file. KIND: values, interventional, interactions, interventional-interactions.
"""

import os
import sys
import time

import numpy as np


def train(library, table, target, depth, trees, model):
    table, target, depth, trees = np.load(table), np.load(target), int(depth), int(trees)
    if library == "xgboost":
        import xgboost

        xgboost.XGBRegressor(max_depth=depth, n_estimators=trees, tree_method="hist").fit(table, target).save_model(model)
    elif library == "lightgbm":
        import lightgbm

        learner = lightgbm.LGBMRegressor(max_depth=depth, num_leaves=2**depth, n_estimators=trees, min_child_samples=5, verbose=-1)
        learner.fit(table, target).booster_.save_model(model)
    else:
        import catboost

        catboost.CatBoostRegressor(depth=depth, iterations=trees, verbose=0, allow_writing_files=False).fit(table, target).save_model(model, format="json")


def load(model):
    """Its booster, by the library whose ending the file has, and the number of its columns."""
    if model.endswith(".txt"):
        import lightgbm

        booster = lightgbm.Booster(model_file=model)
        return booster, booster.num_feature()
    if model.endswith(".catboost.json"):
        import catboost

        booster = catboost.CatBoost().load_model(model, format="json")
        return booster, len(booster.feature_names_)
    import xgboost

    booster = xgboost.Booster(model_file=model)
    return booster, booster.num_features()


def lightgbm_call(booster, rows, kind, threads, background):
    import lightgbm

    return lightgbm.__version__, lambda: booster.predict(rows, pred_contrib=True, num_threads=threads)


def catboost_call(booster, rows, kind, threads, background):
    import catboost

    pool = catboost.Pool(rows)
    return catboost.__version__, lambda: booster.get_feature_importance(pool, type="ShapValues", thread_count=threads)


def xgboost_call(booster, rows, kind, threads, background):
    import xgboost

    if kind.startswith("interventional"):
        raise SystemExit("XGBoost has no interventional values")
    booster.set_param({"nthread": threads})
    matrix = xgboost.DMatrix(rows)
    argument = {"values": "pred_contribs", "interactions": "pred_interactions"}[kind]
    return xgboost.__version__, lambda: booster.predict(matrix, **{argument: True})


def woodelf_call(booster, rows, kind, threads, background):
    from importlib import metadata

    import pandas
    from woodelf import WoodelfExplainer

    names = [f"f{i}" for i in range(rows.shape[1])]
    data = pandas.DataFrame(background, columns=names) if kind.startswith("interventional") else None
    explainer = WoodelfExplainer(booster, data)
    frame = pandas.DataFrame(rows, columns=names)
    call = {
        "values": lambda: explainer.shap_values(frame, verbose=False),
        "interventional": lambda: explainer.shap_values(frame, verbose=False),
        "interactions": lambda: explainer.shap_interaction_values(frame, as_df=False, verbose=False),
    }[kind.removeprefix("interventional-")]
    return metadata.version("woodelf_explainer"), call


def shap_call(booster, rows, kind, threads, background):
    import shap

    if kind == "interventional-interactions":
        raise SystemExit("shap has no interventional interactions")
    if kind == "interventional":
        explainer = shap.TreeExplainer(booster, background, feature_perturbation="interventional")
    else:
        explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
        explainer.model.model_type = "internal"  # its own code, not XGBoost's
    if kind == "interactions":
        return shap.__version__, lambda: explainer.shap_interaction_values(rows)
    return shap.__version__, lambda: explainer.shap_values(rows, check_additivity=False)


def matrix(values, players):
    """Shapley values and pair indices as SHAP's matrix: half of a pair on either side, the rest of a value on the diagonal."""
    pairs = np.array([[values[tuple(sorted((i, j)))] / 2 if i != j else 0 for j in players] for i in players])
    return pairs + np.diag([values[(i,)] - pairs[i].sum() for i in players])


def shapiq_call(booster, rows, kind, threads, background):
    import shapiq

    if kind == "interactions":
        raise SystemExit("only its values are compared")
    game = {"mode": "interventional", "reference_dataset": background} if kind.startswith("interventional") else {}
    players = range(rows.shape[1])
    if kind == "interventional-interactions":
        explainer = shapiq.TreeExplainer(booster, index="SII", max_order=2, **game)
        return shapiq.__version__, lambda: np.array([matrix(values, players) for values in explainer.explain_X(rows)])
    explainer = shapiq.TreeExplainer(booster, index="SV", max_order=1, **game)
    return shapiq.__version__, lambda: np.array([[values[(i,)] for i in players] for values in explainer.explain_X(rows)])


def serve(name, model, rows, count, kind, threads, background):
    booster, columns = load(model)
    table = np.fromfile(rows, np.float32).reshape(-1, columns)
    calls = {"xgboost": xgboost_call, "lightgbm": lightgbm_call, "catboost": catboost_call, "woodelf": woodelf_call, "shap": shap_call, "shapiq": shapiq_call}
    some = np.resize(table, (int(count), table.shape[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints
    version, call = calls[name](booster, some, kind, int(threads), table[-max(1, int(background)) :])
    values = np.asarray(call(), np.float64)
    print(version, file=answers, flush=True)
    for line in sys.stdin:
        line = line.strip()
        if line.isdigit():
            start = time.perf_counter()
            for _ in range(int(line)):
                call()
            print((time.perf_counter() - start) / int(line), file=answers, flush=True)
        else:
            values.tofile(line)
            print("written", file=answers, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TQDM_DISABLE", "1")
    train(*sys.argv[2:]) if sys.argv[1] == "train" else serve(*sys.argv[1:])
