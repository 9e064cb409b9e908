"""What a training works on and where: one object in place of recipe, data, weights, folder and report side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from smear.arrays import Array
from smear.inference import ood, preprocess
from smear.inference.card import Label, Scale
from smear.segmentation.field import Field
from smear.segmentation.find import find
from training.architectures.blueprint import Weights
from training.augmentation.augmented_copies import AugmentedCopies
from training.data.dataset import THREADS, Dataset
from training.data.duplicates import duplicates_of, refuse_two_labels
from training.data.groups import find_groups
from training.data.outlier_exposure import outlier
from training.data.prepared import Chosen, OnDisk, Pictures
from training.progress import track
from training.recipes.recipe import Recipe
from training.tracking import NOWHERE, Tracking

Report = Callable[[str], None]
NONE = np.zeros(0, np.int64)  # indices


@lru_cache(maxsize=2)
def groups_of(dataset: Dataset) -> Array:
    """Return the groups of a data set, int64 (N,), once for all recipes that are compared on it.

    DataError where one picture stands under two labels: nothing true can be learnt of it.
    """
    duplicates = duplicates_of(dataset)
    refuse_two_labels(dataset, duplicates)
    return find_groups(dataset, duplicates)


def nothing() -> Array:
    """Return what there is of no picture."""
    return np.zeros((0, 0))


@dataclass(frozen=True)
class TrainingSet:
    """Pictures to learn from, and some to look at meanwhile, which may be none.

    inputs, validation_inputs, watched_inputs: uint8 (N, h, w, 3); targets, validation_targets, watched_targets: int64
    (N,); outliers: uint8, one for each of `inputs`, or none; features, validation_features: float64 (N, K), by which
    outliers are told. Of what is watched only the learning curve tells: nothing is chosen by it. sources: int64 (N,),
    which laboratory each of `inputs` is of; classes: how many there are, also those that none of these pictures has.
    """

    inputs: Pictures
    targets: Array
    outliers: Pictures
    validation_inputs: Pictures
    validation_targets: Array
    classes: int
    sources: Array = field(default_factory=nothing)
    features: Array = field(default_factory=nothing)
    validation_features: Array = field(default_factory=nothing)
    watched_inputs: Pictures = field(default_factory=nothing)
    watched_targets: Array = field(default_factory=nothing)

    @property
    def validated(self) -> bool:
        """Whether there are pictures to set thresholds by."""
        return len(self.validation_targets) > 0

    @property
    def held_out(self) -> tuple[Pictures, Array]:
        """Inputs and targets of the pictures whose accuracy every epoch tells: none, where there are none."""
        if self.validated:
            return self.validation_inputs, self.validation_targets
        return self.watched_inputs, self.watched_targets


@dataclass(frozen=True)
class Material:
    """A data set as a recipe wants it. What takes time is done when it is first asked for, and once.

    Its labels are those that the recipe makes of the data's (`Recipe.merge`). DataError where the recipe does not know
    a label, or a picture cannot be read.
    """

    recipe: Recipe
    dataset: Dataset

    def __post_init__(self) -> None:
        """Merge labels before anything is made of them."""
        if self.recipe.merge:
            object.__setattr__(self, "dataset", self.dataset.merged(self.recipe.merge))

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The labels that occur, in the order of the targets."""
        return self.recipe.described(self.dataset)

    @cached_property
    def targets(self) -> Array:
        """The class of every picture, int64 (N,)."""
        return self.dataset.targets(tuple(label.id for label in self.labels))

    @cached_property
    def groups(self) -> Array:
        """The group of every picture, int64 (N,): no split parts a group. DataError: one picture has two labels."""
        dataset = self.dataset
        if isinstance(dataset, AugmentedCopies):
            of_originals: Array = groups_of(dataset.original)[np.array(dataset.origins)]
            return of_originals
        return groups_of(dataset)

    @cached_property
    def sources(self) -> Array:
        """The laboratory of every picture, int64 (N,)."""
        return np.unique(self.dataset.sources, return_inverse=True)[1].astype(np.int64)

    @property
    def inputs(self) -> Array:
        """Every picture as the network is given it, uint8 (N, h, w, 3)."""
        return self._prepared[0]

    @property
    def outliers(self) -> Array:
        """An outlier made of every picture, uint8 (N, h, w, 3); without pixels where the recipe wants none."""
        return self._prepared[1]

    @property
    def features(self) -> Array:
        """What the out-of-distribution score is told of every picture, float64 (N, K)."""
        return self._prepared[2]

    @property
    def scale(self) -> Scale | None:
        """How large the cells are; None for single cells, and where none was found."""
        return None if self.recipe.scope == "cell" else scale_of(self._prepared[3])

    @cached_property
    def _prepared(self) -> tuple[Array, Array, Array, Array]:
        recipe, dataset = self.recipe, self.dataset
        steps = preprocess.chain(recipe.preprocess, recipe.input)

        def prepare(index: int) -> tuple[Array, Array, Array, Array]:
            field = find(dataset.picture(index))
            prepared = preprocess.run(steps, preprocess.begin(field)).rgb
            features = ood.looks(prepared, field if recipe.scope == "field" else None)
            size = size_of(field)
            if not recipe.schedule.outlier_exposure:
                return prepared, prepared[:0], features, size
            return prepared, outlier(field, steps, recipe.schedule.seed * 1_000_003 + index), features, size

        features, sizes = list[Array](), list[Array]()
        with ThreadPoolExecutor(THREADS) as threads, OnDisk() as inputs, OnDisk() as outliers:
            prepared = track(threads.map(prepare, range(len(dataset))), "prepare", len(dataset))
            for shown, outlier_picture, looks, size in prepared:
                inputs.append(shown)
                outliers.append(outlier_picture)
                features.append(looks)
                sizes.append(size)
            return inputs.rows(), outliers.rows(), np.stack(features), np.stack(sizes)

    def training_set(self, fit: Array, validation: Array, watched: Array = NONE) -> TrainingSet:
        """Return the pictures `fit` to learn from, `validation` to set thresholds by, and `watched`: indices."""
        outliers = Chosen(self.outliers, fit) if self.recipe.schedule.outlier_exposure else self.outliers
        return TrainingSet(
            inputs=Chosen(self.inputs, fit),
            targets=self.targets[fit],
            outliers=outliers,
            validation_inputs=Chosen(self.inputs, validation),
            validation_targets=self.targets[validation],
            classes=len(self.labels),
            sources=self.sources[fit],
            features=self.features[fit],
            validation_features=self.features[validation],
            watched_inputs=Chosen(self.inputs, watched),
            watched_targets=self.targets[watched],
        )


def size_of(field: Field) -> Array:
    """Return a picture's longer side and the median diameter of its nuclei (NaN without any), pixels, float64 (2,)."""
    nucleus = np.sqrt(np.median(field.areas)) if len(field) else np.nan
    return np.array([max(field.rgb.shape[:2]), nucleus], np.float64)


def scale_of(sizes: Array) -> Scale | None:
    """Return the scale of pictures of these sizes (N, 2), of `size_of`; None where no nucleus was found in any."""
    sides, nuclei = sizes.T
    if np.isnan(nuclei).all():
        return None
    least, middle, most = np.nanquantile(nuclei, (0.01, 0.5, 0.99)).round(2).tolist()
    return Scale(float(np.median(sides)), middle, least, most)


@dataclass(frozen=True)
class Run:
    """A training: its material, where first weights come from, the folder that keeps everything, and who is told.

    network_cache: a folder of trained networks, for recipes that differ in their classifier only
    (`training.fit.network_cache`); tracking: where the numbers of each epoch go besides.
    """

    material: Material
    weights: Weights
    folder: Path
    report: Report = print
    network_cache: Path | None = None
    tracking: Tracking = NOWHERE

    @property
    def recipe(self) -> Recipe:
        """The recipe of the material."""
        return self.material.recipe

    @property
    def dataset(self) -> Dataset:
        """The data set of the material."""
        return self.material.dataset

    def within(self, folder: Path) -> "Run":
        """Return the same run in another folder; what was prepared stays so."""
        return replace(self, folder=folder)

    def of(self, recipe: Recipe, dataset: Dataset | None = None) -> "Run":
        """Return the same run of another recipe, and of another data set where one is given."""
        return replace(self, material=Material(recipe, dataset or self.dataset))
