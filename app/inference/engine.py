"""The engine: one thread that runs the models, batching whatever arrived while it was busy.

What computes a network is imported by this thread only, after the fork: a process that reads no image never loads it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, current_app

from app.inference.loaded_bundles import (
    BundleUnusableError,
    LoadedBundle,
    OtherCardError,
    fill,
    is_published,
    look_at,
)
from app.inference.slots import Slots
from app.inference.waiting import MANY, EngineBusyError, Pending, T, Waiting, awaited, run_batch, take_batch
from smear.imaging.containers import Enclosed
from smear.imaging.decode import Picture
from smear.inference import bundle as bundles
from smear.inference.bundle import Bundle
from smear.inference.field_reader import Reader
from smear.inference.reading import Reading
from smear.segmentation import mask_network
from smear.segmentation.field import Field

LOADING = "The model is still being loaded."


class Engine:
    """Owns the loaded bundles and the thread that runs them.

    capacity: pictures that may wait; patience: seconds for which somebody waits for an answer, None for as long as it
    takes, because a request must not wait for ever on a dead engine and a command line has nothing better to do; line:
    unusual pictures that may wait to be unpacked; of files that are sent no more are let in than `capacity` (`Slots`).
    """

    def __init__(
        self,
        folder: Path,
        capacity: int,
        load: Callable[[Path], Bundle] = bundles.load,
        patience: float | None = None,
        line: int | None = None,
    ) -> None:
        self.folder = folder
        self.capacity = capacity
        self.hold: Callable[[Bundle], None] | None = None  # what is asked before a bundle reads, by whoever has doubts
        self.patience = patience
        self._load = load
        self._loaded: dict[str, LoadedBundle] = {}
        self._waiting: deque[Waiting] = deque()
        self._loads: deque[tuple[str, Future[LoadedBundle] | None]] = deque()  # None: only to be looked at
        self._wake = threading.Condition()
        self.slots = Slots(line, capacity)
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self, first: list[str], others: bool = True) -> None:
        """Start loading the bundles named first, then look whether every other is whole; a second call does nothing.

        The others are loaded when they are asked to read: a model that nobody uses costs no memory.
        """
        with self._wake:
            if self._thread is not None:
                return
            rest = bundles.names(self.folder) if others else []
            for name in dict.fromkeys([*first, *rest]):
                self._loaded[name] = LoadedBundle(name)
                self._loads.append((name, Future() if name in first else None))
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

    def loaded(self, name: str) -> LoadedBundle:
        """Return what the engine knows of a bundle."""
        return self._loaded.get(name) or LoadedBundle(name)

    def all_loaded(self) -> list[LoadedBundle]:
        """Return every bundle the engine knows."""
        return list(self._loaded.values())

    def device(self) -> str | None:
        """Say on what the models run, once one is loaded."""
        loaded = (loaded.bundle for loaded in self.all_loaded() if loaded.bundle)
        return next((str(bundle.network.device) for bundle in loaded), None)

    def load(self, name: str) -> Bundle:
        """Verify a bundle's files now, load it unless these very files are loaded, and return it.

        BundleUnusableError where it is damaged; EngineBusyError where others are still being loaded before it.
        """
        answer: Future[LoadedBundle] = Future()
        with self._wake:
            self._loads.append((name, answer))
            self._wake.notify_all()
        loaded = awaited(answer, self.patience, LOADING)
        if loaded.bundle is None:
            raise BundleUnusableError(loaded.text)
        return loaded.bundle

    def load_to_read(self, name: str) -> Bundle:
        """Verify and load a bundle as `load` does; BundleUnusableError also where it is not let read."""
        return self.held(self.load(name))

    def bundle(self, name: str) -> Bundle:
        """Return a loaded bundle; an error with a sentence where it is damaged, not loaded yet or not let read.

        What was published or activated on another server of the database after this one started is loaded now.
        """
        if self.started and (name not in self._loaded or self._loaded[name].state == "whole"):
            return self.load_to_read(name)
        loaded = self.loaded(name)
        if loaded.bundle is not None:
            try:
                return self.held(loaded.bundle)
            except OtherCardError as error:
                if not is_published(self.folder / name, error.held):
                    raise
                return self.load_to_read(name)
        if loaded.state == "damaged":
            raise BundleUnusableError(loaded.text)
        raise EngineBusyError(LOADING)

    def held(self, bundle: Bundle) -> Bundle:
        """Return a bundle that is loaded; BundleUnusableError where it is not let read."""
        if self.hold is not None:
            self.hold(bundle)
        return bundle

    def begin(self, name: str, enclosed: Enclosed) -> Pending:
        """Decode a picture of a file and look at it in the caller's thread, and queue what the network must see.

        The caller may store the picture meanwhile. ImageError where it is no picture that can be read.
        """
        bundle = self.bundle(name)
        started = time.perf_counter()
        with self.slots.upload(enclosed.data), self.slots.unpacking():
            return self.examine(bundle, enclosed.decode(), started)

    def read(self, name: str, enclosed: Enclosed) -> Reading:
        """Read one picture of a file with one bundle."""
        return self.begin(name, enclosed).reading()

    def read_field(self, bundle: Bundle, field: Field) -> Reading:
        """Read a field that was segmented before, as for a second opinion, with a bundle that is let read."""
        started = time.perf_counter()
        with self.slots.stored(field.rgb.shape[0] * field.rgb.shape[1]):
            pending = self.examine(bundle, Picture(field.rgb, "PNG"), started, field)
        return pending.reading()

    def wait(self, answer: Future[T]) -> T:
        """Wait for an answer to what was submitted; EngineBusyError where it does not come."""
        return awaited(answer, self.patience)

    def examine(self, bundle: Bundle, picture: Picture, started: float, field: Field | None = None) -> Pending:
        """Look at a picture, for which the caller holds a slot, and queue it, unless it is refused by its looks.

        field: the picture's, where it was segmented before.
        """
        reader = Reader(bundle)
        examination = reader.examine(picture, started, field)
        futures = [] if examination.refusals else self.submit_all(bundle, examination.inputs)
        return Pending(picture, reader, examination, futures, self.patience)

    def submit(self, bundle: Bundle, pixels: np.ndarray) -> Future[Any]:
        """Queue one prepared picture; its logits, maps and features come as a batch of one."""
        return self.submit_all(bundle, [pixels])[0]

    def submit_all(self, bundle: Bundle, pictures: Iterable[np.ndarray], beside: bool = False) -> list[Future[Any]]:
        """Queue the parts of one picture, prepared: as it is one that somebody waits for, it finds room or does not.

        beside: they come along with a picture that has found room, as its cells do, and take none from others.
        """
        waiting = [Waiting(bundle, pixels, beside) for pixels in pictures]
        with self._wake:
            if not beside and sum(not picture.beside for picture in self._waiting) >= self.capacity:
                raise EngineBusyError(MANY)
            self._waiting.extend(waiting)
            self._wake.notify_all()
        return [picture.answer for picture in waiting]

    def _run(self) -> None:
        """Serve until stopped: pictures before bundles, so that loading a second model delays nobody for long."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._loads or self._stopping)
                if self._stopping:
                    return
                batch = take_batch(self._waiting)
                load = None if batch else self._loads.popleft()
            if batch:
                run_batch(batch)
            elif load:
                name, answer = load
                loaded = self._loaded.setdefault(name, LoadedBundle(name))
                if answer is not None:
                    answer.set_result(fill(loaded, self.folder, self._load))
                elif loaded.state == "waiting":
                    look_at(loaded, self.folder)


def init_app(app: Flask, wanted: Callable[[], list[str]], hold: Callable[[Bundle], None]) -> None:
    """Give the application its engine, asleep until the first use or until the worker starts it.

    wanted: names the bundles to load first, once the engine wakes; hold: raises BundleUnusableError for one that must
    not read. Both are asked in an application context.
    """
    app.extensions["engine"] = Engine(
        app.config["MODELS_DIR"],
        app.config["QUEUE"],
        patience=app.config["ANSWER_SECONDS"],
        line=max(1, app.config["THREADS"] // 2),
    )
    app.extensions["wanted_bundles"], app.extensions["hold_bundle"] = wanted, hold
    mask_network.use(app.config["MODELS_DIR"])


def engine() -> Engine:
    """Return the engine of the current application, awake."""
    running: Engine = current_app.extensions["engine"]
    running.hold = current_app.extensions["hold_bundle"]
    if not running.started:
        running.start(current_app.extensions["wanted_bundles"]())
    return running
