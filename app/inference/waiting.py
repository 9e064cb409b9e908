"""Pictures that wait for a network, those who wait for its answers, and one batch of them."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from smear.imaging.decode import Picture
from smear.inference.bundle import Bundle
from smear.inference.field_reader import Examination, Reader
from smear.inference.network import Forward
from smear.inference.reading import Reading
from smear.sentence import SentenceError

log = logging.getLogger("leukolens.engine")

RETRY_SECONDS = 3
MANY = "Many images are being read just now."
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


def take_batch(waiting: deque[Waiting]) -> list[Waiting]:
    """Take out the oldest picture and whatever else waits for the same bundle, up to its card's batch size."""
    if not waiting:
        return []
    bundle = waiting[0].bundle
    batch: list[Waiting] = []
    rest: list[Waiting] = []
    while waiting:
        picture = waiting.popleft()
        fits = picture.bundle is bundle and len(batch) < bundle.card.batch_size
        (batch if fits else rest).append(picture)
    waiting.extend(rest)
    return batch


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


@dataclass
class Pending:
    """A picture that was looked at; the network's part may still be waiting for its turn."""

    picture: Picture
    reader: Reader
    examination: Examination
    answers: list[Future[Any]]  # none where the network is not asked, because the picture is refused before
    patience: float | None

    def reading(self) -> Reading:
        """Wait for the network and conclude."""
        parts = [awaited(answer, self.patience) for answer in self.answers]
        return self.reader.conclude(self.examination, Forward.joined(parts) if parts else None)
