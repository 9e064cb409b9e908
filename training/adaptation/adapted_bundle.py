"""The bundle that an adaptation makes: its parent's with other weights or thresholds, and a card that says so."""

import datetime
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.artifacts import GRAPH, MODEL
from smear.inference import bundle
from smear.inference.bundle import Bundle
from smear.inference.card import Card, Golden, Step
from smear.inference.engines import golden
from smear.inference.floors import RELEASE
from smear.inference.network import Network
from smear.inference.ood import Distribution
from training import learnt_pictures
from training.evaluation.assessment import Assessment
from training.evaluation.conclusion import Colours
from training.fit.calibration import Calibration
from training.fit.draft_card import commit, made_with
from training.graphs.reading import NoGraphError, exported


@dataclass(frozen=True)
class Adapted:
    """What was made: the network in Keras and as it is served, what is familiar to it, and its thresholds.

    steps: what comes after the parent's preprocessing; learnt: the digests of the pictures' files, also of those that
    set thresholds.
    """

    model: Any
    network: Network
    distribution: Distribution
    calibration: Calibration
    steps: tuple[Step, ...] = ()
    learnt: tuple[str, ...] = ()

    def bundle_parts(self) -> dict[str, Any]:
        """Return the parts of a bundle that are new, but for its card."""
        return {"network": self.network, "ood": self.distribution}


def changed_card(card: Card, adapted: Adapted) -> Card:
    """Return a card with the new thresholds, steps and orientations."""
    calibration = adapted.calibration
    return structs.replace(
        card,
        temperature=calibration.temperature,
        abstention=calibration.abstention,
        ood=calibration.ood,
        tta=adapted.network.tta,
        tta_confidence=adapted.network.tta_confidence,
        preprocess=(*card.preprocess, *adapted.steps),
    )


def write(
    out: Path, parent: Bundle, adapted: Adapted, after: Assessment, colours: Colours, record: dict[str, Any]
) -> Path:
    """Write the bundle into `out` and return its folder.

    after, colours: how it did on the test, and how a forest on colours did there that learnt from the same pictures;
    record: the change, as `change.json` has it.
    """
    card, lab = changed_card(parent.card, adapted), record["laboratory"]
    name = record["name"]
    measured: dict[str, Any] = msgspec.to_builtins(after.metrics)
    measured |= {
        "colour_statistics_forest": msgspec.to_builtins(colours.accuracy),
        "gain_over_colours": msgspec.to_builtins(colours.gain),
    }
    whose = f"{lab}'s" if lab else "a laboratory's"
    drawn = np.stack([golden.shown(example, card) for example in card.golden]).astype(np.float32)
    data, alone = record["data"], record["data"]["split_by_picture"]
    renewed = structs.replace(
        card,
        name=name,
        version=f"{card.version.partition('+')[0]}+{data['fingerprint'][:8]}",
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        attribution=f"{card.attribution} Adapted to {whose} own pictures, which stay with it.",
        metrics={RELEASE: measured},
        controls=measured["controls"],
        data={**data, "parent": record["parent"]},
        recipe={**card.recipe, "adapted": record["chosen"], "go": record["go"], "commit": commit()},
        known_failures=(
            *card.known_failures,
            f"Adapted to {whose} pictures by {data['parts']['adapt'] + data['parts']['calibrate']} labels: nobody has"
            " measured it on another laboratory's, nor what it has forgotten of its parent's.",
            *(f"Of '{label}' there were too few patients or slides: what is said of it flatters." for label in alone),
        ),
        frameworks=made_with(),
        conclusion=record["reason"],
        golden=_golden(card, adapted.network, drawn),
        files={},
    )

    def fill(folder: Path) -> None:
        adapted.model.save(folder / MODEL)
        with suppress(NoGraphError):  # where there is none TensorFlow serves it
            (folder / GRAPH).write_bytes(exported(adapted.model, card.explanation_layer, drawn))
        adapted.distribution.save(folder / bundle.OOD)
        learnt_pictures.write(folder, {*learnt_pictures.read(parent.path), *adapted.learnt})
        if card.head.file:
            (folder / card.head.file).write_bytes((parent.path / card.head.file).read_bytes())
        (folder / "change.json").write_text(msgspec.json.format(msgspec.json.encode(record)).decode(), encoding="utf-8")

    return bundle.write(out, renewed, fill)


def _golden(card: Card, network: Network, drawn: Array) -> tuple[Golden, ...]:
    logits = network.forward(drawn, maps=False).logits.astype(np.float64).round(5)
    return tuple(
        structs.replace(example, logits=tuple(row)) for example, row in zip(card.golden, logits.tolist(), strict=True)
    )
