"""Which pictures belong together and may never stand on both sides of a split.

Where the patient is known the patient is the group, also where others are not. Elsewhere pictures that look as if they
came from one slide are put together: near-duplicates by perceptual hash, and clusters of what is left when the
leukocytes are painted out (background, erythrocytes, lamp, caption). This is stricter than a random split and less
strict than true patients: two patients on slides that look alike share a group, one patient on two different slides may
not.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA

from smear.arrays import Array
from smear.imaging.background import background_colour, black_surround
from smear.segmentation import thresholds
from training.data.dataset import Dataset
from training.progress import track

HASH_SIDE = 16
NEAR_BITS = 20  # of 240: re-encoded, slightly shifted or recoloured copies differ by fewer
PICTURES_PER_GROUP = 45  # 89 patients gave 3256 Taleghani fields: 37 each; larger groups err on the strict side
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


def difference_hash(rgb: Array) -> Array:
    """Return the horizontal difference hash, bool (240,): is each cell of a 16 x 16 grid brighter than the next?"""
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray((grey[:, 1:] > grey[:, :-1]).ravel())


def appearance(rgb: Array) -> Array:
    """Return what a slide looks like without its leukocytes: colour quantiles, lamp, and the lower corners; (N,)."""
    small = cv2.resize(painted_out(rgb), (APPEARANCE_SIDE, APPEARANCE_SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    quantiles = np.quantile(lab.reshape(-1, 3), (0.05, 0.2, 0.4, 0.6, 0.8, 0.95), axis=0).ravel()
    lamp = cv2.resize(cv2.dilate(lab, np.ones((25, 25))), (GRID, GRID), interpolation=cv2.INTER_AREA).ravel()
    corner = cv2.resize(lab[-24:, -48:], (6, 3), interpolation=cv2.INTER_AREA).ravel()
    texture = np.array([cv2.Laplacian(lab[..., 0], cv2.CV_32F).std(), lab[..., 0].std(), lab[..., 1].std()])
    return np.concatenate([2.0 * quantiles, lamp, 0.5 * corner, texture])


def near_duplicates(hashes: Array) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, whose hashes (N, bits) differ by at most NEAR_BITS."""
    signs = np.where(hashes, 1, -1).astype(np.float32)
    pairs: list[tuple[int, int]] = []
    bits = hashes.shape[1]
    for start in range(0, len(signs), 512):
        distance = (bits - signs[start : start + 512] @ signs.T) / 2
        for i, j in np.argwhere(distance <= NEAR_BITS):
            if start + i < j:
                pairs.append((int(start + i), int(j)))
    return pairs


def find_groups(dataset: Dataset) -> Array:
    """Return the group of every picture, int64 (N,): its patient where that is known, else a group by appearance.

    A near-duplicate of a known patient's picture is that patient's. Two patients who share one are one group.
    """
    names = sorted(set(dataset.groups) - {""})
    known = np.array([names.index(group) if group else -1 for group in dataset.groups], np.int64)
    if not (known < 0).any():
        return known
    hashes, looks = [], []
    for index in track(range(len(dataset)), "groups"):
        rgb = dataset.picture(index)
        hashes.append(difference_hash(rgb))
        if known[index] < 0:
            looks.append(appearance(rgb))
    groups = known.copy()
    groups[known < 0] = len(names) + _clusters(np.array(looks))
    pairs = near_duplicates(np.array(hashes))
    return _merge(groups, pairs) if not names else _with_patients(groups, known, pairs)


def _clusters(looks: Array) -> Array:
    """Return which pictures look as if they were of one slide, int64 (N,), from what they look like (N, K)."""
    if len(looks) < 2:
        return np.zeros(len(looks), np.int64)
    features = PCA(n_components=min(20, len(looks) - 1), random_state=0).fit_transform(looks)
    wanted = min(len(looks), max(2, len(looks) // PICTURES_PER_GROUP))
    clusters: Array = AgglomerativeClustering(n_clusters=wanted, linkage="ward").fit_predict(features)
    return clusters


def _with_patients(groups: Array, known: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Join to each known patient all pictures that are near-duplicates of the patient's, and others that these are."""
    unknown = known < 0
    among_unknown = [(i, j) for i, j in pairs if unknown[i] and unknown[j]]
    groups = _merge(groups, among_unknown)
    count = int(groups.max()) + 1
    across = np.array([(groups[i], groups[j]) for i, j in pairs if not (unknown[i] and unknown[j])], np.int64)
    i, j = across.reshape(-1, 2).T
    return np.asarray(
        connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(count, count)), directed=False)[1][groups]
    ).astype(np.int64)


def _merge(clusters: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Put all near-duplicates of each other into the group that most of them are in, so that no pair is split."""
    groups, count = clusters.astype(np.int64), len(clusters)
    i, j = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(count, count))
    families = connected_components(graph, directed=False)[1]
    for family in np.flatnonzero(np.bincount(families) > 1):
        members = families == family
        values, counts = np.unique(groups[members], return_counts=True)
        groups[members] = values[counts.argmax()]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)
