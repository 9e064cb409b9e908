"""Leave one source out, and the authors' own leaky protocol, which copies before it splits and says so."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from msgspec import structs

from tests.drawn import COLOURS, LABELS
from training.__main__ import main
from training.augmentation.augment import Augmentation
from training.augmentation.augmented_copies import with_augmented_copies
from training.data.dataset import load
from training.data.manifest import DataError
from training.evaluation.cross_validation import result_file
from training.evaluation.splits import published_folds, source_folds
from training.recipes.loading import load as load_recipe
from training.recipes.recipe import Published

pytestmark = pytest.mark.usefixtures("all_eagerly")

# A network of the smallest kind: what is tested is who stands on which side.
RECIPE = (
    COLOURS
    + """
[head]
classifier = "logistic"

[augmentation]
pipeline = "bushi"

[schedule]
epochs = 1
batch_size = 16
learning_rate = 1e-2

[published]
split = "holdout"
test = 0.25
validation = 0.25
augmented_copies = 2
reported = "100 %"
flaw = "Copies stand on both sides."
"""
    + LABELS
)


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "colours.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_every_source_is_left_out_once():
    sources = tuple("ab" * 10) + tuple("c" * 10)
    targets = np.arange(30) // 2 % 2
    pairs = source_folds(targets, sources, ("x", "y"))
    assert [sorted({sources[i] for i in test}) for _, test in pairs] == [["a"], ["b"], ["c"]]
    for train, test in pairs:
        assert sorted([*train, *test]) == list(range(30))


def test_one_source_or_a_label_of_one_source_is_refused():
    with pytest.raises(DataError, match="come from one source"):
        source_folds(np.arange(6) % 2, ("a",) * 6, ("x", "y"))
    with pytest.raises(DataError, match="Only the source 'b' has pictures of 'y'"):
        source_folds(np.array([0, 0, 1, 1, 0]), ("a", "b", "b", "b", "a"), ("x", "y"))


def test_the_authors_splits_have_their_shares():
    targets = np.arange(200) % 2
    ((fit, held_out, test),) = published_folds(targets, Published(split="holdout", test=0.2, validation=0.05))
    assert (len(fit), len(held_out), len(test)) == (150, 10, 40)
    assert sorted([*fit, *held_out, *test]) == list(range(200))
    assert len(published_folds(targets, Published(split="folds", folds=10))) == 10
    with pytest.raises(DataError, match="too few pictures to hold out"):
        published_folds(np.array([0, 1, 1]), Published(split="holdout"))


def test_a_set_with_augmented_copies_holds_every_picture_and_its_changed_copies(drawn):
    data = load(drawn)
    more = with_augmented_copies(data, Augmentation(pipeline="lubna"), 3)
    assert len(more) == 4 * len(data)
    assert more.fingerprint != data.fingerprint
    for index in (0, 4, 8):
        np.testing.assert_array_equal(more.picture(index), data.picture(index // 4))
        assert more.labels[index + 3] == data.labels[index // 4]
        assert not np.array_equal(more.picture(index + 1), more.picture(index))
        np.testing.assert_array_equal(more.picture(index + 1), more.picture(index + 1))
    assert with_augmented_copies(data, Augmentation(), 0) is data


def test_classes_are_enlarged_to_as_many_pictures(drawn, colours):
    from training.fit.run import Material, groups_of

    data = load(drawn)
    few = replace(
        data,
        **{key: getattr(data, key)[12:] for key in ("paths", "labels", "groups", "sources")},
    )  # twelve of the first class, twenty-four of the other
    more = with_augmented_copies(few, Augmentation(pipeline="lubna"), 0, 30)
    assert [more.labels.count(label) for label in few.classes] == [30, 30]
    times = np.bincount(more.origins)
    assert (set(times[:12]), set(times[12:])) == ({2, 3}, {1, 2})
    assert more.fingerprint == f"{few.fingerprint} to 30"
    first = more.origins.index(3)
    np.testing.assert_array_equal(more.picture(first), few.picture(3))
    assert not np.array_equal(more.picture(first + 1), few.picture(3))
    groups = Material(load_recipe(str(colours)), more).groups
    np.testing.assert_array_equal(groups, groups_of(few)[list(more.origins)])
    assert len(with_augmented_copies(few, Augmentation(), 0, 20)) == 20 + 24  # none is thrown away


def crossval(recipe, data, out, protocol):
    return main(["crossval", str(recipe), "--data", str(data), "--out", str(out), "--protocol", protocol])


def test_as_published_augments_first_and_its_result_says_that_it_leaks(drawn, colours, tmp_path, capsys):
    assert crossval(colours, drawn, tmp_path, "as-published") == 0
    assert "leaky" in capsys.readouterr().out
    result = json.loads(result_file(tmp_path, "as-published").read_text(encoding="utf-8"))
    assert result["n"] == 48 * 3 // 4
    assert result["folds_run"] == 1
    assert "Copies stand on both sides. They reported: 100 %." in result["meaning"]
    with np.load(tmp_path / "as-published" / "fold-0" / "predictions.npz") as stored:
        originals = set((stored["test"] // 3).tolist())
    assert len(originals) > 48 // 4  # of one picture some copies stand in the test and others do not: that is the leak
    assert originals <= set(range(48))
    plan = json.loads((tmp_path / "as-published" / "plan.json").read_text(encoding="utf-8"))
    assert plan["recipe"]["augmentation"]["pipeline"] == "none"  # nothing is augmented twice


def test_source_trains_without_the_source_that_it_judges(drawn, colours, tmp_path, capsys):
    copy = tmp_path / "data"
    copy.mkdir()
    rows = (drawn / "manifest.csv").read_text(encoding="utf-8").splitlines()
    lines = [rows[0]]
    for number, row in enumerate(rows[1:]):
        path, label, group, _ = row.split(",")
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_bytes((drawn / path).read_bytes())
        lines.append(f"{path},{label},{group}-{number % 2},{'one' if number % 2 else 'other'}")
    (copy / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert crossval(colours, drawn, tmp_path / "refused", "source") == 1
    assert "come from one source" in capsys.readouterr().err
    assert crossval(colours, copy, tmp_path / "run", "source") == 0
    result = json.loads(result_file(tmp_path / "run", "source").read_text(encoding="utf-8"))
    assert (result["n"], result["folds_run"]) == (48, 2)
    assert "leave one data set out" in result["meaning"]
    sources = load(copy).sources
    for fold in (0, 1):
        with np.load(tmp_path / "run" / "source" / f"fold-{fold}" / "predictions.npz") as stored:
            assert len({sources[i] for i in stored["test"]}) == 1


def test_a_contact_sheet_shows_the_same_pictures_for_every_recipe(drawn, tmp_path, capsys):
    command = ["contact", "khan-vggnet", "lubna-cml1", "--data", str(drawn), "--pictures", "2", "--copies", "3"]
    for name in ("one", "two"):
        assert main([*command, "--out", str(tmp_path / f"{name}.png")]) == 0
    one, two = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2 * (22 + 2 * 150), 4 * 150 + 6, 3)
    tiles = [one[22:166, 6 + 150 * column : 150 + 150 * column] for column in range(4)]
    assert len({tile.tobytes() for tile in tiles}) == 4
    assert main([*command, "--seed", "1", "--out", str(tmp_path / "three.png")]) == 0
    assert not np.array_equal(cv2.imread(str(tmp_path / "three.png")), one)


def test_every_published_plan_can_be_read():
    for name in ("lubna-resnet50", "bushi-alexnet-tree", "abed-vgg19"):
        recipe = load_recipe(name)
        assert structs.replace(recipe.published, augmented_copies=0).reported
    assert load_recipe("lubna-resnet50").published.enlarged_to == 600
    assert load_recipe("abed-vgg19").published.test == pytest.approx(0.2)
