"""Where a prediction comes from, and how far that answer can be trusted.

    import whence
    model = whence.load("model.onnx")
    explanation = whence.explain(model, array, method="integrated-gradients")
    explanation.values, explanation.error
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _trees, _whence
from ._progress import Bar
from ._whence import (
    Change,
    Comparison,
    Condition,
    Counterfactual,
    Counterfactuals,
    Error,
    Explanation,
    FileError,
    GlobalView,
    InputError,
    InternalError,
    LimitError,
    LocalRule,
    Method,
    MethodOption,
    Model,
    ModelError,
    PairwiseExplanation,
    Pick,
    Replay,
    Rule,
    ScoreCard,
    Target,
    TensorInfo,
    UnsupportedError,
    UsageError,
    __version__,
    from_json,
    methods,
)

__all__ = [
    "Change",
    "Comparison",
    "Condition",
    "Counterfactual",
    "Counterfactuals",
    "Error",
    "Explanation",
    "FileError",
    "GlobalView",
    "InputError",
    "InternalError",
    "LimitError",
    "LocalRule",
    "Method",
    "MethodOption",
    "Model",
    "ModelError",
    "PairwiseExplanation",
    "Pick",
    "Replay",
    "Rule",
    "ScoreCard",
    "Target",
    "TensorInfo",
    "TreeShap",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "clip",
    "compare",
    "compile",
    "describe_metrics",
    "evaluate",
    "explain",
    "from_json",
    "function",
    "global_view",
    "load",
    "methods",
    "pairwise",
    "plot",
    "replay",
    "segment",
    "submodular_pick",
    "training_data_stats",
    "tree_contributions",
    "tree_shap",
]

_Path = str | os.PathLike[str]


def load(
    path: _Path | Any,
    preprocess: _Path | None = None,
    *,
    threads: int = 0,
    background: _Path | ArrayLike | None = None,
    labels: _Path | Sequence[str] | None = None,
    endpoint: Mapping[str, object] | None = None,
) -> Model:
    """An ONNX file as a model, a file of a tree ensemble, a tree ensemble in memory, or a model behind an HTTP endpoint.

    `preprocess` says what lies between a file and the model's input: a preset ("imagenet", "unit", ...), a JSON file, or "none".
    None takes the JSON beside the model if there is one. An image model then reads pixels [N, H, W, C] from 0 to 1.
    `threads`: 0 is one pool for all models, 1 the caller's thread, n a pool of its own.
    `background`: a CSV of training rows. `labels`: names of the classes, or a file with one on each line.

    Instead of a `path` a fitted model of XGBoost (Booster, XGBClassifier, ...), LightGBM, CatBoost or scikit-learn (decision trees, forests,
    extra trees, gradient and histogram boosting, isolation forests): its trees are copied (docs/trees.md), and it predicts as it does by itself.
    `background` may then be an array [rows, columns]; `preprocess` and `endpoint` are for files.

    A `path` such as "http://host:8000/v2/models/name" is an endpoint (Open Inference Protocol v2): it can be asked, and
    has neither gradients nor layers. `endpoint` says how it is asked: {"timeout": 60, "batch": 64, "retries": 5,
    "scale": "probability", ...} (docs/remote.md).
    """
    names = None if labels is None or isinstance(labels, (str, os.PathLike)) else [str(name) for name in labels]
    if not isinstance(path, (str, bytes, os.PathLike)):
        if preprocess is not None or endpoint:
            raise UsageError("preprocess and endpoint are for files and URLs, not for a model in memory")
        held = _trees.read(path)
        label_file = os.fsdecode(labels) if isinstance(labels, (str, os.PathLike)) else None
        return _whence.load_ensemble(
            held.model, held.name, held.notes, background, label_file, held.classes if labels is None else names
        )
    if background is not None and not isinstance(background, (str, bytes, os.PathLike)):
        raise UsageError("the background of a file is a file; give arrays for a model in memory, or write a CSV")
    return _whence.load(
        os.fsdecode(path),
        "" if preprocess is None else os.fsdecode(preprocess),
        threads,
        None if background is None else os.fsdecode(background),
        os.fsdecode(labels) if isinstance(labels, (str, os.PathLike)) else None,
        names,
        _endpoint(endpoint),
    )


def _endpoint(options: Mapping[str, object] | None) -> list[str]:
    return [f"{name}={value}" for name, value in (options or {}).items()]


def function(
    callable: Callable[[NDArray[Any]], ArrayLike],
    columns: int | Sequence[str] | None = None,
    *,
    shape: Sequence[int] | None = None,
    background: ArrayLike | None = None,
    classes: Sequence[str] = (),
    scale: str = "raw",
    batch: int = 256,
    dtype: str | None = None,
    name: str | None = None,
) -> Model:
    """A Python function as a model: it is given rows as an array and returns a score, or one for each class, for each row.

    `columns`: names of a table's columns, or how many there are; or `shape`: of one input that is no table row, (height, width, channels) for
    a picture with pixels from 0 to 1. `background`: rows of training data, for methods that compare with them. `classes`: their names; `scale`
    what the function returns: "raw", "logit", "probability" or "log-probability". `batch`: rows it is given at once. `dtype` of what it is given:
    "float64" for tables, "float32" else. It is called from the thread that asks for the explanation, one call at a time, and once here, to learn
    what it returns. Its exceptions come through. There are no gradients: the methods are those that only ask.
    """
    if (columns is None) == (shape is None):
        raise UsageError("give columns (of a table) or shape (of one input)")
    names = [] if columns is None else [f"column {i}" for i in range(columns)] if isinstance(columns, int) else [str(one) for one in columns]
    return _whence.function(
        callable,
        [len(names)] if shape is None else list(shape),
        dtype or ("float64" if shape is None else "float32"),
        scale,
        names,
        background,
        list(classes),
        batch,
        name or getattr(callable, "__name__", "function"),
    )


def explain(
    model: Model | _Path | Any,
    input: Any,
    method: str | None = None,
    *,
    target: Any = None,
    output: str | None = None,
    scale: str = "automatic",
    baseline: Any = None,
    layer: str = "",
    seed: int = 0,
    segments: Any = None,
    row: int | None = None,
    threads: int = 0,
    time_limit: float | None = None,
    progress: bool | Callable[[str, int, int], None] = False,
    on_estimate: Callable[[str, float, float], None] | None = None,
    grid: Sequence[int] | None = None,
    **options: Any,
) -> Explanation:
    """Explains the prediction for one input: an array, a dict of arrays, or a file (.png, .jpg, .csv, .txt, .npy, .npz).

    Of a model of texts (its preprocessing is of kind "text") a str is the text itself; a file is then a pathlib.Path.

    `method`: one of whence.methods(). None: tree-shap for tree ensembles, else integrated-gradients where the model has gradients, else lime, else
    occlusion; the explanation's `method` says which it was.

    `target`: a class number or name, a pair (i, j) for score i - score j, or None for the top class; `output` names one of several
    outputs, `scale` is "raw", "logit", "probability" or "log-probability" ("automatic": the method's own default).
    `baseline`: what absence is: "zeros", "mean", "blur:10", ..., a number, an array, or a file. `layer`: explains
    with the features of that tensor instead of the input (see Model.info()["tensors"]). `segments`: superpixels, a label for each
    pixel; `grid=(7, 7)` makes rectangles. `row`: of a table or of an array with several, from 0. `threads` are those of Whence's own work
    (0: one for each core); results never depend on them. `progress`: True shows a bar, or a function of (what, done, total).
    `time_limit`: seconds; methods that sample then end with what they have, not converged, others raise LimitError. `on_estimate` is
    told the estimates of methods that sample while they run: (name, value, standard error or nan) of the strongest feature, or of the
    rule so far. `kernel` (of LIME): a function of distance and kernel width, the weight of a sample. The other options are the method's own: see whence.methods().
    """
    if not isinstance(model, Model):
        model = load(model)
    if grid is not None:
        rows, columns = grid
        options["segmentation"] = f"grid:{rows}x{columns}"
    stats = options.get("training_data_stats")
    if isinstance(stats, Mapping):
        options["training_data_stats"] = json.dumps(stats, default=lambda array: array.tolist())
    elif isinstance(stats, os.PathLike):
        options["training_data_stats"] = os.fspath(stats)

    def run(told: Callable[[str, int, int], None] | None) -> Explanation:
        return _whence.explain(
            model, input, method or "", target, output, scale, baseline, layer, seed, segments, row, threads, time_limit, told, on_estimate, options
        )

    if progress is not True:
        return run(None if progress is False else progress)
    with Bar() as bar:
        return run(bar)


def compare(
    model: Model | _Path,
    input: Any,
    methods: Sequence[str],
    *,
    layers: Sequence[str] = (),
    baselines: Sequence[str] = (),
    targets: Sequence[Any] = (),
    top_labels: int = 0,
    output: str | None = None,
    scale: str = "automatic",
    seed: int = 0,
    row: int | None = None,
    threads: int = 0,
    time_limit: float | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    **options: Any,
) -> list[Comparison]:
    """Explains one input with every method, every layer and every baseline it can use; what cannot be done is a row that says so.

    Each row: (method, layer, baseline, asked, explanation, failure, target, sum, error, relative_error), where target is f(x) - f(baseline),
    sum that of the attributions, error their difference; None for methods that claim no sum. `layers`: names of tensors, or "input";
    `targets`: as explain's `target`, each on its own (`asked` says which); or `top_labels`: so many classes with the largest scores.
    Several classes are explained by the same samples, about which the model is asked once.
    `options` go to those methods that have them.
    """
    if not isinstance(model, Model):
        model = load(model)
    return _whence.compare(
        model, input, list(methods), list(layers), list(baselines), list(targets), top_labels, output, scale, seed, row, threads, time_limit, progress, options
    )


def evaluate(
    model: Model | _Path | Any,
    data: Any,
    methods: Sequence[str] = (),
    metrics: Sequence[str] = (),
    *,
    attributions: Mapping[str, ArrayLike] | None = None,
    labels: str | ArrayLike | None = None,
    masks: Any = None,
    rows: str | slice = "",
    samples: int = 0,
    target: Any = None,
    scale: str = "automatic",
    baseline: str = "",
    removed: str = "",
    regions: str = "",
    protected: str | Sequence[str] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    resamples: int = 2000,
    threads: int = 0,
    time_limit: float | None = None,
    progress: bool | Callable[[str, int, int], None] = False,
) -> ScoreCard:
    """How good explanations are: methods by metrics, with 95 % intervals over samples and what may be concluded.

    `data`: an array of rows, a file (.csv, .npy, .npz), a folder of pictures or texts, a list of files, or of a model of texts a list of str.
    `methods`: see whence.methods(); "random" is a control of random values. None, and no `attributions`: the model's own method, one that
    only asks, and random. `metrics`: names, categories ("faithfulness", ...) or "all"; none: a fast few that fit the data; see
    whence.describe_metrics(). `attributions`: values made elsewhere by name, an array with a row for each of the data, judged like a method's.

    `labels`: true classes, one for each of the data, or of files a column, a file or "folder". `masks`: where the objects are, an array
    [rows, height, width] (or [rows, players]), a .npy file or a folder of pictures. `rows`: "A:B" or a slice; `samples`: so many of
    them, drawn by the seed (0: 50, or all of `rows`).

    `target`: None: each input's own predicted class; "label": its true class; or a class as in explain. `scale` of values and answers
    ("automatic": that of the first method). `baseline`: of methods, as a name in explain. `removed`: what a removed player becomes when metrics
    ask the model, the same for every method. `regions`: of pictures, for metrics of regions ("grid:8x8"). `protected`: columns of a
    table, by name: adds the metrics of fairness, and every metric by the groups of these columns (`quality_by_group`). `options`: of methods and
    metrics by their names, as in {"lime": {"num_samples": 500}, "deletion": {"step": 4}}. `resamples` of the bootstrap.
    """
    if not isinstance(model, Model):
        model = load(model)
    if isinstance(rows, slice):
        if rows.step not in (None, 1):
            raise UsageError("rows are a slice without a step")
        rows = f"{'' if rows.start is None else rows.start}:{'' if rows.stop is None else rows.stop}"
    column = labels if isinstance(labels, str) else ""
    truth: list[str] = []
    if labels is not None and not column:
        array = np.asarray(labels)
        truth = [str(one) for one in (array.astype(int) if array.dtype == bool else array).ravel().tolist()]

    def run(told: Callable[[str, int, int], None] | None) -> ScoreCard:
        return _whence.evaluate(
            model, data, [methods] if isinstance(methods, str) else list(methods), [metrics] if isinstance(metrics, str) else list(metrics),
            {name: np.asarray(values, dtype=np.float64) for name, values in (attributions or {}).items()}, column, truth, masks, rows, samples,
            target, scale, baseline, removed, regions, protected if isinstance(protected, str) else ",".join(protected),
            {name: dict(own) for name, own in (options or {}).items()}, seed, resamples, threads, time_limit, told,
        )  # fmt: skip

    if progress is not True:
        return run(None if progress is False else progress)
    with Bar() as bar:
        return run(bar)


def describe_metrics(only: str = "") -> str:
    """What each metric measures: direction, range, needs, source, what it assumes and cannot tell, its options. `only`: a metric or a category."""
    return _whence.describe_metrics(only)


def plot(
    kind: str,
    explanations: Explanation | Sequence[Explanation],
    path: _Path,
    *,
    top: int = 10,
    feature: str = "",
    color_by: str = "",
) -> None:
    """Draws explanations of a table's columns as .png, .svg or .html, by the ending of the path.

    `kind`: of one row "waterfall" or "force"; of many "bar", "beeswarm", "violin", "heatmap", "scatter" or "decision". `top`: features shown.
    `feature`, `color_by`: the columns of a scatter plot; empty: the most important one, and the one that its value depends on most.
    """
    if isinstance(explanations, Explanation):
        explanations = [explanations]
    _whence.plot(kind, list(explanations), os.fspath(path), top, feature, color_by)


def training_data_stats(model: Model, discretizer: str = "quartile") -> dict[str, dict[str, list[float]]]:
    """All that LIME on tables needs of a background: bins, means, deviations, frequencies, with the lime package's keys. With
    explain(..., method="lime", training_data_stats=...) a model loaded without its background gives the same explanations. `discretizer`:
    "quartile" or "decile".
    """
    return json.loads(_whence.training_data_stats(model, discretizer))


def submodular_pick(explanations: Sequence[Explanation], count: int = 5) -> Pick:
    """Those `count` of many explanations that together show what matters: (rows, coverage), positions in the order picked and the share of
    all features' importance that the picked ones show so far. SP-LIME (Ribeiro, Singh, Guestrin 2016, algorithm 2), as the lime package's
    SubmodularPick; explain all of them for one target.
    """
    return _whence.submodular_pick(list(explanations), count)


def global_view(
    model: Model | _Path,
    rows: Any,
    view: str = "importance",
    *,
    features: str | Sequence[str] = (),
    labels: str | ArrayLike | None = None,
    target: Any = None,
    output: str | None = None,
    scale: str = "automatic",
    seed: int = 0,
    threads: int = 0,
    time_limit: float | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    **options: Any,
) -> GlobalView:
    """What a model of a table does over `rows`: a CSV, or an array [rows, columns].

    `view`: "importance" (permutation importance), "dependence" (partial dependence), "ice", "ale", "interaction" (Friedman's H),
    "surrogate-tree", "rules", "surrogate-linear" or "tree-importance" (of tree ensembles). `features`: the columns to look at, by name; none: all. `labels`: the truth, for losses
    of importance: a column of the file, or one label for each row. `target` as in explain (None: the top class of the first row).
    The other options are the view's own, as in whence global --help: sample, repeats, loss, grid, points, centered, top_pairs, max_depth, max_leaves,
    min_rows, tolerance, terms, measure, perturbation, summary, budget.
    """
    if not isinstance(model, Model):
        model = load(model)
    column = labels if isinstance(labels, str) else None
    truth: list[str] = []
    if labels is not None and column is None:
        array = np.asarray(labels)
        truth = [str(one) for one in (array.astype(int) if array.dtype == bool else array).ravel().tolist()]
    names = [features] if isinstance(features, str) else [str(one) for one in features]
    return _whence.global_view(model, rows, view, names, column, truth, target, output, scale, seed, threads, time_limit, progress, options)


def compile(
    model: Model | _Path,
    path: _Path,
    method: str = "integrated-gradients",
    *,
    target: Any = None,
    output: str | None = None,
    scale: str = "automatic",
    baseline: Any = None,
    layer: str = "",
    seed: int = 0,
    **options: Any,
) -> None:
    """Writes one ONNX file of standard operators that returns the model's prediction and `attribution` for any number of rows.

    `method`: saliency, input-x-gradient, integrated-gradients (`steps`, 50 by default, and `rule`), smoothgrad (`samples`, `noise`),
    grad-cam or layer-cam (both with a `layer`). The baseline is a constant of the file: "zeros", "model-zeros", "value:V", a number, an
    array or a file. Methods that claim completeness have a second output, `attribution_error`.
    """
    if not isinstance(model, Model):
        model = load(model)
    _whence.compile(model, os.fsdecode(path), method, target, output, scale, baseline, layer, seed, options)


class TreeShap(NamedTuple):
    """Values of many rows of a tree ensemble, in units of its margins."""

    values: NDArray[np.float64]
    """[rows, features, outputs]; with interactions [rows, features, features, outputs]."""
    expected: NDArray[np.float64]
    """[outputs]: where the values start from."""
    margins: NDArray[np.float64]
    """[rows, outputs]: expected + the sum of a row's values, but for `gap`."""
    gap: float
    """The largest |margin - expected - sum|: rounding (of Banzhaf values, which do not add up, more)."""


def tree_shap(
    model: Model | _Path | Any,
    rows: ArrayLike,
    *,
    background: ArrayLike | None = None,
    index: str = "shapley",
    interactions: bool = False,
    precision: str = "float32",
    threads: int = 0,
) -> TreeShap:
    """Exact Shapley values of all `rows` [rows, features] of a tree ensemble at once: of a model, a file, or a model in memory (see load). Of
    an ONNX file with a tree node they are those of its inputs, which encoders may stand behind (docs/trees.md).

    What absent features follow: the training rows, as the nodes' covers tell (path-dependent), or the rows of `background`
    (interventional). `index` is "shapley" or "banzhaf"; `interactions` gives the values of pairs, whose rows add up to the features'
    values. NaN is missing, a category its code. `precision` "float32" is right to about 1e-6 of the largest value, "float64" to 1e-14.
    """
    if not isinstance(model, Model):
        model = load(model)
    return TreeShap(*_whence.tree_shap(model, rows, background, index, interactions, precision, threads))


class TreeContributions(NamedTuple):
    """What each tree of an ensemble adds to its margins."""

    margins: NDArray[np.float64]
    """[rows, trees, outputs]; with `base` they add up to the margin."""
    base: NDArray[np.float64]
    """[outputs]: the base score, which no tree has."""
    values: NDArray[np.float64] | None
    """[rows, trees, features, outputs]: Shapley values of each tree by itself; over trees they add up to those of the ensemble."""


def tree_contributions(
    model: Model | _Path | Any, rows: ArrayLike, *, values: bool = False, background: ArrayLike | None = None, threads: int = 0
) -> TreeContributions:
    """What each tree adds to the margins of `rows` [rows, features], and with `values` its features' Shapley values.

    `background`: rows that absent features come from (interventional); without it the values are path-dependent.
    """
    if not isinstance(model, Model):
        model = load(model)
    return TreeContributions(*_whence.tree_contributions(model, rows, background, values, threads))


def pairwise(
    model: _Path, image: _Path, text: str, *, steps: int = 10, rule: str = "gauss-legendre", blocks: int = 1, threads: int = 0
) -> PairwiseExplanation:
    """Which word of `text` goes with which patch of the picture `image`, for a folder of CLIP-style encoders.

    Second-order attributions (Moeller et al. 2025): `.values` [words, height, width] are shares of the cosine, compared with the picture that
    is zero after preprocessing and with padding in place of the text. `rule`: "gauss-legendre", "midpoint", "trapezoid" or "published"
    (points 1/steps, ..., 1). `blocks`: how many of each encoder's last blocks lie behind the states that are explained; 0: all. `.html()` is a page on which words show their patches and patches their words.
    """
    return _whence.pairwise(os.fsdecode(model), os.fsdecode(image), text, steps, rule, blocks, threads)


def segment(image: Any, method: str = "quickshift", *, seed: int = 0, threads: int = 0, **options: Any):
    """Superpixels of an image [H, W] or [H, W, C] (8-bit pixels, or numbers from 0 to 1): int32 [H, W], labels 0 to n - 1.

    `method` is "quickshift" (kernel_size, max_dist, ratio, sigma), "slic" (n_segments, compactness, iterations, sigma,
    enforce_connectivity), "felzenszwalb" (scale, sigma, min_size) or "grid" (rows, columns); options may also stand in the name,
    as in "slic:50" or "grid:7x7".
    """
    if "n_segments" in options:
        options["segments"] = options.pop("n_segments")
    if options:
        listed = ",".join(f"{name}={_written(value)}" for name, value in options.items())
        method += ("," if ":" in method else ":") + listed
    return _whence.segment(image, method, seed, threads)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def replay(
    path: _Path, *, threads: int = 0, model: _Path | None = None, endpoint: Mapping[str, object] | None = None
) -> Replay:
    """Recomputes a saved explanation (JSON) from the files it names: (same, differences, largest_difference, again).

    `model`: where the model is now, if not where the file says. An endpoint is asked only if its URL is given here, as
    `endpoint` says (see load); whether it is the same model nothing can tell, as a note of `again` says.
    """
    return _whence.replay(
        os.fsdecode(path), threads, "" if model is None else os.fsdecode(model), _endpoint(endpoint)
    )


from . import clip  # noqa: E402  (it uses what stands above)
