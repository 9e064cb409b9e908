"""A run prepares its pictures when they are asked for, once, and what is kept between runs is bounded."""

import numpy as np
import pytest
from msgspec import structs

from training.data.dataset import load as load_dataset
from training.data.manifest import DataError
from training.evaluation.cross_validation import statistics_of
from training.fit.run import Material, Run, groups_of
from training.recipes.loading import load


@pytest.fixture
def run(drawn, tiny, tmp_path):
    return Run(Material(load(str(tiny)), load_dataset(drawn)), None, tmp_path)


def test_pictures_are_prepared_once_and_when_they_are_asked_for(run, monkeypatch):
    decoded = []
    picture = type(run.dataset).picture
    monkeypatch.setattr(type(run.dataset), "picture", lambda data, i: decoded.append(i) or picture(data, i))
    assert run.material.targets.shape == (48,)
    assert not decoded
    assert run.material.groups.shape == (48,)
    assert run.within(run.folder / "fold-0").material.groups is run.material.groups
    decoded.clear()
    assert run.material.inputs.shape == (48, 64, 64, 3)
    elsewhere = run.within(run.folder / "fold-0")
    assert elsewhere.material.inputs is run.material.inputs
    assert sorted(decoded) == list(range(48))


def test_a_training_set_holds_what_its_indices_say(run):
    fit, validation = np.array([0, 5, 7]), np.array([1])
    pictures = run.material.training_set(fit, validation)
    np.testing.assert_array_equal(pictures.inputs, run.material.inputs[fit])
    np.testing.assert_array_equal(pictures.validation_targets, run.material.targets[validation])
    assert pictures.validated
    assert not run.material.training_set(fit, validation[:0]).validated
    assert pictures.outliers.size == 0


def test_a_recipe_that_wants_outliers_gets_one_for_every_picture(run):
    schedule = structs.replace(run.recipe.schedule, outlier_exposure=2)
    exposed = run.of(structs.replace(run.recipe, schedule=schedule))
    assert exposed.folder == run.folder
    pictures = exposed.material.training_set(np.arange(4), np.arange(0))
    assert pictures.outliers.shape == pictures.inputs.shape
    assert not np.array_equal(pictures.outliers, pictures.inputs)


def test_a_label_without_a_meaning_is_refused_before_any_picture_is_prepared(run):
    with pytest.raises(DataError, match="does not say what the label 'sparse' means"):
        _ = run.of(structs.replace(run.recipe, labels={"leukemic": run.recipe.labels["leukemic"]})).material.targets


@pytest.mark.parametrize("kept", [groups_of, statistics_of])
def test_no_more_than_two_data_sets_are_remembered(kept):
    assert kept.cache_info().maxsize == 2
