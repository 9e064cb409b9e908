"""From a recipe and indices to a draft bundle: prepare, train, calibrate, remember what the training looked like."""

import datetime
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from smear.arrays import Array
from smear.imaging import synthetic
from smear.inference import bundle, classifier_heads, preprocess
from smear.inference.card import SCHEMA, Card, Golden, Head, Label
from smear.inference.network import PAIR, last_dense
from smear.inference.ood import Novelty, appearance
from smear.segmentation import mask_network
from training.architectures.blueprint import Weights
from training.data.dataset import THREADS, DataError, Dataset
from training.data.groups import find_groups
from training.data.outlier_exposure import outlier
from training.fit import classifiers
from training.fit.calibration import UNCALIBRATED, Calibration, calibrate, validated
from training.fit.features import answers, features
from training.fit.network_cache import trained
from training.fit.trainer import clear
from training.progress import track
from training.recipes.recipe import Recipe

SERVING_BATCH = 16
FEATURES = "features"  # folder in a run
GOLDEN = (("leukemic", 1), ("sparse", 2))


groups_of = cache(find_groups)  # of one data set for all recipes that are compared on it


@dataclass(frozen=True)
class Material:
    """A data set made ready for a recipe: inputs and outliers uint8 (N, h, w, 3), targets and groups int64 (N,).

    Outliers are empty where the recipe wants none.
    """

    dataset: Dataset
    labels: tuple[Label, ...]
    inputs: Array
    outliers: Array
    targets: Array
    groups: Array


def gather(recipe: Recipe, dataset: Dataset) -> Material:
    """Return the material of `recipe` for `dataset`."""
    labels = recipe.described(dataset)
    steps = preprocess.chain(recipe.preprocess, recipe.input)

    def prepare(index: int) -> tuple[Array, Array]:
        rgb = dataset.picture(index)
        prepared = preprocess.run(steps, preprocess.begin(rgb)).rgb
        strange = prepared[:0]
        if recipe.schedule.outlier_exposure:
            strange = outlier(rgb, steps, recipe.schedule.seed * 1_000_003 + index)
        return prepared, strange

    with ThreadPoolExecutor(THREADS) as threads:
        prepared = track(threads.map(prepare, range(len(dataset))), "prepare", len(dataset))
        inputs, outliers = (np.stack(part) for part in zip(*prepared, strict=True))
    return Material(
        dataset, labels, inputs, outliers, dataset.targets(tuple(label.id for label in labels)), groups_of(dataset)
    )


def draft(
    recipe: Recipe,
    material: Material,
    parts: tuple[Array, Array],
    weights: Weights,
    folder: Path,
    say: Callable[[str], None] = print,
    network_cache: Path | None = None,
) -> Path:
    """Train on parts[0], set temperature and thresholds on parts[1], and write a draft bundle below `folder`.

    Where parts[1] is empty the draft suggests nothing, until it is published with what a cross-validation says. network_cache:
    a folder of trained networks, for recipes that differ in their classifier only (`training.fit.network_cache`). The
    card has no metrics yet: those come from pictures that neither part holds. Returns the bundle's folder.
    """
    fit, held = parts
    x, y = material.inputs, material.targets
    guests = material.outliers[fit] if recipe.schedule.outlier_exposure else material.outliers
    made = trained(recipe, (x[fit], y[fit]), guests, (x[held], y[held]), weights, folder, say, network_cache)
    blueprint, started = made.blueprint, time.monotonic()
    answer, head = _answer(recipe, blueprint.model, x[fit], y[fit], len(material.labels), folder / FEATURES)
    novelty = Novelty.fit(np.stack([appearance(one) for one in x[fit]]))
    seconds = made.seconds + time.monotonic() - started
    shown = recipe.orientations, recipe.sure_upright
    calibration, validation = UNCALIBRATED, dict[str, Any]()
    if len(held):
        logits = answers(blueprint.model, answer, x[held], *shown)
        looks = np.stack([appearance(one) for one in x[held]])
        calibration = calibrate(logits, y[held], novelty.score(looks), recipe.refusal)
        validation = {"validation": validated(logits, y[held], calibration.temperature)}
    card = blank_card(recipe, material, blueprint.explanation_layer, calibration)
    card = replace(
        card,
        metrics={**validation, "history": made.history, "seconds": round(seconds, 1)},
        recipe={
            **card.recipe,
            "weights": blueprint.weights,
            "parameters": blueprint.model.count_params(),
            "precision": made.precision,
            "recurrence": asdict(made.recurrence),
        },
    )

    drawn = np.stack([preprocess.prepare(synthetic.field(seed, kind), card) for kind, seed in GOLDEN])
    said = answers(blueprint.model, answer, drawn, *shown).astype(np.float64).round(5)
    golden = tuple(Golden(*one, tuple(logits)) for one, logits in zip(GOLDEN, said.tolist(), strict=True))

    def fill(where: Path) -> None:
        _without_optimizer(blueprint.model).save(where / bundle.MODEL)
        novelty.save(where / bundle.NOVELTY)
        if head.file:
            shutil.copyfile(folder / FEATURES / head.file, where / head.file)

    written = bundle.write(folder, replace(card, golden=golden, head=head), fill)
    clear(folder)
    return written


def _answer(
    recipe: Recipe, model: Any, inputs: Array, targets: Array, classes: int, folder: Path
) -> tuple[classifier_heads.Answer, Head]:
    """Return what turns features into logits, and its entry in the card: the last dense layer, or what is fitted here.

    inputs, targets: prepared pictures, uint8 (N, H, W, 3), and classes of the training part; folder: for what is kept.
    """
    name = recipe.head.classifier
    if name == "dense":
        return _last_layer(model), Head()
    if len(np.unique(targets)) < classes:
        raise DataError("A class has no picture in the training part. A classifier needs some of every class.")
    known = features(model, inputs, folder, recipe.orientations)
    file = classifiers.fit(name, known, targets, folder, recipe.schedule.seed)
    return classifier_heads.load(folder / file, classes), Head(name, file)


def _last_layer(model: Any) -> classifier_heads.Answer:
    """Return the model's last layer as a function of its features; one logit becomes two, as in serving."""
    kernel, bias = last_dense(model).get_weights()
    if kernel.shape[1] == 1:
        kernel, bias = kernel * PAIR, bias * PAIR
    return lambda values: values @ kernel + bias


def _without_optimizer(model: Any) -> Any:
    """Return the same layers as a model that was never compiled: AdamW's moments would triple the file."""
    import keras

    return keras.Model(model.input, model.output, name=model.name)


def blank_card(recipe: Recipe, material: Material, layer: str, calibration: Calibration) -> Card:
    """Return a card with everything that is known before any evaluation."""
    import keras

    segmenter = mask_network.read_card()
    counts = {label.id: int((material.targets == i).sum()) for i, label in enumerate(material.labels)}
    return Card(
        schema=SCHEMA,
        name=recipe.name,
        version=recipe.version,
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        licence=recipe.licence,
        attribution=recipe.attribution,
        labels=material.labels,
        scope=recipe.scope,
        input=recipe.input,
        preprocess=recipe.preprocess,
        explanation_layer=layer,
        batch_size=SERVING_BATCH,
        temperature=calibration.temperature,
        abstention=calibration.abstention,
        novelty=calibration.novelty,
        minimum_leukocytes=recipe.minimum_leukocytes,
        metrics={},
        controls={},
        data={
            "fingerprint": material.dataset.fingerprint,
            "pictures": len(material.dataset),
            "by_label": counts,
            "groups": int(material.groups.max()) + 1,
            "groups_from": "patients" if material.dataset.patients_known else "near-duplicates and slide appearance",
        },
        recipe={**recipe.to_json(), "commit": commit()},
        frameworks={
            "keras": keras.__version__,
            "backend": f"{keras.backend.backend()} {_backend_version()}",
            "finder": f"{segmenter.name} {segmenter.version}",
        },
        files={},
        intended_use=recipe.intended_use,
        known_failures=(*recipe.known_failures, *_of_the_head(recipe)),
        golden=(),
        verdict="Not evaluated yet.",
        orientations=recipe.orientations,
        sure_upright=recipe.sure_upright,
    )


def _of_the_head(recipe: Recipe) -> tuple[str, ...]:
    """Return what every card of a bundle with a classifier has to say."""
    if recipe.head.classifier == "dense":
        return ()
    return ("The answer is a classifier's, the map is the network's: the map does not show what the answer rests on.",)


def commit() -> str:
    """Return the commit that this code stands at, with "+" when files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        head = _git(here, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _backend_version() -> str:
    import importlib.metadata

    import keras

    return importlib.metadata.version(keras.backend.backend())
