"""The card of a draft: everything that is known of a bundle before any evaluation, and what it was made with."""

import datetime
import importlib.metadata
import subprocess
from pathlib import Path

import keras
import numpy as np

from smear.arrays import Array
from smear.inference.card import SCHEMA, Card
from smear.segmentation import mask_network
from training.fit.calibration import Calibration
from training.fit.identity import code_version
from training.fit.run import Material
from training.recipes.recipe import Recipe

SERVING_BATCH = 16


def draft_card(material: Material, learnt: Array, explanation_layer: str, calibration: Calibration) -> Card:
    """Return a card with everything that is known before any evaluation. learnt: indices of the pictures it knows."""
    recipe = material.recipe
    counts = {label.id: int((material.targets[learnt] == i).sum()) for i, label in enumerate(material.labels)}
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
        explanation_layer=explanation_layer,
        batch_size=SERVING_BATCH,
        temperature=calibration.temperature,
        abstention=calibration.abstention,
        ood=calibration.ood,
        minimum_leukocytes=recipe.minimum_leukocytes,
        metrics={},
        controls={},
        data={
            "fingerprint": material.dataset.fingerprint,
            "pictures": len(learnt),
            "by_label": counts,
            "sources": sorted({material.dataset.sources[i] for i in learnt}),
            "groups": len(np.unique(material.groups[learnt])),
            "groups_from": material.dataset.groups_from,
        },
        recipe={**recipe.to_json(), "commit": commit(), "code": code_version()},
        frameworks=made_with(),
        files={},
        intended_use=recipe.intended_use,
        known_failures=(*recipe.known_failures, *_of_the_head(recipe)),
        golden=(),
        conclusion="Not evaluated yet.",
        tta=recipe.tta,
        tta_confidence=recipe.tta_confidence,
        scale=material.scale,
    )


def made_with() -> dict[str, str]:
    """Return what a bundle that is made now is made with: Keras, what it computes by, and the segmenter."""
    segmenter, backend = mask_network.read_card(), keras.backend.backend()
    return {
        "keras": keras.__version__,
        "backend": f"{backend} {importlib.metadata.version(backend)}",
        "segmenter": f"{segmenter.name} {segmenter.version}",
    }


def _of_the_head(recipe: Recipe) -> tuple[str, ...]:
    """Return what every card of a bundle with a classifier has to say."""
    if recipe.head.classifier == "dense":
        return ()
    return ("The answer is a classifier's, the map is the network's: the map does not show what the answer rests on.",)


def commit() -> str:
    """Return the commit that this code stands at, with "+" when files differ from it; "unknown" outside a checkout."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
