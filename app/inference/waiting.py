"""Pictures that wait for a network, those who wait for its answers, and one batch of them."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from smear.inference.bundle import Bundle
from smear.sentence import SentenceError

log = logging.getLogger("leukolens.engine")

RETRY_SECONDS = 3
LATE = "The model did not answer in time."
T = TypeVar("T")


class EngineBusyError(SentenceError):
    """No reading now, but soon: the queue is full or the model is still being loaded."""

    retry_after = RETRY_SECONDS


def awaited(answer: Future[T], patience: float | None, late: str = LATE) -> T:
    """Wait so many seconds for an answer of the engine; EngineBusyError with the sentence `late` where none comes."""
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        raise EngineBusyError(late) from None


@dataclass
class Waiting:
    """One prepared picture waiting for its forward pass; beside: it comes along with one that somebody waits for."""

    bundle: Bundle
    pixels: np.ndarray
    beside: bool = False
    answer: Future[Any] = field(default_factory=Future)


def run_batch(batch: list[Waiting]) -> None:
    """Run one batch and hand everyone their part; a failure reaches those who waited and not the thread."""
    try:
        result = batch[0].bundle.network.forward(np.stack([picture.pixels for picture in batch]))
        for index, picture in enumerate(batch):
            picture.answer.set_result(result.one(index))
    except Exception as error:
        log.exception("a batch of %d failed", len(batch))
        for picture in batch:
            if not picture.answer.done():
                picture.answer.set_exception(error)
