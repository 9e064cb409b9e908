"""Which pictures belong together and may never stand on both sides of a split.

Where the patient is known the patient is the group, also where others are not. Elsewhere pictures that look as if they
came from one slide are put together: clusters of what is left when the leukocytes are painted out (background,
erythrocytes, lamp, caption). This is stricter than a random split and less strict than true patients: two patients on
slides that look alike share a group, one patient on two different slides may not. One picture and its copies
(`training.data.duplicates`) are never parted, whoever they are said to be of.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA

from smear.arrays import Array
from smear.imaging.background import background_colour, black_surround
from smear.segmentation import thresholds
from training.data.dataset import THREADS, Dataset
from training.data.duplicates import Duplicates, families, find_duplicates, sketches
from training.progress import track

# At most: 89 patients gave 3256 Taleghani fields, 37 each; larger groups err on the strict side.
PICTURES_PER_GROUP = 45
GROUPS_PER_LABEL = 5  # where that can be had: as many as folds
FINER = 1.2
PAINT_RIM = 0.015  # of the shorter side, around everything violet: the blurred edge of a cell goes too
GRID = 4
APPEARANCE_SIDE = 224


def painted_out(rgb: Array, cells: Array | None = None) -> Array:
    """Return `rgb` (uint8 RGB) with everything violet painted in the background colour, and `cells` if given.

    Where a cell was cut out on black that colour is black: the brightest pixels of such a picture are the cell's own.

    Violet is also what is no leukocyte, or was dropped for its size or shape: smudge cells, small lymphocytes,
    platelets. Only specks of a few pixels stay. cells: bool (h, w), at the working size, as `find` gives them; the
    groups do without, so that they stay the same when the network that finds leukocytes is taught anew.
    """
    thresholded = thresholds.find(rgb)
    height, width = rgb.shape[:2]
    violet = cv2.morphologyEx(thresholded.violet.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    reach = max(2, round(PAINT_RIM * min(violet.shape)))
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    violet = violet | thresholded.cells.view(np.uint8)
    painted = cv2.dilate(violet if cells is None else violet | cells.view(np.uint8), rim)
    painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_NEAREST)
    colour = background_colour(rgb) if black_surround(rgb) is None else np.zeros(3, np.uint8)
    return np.where(painted[..., None] > 0, colour, rgb).astype(np.uint8)


def appearance(rgb: Array) -> Array:
    """Return what a slide looks like without its leukocytes: colour quantiles, lamp, and the lower corners; (N,)."""
    small = cv2.resize(painted_out(rgb), (APPEARANCE_SIDE, APPEARANCE_SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    quantiles = np.quantile(lab.reshape(-1, 3), (0.05, 0.2, 0.4, 0.6, 0.8, 0.95), axis=0).ravel()
    lamp = cv2.resize(cv2.dilate(lab, np.ones((25, 25))), (GRID, GRID), interpolation=cv2.INTER_AREA).ravel()
    corner = cv2.resize(lab[-24:, -48:], (6, 3), interpolation=cv2.INTER_AREA).ravel()
    texture = np.array([cv2.Laplacian(lab[..., 0], cv2.CV_32F).std(), lab[..., 0].std(), lab[..., 1].std()])
    return np.concatenate([2.0 * quantiles, lamp, 0.5 * corner, texture])


def find_groups(dataset: Dataset, duplicates: Duplicates | None = None) -> Array:
    """Return the group of every picture, int64 (N,): its patient where that is known, else a group by appearance.

    A copy of a known patient's picture is that patient's. Two patients who share one are one group (`sharing`).
    duplicates: of the data set; they are looked for where none are given.
    """
    duplicates = duplicates or find_duplicates(sketches(dataset))
    names = sorted(set(dataset.groups) - {""})
    groups = np.array([names.index(group) if group else -1 for group in dataset.groups], np.int64)
    known = groups >= 0
    if not known.all():
        which = np.flatnonzero(~known)
        groups[which] = len(names) + _clusters(_looks(dataset, which), [dataset.labels[index] for index in which])
    if not names:
        return _merge(groups, duplicates.pairs)
    among_unknown = [(i, j) for i, j in duplicates.pairs if not (known[i] or known[j])]
    across = [(i, j) for i, j in duplicates.pairs if known[i] or known[j]]
    return _joined(_merge(groups, among_unknown), across)


def sharing(dataset: Dataset, duplicates: Duplicates) -> list[tuple[str, str]]:
    """Return the pairs of known patients who share a picture, and so a group, sorted."""
    of = dataset.groups
    pairs = {(min(of[i], of[j]), max(of[i], of[j])) for i, j in duplicates.pairs if of[i] and of[j] and of[i] != of[j]}
    return sorted(pairs)


def _looks(dataset: Dataset, which: Array) -> Array:
    with ThreadPoolExecutor(THREADS) as threads:
        looks = threads.map(lambda index: appearance(dataset.picture(index)), which.tolist())
        return np.array(list(track(looks, "groups", len(which))))


def _clusters(looks: Array, labels: Sequence[str]) -> Array:
    """Return which pictures look as if they were of one slide, int64 (N,), from what they look like (N, K).

    A small set has as many groups as pictures in each, the square root. Where a label is then in fewer groups than a
    split in five needs, the groups are cut finer, down to two pictures: one that cannot be split protects nobody.
    """
    count = len(looks)
    if count < 2:
        return np.zeros(count, np.int64)
    features = PCA(n_components=min(20, count - 1), random_state=0).fit_transform(looks)
    wanted, most, own = max(round(count**0.5), count // PICTURES_PER_GROUP), count // 2, np.array(labels)
    while True:
        clusters: Array = AgglomerativeClustering(n_clusters=wanted, linkage="ward").fit_predict(features)
        fewest = min(len(np.unique(clusters[own == label])) for label in set(labels))
        if fewest >= GROUPS_PER_LABEL or wanted >= most:
            return clusters
        wanted = min(most, max(wanted + 1, round(FINER * wanted)))


def _joined(groups: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Make one group of all groups (N,) that a pair of pictures (i, j) reaches across."""
    across = ((int(groups[i]), int(groups[j])) for i, j in pairs)
    joined: Array = families(int(groups.max()) + 1, across)[groups]
    return joined


def _merge(clusters: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Put all copies of each other into the group that most of them are in, so that no pair is split."""
    groups, copies = clusters.astype(np.int64), families(len(clusters), pairs)
    for family in np.flatnonzero(np.bincount(copies) > 1):
        members = copies == family
        values, counts = np.unique(groups[members], return_counts=True)
        groups[members] = values[counts.argmax()]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)
