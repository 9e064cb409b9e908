"""What a bundle says of pictures as other cameras, programs and colour spaces would have left them.

A rendering changes what a picture is like, not whose leukocytes are in it. So of its own kind a bundle has to be right
in every rendering, or to refuse it; of pictures that are none of its business it must not suggest in any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from smear.arrays import Array
from smear.inference import bundle
from smear.inference.card import Card
from smear.inference.field_reader import Reader
from smear.measured import Rendered
from training import csv_table
from training.data.dataset import Dataset
from training.data.manifest import DataError
from training.data.renderings import RENDERINGS
from training.evaluation.cross_fit import held_out_readers
from training.evaluation.predictions import Load, Question, answers
from training.evaluation.summary import EARLIER_CODE
from training.fit.checkpoints import whole
from training.progress import track
from training.recipes.recipe import Recipe

RESULT = "stress.json"  # in a run's folder
RIGHT, FEW = 0.98, 0.05  # of the suggestions, or of the pictures that get any: what a rendering of its own kind needs
FOREIGN = 0.002  # of the pictures that are none of its business may get a suggestion


def holds(rendered: Rendered) -> bool:
    """Return whether a bundle is right about its own kind or refuses the rendering, and suggests next to no others."""
    refused = rendered.suggested < FEW * rendered.own
    right = rendered.right >= RIGHT * rendered.suggested
    return (refused or right) and rendered.others_suggested <= FOREIGN * rendered.others


class Stress(Struct, frozen=True):
    """All renderings, and how many folds' networks read them, each what it had not seen; 1 for a bundle by itself.

    recipe, fingerprint, code: of the networks, the data set of their own kind and the versions of the code that made
    them, as in `training.evaluation.summary.CrossValidated`.
    """

    networks: int
    renderings: tuple[Rendered, ...]
    recipe: dict[str, Any]
    fingerprint: str
    code: list[str]


@dataclass(frozen=True)
class Asked:
    """Readers, what loads them anew in another process, and the pictures of its own kind for each, int64 (N,)."""

    readers: tuple[Reader, ...]
    load: Load
    indices: tuple[Array, ...]


def of_bundle(folder: Path, own: Dataset) -> Asked:
    """Return the bundle in `folder` with all pictures of `own`."""
    load = partial(_bundle_in, folder)
    return Asked(load(), load, (np.arange(len(own)),))


def of_run(run: Path, own: Dataset) -> Asked:
    """Return the network of every finished grouped fold of a run with the pictures that it had not seen; DataError as
    `held_out_readers`."""
    readers, tests = zip(*held_out_readers(run, own), strict=True)
    return Asked(readers, partial(_folds_of, run, own), tests)


def _bundle_in(folder: Path) -> tuple[Reader, ...]:
    return (Reader(bundle.load(folder)),)


def _folds_of(run: Path, own: Dataset) -> tuple[Reader, ...]:
    return tuple(reader for reader, _test in held_out_readers(run, own))


def stress(
    asked: Asked, own: Dataset, others: Mapping[str, Dataset], pictures: int | None, address: str | None = None
) -> Stress:
    """Return what the readers say of every rendering of `own` and of `others`.

    pictures: at most so many of its own kind and so many of each other set, drawn by chance but always the same;
    address: of the workers that share the work (`smear.workers`), None for this process alone. DataError where `own`
    has a label that the readers do not know.
    """
    targets = [_targets(own, reader.card) for reader in asked.readers]  # refused before anything is read
    random, networks = np.random.default_rng(0), len(asked.readers)
    shares = [None if pictures is None else (pictures + networks - 1 - k) // networks for k in range(networks)]
    drawn = [_sample(indices, share, random) for indices, share in zip(asked.indices, shares, strict=True)]
    foreign = [_sample(np.arange(len(dataset)), pictures, random) for dataset in others.values()]
    parts = [(0, reader, indices) for reader, indices in enumerate(drawn) if len(indices)]
    for place, indices in enumerate(foreign, 1):
        parts += [(place, reader, part) for reader, part in enumerate(np.array_split(indices, networks)) if len(part)]
    questions = [Question(part, reader, place, name) for name in RENDERINGS for place, reader, part in parts]
    load = asked.load if address else (lambda: asked.readers)
    replies = answers(questions, load, [own, *others.values()], address)
    counts = {
        name: dict.fromkeys(("own", "suggested", "right", "others", "others_suggested"), 0) for name in RENDERINGS
    }
    for question, (answer, _ablations) in track(zip(questions, replies, strict=True), "renderings", len(questions)):
        count = counts[question.rendering]
        if question.dataset:
            count["others"] += len(question.indices)
            count["others_suggested"] += int(answer.suggested.sum())
            continue
        count["own"] += len(question.indices)
        count["suggested"] += int(answer.suggested.sum())
        right = answer.right(targets[question.reader][question.indices])
        count["right"] += int((answer.suggested & right).sum())
    recipes = [reader.card.recipe for reader in asked.readers]
    return Stress(
        networks=networks,
        renderings=tuple(Rendered(name, **count) for name, count in counts.items()),
        recipe={entry: value for entry, value in recipes[0].items() if entry in Recipe.__struct_fields__},
        fingerprint=own.fingerprint,
        code=sorted({recipe.get("code", EARLIER_CODE) for recipe in recipes}),
    )


def write(run: Path, result: Stress) -> None:
    """Keep a result in the folder of a run, where `publish` looks for it."""
    with whole(run / RESULT) as partial:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))


def read(run: Path) -> Stress | None:
    """Return what `write` kept, None where there is nothing; DataError where it cannot be read."""
    if not (run / RESULT).is_file():
        return None
    try:
        return msgspec.json.decode((run / RESULT).read_bytes(), type=Stress)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{run / RESULT} is of an earlier version, or damaged ({error}). Give its stress command again."
        ) from error


def _targets(own: Dataset, card: Card) -> Array:
    """Return the class of every picture, int64 (N,), in the order of a card's labels."""
    return own.merged(card.recipe.get("merge", {}), least=1).targets(tuple(label.id for label in card.labels))


def _sample(indices: Array, pictures: int | None, random: np.random.Generator) -> Array:
    return indices if pictures is None else np.sort(random.permutation(indices)[:pictures])


def as_csv(result: Stress, command: str) -> str:
    """Return the renderings as CSV with the command in a comment on top."""
    return csv_table.as_csv([_line(rendered) for rendered in result.renderings], command)


def _line(rendered: Rendered) -> dict[str, Any]:
    right = f"{rendered.right / rendered.suggested:.3f}" if rendered.suggested else ""
    return {
        "rendering": rendered.rendering,
        "own kind": str(rendered.own),
        "suggested": str(rendered.suggested),
        "right": str(rendered.right),
        "coverage": f"{rendered.suggested / rendered.own:.3f}" if rendered.own else "",
        "accuracy on suggested": right,
        "others": str(rendered.others),
        "others suggested": str(rendered.others_suggested),
        "holds": "yes" if holds(rendered) else "no",
    }
