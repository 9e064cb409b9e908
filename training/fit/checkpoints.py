"""What a training that was killed goes on from: its state after every whole epoch, whole or not there at all."""

import errno
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.manifest import DataError

SUFFIX = ".weights.h5"
SEEDS = "seed_generator_state"  # what Keras calls the variable of a layer that draws: its seed and how often it drew
IDENTITY = "unfinished.txt"  # beside the states of a training: what tells it from every other
SPARE = 2**20  # bytes, for what is around the numbers
DRAWS = 20  # bits: a million draws in an epoch


class Checkpoints(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps the state of model and optimiser after the newest epoch in `folder`.

    Keras's own BackupAndRestore writes over the only state there is: killed meanwhile, a training could never go on.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def restore(self, model: Any) -> int:
        """Give a compiled model the newest state that is kept, and return after how many epochs it was; 0 for none."""
        files = sorted(self.folder.glob(f"[0-9]*{SUFFIX}"))
        if not files:
            return 0
        model.optimizer.build(model.trainable_variables)
        model.load_weights(files[-1])
        return int(files[-1].name.removesuffix(SUFFIX))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Let layers such as dropout draw by the number of the epoch: how often they drew before is kept nowhere."""
        for variable in self.model.variables:
            if variable.path.endswith(SEEDS):
                seed, _drawn = np.array(variable)
                variable.assign(np.array([seed, epoch << DRAWS], np.uint32))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Keep this epoch's state, then forget the one before."""
        newest = self.folder / f"{epoch + 1:04}{SUFFIX}"
        save_weights(self.model, newest)
        for file in self.folder.glob(f"*{SUFFIX}"):
            if file != newest:
                file.unlink()


def claim(folder: Path, states: Iterable[str], identity: str) -> None:
    """Note in `folder` that its unfinished training is the one of this identity; states: names of what is left by one.

    DataError where another has left some: its weights would be taken for this one's. Where nothing is left of it, it
    was killed before it had learnt anything, and the folder is free.
    """
    note = folder / IDENTITY
    known = note.read_text(encoding="utf-8") if note.is_file() else ""
    if known != identity and any((folder / state).exists() for state in states):
        raise DataError(
            f"{folder} holds an unfinished training of other data, another recipe or seed, other first weights, or an"
            " earlier version of this program: choose another --out, or remove that folder to begin anew."
        )
    with whole(note) as partial:
        partial.write_text(identity, encoding="utf-8")


def save_weights(model: Any, file: Path) -> None:
    """Save a model's state in one step; OSError where the disk has no room for it."""
    ensure_room(file.parent, model)
    with whole(file) as partial:
        model.save_weights(partial)


def ensure_room(folder: Path, model: Any) -> None:
    """Raise OSError (ENOSPC) where the disk of `folder` has no room for a model, and its optimiser's state.

    HDF5 writes what is left when the process ends, and a full disk then ends it with a segmentation fault.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimiser = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimiser.variables if optimiser is not None else [])]
    needed = SPARE + sum(math.prod(variable.shape) * 4 for variable in variables)
    free = shutil.disk_usage(folder).free
    if free < needed:
        words = f"{os.strerror(errno.ENOSPC)} for {needed / 2**20:.0f} MB, of which {free / 2**20:.0f} MB are free"
        raise OSError(errno.ENOSPC, words)


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Yield a path to write to that becomes `file` when the block ends: what has that name is whole.

    Two processes that write the same file do not write into each other's.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"part-{os.getpid()}-{file.name}")
    yield partial
    partial.replace(file)
