"""Models of pictures and texts in one space (CLIP, OpenCLIP, SigLIP): what fits what, and why; stores of their embeddings.

    pair = whence.clip.load("examples/models/clip")
    pair.classify("cat.png", ["cat", "dog", "ship"])
    pair.explain("cat.png", "a photo of a cat", method="integrated-gradients")

    whence.clip.index("photos", store="photos.store", model="examples/models/clip")
    store = whence.clip.Store("photos.store")
    for found in store.search("a dog on a beach", k=5):
        found.score, found.path
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _whence
from ._whence import Explanation, Found, InputError, Model, Store, UsageError, Writer

__all__ = ["Filtered", "Found", "ImageEmbeddings", "Indexed", "Pair", "Store", "TextEmbeddings", "Writer", "index", "load"]

_Path = str | os.PathLike[str]
_Picture = _Path | NDArray[np.uint8]

PROMPT = "a photo of a {}"
NOTHING = "a photo of a"


class ImageEmbeddings(NamedTuple):
    """`values` float32 [n, width], rows of length 1, zeros for what could not be read; `unreadable`: by their number, why."""

    values: NDArray[np.float32]
    unreadable: dict[int, str]


class TextEmbeddings(NamedTuple):
    """`values` float32 [n, width], rows of length 1; `cut`: numbers of texts longer than the context, whose end was not read."""

    values: NDArray[np.float32]
    cut: list[int]


class Filtered(NamedTuple):
    """`set_aside`: numbers of pictures with labels at or over the threshold, each with those labels, the strongest first, and how strongly;
    `unreadable`: by their number, why."""

    set_aside: dict[int, dict[str, float]]
    unreadable: dict[int, str]


def load(path: _Path, *, threads: int = 0) -> Pair:
    """The folder of two encoders as the usual tools export them (docs/clip.md). What no file in it says stands in `notes` and is warned of."""
    pair = Pair(_whence.load_clip(os.fsdecode(path), threads))
    for note in pair.notes:
        warnings.warn(note, stacklevel=2)
    return pair


class Pair:
    """An encoder of pictures and an encoder of texts. Pictures are files, or arrays of uint8 [height, width, 3]."""

    def __init__(self, pair: _whence.ClipPair) -> None:
        self._pair = pair
        self._models: dict[tuple[str, ...], Model] = {}

    @property
    def folder(self) -> str:
        return self._pair.folder

    @property
    def width(self) -> int:
        """Numbers of an embedding."""
        return self._pair.width

    @property
    def context(self) -> int:
        """Most tokens of a text."""
        return self._pair.context

    @property
    def logit_scale(self) -> float:
        """score = logit_scale * cosine + logit_bias."""
        return self._pair.logit_scale

    @property
    def logit_bias(self) -> float:
        return self._pair.logit_bias

    @property
    def activation(self) -> str:
        """What makes confidences of scores: "softmax", or "sigmoid" (SigLIP)."""
        return self._pair.activation

    @property
    def fingerprint(self) -> str:
        """SHA-256 over encoders, tokenizer and preprocessing: equal where embeddings may be compared."""
        return self._pair.fingerprint

    @property
    def notes(self) -> list[str]:
        return self._pair.notes

    def embed_images(self, images: Sequence[_Picture], *, time_limit: float | None = None) -> ImageEmbeddings:
        """Embeddings of pictures. One that cannot be read is no error: it stands in `unreadable`."""
        values, unreadable = self._pair.embed_images(_pictures(images), time_limit)
        return ImageEmbeddings(values, dict(unreadable))

    def embed_texts(self, texts: Sequence[str], *, time_limit: float | None = None) -> TextEmbeddings:
        """Embeddings of texts."""
        if isinstance(texts, str):
            raise UsageError("embed_texts takes a list of texts")
        return TextEmbeddings(*self._pair.embed_texts(list(texts), time_limit))

    def image_model(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> Model:
        """The image encoder with these texts in its graph: an ordinary model, for whence.explain, compare, evaluate. Reads pixels
        [N, height, width, 3] from 0 to 1 and answers logits [N, texts]; `labels` are what the texts are called (default: themselves)."""
        if isinstance(texts, str):
            raise UsageError("image_model takes a list of texts")
        return self._pair.image_model(list(texts), list(labels or []))

    def text_model(self, images: Sequence[_Path]) -> Model:
        """The text encoder with these pictures in its graph: a model of texts that answers logits [N, pictures]."""
        if isinstance(images, (str, os.PathLike)):
            raise UsageError("text_model takes a list of files")
        return self._pair.text_model([os.fsdecode(image) for image in images])

    def classify(
        self, images: _Picture | Sequence[_Picture], labels: Sequence[str], *, prompt: str | Sequence[str] = PROMPT, time_limit: float | None = None
    ) -> dict[str, float] | list[dict[str, float] | None]:
        """Confidence of each label, the strongest first; of a list of pictures a list, with None for what could not be read (it is warned
        of). "{}" in `prompt` is the label; of several prompts the mean of their embeddings counts. One picture that cannot be read raises
        InputError."""
        one = isinstance(images, (str, os.PathLike, np.ndarray))
        found = self.embed_images([images] if one else images, time_limit=time_limit)
        if one and found.unreadable:
            raise InputError(found.unreadable[0])
        values = self._judged(found.values, labels, prompt, "confidence", NOTHING)
        for reason in found.unreadable.values():
            warnings.warn(f"skipped: {reason}", stacklevel=2)
        rows = [None if number in found.unreadable else _sorted(labels, row) for number, row in enumerate(values)]
        return rows[0] if one else rows

    def filter(
        self,
        images: Sequence[_Picture],
        labels: Sequence[str],
        threshold: float = 0.5,
        *,
        measure: str = "presence",
        prompt: str | Sequence[str] = PROMPT,
        nothing: str = NOTHING,
        time_limit: float | None = None,
    ) -> Filtered:
        """Which labels are in each picture. `measure`: "presence" (each label alone, against the text `nothing`), "confidence" (the labels
        compete, as in classify) or "cosine". Pictures stay where they are."""
        found = self.embed_images(images, time_limit=time_limit)
        values = self._judged(found.values, labels, prompt, measure, nothing)
        aside = {}
        for number, row in enumerate(values):
            over = {label: value for label, value in _sorted(labels, row).items() if value >= threshold}
            if over:
                aside[number] = over
        return Filtered(aside, found.unreadable)

    def explain(self, image: _Path | Sequence[_Path], text: str | Sequence[str], *, side: str = "image", **how: Any) -> Explanation:
        """Why picture and text fit. `side="image"`: what in the picture raised or lowered the score; `text` may be a list, whose texts
        compete (`target` chooses). `side="text"`: which words did; `image` may be a list. The rest is as in whence.explain."""
        from . import explain

        if side == "image":
            texts = [text] if isinstance(text, str) else list(text)
            return explain(self._kept("image", texts), _one(image, "side='text'"), **how)
        if side != "text":
            raise UsageError(f"side is 'image' or 'text', not {side!r}")
        if not isinstance(text, str):
            raise UsageError("side='text' explains one text; several pictures may compete")
        images = [image] if isinstance(image, (str, os.PathLike)) else list(image)
        return explain(self._kept("text", [os.fsdecode(one) for one in images]), text, **how)

    def _kept(self, side: str, others: list[str]) -> Model:
        """The model of the last question: asking again with another method makes no new one."""
        key = (side, *others)
        if key not in self._models:
            self._models = {key: self.image_model(others) if side == "image" else self.text_model(others)}
        return self._models[key]

    def _judged(self, embeddings: NDArray[np.float32], labels: Sequence[str], prompt: str | Sequence[str], measure: str, nothing: str) -> NDArray[np.float64]:
        if isinstance(labels, (str, Mapping)):
            raise UsageError("labels are a list of texts")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        values, cut = self._pair.judge(embeddings, list(labels), prompts, measure, nothing)
        for text in cut:
            warnings.warn(f"{text!r} has more than the {self.context} tokens that the model reads: the rest was cut off", stacklevel=3)
        return values

    def __repr__(self) -> str:
        return f"<whence.clip.Pair {self.folder}: {self.width} numbers, {self.activation}>"


def _pictures(images: Sequence[_Picture]) -> list[Any]:
    if isinstance(images, (str, os.PathLike)):
        raise UsageError("give a list of pictures")
    return list(images)


def _one(image: _Path | Sequence[_Path], instead: str) -> _Path:
    if not isinstance(image, (str, os.PathLike)):
        raise UsageError(f"one picture is explained, by its file; several compete with {instead}")
    return image


def _sorted(labels: Sequence[str], row: NDArray[np.float64]) -> dict[str, float]:
    order = np.argsort(-row, kind="stable")
    return {labels[k]: float(row[k]) for k in order}


class Indexed(NamedTuple):
    """What index() did: numbers of pictures and captions, and a line for each picture that could not be read."""

    added: int
    replaced: int
    unchanged: int
    removed: int
    captions_added: int
    captions_unchanged: int
    captions_removed: int
    captions_cut: int
    broken: list[str]


def index(
    places: str | os.PathLike | Iterable[str | os.PathLike],
    *,
    store: str | os.PathLike,
    model: str | os.PathLike,
    captions: Sequence[str | tuple[str | os.PathLike, str]] = (),
    prune: bool = False,
    threads: int = 0,
    progress: Callable[[str, int, int], object] | None = None,
) -> Indexed:
    """Embeds the pictures of folders and files, and captions, into a store, which is begun where there is none.

    captions: texts, or pairs (picture, text). Pictures that did not change (size and time, or SHA-256) are not embedded again;
    broken ones are passed over and named. prune removes what the folders, or the captions, no longer have. Stopped by
    Ctrl-C the store keeps what was done until a second before. Cost: one encoding of each new picture.

    Raises UsageError for a store of another model or one that another process writes, FileError, InputError, ModelError.
    """
    if isinstance(places, (str, os.PathLike)):
        places = [places]
    pairs = [("", c) if isinstance(c, str) else (os.fspath(c[0]), c[1]) for c in captions]
    return Indexed(**_whence.clip_index([os.fspath(p) for p in places], os.fspath(store), os.fspath(model), pairs, prune, threads, progress))
