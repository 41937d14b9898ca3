"""Tree ensembles from Python: loaded by content, asked, explained. What they say is tested in tests/trees."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest

import whence

TREES = Path(__file__).parents[1] / "trees"
GOLDEN = np.load(TREES / "golden.npz")


@pytest.mark.parametrize("name", ["xgboost_softprob.ubj", "lightgbm_multiclass.txt", "catboost_labels.json"])
def test_predict(name):
    model = whence.load(TREES / "models" / name)
    stem = name.split(".")[0]
    answer = model.predict(GOLDEN[f"{stem}/x"])
    np.testing.assert_allclose(answer["probabilities"], GOLDEN[f"{stem}/prediction"], atol=1e-6)
    np.testing.assert_allclose(answer["margin"], GOLDEN[f"{stem}/margin"], atol=1e-5)


def test_info():
    info = whence.load(TREES / "models/catboost_labels.json").info()
    assert (info["format"], info["trees"], info["classes"]) == ("catboost", 4, ["eggs", "ham", "spam"])
    assert len(info["sha256"]) == 64


def test_explain(tmp_path):
    rows = np.nan_to_num(GOLDEN["xgboost_softprob/x"])
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows, delimiter=",", header="a,b,c,d,e", comments="")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    why = whence.explain(model, table, row=3, method="lime", target=2, discretizer="quartile", seed=1)
    assert np.size(why.values) == 5
    assert np.abs(why.values).max() > 0


def test_named_columns_take_missing_values():
    model = whence.load(TREES / "models/xgboost_frame.json")
    assert np.isfinite(model.predict(np.array([[0.5, 1, np.nan], [0.5, 2, 1]]))).all()


def test_no_gradients():
    model = whence.load(TREES / "models/xgboost_softprob.json")
    with pytest.raises(whence.UnsupportedError, match="no ONNX file"):
        model.gradient(GOLDEN["xgboost_softprob/x"][:1])


def test_refused():
    with pytest.raises(whence.ModelError, match="gblinear"):
        whence.load(TREES / "models/xgboost_linear.json")


def test_the_method_of_trees_is_tree_shap(tmp_path):
    model = whence.load(TREES / "models/xgboost_frame.json")
    why = whence.explain(model, np.array([0.5, 1, 2.0]))
    assert why.method == "tree-shap"
    np.testing.assert_array_equal(why.values, whence.explain(model, np.array([0.5, 1, 2.0]), method="tree-shap").values)


def test_tree_shap_of_many_rows_is_that_of_each():
    model = whence.load(TREES / "models/xgboost_softprob.json")
    rows = GOLDEN["xgboost_softprob/x"]
    all_rows = whence.tree_shap(model, rows, precision="float64")
    assert all_rows.values.shape == (len(rows), 5, 4)
    assert all_rows.gap < 1e-9
    np.testing.assert_allclose(all_rows.expected + all_rows.values.sum(1), all_rows.margins, atol=1e-9)
    np.testing.assert_allclose(all_rows.margins, GOLDEN["xgboost_softprob/margin"], atol=1e-5)
    one = whence.tree_shap(model, rows[3:4], precision="float64", threads=1)
    np.testing.assert_array_equal(one.values[0], all_rows.values[3])
    np.testing.assert_allclose(whence.tree_shap(model, rows).values, all_rows.values, atol=1e-5)
    pairs = whence.tree_shap(model, rows, interactions=True, precision="float64")
    np.testing.assert_allclose(pairs.values.sum(2), all_rows.values, atol=1e-9)


def brute_force(model, x, background):
    """Shapley values of the mean margin over background rows, from all coalitions."""
    from itertools import combinations
    from math import comb

    n = len(x)

    def value(present):
        rows = background.copy()
        rows[:, present] = x[present]
        return model.predict(rows)["margin"].mean(0)

    games = {c: value(list(c)) for size in range(n + 1) for c in combinations(range(n), size)}
    out = np.zeros((n, len(games[()])))
    for c, v in games.items():
        for i in set(range(n)) - set(c):
            out[i] += (games[tuple(sorted({*c, i}))] - v) / (n * comb(n - 1, len(c)))
    return out


def test_tree_shap_against_a_background_is_the_definition():
    model = whence.load(TREES / "models/lightgbm_multiclass.txt")
    rows = GOLDEN["lightgbm_multiclass/x"].astype(np.float64)
    background = rows[10:17]
    found = whence.tree_shap(model, rows[:3], background=background, precision="float64")
    for row, values in zip(rows[:3], found.values, strict=True):
        np.testing.assert_allclose(values, brute_force(model, row, background), atol=1e-9)
    pairs = whence.tree_shap(model, rows[:3], background=background, interactions=True, precision="float64")
    np.testing.assert_allclose(pairs.values.sum(2), found.values, atol=1e-9)
    np.testing.assert_array_equal(pairs.values, pairs.values.swapaxes(1, 2))
    with pytest.raises(AssertionError):  # the check can fail
        np.testing.assert_allclose(found.values[0], brute_force(model, rows[1], background), atol=1e-9)


def test_tree_shap_of_probabilities_needs_a_background(tmp_path):
    rows = np.nan_to_num(GOLDEN["xgboost_softprob/x"]).astype(np.float64)
    np.savetxt(tmp_path / "rows.csv", rows[:20], delimiter=",", header="a,b,c,d,e", comments="")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=tmp_path / "rows.csv")
    why = whence.explain(model, tmp_path / "rows.csv", row=3, method="tree-shap", target=2, scale="log-probability")
    same = whence.explain(model, tmp_path / "rows.csv", row=3, method="exact-shap", target=2, scale="log-probability", summary="all")
    np.testing.assert_allclose(why.values, same.values, atol=1e-9)
    bare = whence.load(TREES / "models/xgboost_softprob.json")
    with pytest.raises(whence.UnsupportedError, match="give background"):
        whence.explain(bare, rows[3], method="tree-shap", target=2, scale="probability")


@pytest.mark.parametrize("name", ["xgboost_softprob", "lightgbm_multiclass"])
def test_tree_contributions_add_up(name):
    model = whence.load(next((TREES / "models").glob(f"{name}.[jt]*")))
    rows = GOLDEN[f"{name}/x"][:30].astype(np.float64)
    each = whence.tree_contributions(model, rows, values=True)
    whole = whence.tree_shap(model, rows, precision="float64")
    assert each.margins.shape == (30, model.info()["trees"], whole.margins.shape[1])
    np.testing.assert_allclose(each.base + each.margins.sum(1), whole.margins, atol=1e-9)
    np.testing.assert_allclose(each.values.sum(1), whole.values, atol=1e-9)
    against = whence.tree_contributions(model, rows, values=True, background=rows[:7])
    there = whence.tree_shap(model, rows, background=rows[:7], precision="float64")
    np.testing.assert_allclose(against.values.sum(1), there.values, atol=1e-9)
    assert whence.tree_contributions(model, rows).values is None
    with pytest.raises(whence.UsageError, match="values=True"):
        whence.tree_contributions(model, rows, background=rows)


def test_tree_importance():
    model = whence.load(TREES / "models/xgboost_softprob.json")
    rows = GOLDEN["xgboost_softprob/x"].astype(np.float64)
    shap = whence.global_view(model, rows, "tree-importance", target=2)
    found = whence.tree_shap(model, rows, precision="float64").values[:, :, 2]
    np.testing.assert_allclose(shap.result["values"], np.abs(found).mean(0), atol=1e-5)
    np.testing.assert_allclose(shap.result["standard_errors"], np.abs(found).std(0, ddof=1) / len(rows) ** 0.5, atol=1e-5)
    splits = whence.global_view(model, rows, "tree-importance", measure="splits")
    assert sum(splits.result["values"]) > 0
    assert splits.result["standard_errors"] == [None] * 5
    with pytest.raises(whence.UsageError, match="labels"):
        whence.global_view(model, rows, "tree-importance", measure="loss")


def test_tree_shap_refuses():
    model = whence.load(TREES / "models/xgboost_softprob.json")
    rows = GOLDEN["xgboost_softprob/x"]
    with pytest.raises(whence.InputError, match="rows"):
        whence.tree_shap(model, rows[0])
    with pytest.raises(whence.InputError):
        whence.tree_shap(model, rows[:, :3])
    with pytest.raises(whence.UsageError, match="choose from"):
        whence.tree_shap(model, rows, index="owen")
    with pytest.raises(whence.UsageError, match="leave index"):
        whence.tree_shap(model, rows, index="banzhaf", interactions=True)
    network = whence.load(Path(__file__).parents[2] / "examples/models/breast_cancer.onnx")
    with pytest.raises(whence.UsageError, match="ensemble"):
        whence.tree_shap(network, np.zeros((1, 30)))


def table_of(tmp_path, name):
    rows = np.nan_to_num(GOLDEN[f"{name}/x"])
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows, delimiter=",", header=",".join("abcdefgh"[: rows.shape[1]]), comments="")
    return rows, table


@pytest.mark.parametrize("objective", ["distance", "changes"])
def test_the_nearest_counterfactual_is_proven(tmp_path, objective):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    before = model.predict(rows[:5])["probabilities"].argmax(1)
    for row, was in zip(rows[:5], before):
        why = whence.explain(model, row, method="tree-counterfactual", objective=objective)
        assert why.converged
        assert "proven minimal" in why.notes[0] and "gap 0" in why.notes[0]
        (one,) = why.counterfactuals.found
        assert one.valid
        assert model.predict(np.asarray(one.values).reshape(1, -1))["probabilities"].argmax() != was
        local = whence.explain(model, row, method="counterfactuals", count=1, diversity=0.0).counterfactuals.found[0]
        if objective == "distance":
            assert one.distance <= local.distance + 1e-6, "but for numbers that float32 rounds over a threshold"
        else:
            assert len(one.changes) <= len(local.changes)


def test_a_counterfactual_that_does_not_exist_is_proven_not_to(tmp_path):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    why = whence.explain(model, rows[0], method="tree-counterfactual", wanted=">=0.9999999")
    assert not why.converged
    assert why.notes[0].startswith("proven: no row")
    assert not any(one.valid for one in why.counterfactuals.found)


def test_tree_anchors_hold_for_every_row_drawn_under_them(tmp_path):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    why = whence.explain(model, rows[3], method="tree-anchors")
    assert why.converged and (why.rule.precision, why.rule.precision_low, why.rule.confidence) == (1, 1, 1)
    assert why.rule.conditions
    random = np.random.default_rng(0)
    drawn = rows[random.integers(len(rows), size=(20000, rows.shape[1])), np.arange(rows.shape[1])]
    drawn += random.normal(0, 0.3, drawn.shape)
    under = np.ones(len(drawn), bool)
    for condition in why.rule.conditions:
        text, column, low, high = condition.text, "abcdefgh"[condition.feature], -np.inf, np.inf
        if found := re.search(f"{column} <= (.*)", text):
            high = float(found[1])
        if found := re.search(f"{column} > (.*)|(.*) < {column}", text):
            low = float(found[1] or found[2])
        if found := re.search(f"{column} >= (.*)|(.*) <= {column}", text):
            low = np.nextafter(float(found[1] or found[2]), -np.inf)
        assert low < rows[3, condition.feature] <= high
        under &= (drawn[:, condition.feature] > low) & (drawn[:, condition.feature] <= high)
    assert under.sum() > 10
    own = model.predict(rows[3:4])["probabilities"].argmax()
    assert (model.predict(drawn[under])["probabilities"].argmax(1) == own).all()
    assert (model.predict(drawn[~under])["probabilities"].argmax(1) != own).any(), "the control: outside it changes"


@pytest.mark.parametrize("method", ["tree-counterfactual", "tree-anchors"])
def test_searches_need_trees_and_sensible_options(tmp_path, method):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    with pytest.raises(whence.UsageError, match="budget"):
        whence.explain(model, rows[0], method=method, budget=0)
    network = whence.load(Path(__file__).parents[2] / "examples/models/breast_cancer.onnx")
    with pytest.raises(whence.UsageError, match="searches the trees"):
        whence.explain(network, np.zeros(30), method=method)
    early = whence.explain(model, rows[0], method=method, budget=1)
    assert not early.converged or "proven" in early.notes[0]


def test_tree_contributions_is_a_method(tmp_path):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    each = whence.tree_contributions(model, rows[:1].astype(np.float64), values=True, background=rows.astype(np.float64))
    why = whence.explain(model, table, row=0, method="tree-contributions", target=2)
    numbers = [int(name.removeprefix("tree ")) for name in why.names]
    np.testing.assert_allclose(why.values, each.margins[0, numbers, 2], atol=1e-9)
    np.testing.assert_allclose(why.base_value, each.base[2], atol=1e-12)
    others = [number for number in range(each.margins.shape[1]) if number not in numbers]
    assert others and not each.margins[0, others, 2].any()
    one = whence.explain(model, table, row=0, method="tree-contributions", target=2, tree=numbers[1])
    np.testing.assert_allclose(one.values, each.values[0, numbers[1], :, 2], atol=1e-9)


def test_tree_shap_of_the_log_loss(tmp_path):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    labels = np.arange(len(rows)) % 3
    labelled = tmp_path / "labelled.csv"
    np.savetxt(labelled, np.column_stack([rows, labels]), delimiter=",", header="a,b,c,d,e,truth", comments="")
    np.savetxt(table, rows[:20], delimiter=",", header="a,b,c,d,e", comments="")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    background = rows[:20].astype(np.float64)

    def worth(coalition, row, label):
        mixed = np.where([f in coalition for f in range(5)], row, background)
        return -np.log(model.predict(mixed)["probabilities"][:, label]).mean()

    why = whence.explain(model, labelled, row=7, method="tree-shap", link="log-loss", label="truth")
    want = np.zeros(5)
    for f in range(5):
        rest = [g for g in range(5) if g != f]
        for size in range(5):
            for coalition in itertools.combinations(rest, size):
                weight = math.factorial(size) * math.factorial(4 - size) / math.factorial(5)
                want[f] += weight * (worth({*coalition, f}, rows[7], labels[7]) - worth(set(coalition), rows[7], labels[7]))
    np.testing.assert_allclose(why.values, want, atol=1e-9)
    np.testing.assert_allclose(why.base_value, worth(set(), rows[7], labels[7]), atol=1e-9)
    same = whence.explain(model, rows[7].astype(np.float64), method="tree-shap", link="log-loss", label=str(labels[7]))
    np.testing.assert_allclose(same.values, want, atol=1e-9)
    with pytest.raises(whence.UsageError, match="label"):
        whence.explain(model, rows[7].astype(np.float64), method="tree-shap", link="log-loss")


def test_a_counterfactual_says_how_near_another_may_be(tmp_path):
    rows, table = table_of(tmp_path, "xgboost_softprob")
    model = whence.load(TREES / "models/xgboost_softprob.json", background=table)
    full = whence.explain(model, rows[1], method="tree-counterfactual").counterfactuals
    assert full.lower_bound == pytest.approx(full.found[0].distance)
    early = whence.explain(model, rows[1], method="tree-counterfactual", budget=3)
    assert not early.converged
    assert 0 <= early.counterfactuals.lower_bound <= full.lower_bound
    assert whence.explain(model, rows[1], method="counterfactuals").counterfactuals.lower_bound is None


def test_trees_behind_an_encoder_are_searched_for_the_files_inputs(tmp_path):
    models = Path(__file__).parents[1] / "recipe/trees"
    generator = np.random.default_rng(0)
    rows = np.column_stack([generator.integers(-8, 8, (40, 2)) / 4, generator.integers(0, 3, 40), generator.integers(0, 4, 40)])
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows, delimiter=",", header="a,b,c,d", comments="")
    model = whence.load(models / "encoded_matrix.onnx", background=table)
    before = model.predict(rows[3:4].astype(np.float32)).item()
    why = whence.explain(model, rows[3], method="tree-counterfactual", wanted=f">={before + 0.5:.6f}")
    (found,) = why.counterfactuals.found
    assert found.valid and why.converged
    changed = np.asarray(found.values, np.float32).reshape(1, -1)
    assert model.predict(changed).item() >= before + 0.5 - 1e-5
    assert {change.name for change in found.changes} <= {"a", "b", "c", "d"}
    splits = whence.global_view(model, rows, "tree-importance", measure="splits")
    assert len(splits.result["values"]) == 4
