"""A bar on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time


class Bar:
    PATIENCE = 1.0  # seconds before anything is shown
    INTERVAL = 0.1  # seconds between two pictures
    WIDTH = 30

    def __init__(self) -> None:
        self._start = self._shown = time.monotonic()
        self._length = 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._length:
            sys.stderr.write("\r" + " " * self._length + "\r")
            sys.stderr.flush()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._start < self.PATIENCE or now - self._shown < self.INTERVAL:
            return
        self._shown = now
        full = self.WIDTH * done // max(1, total)
        line = f"{what} [{'#' * full}{'.' * (self.WIDTH - full)}] {done}/{total}"
        sys.stderr.write("\r" + line.ljust(self._length))
        sys.stderr.flush()
        self._length = max(self._length, len(line))
