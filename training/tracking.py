"""Where the numbers of a training go besides its report, for who watches many: TensorBoard's files, an MLflow server.

Both are optional (`requirements-tracking.txt`). What is sent are numbers and the recipe: no picture, name or path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from smear.sentence import SentenceError

NEEDED = "{} needs {}, which is not installed. Install requirements-tracking.txt, or leave the option out."
EXPERIMENT = "LeukoLens"
FOLDER, NOTE = "tensorboard", "mlflow-run"  # in a training's folder
RETRIES = "2"  # of a request to a server; MLflow's own way takes four minutes to find that nobody answers
Tell = Callable[[int, Mapping[str, float]], None]


class TrackingError(SentenceError):
    """Numbers cannot be sent where they shall go; the sentence says why."""


@dataclass(frozen=True)
class Tracking:
    """Where numbers go: TensorBoard's files in each training's folder, the MLflow server at a URI, or nowhere."""

    tensorboard: bool = False
    mlflow: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be done before anything is trained; TrackingError."""
        for wanted, option, name in (
            (self.tensorboard, "--tensorboard", "tensorboard"),
            (self.mlflow, "--mlflow", "mlflow"),
        ):
            if wanted and find_spec(name) is None:
                raise TrackingError(NEEDED.format(option, name))

    @contextmanager
    def opened(
        self, folder: Path, name: str, recipe: Mapping[str, Any], report: Callable[[str], None]
    ) -> Iterator[Tell]:
        """Give what takes the numbers of a training by step, each under its name, until the training ends.

        folder: the training's; one that goes on after it was killed goes on there too. name: of the training among
        others; recipe: what it was asked to do, sent once; report: takes a sentence where a server no longer answers,
        for which no training stops. TrackingError where it does not answer at first.
        """
        with ExitStack() as stack:
            tells = []
            if self.tensorboard:
                tells.append(stack.enter_context(_to_files(folder / FOLDER)))
            if self.mlflow:
                tells.append(stack.enter_context(_to_server(self.mlflow, folder / NOTE, name, recipe, report)))

            def tell(step: int, values: Mapping[str, float]) -> None:
                for each in tells:
                    each(step, values)

            yield tell


NOWHERE = Tracking()


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values under names joined by dots; what is neither a mapping nor one value is left out."""
    flattened: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flattened |= flat(value, f"{before}{key}.")
        elif isinstance(value, str | int | float | bool):
            flattened[f"{before}{key}"] = value
    return flattened


@contextmanager
def _to_files(folder: Path) -> Iterator[Tell]:
    from tensorboard.summary import Writer  # imports TensorFlow

    writer = Writer(str(folder))

    def tell(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    try:
        yield tell
    finally:
        writer.close()


@contextmanager
def _to_server(
    uri: str, note: Path, name: str, recipe: Mapping[str, Any], report: Callable[[str], None]
) -> Iterator[Tell]:
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
    import mlflow

    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(EXPERIMENT)
        experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT)
        if note.is_file():
            run = note.read_text(encoding="utf-8").strip()
            client.update_run(run, status="RUNNING")
        else:
            run = client.create_run(experiment, run_name=name).info.run_id
            for key, value in flat(recipe).items():
                client.log_param(run, key, value)
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(run, encoding="utf-8")
    except mlflow.MlflowException as error:
        reason = str(error).splitlines()[0]
        raise TrackingError(f"MLflow at {uri} does not take this training: {reason}") from error
    state = "FAILED"

    def tell(step: int, values: Mapping[str, float]) -> None:
        try:
            for key, value in values.items():
                client.log_metric(run, key, value, step=step)
        except mlflow.MlflowException as error:
            report(f"MLflow did not take the numbers of step {step}: {str(error).splitlines()[0]}")

    try:
        yield tell
        state = "FINISHED"
    finally:
        with suppress(mlflow.MlflowException):
            client.set_terminated(run, state)
