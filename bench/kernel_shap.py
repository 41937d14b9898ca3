"""KernelSHAP: time against shap.KernelExplainer at equal samples and at equal error, error against shapiq's estimators at equal budget.

Everyone's model is the same ONNX file in ONNX Runtime.
"""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np

from harness import Timing, forward, import_whence, in_turns, ort_session
from models import FOLDER

FEATURES, BACKGROUND = 30, 100
NAMES = [f"c{j}" for j in range(FEATURES)]


def run(bench) -> None:
    warnings.simplefilter("ignore")
    whence = import_whence()
    # shap keeps the errors of its optional imports, with the frames that imported it: here none of them holds a model.
    import shap  # noqa: F401

    for case, path in networks().items():
        speed(bench, whence, case, path)
    few = networks(features=12)
    for case in ("mlp",) if bench.quick else few:
        equal_error(bench, whence, case, few[case])
    for case, game in games(bench.quick).items():
        against_shapiq(bench, whence, case, game)


# ---------------------------------------------------------------------------------------------------- models


def networks(features: int = FEATURES) -> dict[str, Path]:
    """A linear model, a small network, small trees: one output each, microseconds a row."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(0)
    FOLDER.mkdir(parents=True, exist_ok=True)

    def save(name, nodes, tensors, domain=None):
        path = FOLDER / f"shap_{name}_{features}.onnx"
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, features])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
            [helper.make_tensor(key, TensorProto.FLOAT, value.shape, value.astype(np.float32).ravel()) for key, value in tensors.items()],
        )
        opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 3)] if domain else [])
        path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
        return path

    linear = save("linear", [helper.make_node("Gemm", ["x", "w", "b"], ["y"])], {"w": rng.normal(size=(features, 1)), "b": np.ones(1)})
    first, second = rng.normal(size=(features, 50)) / np.sqrt(features), rng.normal(size=(50, 1)) / 7
    mlp = save(
        "mlp",
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Tanh", ["h"], ["t"]),
            helper.make_node("Gemm", ["t", "w2", "b2"], ["y"]),
        ],
        {"w1": 2 * first, "b1": rng.normal(size=50), "w2": second, "b2": np.zeros(1)},
    )
    trees = save("trees", [tree_node(features, rng)], {}, "ai.onnx.ml")
    return {"linear": linear, "mlp": mlp, "trees": trees}


def tree_node(features: int, rng, trees: int = 20, depth: int = 4):
    """Full trees with random splits near the middle of the data."""
    from onnx import helper

    nodes, targets = [], []
    for tree in range(trees):
        for node in range(2 ** (depth + 1) - 1):
            leaf = node >= 2**depth - 1
            nodes.append(
                (tree, node, 0 if leaf else int(rng.integers(features)), "LEAF" if leaf else "BRANCH_LEQ", 0.0 if leaf else float(rng.normal() / 2))
                + ((0, 0) if leaf else (2 * node + 1, 2 * node + 2))
            )
            if leaf:
                targets.append((tree, node, 0, float(rng.normal())))
    tree, node, feature, mode, value, yes, no = map(list, zip(*nodes, strict=True))
    of_tree, of_node, target, weight = map(list, zip(*targets, strict=True))
    return helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=tree, nodes_nodeids=node, nodes_featureids=feature, nodes_modes=mode, nodes_values=value,
        nodes_truenodeids=yes, nodes_falsenodeids=no,
        target_treeids=of_tree, target_nodeids=of_node, target_ids=target, target_weights=weight,
    )  # fmt: skip


class Setting:
    """One model, one row, one background, for both libraries."""

    def __init__(self, bench, whence, case: str, path: Path, features: int, background: int):
        import shap

        rng = np.random.default_rng(1)
        self.row = rng.normal(size=(1, features)).astype(np.float32)
        self.background = rng.normal(size=(background, features)).astype(np.float32)
        table = FOLDER / f"shap_background_{features}_{background}.csv"
        with table.open("w") as file:
            writer = csv.writer(file)
            writer.writerow(NAMES[:features])
            writer.writerows([[repr(float(v)) for v in row] for row in self.background])
        self.model = whence.load(str(path), threads=bench.threads, background=str(table))
        self.whence = whence
        session = forward(ort_session(path, bench.threads))
        self.predict = lambda rows: session(np.ascontiguousarray(rows, np.float32)).ravel()
        self.explainer = shap.KernelExplainer(self.predict, self.background)

    def ours(self, method="kernel-shap", seed=0, **options):
        return self.whence.explain(self.model, self.row[0], method=method, seed=seed, **options)

    def theirs(self, samples, l1_reg=False, seed=0):
        np.random.seed(seed)
        return np.ravel(self.explainer.shap_values(self.row, nsamples=samples, l1_reg=l1_reg, silent=True))


# ---------------------------------------------------------------------------------------------------- time


def speed(bench, whence, case: str, path: Path) -> None:
    """shap's default number of samples, no selection of features (which costs shap more), 100 background rows."""
    setting = Setting(bench, whence, case, path, FEATURES, BACKGROUND)
    samples = 2 * FEATURES + 2048
    ours = np.asarray(setting.ours(budget=samples, tolerance=0.0).values)
    far = np.abs(ours - setting.theirs(samples)).max() / np.abs(ours).max()
    bench.note(f"{case}: largest difference of the two explanations {far:.2g} of the largest value (both sample)")
    masked = np.repeat(setting.background, samples, axis=0)
    timings = in_turns(
        {
            "whence": lambda: setting.ours(budget=samples, tolerance=0.0),
            "peer": lambda: setting.theirs(samples),
            "own": lambda: setting.ours(),
            "default": lambda: setting.theirs("auto", "num_features(10)"),
            "bare": lambda: setting.predict(masked),
        },
        rounds=bench.rounds,
    )
    bench.ratio(f"{case} equal samples", timings["whence"], timings["peer"], f"({samples} coalitions x {BACKGROUND} rows)")
    bench.ratio(f"{case} own defaults", timings["own"], timings["default"], "(Whence stops at its tolerance, shap selects ten features)")
    bench.forward_multiple(case, timings["whence"], timings["bare"])


def equal_error(bench, whence, case: str, path: Path) -> None:
    """The least samples of a ladder with which each comes within 1 % (root mean square, of the largest value) of the exact values."""
    features, wanted = 12, 0.01
    setting = Setting(bench, whence, case, path, features, BACKGROUND)
    exact = np.asarray(setting.ours("exact-shap").values)
    seeds = range(3 if bench.quick else 10)

    def needed(values):
        for samples in (24, 36, 50, 70, 100, 140, 200, 280, 400, 560, 800, 1100, 1600, 2200, 3000, 4094):
            error = np.sqrt(np.mean([(values(samples, seed) - exact) ** 2 for seed in seeds])) / np.abs(exact).max()
            if error <= wanted:
                return samples, error
        return samples, error

    need, error = needed(lambda n, seed: np.asarray(setting.ours(seed=seed, budget=n, tolerance=0.0).values))
    peer_needs, peer_error = needed(lambda n, seed: setting.theirs(n, seed=seed))
    timings = in_turns(
        {"whence": lambda: setting.ours(budget=need, tolerance=0.0), "peer": lambda: setting.theirs(peer_needs)}, rounds=bench.rounds
    )
    bench.ratio(
        f"{case} equal error", timings["whence"], timings["peer"], f"({need} coalitions, {error:.2g}, against {peer_needs}, {peer_error:.2g})"
    )


# ---------------------------------------------------------------------------------------------------- error


def games(quick: bool):
    """shapiq's synthetic games with up to 12 players, where exact values are to be had."""
    from shapiq_games.synthetic import SOUM

    out = {}
    for players, terms, order in ((10, 30, 5), (12, 50, 12)) if quick else ((10, 30, 5), (12, 20, 4), (12, 50, 12), (14, 100, 14)):
        out[f"soum {players} players {terms} terms"] = SOUM(
            players, terms, min_interaction_size=1, max_interaction_size=order, random_state=players + terms
        )
    mlp = networks(features=12)["mlp"]
    out["mlp 12 features"] = masked_model(mlp, 12)
    out["trees 12 features"] = masked_model(networks(features=12)["trees"], 12)
    return out


def masked_model(path: Path, features: int):
    """A model's game with a background of 20 rows."""
    import shapiq

    session = forward(ort_session(path, 1))
    rng = np.random.default_rng(2)
    row, background = rng.normal(size=features), rng.normal(size=(20, features))
    game = shapiq.Game(n_players=features, normalize=False)

    def values(coalitions):
        rows = np.where(coalitions[:, None, :], row, background[None])
        return session(rows.reshape(-1, features).astype(np.float32)).reshape(len(coalitions), -1).mean(1).astype(np.float64)

    game.value_function = values
    return game


def table_network(values: np.ndarray) -> Path:
    """The game as a model: columns of 0 and 1 in, the value of that coalition out."""
    from onnx import TensorProto, helper

    players = int(np.log2(len(values)))
    nodes = [
        helper.make_node("MatMul", ["x", "powers"], ["code"]),
        helper.make_node("Cast", ["code"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "game",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, players])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])],
        [
            helper.make_tensor("powers", TensorProto.DOUBLE, [players, 1], 2.0 ** np.arange(players)),
            helper.make_tensor("table", TensorProto.DOUBLE, [len(values)], values),
        ],
    )
    path = FOLDER / "shap_game.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


def against_shapiq(bench, whence, case: str, game) -> None:
    """Mean squared error over seeds: the best of shapiq's estimators over Whence's, at equal budgets."""
    import shapiq

    players = game.n_players
    codes = (np.arange(2**players)[:, None] >> np.arange(players)) & 1 == 1
    table = np.asarray(game(codes), np.float64)
    game.value_function = lambda coalitions: table[(np.asarray(coalitions) @ (1 << np.arange(players))).astype(int)]
    model = whence.load(str(table_network(table)), threads=bench.threads)
    exact = np.asarray(whence.explain(model, np.ones((1, players)), method="exact-shap", baseline="zeros").values).ravel()
    seeds = range(5 if bench.quick else 20)

    def ours(budget, seed, method="kernel-shap"):
        found = whence.explain(model, np.ones((1, players)), method=method, baseline="zeros", budget=budget - 2, tolerance=0.0, seed=seed)
        return np.asarray(found.values).ravel()

    def theirs(estimator, budget, seed):
        found = estimator(seed).approximate(budget, game)
        return np.array([found[(j,)] for j in range(players)])

    estimators = {
        "KernelSHAP": lambda seed: shapiq.KernelSHAP(players, random_state=seed),
        "KernelSHAP paired": lambda seed: shapiq.KernelSHAP(players, pairing_trick=True, random_state=seed),
        "PermutationSamplingSV": lambda seed: shapiq.PermutationSamplingSV(players, random_state=seed),
        "SVARM": lambda seed: shapiq.SVARM(players, random_state=seed),
        "StratifiedSamplingSV": lambda seed: shapiq.StratifiedSamplingSV(players, random_state=seed),
        "UnbiasedKernelSHAP": lambda seed: shapiq.UnbiasedKernelSHAP(players, random_state=seed),
        "kADD 2": lambda seed: shapiq.KernelSHAPIQ(players, max_order=2, index="SII", random_state=seed),
    }
    for budget in (200, 500) if bench.quick else (100, 200, 500, 1000):
        if budget >= 2**players:
            continue
        error = np.array([np.mean((ours(budget, seed) - exact) ** 2) for seed in seeds])
        peers = {}
        for name, estimator in estimators.items():
            try:
                peers[name] = np.array([np.mean((theirs(estimator, budget, seed) - exact) ** 2) for seed in seeds])
            except Exception as problem:  # an estimator that cannot be had at this budget
                bench.note(f"{case} {budget}: {name} gives nothing: {str(problem)[:80]}")
        best = min(peers, key=lambda name: peers[name].mean())
        bench.note(
            f"{case}, budget {budget}: mean squared error {error.mean():.3g}; "
            + ", ".join(f"{name} {e.mean():.3g}" for name, e in sorted(peers.items(), key=lambda item: item[1].mean()))
        )
        bench.ratio(
            f"{case} error at {budget}", Timing([float(np.sqrt(error.mean()))]), Timing([float(np.sqrt(peers[best].mean()))]),
            f"(root mean square errors, no times; the best peer is {best})",
        )  # fmt: skip
