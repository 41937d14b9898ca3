"""The compiled part of whence; import whence instead."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Path = str | os.PathLike[str]
_Class = int | str
_Target = _Class | tuple[_Class, _Class] | None
_Rows = ArrayLike | Mapping[str, Any] | _Path

__version__: str

class Error(Exception):
    """What Whence raises: one line that says what is wrong and where."""

class UsageError(Error, ValueError):
    """The request makes no sense: an unknown method, a class that does not exist."""

class InputError(Error, ValueError):
    """The data are wrong: another shape or type, NaN, a damaged file."""

class ModelError(Error, RuntimeError):
    """The model file is broken, refused, or failed when it ran."""

class UnsupportedError(Error, NotImplementedError):
    """The model is fine, but this method cannot explain it."""

class LimitError(Error, RuntimeError):
    """A limit of time or memory was reached."""

class FileError(Error, OSError):
    """A file could not be read or written."""

class InternalError(Error, RuntimeError):
    """A bug in Whence."""

class TensorInfo(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]
    scale: str

class Target(NamedTuple):
    output: str
    index: int  # type: ignore[assignment]
    minus: int | None
    scale: str
    label: str

class Change(NamedTuple):
    feature: int
    name: str
    before: str
    after: str

class Counterfactual(NamedTuple):
    values: NDArray[np.floating[Any]] | str
    changes: list[Change]
    prediction: float
    label: str
    valid: bool
    distance: float
    to_data: float | None

class Counterfactuals(NamedTuple):
    wanted: str
    metric: str
    found: list[Counterfactual]
    lower_bound: float | None

class Condition(NamedTuple):
    feature: int
    text: str

class Rule(NamedTuple):
    conditions: tuple[Condition, ...]
    precision: float
    precision_low: float
    precision_high: float
    confidence: float
    coverage: float

class LocalRule(NamedTuple):
    conditions: tuple[Condition, ...]
    value: float
    share: float
    holds_here: bool

class Pick(NamedTuple):
    rows: list[int]
    coverage: list[float]

class MethodOption(NamedTuple):
    default: bool | int | float | str
    help: str

class Method(NamedTuple):
    name: str
    summary: str
    needs_gradient: bool
    uses_baseline: bool
    options: dict[str, MethodOption]

class Replay(NamedTuple):
    same: bool
    differences: list[str]
    largest_difference: float
    again: Explanation

class Comparison(NamedTuple):
    method: str
    layer: str
    baseline: str
    asked: str
    explanation: Explanation | None
    failure: str
    target: float | None
    sum: float | None
    error: float | None
    relative_error: float | None

class ClipPair:
    """What whence.clip.Pair asks."""

    def embed_images(self, images: list[Any], time_limit: float | None) -> tuple[NDArray[np.float32], list[tuple[int, str]]]: ...
    def embed_texts(self, texts: Sequence[str], time_limit: float | None) -> tuple[NDArray[np.float32], list[int]]: ...
    def judge(
        self, embeddings: ArrayLike, labels: Sequence[str], prompts: Sequence[str], measure: str, nothing: str
    ) -> tuple[NDArray[np.float64], list[str]]: ...
    def image_model(self, texts: Sequence[str], classes: Sequence[str]) -> Model: ...
    def text_model(self, images: Sequence[str]) -> Model: ...
    @property
    def folder(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def logit_scale(self) -> float: ...
    @property
    def logit_bias(self) -> float: ...
    @property
    def activation(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def notes(self) -> list[str]: ...

def load_clip(path: str, threads: int) -> ClipPair: ...

class Model:
    """A model that explains: made by whence.load."""

    def predict(self, input: _Rows, *, time_limit: float | None = None) -> Any: ...
    @overload
    def gradient(
        self,
        input: _Rows,
        target: _Target = None,
        wrt: str | Sequence[str] | None = None,
        output: str | None = None,
        *,
        scale: str = "automatic",
        return_values: Literal[False] = False,
        time_limit: float | None = None,
    ) -> Any: ...
    @overload
    def gradient(
        self,
        input: _Rows,
        target: _Target = None,
        wrt: str | Sequence[str] | None = None,
        output: str | None = None,
        *,
        scale: str = "automatic",
        return_values: Literal[True],
        time_limit: float | None = None,
    ) -> tuple[Any, NDArray[np.float64]]: ...
    def gradient_model(
        self,
        path: _Path,
        target: _Target = None,
        wrt: str | Sequence[str] | None = None,
        output: str | None = None,
        *,
        scale: str = "automatic",
    ) -> None: ...
    def info(self) -> dict[str, Any]: ...
    @property
    def inputs(self) -> tuple[TensorInfo, ...]: ...
    @property
    def outputs(self) -> tuple[TensorInfo, ...]: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def sha256(self) -> str: ...
    @property
    def path(self) -> str: ...

class Explanation:
    """What contributed how much, compared with what, and how wrong it may be."""

    @property
    def values(self) -> NDArray[np.floating[Any]]: ...
    @property
    def layer(self) -> str: ...
    @property
    def segments(self) -> NDArray[np.int32] | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def places(self) -> list[tuple[int, int, int]] | None: ...
    @property
    def standard_errors(self) -> NDArray[np.float64] | None: ...
    @property
    def interactions(self) -> NDArray[np.float64] | None: ...
    @property
    def interaction_errors(self) -> NDArray[np.float64] | None: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def displays(self) -> list[str]: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def local_rules(self) -> list[LocalRule]: ...
    @property
    def target(self) -> Target: ...
    @property
    def rule(self) -> Rule | None: ...
    @property
    def method(self) -> str: ...
    @property
    def options(self) -> dict[str, bool | int | float | str]: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def baseline(self) -> str: ...
    @property
    def counterfactuals(self) -> Counterfactuals | None: ...
    @property
    def no_error_because(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def base_value(self) -> float | None: ...
    @property
    def neutrality(self) -> float | None: ...
    @property
    def error(self) -> float | None: ...
    @property
    def relative_error(self) -> float | None: ...
    @property
    def converged(self) -> bool | None: ...
    @property
    def intercept(self) -> float | None: ...
    @property
    def score(self) -> float | None: ...
    @property
    def local_prediction(self) -> float | None: ...
    @property
    def evaluations(self) -> int: ...
    @property
    def gradient_evaluations(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def seed(self) -> int: ...
    def to_json(self) -> str: ...
    def save(self, path: _Path) -> None: ...
    def words(self, language: str = "en") -> str: ...
    def image_and_mask(
        self,
        *,
        positive_only: bool = True,
        negative_only: bool = False,
        hide_rest: bool = False,
        num_features: int = 5,
        min_weight: float = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]: ...
    def _repr_html_(self) -> str: ...

def load(
    path: str,
    preprocess: str,
    threads: int,
    background: str | None,
    labels_path: str | None,
    classes: Sequence[str] | None,
    endpoint: Sequence[str],
) -> Model: ...
def load_ensemble(
    model: bytes | dict[str, Any],
    name: str,
    notes: Sequence[str],
    background: ArrayLike | str | os.PathLike[str] | None,
    labels_path: str | None,
    classes: Sequence[str] | None,
) -> Model: ...
def explain(
    model: Model,
    input: _Rows,
    method: str,
    target: _Target,
    output: str | None,
    scale: str,
    baseline: ArrayLike | str | None,
    layer: str,
    seed: int,
    segments: ArrayLike | None,
    row: int | None,
    threads: int,
    time_limit: float | None,
    progress: Callable[[str, int, int], None] | None,
    on_estimate: Callable[[str, float, float], None] | None,
    options: dict[str, Any],
) -> Explanation: ...
def compare(
    model: Model,
    input: _Rows,
    methods: list[str],
    layers: list[str],
    baselines: list[str],
    targets: list[_Target],
    top_labels: int,
    output: str | None,
    scale: str,
    seed: int,
    row: int | None,
    threads: int,
    time_limit: float | None,
    progress: Callable[[str, int, int], None] | None,
    options: dict[str, Any],
) -> list[Comparison]: ...
def compile(
    model: Model,
    path: str,
    method: str,
    target: _Target,
    output: str | None,
    scale: str,
    baseline: ArrayLike | str | None,
    layer: str,
    seed: int,
    options: dict[str, Any],
) -> None: ...
def from_json(json: str) -> Explanation: ...
def function(
    callable: Callable[[NDArray[Any]], ArrayLike],
    shape: Sequence[int],
    type: str,
    scale: str,
    columns: Sequence[str],
    background: ArrayLike | None,
    classes: Sequence[str],
    batch: int,
    label: str,
) -> Model: ...
class GlobalView:
    """What a model does over a whole table."""
    @property
    def view(self) -> str:
        """Its name: "importance", "ale", ..."""
    @property
    def rows(self) -> int:
        """Rows that were used."""
    @property
    def notes(self) -> list[str]:
        """What a careful reader must know."""
    @property
    def evaluations(self) -> int:
        """Rows the model was asked about."""
    @property
    def result(self) -> dict[str, Any]:
        """The numbers, as in the JSON: a dict that depends on the view."""
    def to_json(self) -> str: ...
    def to_text(self, width: int = 80, top: int = 10) -> str: ...
    def save(self, path: _Path, top: int = 10) -> None:
        """Writes .json, .csv, .png, .svg, .html or .txt, by the ending."""
    def _repr_html_(self) -> str: ...

class ScoreCard:
    """How good the explanations of several methods are."""
    @property
    def samples(self) -> int:
        """Inputs that methods were judged on."""
    @property
    def rows(self) -> list[int]:
        """Which of the data they are, from 0."""
    @property
    def evaluations(self) -> int:
        """Rows that metrics asked the model about, beside the explanations."""
    @property
    def methods(self) -> list[dict[str, Any]]:
        """A dict for each method: name, costs, attribution_error."""
    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the order of the table."""
    @property
    def table(self) -> dict[str, dict[str, dict[str, Any]]]:
        """table[metric][method]: value, low, high (95 % interval), best, defined, undefined."""
    @property
    def scores(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """scores[method][metric]: one number for each sample, nan where undefined."""
    @property
    def quality_by_group(self) -> list[dict[str, Any]]:
        """Where protected columns were named, a dict for each column, metric and method: groups, gap, low, high, p_value."""
    @property
    def verdict(self) -> list[str]:
        """What may and may not be concluded, sentence by sentence."""
    @property
    def left_out(self) -> dict[str, str]:
        """Metrics and methods that are not in the card, and why."""
    def to_dict(self) -> dict[str, Any]:
        """All of it, as in the JSON."""
    def to_json(self) -> str: ...
    def to_text(self, width: int = 100) -> str: ...
    def save(self, path: _Path) -> None:
        """Writes .html, .json, .csv, .png, .svg or .txt, by the ending."""
    def _repr_html_(self) -> str: ...

def evaluate(
    model: Model, data: Any, methods: Sequence[str], metrics: Sequence[str], attributions: dict[str, Any], label: str, labels: Sequence[str],
    masks: Any, rows: str, samples: int, target: Any, scale: str, baseline: str, removed: str, regions: str, protected_columns: str, options: dict[str, Any],
    seed: int, resamples: int, threads: int, time_limit: float | None, progress: Callable[[str, int, int], None] | None,
) -> ScoreCard: ...
def describe_metrics(only: str) -> str: ...
def global_view(
    model: Model, rows: Any, view: str, features: Sequence[str], label: str | None, labels: Sequence[str], target: Any, output: str | None,
    scale: str, seed: int, threads: int, time_limit: float | None, progress: Callable[[str, int, int], None] | None, options: dict[str, Any],
) -> GlobalView: ...
def methods() -> list[Method]: ...
def training_data_stats(model: Model, discretizer: str) -> str: ...
def submodular_pick(explanations: Sequence[Explanation], count: int) -> Pick: ...
def plot(kind: str, explanations: Sequence[Explanation], path: str, top: int, feature: str, color_by: str) -> None: ...
def replay(path: str, threads: int, model: str, endpoint: Sequence[str]) -> Replay: ...
class PairwiseExplanation:
    @property
    def words(self) -> list[str]: ...
    @property
    def values(self) -> NDArray[np.float64]: ...
    @property
    def text(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def baseline_value(self) -> float | None: ...
    @property
    def attribution_error(self) -> float | None: ...
    @property
    def relative_error(self) -> float | None: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def gradient_evaluations(self) -> int: ...
    def to_json(self) -> str: ...
    def html(self) -> str: ...

def pairwise(model: str, image: str, text: str, steps: int, rule: str, blocks: int, threads: int) -> PairwiseExplanation: ...
def segment(image: ArrayLike, method: str, seed: int, threads: int) -> NDArray[np.int32]: ...
def tree_shap(
    model: Model, rows: ArrayLike, background: ArrayLike | None, index: str, interactions: bool, precision: str, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]: ...
def tree_contributions(
    model: Model, rows: ArrayLike, background: ArrayLike | None, values: bool, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]: ...
def runtime_version() -> str: ...

class Found:
    """A picture or caption of a store, and how near it is to what was looked for."""
    @property
    def id(self) -> int:
        """Grows with each item that comes into the store; never given again."""
    @property
    def kind(self) -> Literal["image", "text"]: ...
    @property
    def path(self) -> str:
        """Of the picture; of a caption that of its picture, or empty."""
    @property
    def caption(self) -> str: ...
    @property
    def score(self) -> float:
        """Cosine of both embeddings."""
    @property
    def width(self) -> int:
        """Pixels of the picture; 0: not known."""
    @property
    def height(self) -> int: ...
    @property
    def bytes(self) -> int:
        """Of the picture's file."""
    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """[width], of length 1, where it was asked for."""

class Store:
    """Reads a store of embeddings, also while another process writes it.

    model: the folder of encoders, where it is no longer where it was when the store was made. It is loaded when a text or a
    picture is looked for, and refused (UsageError) if it is another one.
    Raises InputError for a folder that is no store, a newer format, or damage.
    """
    def __init__(self, folder: _Path, model: _Path | None = None) -> None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def model(self) -> str:
        """Folder of the encoders when the store was made."""
    @property
    def width(self) -> int:
        """Numbers in an embedding."""
    @property
    def notes(self) -> list[str]:
        """What is not as it should be though answers are right: a damaged graph that is not used."""
    def counts(self, kind: str = "image") -> dict[str, int]:
        """items; removed: vectors still on the disk whose items are gone; in_graph: 0 where every search is a full scan."""
    def search(
        self, text: str | None = None, *, image: _Path | None = None, embedding: ArrayLike | None = None, kind: str = "image",
        k: int = 10, exact: bool = False, effort: int = 0, embeddings: bool = False, threads: int = 0,
    ) -> list[Found]:
        """The k items nearest to a text, the picture of a file, or an embedding [width], the nearest first, of equals the older.

        exact: a full scan also where there is a graph. effort: vectors kept in view on the graph (0: max(256, 2 k)).
        embeddings: give those of what was found.
        Cosines between texts and pictures that match are some 0.2 to 0.35 for most CLIP models, those of two pictures 0.5 and
        more: they must not be compared with each other.
        """
    def nearest(
        self, embeddings: ArrayLike, *, kind: str = "image", k: int = 10, exact: bool = False, effort: int = 0, threads: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """ids and scores [rows, k] for embeddings [rows, width]; id 0 where there are fewer than k."""

class Writer:
    """The only writer of a store while it is open; begins one where there is none. For embeddings made elsewhere.

    fingerprint: says what they were made with; a store of another one is refused. graph_from: from how many vectors of a kind
    finish() makes a graph.
    """
    def __init__(self, folder: _Path, *, fingerprint: str, width: int, model: str = "", graph_from: int = 50_000) -> None: ...
    def put(self, kind: str, paths: Sequence[str], embeddings: ArrayLike, *, captions: Sequence[str] = (), threads: int = 0) -> int:
        """Adds embeddings [len(paths), width]; on the disk when it returns. One of the same path (kind text: path and caption)
        is replaced; returns how many were. Raises InputError for NaN and zeros."""
    def remove(self, ids: Sequence[int]) -> int: ...
    def finish(self, *, threads: int = 0) -> None:
        """After the last change: makes or extends graphs, compacts what is mostly gone."""
    def compact(self, *, threads: int = 0) -> None:
        """Writes everything anew without what was removed."""
    def close(self) -> None: ...
    def __enter__(self) -> Writer: ...
    def __exit__(self, *error: object) -> None: ...

def clip_index(
    places: Sequence[str], store: str, model: str, captions: Sequence[tuple[str, str]], prune: bool, threads: int,
    progress: Callable[[str, int, int], object] | None,
) -> dict[str, Any]: ...
