"""Progress of long steps on standard error: tqdm's bar on a terminal, a line every half a minute in a log."""

import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TextIO, TypeVar

from tqdm import tqdm

EVERY = 30.0  # seconds between two lines where nobody watches: what is shorter says nothing
LINE = "{desc}: {n_fmt}/{total_fmt}, {remaining} left"

T = TypeVar("T")


class _Lines:
    """A stream on which tqdm's bar, drawn over and over again in one place, becomes lines of their own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            print(line, file=self.stream)

    def flush(self) -> None:
        self.stream.flush()


def track(items: Iterable[T], task: str, total: int | None = None) -> Iterable[T]:
    """Return `items` unchanged, and show progress while they are taken; total: how many, where they have no length."""
    bar: Iterable[T] = _bar(items, task, total)
    return bar


def steps(task: str, total: int) -> "tqdm[NoReturn]":
    """Return a bar for `total` steps that somebody else takes, who calls `update` after each and `close` at last."""
    bar: tqdm[NoReturn] = _bar(None, task, total)
    return bar


def _bar(items: Any, task: str, total: int | None) -> Any:
    if sys.stderr.isatty():
        return tqdm(items, task, total)
    # tqdm shows nothing of what takes less than its delay, and looks at the clock at every item if miniters is 1.
    return tqdm(
        items, task, total, file=_Lines(sys.stderr), mininterval=EVERY, miniters=1, delay=EVERY, bar_format=LINE
    )
