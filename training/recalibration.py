"""A published bundle with its refusal measured anew, by today's code, on the data that it was trained on.

What describes a picture (`smear.inference.ood`), the segmenter, or the code of a preprocessing step may get better
after a bundle was published. Its network need not be trained again for that: the statistics come from all pictures, the
threshold from pictures that are each measured against statistics without their group, as at publishing. What the card
says of accuracy was measured with the earlier refusal; the new card says so.
"""

import datetime
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.artifacts import GRAPH, MODEL
from smear.inference import bundle
from smear.inference.bundle import Bundle
from smear.inference.card import Card, Scale, Threshold
from smear.inference.preprocess import prepare
from smear.segmentation.find import find
from training import learnt_pictures
from training.data.dataset import THREADS, Dataset
from training.data.manifest import DataError
from training.evaluation.splits import folds, may_be_learnt_from
from training.fit.calibration import familiar, ood_threshold
from training.fit.draft_card import commit, made_with
from training.fit.run import groups_of, scale_of, size_of
from training.progress import track
from training.recipes.of_cards import refusal_of
from training.recipes.recipe import Source

FOLDS = 5
REMARK = (
    "What is unfamiliar was measured anew for version {version} ({rate:.1f} % of its own kind of pictures are refused"
    " for it); accuracy and coverage on this card were measured with the refusal of version {earlier}."
)


def recalibrate(source: Path, data: Dataset, models: Path, version: str) -> Path:
    """Publish the bundle in `source` into `models` as `version`, its refusal measured on `data`; return its folder.

    DataError where `data` is not what the bundle was trained on, or the version is the one that it has.
    """
    loaded = bundle.load(source)
    card = loaded.card
    if card.data.get("fingerprint") != data.fingerprint:
        raise DataError(f"{card.name} {card.version} was trained on other data than {data.root}.")
    if version == card.version:
        raise DataError(f"{card.name} has the version {version} already. Give another one with --version.")
    known = msgspec.convert(card.recipe.get("sources") or {}, dict[str, Source])
    # An examination was not learnt from, and has no say in what is familiar.
    data = data.only(np.flatnonzero(may_be_learnt_from(data.sources, known)))
    data = data.merged(card.recipe.get("merge", {}))
    targets = data.targets(tuple(label.id for label in card.labels))
    looks, scale = _measured(loaded, data)
    threshold = _threshold(looks, data, targets, card)
    remark = REMARK.format(version=version, rate=100 * threshold.refusal_rate, earlier=card.version)
    renewed = structs.replace(
        card,
        version=version,
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ood=threshold,
        scale=scale,
        frameworks=card.frameworks | {"segmenter": made_with()["segmenter"]},
        recipe=card.recipe | {"recalibrated_from": card.version, "recalibrated_at_commit": commit()},
        known_failures=(*(text for text in card.known_failures if not text.startswith(REMARK[:24])), remark),
        files={},
    )

    def fill(folder: Path) -> None:
        graph = GRAPH if GRAPH in loaded.card.files else ""
        for file in filter(None, (MODEL, graph, card.head.file)):
            shutil.copyfile(source / file, folder / file)
        familiar(looks, targets, len(card.labels), refusal_of(card.recipe)).save(folder / bundle.OOD)
        learnt_pictures.write(folder, data.digests)
        if (source / "report").is_dir():
            shutil.copytree(source / "report", folder / "report")

    return bundle.write(models, renewed, fill)


def _measured(loaded: Bundle, data: Dataset) -> tuple[Array, Scale | None]:
    """Return what every picture looks like, float64 (N, K), and how large its cells are."""

    def look(index: int) -> tuple[Array, Array]:
        field = find(data.picture(index))
        return loaded.looks(prepare(field, loaded.card), field), size_of(field)

    with ThreadPoolExecutor(THREADS) as threads:
        pairs = track(threads.map(look, range(len(data))), "pictures", len(data))
        looks, sizes = (np.stack(part) for part in zip(*pairs, strict=True))
    return looks, scale_of(sizes) if loaded.card.scope == "field" else None


def _threshold(looks: Array, data: Dataset, targets: Array, card: Card) -> Threshold:
    """Return the limit that refuses the recipe's share of pictures, each measured without its group."""
    refusal, scores = refusal_of(card.recipe), np.zeros(len(looks))
    for known, test in folds(targets, groups_of(data), "grouped", FOLDS, 0):
        # What the network would name is not asked: it has learnt from these pictures, and names their own labels.
        distribution = familiar(looks[known], targets[known], len(card.labels), refusal)
        scores[test] = distribution.score(looks[test], targets[test])
    return ood_threshold(scores, refusal)
