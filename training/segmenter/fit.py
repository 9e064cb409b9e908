"""Gather what the teachers are sure of and fit the network that finds leukocytes."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np

from smear.arrays import Array
from smear.imaging import synthetic
from training.architectures import unet
from training.data.dataset import Dataset, load
from training.fit.checkpoints import IDENTITY, Checkpoints, claim
from training.fit.identity import code_version, identity
from training.progress import track
from training.segmenter import labelling
from training.segmenter.labelling import CYTOPLASM, NUCLEUS, UNSURE, Labelled
from training.segmenter.scenes import Source, scene, source

EPOCHS = "epochs"  # folder in a run
BATCH = 16
STEPS_PER_EPOCH = 250
NO_LEUKOCYTE = "platelet"  # the class of PBC whose pictures hold none
LARGE_PLATELET = 0.03  # of the picture: larger violet things among platelets are something else
FIELDS, DRAWN = 600, 120
SHARES = {"fields": 0.38, "single": 0.48, "empty": 0.04, "drawn": 0.10}  # of the scenes


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: epochs of `STEPS_PER_EPOCH` steps, the peak learning rate, and the seed of it all."""

    epochs: int = 30
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    seed: int = 17


@dataclass(frozen=True)
class Lessons:
    """All sources, and the share of the scenes that each is the base of, float (N,)."""

    sources: tuple[Source, ...]
    shares: Array
    lonely: tuple[int, ...]


def gather(fields: Path, singles: Path) -> Lessons:
    """Return what is learnt from: `FIELDS` fields (Taleghani), single cells (PBC), and drawn fields."""
    parts = {
        "fields": _fields(load(fields)),
        "single": _singles(load(singles)),
        "empty": _empty(load(singles)),
        "drawn": _drawn(),
    }
    sources = [each for part in parts.values() for each in part]
    shares = np.concatenate([np.full(len(part), SHARES[name] / max(1, len(part))) for name, part in parts.items()])
    lonely = tuple(i for i, each in enumerate(sources) if each.lonely and each.diameter > 60)
    return Lessons(tuple(sources), shares / shares.sum(), lonely)


def _fields(data: Dataset) -> list[Source]:
    step = max(1, len(data) // FIELDS)
    chosen = track(range(0, len(data), step), "fields")
    return [source(labelling.field(data.picture(index))) for index in chosen]


def _singles(data: Dataset) -> list[Source]:
    chosen = [i for i, label in enumerate(data.labels) if label != NO_LEUKOCYTE]

    def label(index: int) -> Labelled | None:
        return labelling.middle_cell(data.picture(index))

    with ThreadPoolExecutor() as pool:  # OpenCV works without the interpreter's lock
        cells = track(pool.map(label, chosen), "single cells", len(chosen))
        return [source(labelled) for labelled in cells if labelled is not None]


def _empty(data: Dataset) -> list[Source]:
    sources = []
    for index in (i for i, label in enumerate(data.labels) if label == NO_LEUKOCYTE):
        rgb = data.picture(index)
        labelled = labelling.field(rgb)
        if (labelled.classes > 0).mean() < LARGE_PLATELET:
            blank = np.zeros_like(labelled.classes)
            sources.append(source(Labelled(rgb, blank, blank), diameter=0.3 * min(rgb.shape[:2])))
    return sources


def _drawn() -> list[Source]:
    kinds = ("leukemic", "sparse", "sparse", "erythrocytes_only")
    return [
        source(labelling.field(synthetic.field(seed, kinds[seed % len(kinds)], size=(224, 320, 448)[seed % 3])), 27.0)
        for seed in range(1000, 1000 + DRAWN)
    ]


class Scenes(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Endless scenes; batch `index` of epoch e is the same for the same seed."""

    def __init__(self, lessons: Lessons, seed: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=12)
        self.lessons, self.seed, self.epoch = lessons, seed, 0

    def __len__(self) -> int:
        return STEPS_PER_EPOCH

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        first = ((self.seed * 1000 + self.epoch) * STEPS_PER_EPOCH + index) * BATCH
        chosen = np.random.default_rng(first).choice(len(self.lessons.sources), BATCH, p=self.lessons.shares)
        scenes = [scene(self.lessons.sources, self.lessons.lonely, int(c), first + i) for i, c in enumerate(chosen)]
        inputs, classes, cores = (np.stack(part) for part in zip(*scenes, strict=True))
        return inputs.astype(np.float32), np.stack([classes, cores], axis=-1).astype(np.float32)


def loss(labels: Any, logits: Any) -> Any:
    """Return cross-entropy of class and core where the teacher is sure, plus 1 - Dice of nucleus and whole cell."""
    ops = keras.ops
    classes, core = labels[..., 0], labels[..., 1]
    known = ops.cast(classes != UNSURE, "float32")
    # `sure` zeroes what is unsure; the index only has to be a valid one there.
    target = ops.one_hot(ops.cast(classes * known, "int32"), 3)
    by_class = keras.losses.categorical_crossentropy(target, logits[..., :3], from_logits=True)
    by_core = ops.maximum(logits[..., 3], 0) - logits[..., 3] * core + ops.log1p(ops.exp(-ops.abs(logits[..., 3])))
    shares = ops.softmax(logits[..., :3]) * known[..., None]
    whole = 1 - _dice(shares[..., CYTOPLASM] + shares[..., NUCLEUS], target[..., CYTOPLASM] + target[..., NUCLEUS])
    nucleus = 1 - _dice(shares[..., NUCLEUS], target[..., NUCLEUS])
    return ops.sum((by_class + 0.5 * by_core) * known) / ops.sum(known) + 0.5 * (whole + nucleus)


def _dice(share: Any, target: Any) -> Any:
    ops = keras.ops
    return (2 * ops.sum(share * target) + 1) / (ops.sum(share) + ops.sum(target) + 1)


class _EpochLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    def __init__(self, scenes: Scenes, say: Callable[[str], None]) -> None:
        super().__init__()
        self.scenes, self.say = scenes, say

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.scenes.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.say(f"epoch {epoch + 1}/{self.params['epochs']}: loss {(logs or {})['loss']:.4f}")


def _identity(lessons: Lessons, schedule: Schedule) -> str:
    """Return the digest of all that decides what a fit ends in."""
    decides = {
        "schedule": asdict(schedule),
        "steps": STEPS_PER_EPOCH,
        "batch": BATCH,
        "lonely": lessons.lonely,
        "diameters": [each.diameter for each in lessons.sources],
        "code": code_version("training/segmenter"),
    }
    arrays = ((each.density, each.classes, each.instances, each.places) for each in lessons.sources)
    return identity(decides, [lessons.shares, *chain.from_iterable(arrays)])


def clear(scratch: Path) -> None:
    """Remove what a killed fit would have gone on from: the segmenter is published."""
    shutil.rmtree(scratch / EPOCHS, ignore_errors=True)
    (scratch / IDENTITY).unlink(missing_ok=True)


def fit(lessons: Lessons, schedule: Schedule, scratch: Path, say: Callable[[str], None] = print) -> Any:
    """Return the fitted model; a run that was killed goes on after its last whole epoch, which stands in `scratch`.

    DataError where what stands there is of other lessons, of another schedule or of other code.
    """
    claim(scratch, [EPOCHS], _identity(lessons, schedule))
    keras.utils.set_random_seed(schedule.seed)
    model = unet.build()
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 10,
        schedule.epochs * STEPS_PER_EPOCH,
        warmup_target=schedule.learning_rate,
        warmup_steps=STEPS_PER_EPOCH,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=rate, weight_decay=schedule.weight_decay, clipnorm=1.0),
        loss=loss,
    )
    scenes = Scenes(lessons, schedule.seed)
    checkpoints = Checkpoints(scratch / EPOCHS)
    done = checkpoints.restore(model)
    callbacks = [_EpochLog(scenes, say), checkpoints]
    model.fit(scenes, initial_epoch=done, epochs=schedule.epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return model
