"""What looks on while a network is trained: held-out pictures after every epoch, a loss that is no number, patience."""

import json
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from msgspec import Struct, structs

from smear.arrays import Array
from smear.sentence import SentenceError
from training.data.prepared import Pictures
from training.fit.batches import Batches
from training.fit.calibration import negative_log_likelihood
from training.fit.checkpoints import save_weights, whole
from training.fit.features import logits_of
from training.fit.run import Report
from training.progress import steps
from training.tracking import Tell

ACCURACY = "accuracy"


class DivergedError(SentenceError):
    """The loss became NaN or infinite."""


class Epoch(Struct, frozen=True, omit_defaults=True):
    """How an epoch fared, numbered from 1 over all stages: loss, and accuracy on the pictures that it learnt from, as
    they were augmented; accuracy and loss of held-out pictures, if there are any."""

    epoch: int
    loss: float
    accuracy: float | None = None
    held_out: float | None = None
    held_out_loss: float | None = None


def history_in(note: Path) -> list[Epoch]:
    """Return the epochs that a training that was killed has noted; none where it has not begun."""
    return msgspec.json.decode(note.read_bytes(), type=list[Epoch]) if note.is_file() else []


class LabelledAccuracy(keras.metrics.Mean):  # type: ignore[misc]  # Keras has no types
    """How often the most likely class is the true one, of pictures that have one: an outlier's are all alike."""

    def __init__(self) -> None:
        super().__init__(name=ACCURACY)

    def update_state(self, targets: Any, logits: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        """Count a batch: targets, shares (B, C), and logits (B, C). What a class weighs in the loss plays no part."""
        right = keras.ops.equal(keras.ops.argmax(targets, axis=-1), keras.ops.argmax(logits, axis=-1))
        labelled = keras.ops.max(targets, axis=-1) > (1 + 1 / targets.shape[-1]) / 2
        super().update_state(keras.ops.cast(right, "float32"), keras.ops.cast(labelled, "float32"))


class EpochLog(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Starts each epoch's order, shows how far it is and how long the stage takes yet, stops on NaN, and reports after
    each epoch how held-out pictures fare, if any are.

    history: of all stages, kept in the file `note` as well, so that a training that was killed ends with all of it.
    """

    def __init__(
        self,
        batches: Batches,
        held_out: tuple[Pictures, Array],
        history: list[Epoch],
        note: Path,
        report: Report,
        tell: Tell,
        stage: str = "",
    ) -> None:
        super().__init__()
        self.tell = tell
        self.batches, self.held_out, self.history, self.note = batches, held_out, history, note
        self.report, self.stage = report, stage
        self.progress: Any = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.batches.begin_epoch(epoch)
        if self.progress is None:  # at the first epoch of this start, which is not the first where a run goes on
            left = (self.params["epochs"] - epoch) * len(self.batches)
            self.progress = steps(f"{self.stage}steps", left)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        if logs and not np.isfinite(logs["loss"]):
            raise DivergedError("The loss became NaN. Lower the learning rate in the recipe.")
        self.progress.update()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if self.progress is not None:
            self.progress.close()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        fared = logs or {}
        row = Epoch(self.batches.epoch + 1, round(float(fared["loss"]), 5), round(float(fared[ACCURACY]), 5))
        line = (
            f"{self.stage}epoch {epoch + 1}/{self.params['epochs']}: loss {row.loss:.4f}, accuracy {row.accuracy:.4f}"
        )
        if len(self.held_out[1]):
            logits = logits_of(self.model, self.held_out[0])
            right = round(float((logits.argmax(axis=1) == self.held_out[1]).mean()), 5)
            loss = round(negative_log_likelihood(logits, self.held_out[1], 1.0), 5)
            row = structs.replace(row, held_out=right, held_out_loss=loss)
            line += f", held-out accuracy {right:.4f}"
        # An epoch that was noted, and killed before its state was kept, is trained again.
        others = (earlier for earlier in self.history if earlier.epoch != row.epoch)
        self.history[:] = sorted([*others, row], key=lambda earlier: earlier.epoch)
        with whole(self.note) as partial:
            partial.write_bytes(msgspec.json.encode(self.history))
        self.report(line)
        numbers = structs.asdict(row)
        self.tell(numbers.pop("epoch"), {name: value for name, value in numbers.items() if value is not None})


class Patience(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends the training after so many epochs without a better held-out loss, and goes back to the best.

    Its memory is on disk, so that a training that was killed stops where it would have stopped.
    """

    def __init__(self, log: EpochLog, patience: int, folder: Path) -> None:
        super().__init__()
        self.log, self.patience, self.folder = log, patience, folder
        self.weights, self.note = folder / "best.weights.h5", folder / "best.json"

    def is_out(self, epochs: int) -> bool:
        """Return whether a training that goes on after so many epochs was ended by the last of them."""
        best = self._best()
        return best is not None and epochs - 1 - best["epoch"] >= self.patience

    def _best(self) -> Any:
        """Return loss and number, from 0, of the best epoch so far; None before the first."""
        return json.loads(self.note.read_text(encoding="utf-8")) if self.note.is_file() else None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        loss, best = self.log.history[-1].held_out_loss, self._best()
        if best is None or loss < best["loss"]:
            best = {"loss": loss, "epoch": epoch}
            save_weights(self.model, self.weights)
            with whole(self.note) as partial:
                partial.write_text(json.dumps(best), encoding="utf-8")
        if epoch - best["epoch"] >= self.patience:
            self.log.report(f"No better for {self.patience} epochs: back to epoch {best['epoch'] + 1}.")
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if self.weights.is_file():
            self.model.load_weights(self.weights)


class Plateau(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Goes on at a tenth of the rate after an epoch whose held-out loss is higher than that of the epoch before.

    Its memory is on disk, by epoch, so that a training that was killed slows down where it would have.
    """

    def __init__(self, log: EpochLog, folder: Path) -> None:
        super().__init__()
        self.log, self.note = log, folder / "losses.json"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        known = json.loads(self.note.read_text(encoding="utf-8")) if self.note.is_file() else []
        losses = [*known[:epoch], self.log.history[-1].held_out_loss]
        with whole(self.note) as partial:
            partial.write_text(json.dumps(losses), encoding="utf-8")
        if len(losses) > 1 and losses[-1] > losses[-2]:
            rate = float(np.array(self.model.optimizer.learning_rate)) / 10
            self.model.optimizer.learning_rate = rate
            self.log.report(f"The held-out loss has risen: the learning rate is {rate:.2g} now.")
