"""A data set with augmented copies beside its pictures before it is split, as three of the published works did it.

Copies of one picture then stand in training and test: this is what `--protocol as-published` is for, and nothing else.
"""

from dataclasses import dataclass, replace

from smear.imaging.decode import Picture
from training.augmentation.augment import Augmentation, augment
from training.data.dataset import Dataset

NO_CHANGE = Augmentation(pipeline="none")


@dataclass(frozen=True, kw_only=True)
class AugmentedCopies(Dataset):
    """Every picture of `original` `each` times in a row: as it is, then as copies that the plan changes, by place."""

    original: Dataset
    each: int = 1
    plan: Augmentation = NO_CHANGE

    def decoded(self, index: int) -> Picture:
        """Return picture or copy `index`."""
        picture = super().decoded(index)
        if index % self.each == 0:
            return picture
        return replace(picture, rgb=augment(picture.rgb, self.plan, index))


def with_augmented_copies(dataset: Dataset, plan: Augmentation, copies: int) -> Dataset:
    """Return `dataset` with so many augmented copies of every picture beside it."""
    if not copies:
        return dataset
    each = copies + 1

    def repeated(column: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(value for value in column for _ in range(each))

    return AugmentedCopies(
        root=dataset.root,
        paths=repeated(dataset.paths),
        labels=repeated(dataset.labels),
        groups=repeated(dataset.groups),
        sources=repeated(dataset.sources),
        fingerprint=f"{dataset.fingerprint} x {each}",
        remarks=dataset.remarks,
        original=dataset,
        each=each,
        plan=plan,
    )
