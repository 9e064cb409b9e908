"""`import`: somebody else's Keras model as a draft that `publish` takes, measured on pictures that the laboratory has.

What it learnt from is unknown and its card says so. All that stands on the card of a bundle was measured here, by the
reader that serves: the pictures are divided by patient or slide as for a cross-validation, but the network is one and
the same. Each part gets its thresholds, and what is familiar, from the other parts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.artifacts import GRAPH, MODEL, sha256
from smear.inference import bundle
from smear.inference.bundle import Bundle
from smear.inference.card import Card, Golden
from smear.inference.engines import golden
from smear.inference.engines.keras_engine import KerasEngine, two_logits
from smear.inference.field_reader import Reader
from smear.inference.network import Network
from smear.inference.ood import Distribution
from training.data.ablations import ABLATIONS
from training.data.dataset import Dataset
from training.data.manifest import DataError
from training.evaluation import colour_baseline
from training.evaluation.cross_fit import Fold
from training.evaluation.cross_validation import result_file
from training.evaluation.predictions import predict_ablations
from training.evaluation.splits import folds
from training.evaluation.summary import CrossValidated, summarise
from training.fit.calibration import UNCALIBRATED
from training.fit.checkpoints import ensure_room, whole
from training.fit.draft_card import draft_card
from training.fit.experiment import GOLDEN
from training.fit.features import outputs_of
from training.fit.run import Material, Run
from training.graphs.reading import NoGraphError, exported
from training.imported import conversion, model_file, scalings
from training.imported.conversion import Opened
from training.imported.model_config import ModelFileError
from training.imported.recipe import NAME, recipe
from training.imported.scalings import SCALINGS, Tried
from training.recipes.recipe import LabelText

Scope = Literal["field", "cell"]


@dataclass(frozen=True)
class Candidate:
    """A model to import, and the pictures that it is to be measured on.

    labels: what its labels mean by their ids, in the order of its outputs; folder: for everything that is made.
    """

    file: Path
    labels: Mapping[str, LabelText]
    scope: Scope
    folder: Path


@dataclass(frozen=True)
class Looked:
    """A model that was opened, with its pictures prepared.

    order: of each label, as the run has them, the number of the output that is its own.
    """

    opened: Opened
    run: Run
    order: tuple[int, ...]
    file: Path

    def tried(self) -> list[Tried]:
        """Return how often it is right under each usual scaling, the best first."""
        material, network = self.run.material, two_logits(self.opened.model)
        which = scalings.drawn(material.targets)
        outputs = np.array(self.order)[material.targets[which]]
        return scalings.tried(lambda shown: outputs_of(network, shown), material.inputs[which], outputs)


def look(candidate: Candidate, data: Dataset, report: Any) -> Looked:
    """Return the model of `candidate` with `data` prepared for it.

    ModelFileError where it cannot be imported, or has another number of outputs than labels; DataError where the data
    has other labels than the model, or the folder holds the draft of something else.
    """
    others = [name for name in bundle.names(candidate.folder) if name != NAME]
    if others:
        raise DataError(
            f"{candidate.folder} holds '{others[0]}', and publish takes one draft from a folder. Choose another --out."
        )
    opened, labels = conversion.opened(model_file.read(candidate.file)), candidate.labels
    if opened.answers != len(labels):
        raise ModelFileError(
            f"The model tells {opened.answers} labels apart, and {len(labels)} are named. Name one for each output, in"
            " their order."
        )
    _refuse_other_labels(data, tuple(labels))
    material = Material(recipe(candidate.file.name, candidate.scope, opened.input, dict(labels)), data)
    names = tuple(labels)
    order = tuple(names.index(label.id) for label in material.labels)
    return Looked(opened, Run(material, None, candidate.folder, report), order, candidate.file)


def confirmed(rows: Sequence[Tried], name: str) -> Tried:
    """Return the scaling `name`, which somebody confirms.

    DataError where none is named, where another is clearly the right one, and where the model knows nothing under any.
    """
    best, n = rows[0], len(rows[0].hits)
    if not best.better_than_one_answer:
        raise DataError(
            f"Under no scaling is the model right more often than one answer for all pictures would be: on"
            f" {best.right} of {n} at best, as '{best.scaling.name}'. Look whether the labels stand in the order of its"
            " outputs, and whether DATA shows what it was made for."
        )
    if not name:
        raise DataError(
            f"The pictures fit the scaling '{best.scaling.name}' best ({best.scaling.words}): it is right on"
            f" {best.right} of {n}, and on {rows[1].right} under the next, '{rows[1].scaling.name}'. Give the command"
            f" again with --scaling {best.scaling.name} if its maker can have scaled them so, or with another."
        )
    chosen = next(row for row in rows if row.scaling.name == name)
    if best.clearly_better(chosen):
        swapped = {best.scaling.name, name} in [{scaling, f"{scaling}-bgr"} for scaling in SCALINGS] + [
            {"caffe", "caffe-rgb"}
        ]
        why = "red and blue are exchanged" if swapped else "that is not how its maker scaled them"
        raise DataError(
            f"Under '{name}' the model is right on {chosen.right} of {n} pictures, and on {best.right} under"
            f" '{best.scaling.name}' ({best.scaling.words}): {why}. Give --scaling {best.scaling.name}."
        )
    return chosen


def draft(looked: Looked, chosen: Tried, count: int) -> CrossValidated:
    """Write the draft of a bundle, and what was measured of it, into the run's folder; return the latter.

    count: in how many parts the pictures are divided. DataError where they are too few for that.
    """
    run = looked.run
    material = run.material
    parts = folds(material.targets, material.groups, "grouped", count)
    model = conversion.converted(looked.opened, chosen.scaling, looked.order)
    layer = conversion.explanation_layer(model)
    network = Network(KerasEngine(model, layer))
    card = _described(looked, chosen, layer, model)
    card = structs.replace(card, golden=_golden(card, network))
    colours = colour_baseline.statistics(run.dataset)
    measured = [_fold(run, card, network, colours, train, test) for train, test in parts]
    result = summarise(run, "grouped", len(parts), measured, [card] * len(parts))
    drawn = np.stack([golden.shown(golden_input, card) for golden_input in card.golden]).astype(np.float32)

    def fill(folder: Path) -> None:
        ensure_room(folder, model)
        model.save(folder / MODEL)
        try:
            (folder / GRAPH).write_bytes(exported(two_logits(model), layer, drawn))
        except NoGraphError as error:
            run.report(f"{looked.file.name} is served by TensorFlow: {error}.")
        Distribution.fit(material.features).save(folder / bundle.OOD)

    bundle.write(run.folder, card, fill)
    with whole(result_file(run.folder, "grouped")) as partial:
        partial.write_text(json.dumps(msgspec.to_builtins(result), indent=1), encoding="utf-8")
    return result


def _described(looked: Looked, chosen: Tried, layer: str, model: Any) -> Card:
    """Return the card of the draft: what is known of the model, and what nobody here knows."""
    material, n = looked.run.material, len(chosen.hits)
    card = draft_card(material, np.arange(len(material.dataset)), layer, UNCALIBRATED)
    known = {key: value for key, value in card.data.items() if key != "pictures"}
    ending = looked.opened.ending
    scaled = (
        f"Its pictures are scaled as '{chosen.scaling.name}' ({chosen.scaling.words}), which was right on"
        f" {chosen.right} of {n} of them. Its maker's own way may differ in what that does not show."
    )
    each_alone = (
        f"Its {looked.opened.answers} outputs each say yes or no (sigmoid); here they are read as one choice among"
        " labels.",
    )
    several = ending == "sigmoid" and int(looked.opened.model.output.shape[-1]) > 1
    return structs.replace(
        card,
        data={"trained_on": "unknown", "measured_on": len(material.dataset), **known},
        recipe={
            **card.recipe,
            "imported": {"file_sha256": sha256(looked.file), "ending": ending, "scaling": chosen.scaling.name},
            "weights": "its maker's",
            "parameters": model.count_params(),
        },
        known_failures=(*card.known_failures, scaled, *(each_alone if several else ())),
    )


def _golden(card: Card, network: Network) -> tuple[Golden, ...]:
    golden_inputs = [Golden(*field, ()) for field in GOLDEN]
    shown = np.stack([golden.shown(golden_input, card) for golden_input in golden_inputs])
    logits = network.forward(shown, maps=False).logits.astype(np.float64).round(5).tolist()
    return tuple(
        structs.replace(golden_input, logits=tuple(row))
        for golden_input, row in zip(golden_inputs, logits, strict=True)
    )


def _fold(run: Run, card: Card, network: Network, colours: Array, train: Array, test: Array) -> Fold:
    """Return what the network says of the pictures `test`, familiar being what `train` looks like: indices.

    colours: float (N, 15), of all pictures, for the forest beside it.
    """
    material = run.material
    familiar = Distribution.fit(material.features[train])
    reader = Reader(Bundle(run.folder, card, network, familiar, ""))
    main, ablations = predict_ablations(reader, run.dataset, test, ABLATIONS, task="pictures")
    return Fold(
        test=test,
        groups=material.groups[test],
        targets=material.targets[test],
        sources=material.sources[test],
        baseline=colour_baseline.forest_answers(colours, material.targets, train, test),
        temperature=card.temperature,
        abstention=card.abstention.value,
        ood=card.ood.value,
        main=main,
        ablations=ablations,
    )


def _refuse_other_labels(data: Dataset, labels: tuple[str, ...]) -> None:
    strange = sorted(set(data.classes) - set(labels))
    if strange:
        raise DataError(
            f"The model does not know the label '{strange[0]}' of the data. It knows {', '.join(labels)}. Rename or"
            " leave out what it does not know."
        )
    missing = [label for label in labels if label not in data.classes]
    if missing:
        raise DataError(
            f"Of '{missing[0]}' the data has no picture, so nobody could say how often the model is right on it. Add"
            " some of every label that the model knows."
        )
