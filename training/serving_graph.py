"""The graph that serves a published bundle where there is no GPU; for bundles that were published without one."""

import shutil
from pathlib import Path

import numpy as np

from smear.artifacts import CARD, GRAPH, MODEL
from smear.inference import bundle
from smear.inference.engines import golden
from smear.inference.engines.keras_engine import read_model
from training.data.manifest import DataError
from training.graphs.reading import NoGraphError, exported


def add_graph(folder: Path) -> Path:
    """Write the graph beside the network of the bundle in `folder`, whose card then lists it; return the folder.

    DataError where no graph answers to the card's drawn fields as its network does.
    """
    card = bundle.verify(folder)
    shown = np.stack([golden.shown(golden_input, card) for golden_input in card.golden])
    try:
        graph = exported(read_model(folder / MODEL), card.explanation_layer, shown.astype(np.float32))
    except NoGraphError as error:
        raise DataError(f"'{card.name}' has no graph, and TensorFlow goes on serving it: {error}.") from error

    def fill(draft: Path) -> None:
        shutil.copytree(folder, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD))
        (draft / GRAPH).write_bytes(graph)

    return bundle.write(folder.parent, card, fill)
