"""Bad data is refused with one sentence; groups and folds keep together what belongs together."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import skip_or_fail
from training.__main__ import main
from training.data import groups
from training.data.dataset import load
from training.data.duplicates import Duplicates
from training.data.groups import find_groups, painted_out
from training.data.manifest import DataError
from training.evaluation.splits import folds, validation
from training.recipes.loading import RecipeError
from training.recipes.loading import load as load_recipe
from training.recipes.loading import names as recipe_names


@pytest.fixture
def copy(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "data")


def rewrite(folder, old, new):
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def test_a_manifest_and_class_folders_give_the_same_pictures(copy):
    by_manifest = load(copy)
    (copy / "manifest.csv").unlink()
    by_folder = load(copy)
    assert by_manifest.paths == by_folder.paths
    assert by_manifest.labels == by_folder.labels
    assert set(by_folder.groups) == {""}
    assert by_manifest.fingerprint != by_folder.fingerprint


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("leukemic/00.png,", "leukemic/99.png,", r"line 2: there is no file leukemic/99.png"),
        ("leukemic/00.png,leukemic", "leukemic/00.png,", "line 2: the label is empty"),
        ("path,label", "file,label", "no column 'path'"),
        (
            "leukemic/00.png,leukemic",
            "leukemic/00.png,sparse",
            r"line 2: leukemic/00.png lies in 'leukemic' and has",
        ),
        ("sparse-0", "leukemic-0", r"lines 2 and 26: the group 'leukemic-0' has the labels 'leukemic' and 'sparse'"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_line(copy, old, new, sentence):
    rewrite(copy, old, new)
    with pytest.raises(DataError, match=sentence):
        load(copy)


def test_no_folder_no_pictures_one_class_and_an_empty_class_are_refused(tmp_path, copy):
    with pytest.raises(DataError, match="no folder"):
        load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        load(tmp_path / "empty")
    (copy / "manifest.csv").unlink()
    (copy / "none").mkdir()
    with pytest.raises(DataError, match="class folder 'none' has no pictures"):
        load(copy)
    (copy / "none").rmdir()
    shutil.rmtree(copy / "sparse")
    with pytest.raises(DataError, match="two labels or more"):
        load(copy)


def test_an_unreadable_picture_is_named_and_the_exit_status_is_one(copy, tiny, tmp_path, capsys):
    (copy / "sparse" / "03.png").write_bytes(b"not a picture")
    assert main(["fit", str(tiny), "--data", str(copy), "--out", str(tmp_path / "run")]) == 1
    assert "sparse/03.png" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_label_that_the_recipe_does_not_know_is_named(copy, tiny, tmp_path, capsys):
    rewrite(copy, "leukemic/00.png,leukemic,leukemic-0", "leukemic/00.png,other,other-0")
    assert main(["fit", str(tiny), "--data", str(copy), "--out", str(tmp_path / "run")]) == 1
    assert "what the label 'other' means" in capsys.readouterr().err


def test_near_duplicates_share_a_group_although_their_slides_look_different(tmp_path):
    for kind in ("leukemic", "sparse"):
        (tmp_path / kind).mkdir()
        for seed in range(60):
            (tmp_path / kind / f"{seed:02}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
    twin = synthetic.field(7, "leukemic", 224).astype(int)
    (tmp_path / "leukemic" / "twin.png").write_bytes(encode(np.clip(twin * 0.93 + 4, 0, 255).astype(np.uint8), "PNG"))
    data = load(tmp_path)
    groups = find_groups(data)
    assert groups[data.paths.index("leukemic/07.png")] == groups[data.paths.index("leukemic/twin.png")]
    assert len(set(groups.tolist())) > 1


@pytest.mark.parametrize("count", [40, 60, 100, 300, 2025, 2700])
def test_small_sets_have_groups_enough_for_five_folds_and_large_ones_large_groups(monkeypatch, count):
    """Four labels, each on slides of its own, that look different from slide to slide."""
    random = np.random.default_rng(count)
    labels = np.repeat(list("abcd"), count // 4)
    slides = random.integers(0, 25, len(labels)) + 25 * (labels[:, None] == np.array(list("abcd"))).argmax(axis=1)
    looks = random.normal(size=(100, 30))[slides] + 0.2 * random.normal(size=(len(labels), 30))
    monkeypatch.setattr(groups, "_looks", lambda _dataset, which: looks[which])
    data = SimpleNamespace(groups=("",) * len(labels), labels=tuple(labels.tolist()))
    found = find_groups(data, Duplicates((), ()))
    sizes = np.bincount(found)
    assert min(len(set(found[labels == label].tolist())) for label in "abcd") >= 5
    assert len(sizes) <= len(labels) // 2
    if count >= 2025:
        assert len(sizes) == count // groups.PICTURES_PER_GROUP


def test_painting_out_leaves_no_leukocyte():
    from smear.segmentation.find import find

    for seed in range(6):
        assert len(find(painted_out(synthetic.field(seed, "leukemic")))) == 0


def test_patients_are_the_groups_where_they_are_known(drawn):
    data = load(drawn)
    groups = find_groups(data)
    pairs = set(zip(data.groups, groups.tolist(), strict=True))
    assert len(pairs) == len(set(data.groups)) == len(set(groups.tolist()))


def test_no_group_stands_on_both_sides():
    random = np.random.default_rng(0)
    groups = random.integers(0, 30, 600)
    targets = (groups % 3 + random.integers(0, 2, 600)) % 3
    for train, test in folds(targets, groups, "grouped", 5):
        assert not set(groups[train]) & set(groups[test])
        fit, held_out = validation(train, targets, groups, "grouped")
        assert not set(groups[fit]) & set(groups[held_out])
        assert sorted([*fit, *held_out]) == sorted(train)
    tests = np.concatenate([test for _, test in folds(targets, groups, "grouped", 5)])
    assert sorted(tests) == list(range(600))


def test_a_rare_class_makes_the_validation_part_larger():
    """Ten patients of one class, two of the other with three pictures each: the rare one is kept for training."""
    groups = np.concatenate([np.repeat(np.arange(10), 6), [10] * 3, [11] * 3])
    targets = (groups >= 10).astype(int)
    train = np.flatnonzero(groups != 11)
    fit, held_out = validation(train, targets, groups, "grouped")
    assert not set(groups[fit]) & set(groups[held_out])
    assert sorted([*fit, *held_out]) == sorted(train)
    assert set(targets[fit]) == {0, 1}
    with pytest.raises(DataError, match="smallest class has 1 pictures"):
        validation(train[:-2], targets, groups, "grouped")


def test_too_few_groups_or_pictures_are_refused():
    targets, groups = np.array([0, 1] * 10), np.array([0, 1, 2, 3] * 5)
    with pytest.raises(DataError, match="4 groups, too few for 5 folds"):
        folds(targets, groups, "grouped", 5)
    with pytest.raises(DataError, match="smallest class has 10"):
        folds(targets, groups, "random", 11)
    with pytest.raises(DataError, match="Two folds"):
        folds(targets, groups, "random", 1)


def test_recipes_are_listed_and_wrong_ones_refused(capsys, tiny, tmp_path):
    assert main(["recipes"]) == 0
    assert "leukolens-field" in capsys.readouterr().out
    assert all(load_recipe(name).name == name for name in recipe_names())
    with pytest.raises(RecipeError, match="no recipe 'nothing'"):
        load_recipe("nothing")
    wrong = tmp_path / "wrong.toml"
    text = tiny.read_text(encoding="utf-8")
    for old, new, sentence in (
        ("epochs = 2", 'epochs = "two"', r"schedule.epochs: expected int, got str"),
        ("rotation = 10", "rotate = 10", r"augmentation.rotate: unknown entry"),
        ('scope = "field"', "", r"scope: missing"),
        ("[schedule]", "[schedule", "not TOML"),
    ):
        wrong.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(RecipeError, match=sentence):
            load_recipe(str(wrong))


def test_pictures_are_drawn_by_class_and_the_same_for_the_same_seed(drawn):
    whole = load(drawn)
    part = whole.drawn(len(whole) // 2)
    assert set(part.paths) < set(whole.paths)
    assert len(set(part.paths)) == len(part)
    for label in whole.classes:
        assert part.labels.count(label) == pytest.approx(whole.labels.count(label) / 2, abs=1)
    assert part == whole.drawn(len(whole) // 2)
    assert part.paths != whole.drawn(len(whole) // 2, seed=1).paths
    assert part.fingerprint != whole.fingerprint
    assert whole.drawn(10 * len(whole)) is whole


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["appledouble", "macosx_class", "synology_eadir", "jfif"])
def test_folders_that_failed_once(data, name):
    folder = data.parent / "cases" / "folders" / name
    if not folder.is_dir():
        skip_or_fail("The folders that failed once are not here: they lie in `cases`, beside the data sets.")
    found = load(folder)
    assert found.classes == ("leukemic", "sparse")
    assert [found.picture(index).shape[2] for index in range(len(found))] == [3] * 8


def test_what_systems_leave_behind_is_neither_a_class_nor_a_picture(copy):
    (copy / "manifest.csv").unlink()
    before = load(copy)
    (copy / "sparse" / "._00.png").write_bytes(b"\0")
    (copy / "sparse" / "@eaDir" / "00.png").mkdir(parents=True)
    (copy / "sparse" / "@eaDir" / "00.png" / "SYNOPHOTO_THUMB_M.jpg").write_bytes(b"\0")
    (copy / "__MACOSX" / "sparse").mkdir(parents=True)
    (copy / ".ipynb_checkpoints").mkdir()
    (copy / "sparse" / "folder.png").mkdir()
    assert load(copy) == before
