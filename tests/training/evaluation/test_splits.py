"""Before anything trains, every training part has enough groups of every label, or one sentence says which it lacks."""

import shutil

import numpy as np
import pytest

from training.__main__ import main
from training.data.dataset import load
from training.data.groups import find_groups
from training.data.manifest import DataError
from training.evaluation.splits import folds, groups_of_each, refuse_thin, validation

CLASSES = ("x", "y")


def test_groups_are_counted_by_class():
    targets, groups = np.array([0, 0, 0, 1, 1, 2]), np.array([5, 5, 6, 6, 7, 8])
    assert groups_of_each(np.arange(6), targets, groups).tolist() == [2, 2, 1]
    assert groups_of_each(np.array([0, 1]), targets, groups).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("parts", "protocol", "sentence"),
    [
        ([[0, 1, 2, 3, 4, 5]], "grouped", "To learn from there is one group of 'y', and two are the least. A group is"),
        (
            [[0, 1, 2, 3], [4, 5, 0]],
            "grouped",
            "fold 1 of 2 leaves no group of 'y', and two are the least; the data has 1",
        ),
        ([[0, 1, 2, 3, 4, 5]] * 3, "source", "To learn from, fold 1 of 3 leaves one group of 'y'.*ask for fewer folds"),
        (
            [[0, 1, 2, 3, 4]],
            "random",
            "one picture of 'y', and two are the least. Add pictures of it, or leave it out.",
        ),
    ],
)
def test_a_part_with_too_little_is_refused(parts, protocol, sentence):
    targets, groups = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 4, 4])
    with pytest.raises(DataError, match=sentence):
        refuse_thin([np.array(part) for part in parts], targets, groups, CLASSES, protocol)


def test_pictures_count_where_the_split_is_by_picture():
    targets, groups = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    refuse_thin([np.arange(4)], targets, groups, CLASSES, "random")
    refuse_thin([np.arange(4)], targets, groups, CLASSES, "as-published")


@pytest.mark.parametrize("seed", range(8))
def test_a_shuffling_that_has_enough_is_taken_where_there_is_one(seed):
    """The rare class has three patients of very different sizes, so that the evenest shuffling is often not one."""
    random = np.random.default_rng(seed)
    sizes = [*random.integers(4, 12, 9).tolist(), 2, 3, 20]
    groups = np.repeat(np.arange(12), sizes)
    targets = (groups >= 9).astype(int)
    pairs = folds(targets, groups, "grouped", 3, seed)
    refuse_thin([train for train, _ in pairs], targets, groups, CLASSES)
    for train, _ in pairs:
        fit, _ = validation(train, targets, groups, "grouped", seed)
        assert groups_of_each(fit, targets, groups).min() >= 1


def test_a_label_that_only_the_laboratory_held_out_has_keeps_nothing_from_being_divided():
    """The training part of the others has none of it, and classes count by what there is."""
    targets = np.repeat([0, 1, 2, 0, 1], [20, 10, 20, 20, 20])
    train = np.flatnonzero(targets != 1)
    fit, held_out = validation(train, targets, np.arange(90) // 2, "grouped")
    assert sorted([*fit, *held_out]) == train.tolist()
    assert set(targets[fit]) == set(targets[held_out]) == {0, 2}
    last = np.flatnonzero(targets != 2)
    assert len(validation(last, targets, np.arange(90) // 2, "grouped")[1]) < len(last) / 4


def few(drawn, folder, each):
    for kind in ("leukemic", "sparse"):
        (folder / kind).mkdir(parents=True)
        for picture in sorted((drawn / kind).iterdir())[:each]:
            shutil.copy(picture, folder / kind)
    return folder


def test_forty_pictures_without_a_manifest_are_enough(drawn, tiny, tmp_path, capsys):
    folder = few(drawn, tmp_path / "data", 20)
    data = load(folder)
    groups = find_groups(data)
    assert groups_of_each(np.arange(40), data.targets(data.classes), groups).min() >= 5
    pairs = folds(data.targets(data.classes), groups, "grouped", 5)
    refuse_thin([train for train, _ in pairs], data.targets(data.classes), groups, data.classes)
    small = tmp_path / "small.toml"
    small.write_text(tiny.read_text(encoding="utf-8").replace("squeezenet", "colour_statistics"), encoding="utf-8")
    assert main(["fit", str(small), "--data", str(folder), "--out", str(tmp_path / "run")]) == 0
    assert "Draft: " in capsys.readouterr().out


@pytest.mark.parametrize("command", [["fit"], ["crossval", "--protocol", "grouped", "--folds", "2"]])
def test_one_patient_of_a_label_is_said_before_anything_trains(drawn, tiny, tmp_path, capsys, command):
    folder = few(drawn, tmp_path / "data", 12)
    (folder / "sparse" / "only").mkdir()
    for picture in list((folder / "sparse").glob("*.png")):
        picture.rename(folder / "sparse" / "only" / picture.name)
    name, *more = command
    assert main([name, str(tiny), "--data", str(folder), "--out", str(tmp_path / "run"), *more]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "group of 'sparse', and two are the least" in said
    assert "Add pictures of more patients with it" in said
    assert not (tmp_path / "run").exists()
