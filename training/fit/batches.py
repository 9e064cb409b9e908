"""What a network is shown in training: shuffled, augmented pictures with some outliers among them."""

import keras
import numpy as np

from smear.arrays import Array
from training.augmentation.augment import augment
from training.fit.run import TrainingSet
from training.recipes.recipe import Recipe

OUTLIER_WEIGHT = 0.8  # of a picture's, in the loss


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Shuffled, augmented batches of prepared inputs with some outliers in each; the same for the same seed and epoch.

    Targets are rows of shares, (B, C): one label for a picture, all labels alike for an outlier.
    """

    def __init__(self, pictures: TrainingSet, recipe: Recipe) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.inputs, self.targets, self.outliers = pictures.inputs, pictures.targets, pictures.outliers
        self.recipe = recipe
        self.pool = _pool(self.targets, recipe.schedule.copies, recipe.schedule.evened)
        drawn = recipe.schedule.sampling == "even"
        self.chances = even_chances(self.targets[self.pool], pictures.sources[self.pool]) if drawn else None
        counts = np.bincount(self.targets[self.pool], minlength=pictures.classes).astype(np.float64)
        # Half-way to balanced: full balance lets the rarest class's few slides speak too loudly.
        weights = np.sqrt(counts.mean() / np.maximum(counts, 1)) if recipe.schedule.balanced else np.ones(len(counts))
        self.weights = (weights / np.average(weights, weights=counts)).astype(np.float32)
        self.before = 0
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of epoch `epoch` of this stage; `before` it there were those of the stage before."""
        self.epoch = self.before + epoch
        random, count = np.random.default_rng((self.recipe.schedule.seed, self.epoch)), len(self.pool)
        drawn = self.chances is not None
        self.order = random.choice(count, count, p=self.chances) if drawn else random.permutation(count)

    def __len__(self) -> int:
        # The last batch is dropped where it would be small: batch statistics of two pictures are noise.
        return max(1, round(len(self.pool) / self.recipe.schedule.batch_size))

    def __getitem__(self, index: int) -> tuple[Array, Array, Array]:
        schedule = self.recipe.schedule
        start = index * schedule.batch_size
        places = self.order[start : start + schedule.batch_size]
        chosen = self.pool[places]
        # A place that is drawn many times is another copy each time.
        copies = places if self.chances is None else np.arange(start, start + len(places))
        seeds = [(schedule.seed * 1000 + self.epoch) * len(self.order) + int(copy) for copy in copies]
        exposed = chosen[: schedule.outlier_exposure]
        change = self.recipe.augmentation
        pictures = [augment(self.inputs[i], change, seed) for i, seed in zip(chosen, seeds, strict=True)]
        pictures += [augment(self.outliers[i], change, seed) for i, seed in zip(exposed, seeds, strict=False)]
        classes = len(self.weights)
        shares = (1 - schedule.label_smoothing) * np.eye(classes)[self.targets[chosen]]
        shares += schedule.label_smoothing / classes
        targets = np.concatenate([shares, np.full((len(exposed), classes), 1 / classes)]).astype(np.float32)
        weights = np.concatenate([self.weights[self.targets[chosen]], np.full(len(exposed), OUTLIER_WEIGHT)])
        return np.stack(pictures).astype(np.float32), targets, weights.astype(np.float32)


def even_chances(targets: Array, sources: Array) -> Array:
    """Return the chance of every picture, float64 (N,), that makes each label as likely to be drawn as any other.

    targets, sources: int64 (N,). Within a label each laboratory has the root of its count: the largest does not speak
    for all, and a handful of cells is not shown a hundred times.
    """
    chances = np.zeros(len(targets))
    for target in np.unique(targets):
        own = targets == target
        for source in np.unique(sources[own]):
            both = own & (sources == source)
            chances[both] = 1 / np.sqrt(both.sum())
        chances[own] /= chances[own].sum()
    return np.asarray(chances / chances.sum())


def _pool(targets: Array, copies: int, evened: bool) -> Array:
    """Return which pictures an epoch goes over, indices: each `copies` times, rarer classes more often."""
    if not evened:
        return np.tile(np.arange(len(targets)), copies)
    most = copies * int(np.bincount(targets).max())
    return np.concatenate([np.resize(np.flatnonzero(targets == label), most) for label in np.unique(targets)])
