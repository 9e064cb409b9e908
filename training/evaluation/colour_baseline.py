"""The colour-only baseline that every card prints: a random forest on 15 colour statistics of the whole picture.

It knows nothing of cells. A model that does not clearly beat it on grouped data has learnt the stain.
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from smear.arrays import Array
from training.data.ablations import colour_statistics
from training.data.dataset import Dataset
from training.progress import track

TREES = 300


def statistics(dataset: Dataset) -> Array:
    """Return the colour statistics of every picture, float (N, 15)."""
    return np.array([colour_statistics(dataset.picture(index)) for index in track(range(len(dataset)), "colours")])


def forest_answers(table: Array, targets: Array, train: Array, test: Array, seed: int = 0) -> Array:
    """Return the classes, int64 (len(test),), that a forest trained on `train` gives `test`."""
    forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2)
    return np.asarray(forest.fit(table[train], targets[train]).predict(table[test]))
