"""Pictures and texts in one space: stores of their embeddings.

    import whence.clip
    whence.clip.index("photos", store="photos.store", model="examples/models/clip")
    store = whence.clip.Store("photos.store")
    for found in store.search("a dog on a beach", k=5):
        found.score, found.path
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from . import _whence
from ._whence import Found, Store, Writer

__all__ = ["Found", "Indexed", "Store", "Writer", "index"]


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
