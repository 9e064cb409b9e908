"""The engine: one thread that runs the models, batching whatever arrived while it was busy.

TensorFlow is imported by this thread only, after the fork, so a process that never reads an image never loads it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from flask import Flask, current_app

from app.inference.loaded_bundles import BundleUnusableError, Shelf, fill
from smear.imaging.decode import Picture, decode
from smear.inference import bundle as bundles
from smear.inference.bundle import Bundle
from smear.inference.field_reader import Examination, Reader, Reading

log = logging.getLogger("leukolens.engine")

RETRY_SECONDS = 3
DESKS = 4  # pictures decoded and searched at the same time: the largest takes most of a gigabyte
ANSWER_SECONDS = 60  # longer than any batch takes; a request must not wait for ever on a dead engine
LOADING = "The model is still being loaded."
T = TypeVar("T")


class EngineBusyError(Exception):
    """No reading now, but soon: the queue is full or the model is still being loaded."""

    retry_after = RETRY_SECONDS

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def awaited(answer: Future[T], late: str = "The model did not answer in time.") -> T:
    """Wait for an answer of the engine; EngineBusyError with the sentence `late` where it does not come."""
    try:
        return answer.result(timeout=ANSWER_SECONDS)
    except TimeoutError:
        raise EngineBusyError(late) from None


@dataclass
class Job:
    """One prepared picture waiting for its forward pass."""

    bundle: Bundle
    pixels: np.ndarray
    answer: Future[Any] = field(default_factory=Future)


@dataclass
class Pending:
    """A picture that was looked at; the network's part may still be waiting for its turn."""

    picture: Picture
    reader: Reader
    examination: Examination
    answer: Future[Any] | None  # None where the network is not asked, because the picture is refused before

    def reading(self) -> Reading:
        """Wait for the network and conclude."""
        return self.reader.conclude(self.examination, awaited(self.answer) if self.answer else None)


class Engine:
    """Owns the loaded bundles and the thread that runs them."""

    def __init__(self, folder: Path, capacity: int, load: Callable[[Path], Bundle] = bundles.load) -> None:
        self.folder = folder
        self.capacity = capacity
        self._load = load
        self._shelves: dict[str, Shelf] = {}
        self._jobs: deque[Job] = deque()
        self._loads: deque[tuple[str, Future[Shelf]]] = deque()
        self._wake = threading.Condition()
        self._desks = threading.BoundedSemaphore(DESKS)
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self, first: list[str], others: bool = True) -> None:
        """Start loading the bundles named first, then every other published one; a second call does nothing."""
        with self._wake:
            if self._thread is not None:
                return
            rest = bundles.names(self.folder) if others else []
            for name in dict.fromkeys([*first, *rest]):
                self._shelves[name] = Shelf(name)
                self._loads.append((name, Future()))
            self._thread = threading.Thread(target=self._run, name="leukolens-engine", daemon=True)
            self._thread.start()

    @property
    def started(self) -> bool:
        """Say whether the thread runs."""
        return self._thread is not None

    def stop(self) -> None:
        """End the thread after the batch it is running."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def shelf(self, name: str) -> Shelf:
        """Return what the engine knows of a bundle."""
        return self._shelves.get(name) or Shelf(name)

    def shelves(self) -> list[Shelf]:
        """Return every bundle the engine knows."""
        return list(self._shelves.values())

    def device(self) -> str | None:
        """Say on what the models run, once one is loaded."""
        loaded = (shelf.bundle for shelf in self.shelves() if shelf.bundle)
        return next((str(bundle.network.device) for bundle in loaded), None)

    def load(self, name: str) -> Bundle:
        """Verify a bundle's files now, load it unless these very files are loaded, and return it.

        BundleUnusableError where it is damaged; EngineBusyError where others are still being loaded before it.
        """
        answer: Future[Shelf] = Future()
        with self._wake:
            self._loads.append((name, answer))
            self._wake.notify_all()
        shelf = awaited(answer, LOADING)
        if shelf.bundle is None:
            raise BundleUnusableError(shelf.text)
        return shelf.bundle

    def bundle(self, name: str) -> Bundle:
        """Return a loaded bundle; an error with a sentence where it is damaged or not loaded yet."""
        shelf = self.shelf(name)
        if shelf.bundle is not None:
            return shelf.bundle
        if shelf.state == "damaged":
            raise BundleUnusableError(shelf.text)
        raise EngineBusyError(LOADING)

    def begin(self, name: str, data: bytes) -> Pending:
        """Decode a file and look at it in the caller's thread, and queue what the network must see.

        The caller may store the picture meanwhile. ImageError where the file is no picture that can be read.
        """
        bundle = self.bundle(name)
        started = time.perf_counter()
        with self._desks:
            return self._examine(bundle, decode(data), started)

    def read(self, name: str, data: bytes) -> Reading:
        """Read one file with one bundle."""
        return self.begin(name, data).reading()

    def read_picture(self, name: str, picture: Picture) -> Reading:
        """Read a picture that is decoded already, as for a second opinion."""
        with self._desks:
            pending = self._examine(self.bundle(name), picture, time.perf_counter())
        return pending.reading()

    def desk(self) -> threading.BoundedSemaphore:
        """Return what to hold while a picture is decoded and searched beside the readings: it bounds their memory."""
        return self._desks

    def _examine(self, bundle: Bundle, picture: Picture, started: float) -> Pending:
        """Look at a picture and queue it, unless it is refused by its looks."""
        reader = Reader(bundle)
        examination = reader.examine(picture, started)
        asked = None if examination.refusals else self.submit(bundle, examination.input)
        return Pending(picture, reader, examination, asked)

    def submit(self, bundle: Bundle, pixels: np.ndarray) -> Future[Any]:
        """Queue one prepared picture; its logits, maps and features come as a batch of one."""
        job = Job(bundle, pixels)
        with self._wake:
            if len(self._jobs) >= self.capacity:
                raise EngineBusyError("Many images are being read just now.")
            self._jobs.append(job)
            self._wake.notify_all()
        return job.answer

    def _run(self) -> None:
        """Serve until stopped: pictures before bundles, so that loading a second model delays nobody for long."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._loads or self._stopping)
                if self._stopping:
                    return
                batch = self._take_batch()
                load = None if batch else self._loads.popleft()
            if batch:
                run_batch(batch)
            elif load:
                name, answer = load
                shelf = self._shelves.setdefault(name, Shelf(name))
                answer.set_result(fill(shelf, self.folder, self._load))

    def _take_batch(self) -> list[Job]:
        """Take the oldest picture and whatever else waits for the same bundle, up to the card's batch size."""
        if not self._jobs:
            return []
        bundle = self._jobs[0].bundle
        batch: list[Job] = []
        others: deque[Job] = deque()
        while self._jobs:
            job = self._jobs.popleft()
            fits = job.bundle is bundle and len(batch) < bundle.card.batch_size
            (batch if fits else others).append(job)
        self._jobs = others
        return batch


def run_batch(batch: list[Job]) -> None:
    """Run one batch and hand everyone their part; a failure reaches those who waited and not the thread."""
    try:
        result = batch[0].bundle.network.forward(np.stack([job.pixels for job in batch]))
        for index, job in enumerate(batch):
            job.answer.set_result(result.one(index))
    except Exception as error:
        log.exception("a batch of %d failed", len(batch))
        for job in batch:
            if not job.answer.done():
                job.answer.set_exception(error)


def init_app(app: Flask, wanted: Callable[[], list[str]]) -> None:
    """Give the application its engine, asleep until the first use or until the worker starts it.

    wanted: names the bundles to load first, once the engine wakes; it is asked in an application context.
    """
    app.extensions["engine"] = Engine(app.config["MODELS_DIR"], app.config["QUEUE"])
    app.extensions["wanted_bundles"] = wanted


def engine() -> Engine:
    """Return the engine of the current application, awake."""
    running: Engine = current_app.extensions["engine"]
    if not running.started:
        running.start(current_app.extensions["wanted_bundles"]())
    return running
