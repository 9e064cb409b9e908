"""A data set with augmented copies beside its pictures before it is split, as four of the published works did it.

Copies of one picture then stand in training and test: this is what `--protocol as-published` is for, and nothing else.
"""

from collections import Counter
from dataclasses import dataclass, replace

from smear.imaging.decode import Picture
from training.augmentation.augment import Augmentation, augment
from training.data.dataset import Dataset

NO_CHANGE = Augmentation(pipeline="none")


@dataclass(frozen=True, kw_only=True)
class AugmentedCopies(Dataset):
    """Every picture of `original` some times in a row: as it is, then as copies that the plan changes, by place.

    origins: the index in `original` of every picture and copy.
    """

    original: Dataset
    origins: tuple[int, ...] = ()
    plan: Augmentation = NO_CHANGE

    def decoded(self, index: int) -> Picture:
        """Return picture or copy `index`."""
        picture = super().decoded(index)
        if not index or self.origins[index] != self.origins[index - 1]:
            return picture
        return replace(picture, rgb=augment(picture.rgb, self.plan, index))


def with_augmented_copies(dataset: Dataset, plan: Augmentation, copies: int, enlarged_to: int = 0) -> Dataset:
    """Return `dataset` with so many augmented copies of every picture beside it, or as many as a class lacks.

    enlarged_to: pictures and copies of every class, where not 0. A class that has as many gets no copies, and the
    pictures of the others get as many as each other, or one more.
    """
    if not copies and not enlarged_to:
        return dataset
    times = _times(dataset, enlarged_to) if enlarged_to else [copies + 1] * len(dataset)
    origins = tuple(index for index, count in enumerate(times) for _ in range(count))

    def repeated(column: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(column[index] for index in origins)

    return AugmentedCopies(
        root=dataset.root,
        paths=repeated(dataset.paths),
        labels=repeated(dataset.labels),
        groups=repeated(dataset.groups),
        sources=repeated(dataset.sources),
        digests=repeated(dataset.digests),
        fingerprint=f"{dataset.fingerprint} {f'to {enlarged_to}' if enlarged_to else f'x {copies + 1}'}",
        remarks=dataset.remarks,
        original=dataset,
        origins=origins,
        plan=plan,
    )


def _times(dataset: Dataset, enlarged_to: int) -> list[int]:
    """Return how often each picture stands in a set of so many pictures of every class."""
    counts, before, times = Counter(dataset.labels), Counter[str](), []
    for label in dataset.labels:
        whole, rest = divmod(max(enlarged_to, counts[label]), counts[label])
        times.append(whole + (before[label] < rest))
        before[label] += 1
    return times
