"""A training that was killed goes on after its last whole epoch; one that diverges says so."""

from dataclasses import replace
from itertools import pairwise

import keras
import numpy as np
import pytest
from msgspec import structs

from training.data.manifest import DataError
from training.fit import callbacks, precision
from training.fit.batches import Batches
from training.fit.callbacks import DivergedError
from training.fit.checkpoints import IDENTITY
from training.fit.run import Material, Run, TrainingSet
from training.fit.trainer import clear, train_network
from training.recipes.loading import load

PICTURES = 24
CLASSES = 2


@pytest.fixture(scope="module")
def material():
    random = np.random.default_rng(0)
    inputs = random.integers(0, 256, (PICTURES, 64, 64, 3), dtype=np.uint8)
    targets = np.arange(PICTURES) % 2
    return TrainingSet(inputs, targets, inputs, inputs, targets, CLASSES)


@pytest.fixture(scope="module")
def recipe(tiny):
    return load(str(tiny))


def run_of(recipe, folder, report=lambda _line: None):
    """A run of a recipe on pictures that are given: its data set is never asked."""
    return Run(Material(recipe, None), None, folder, report)


class KilledError(Exception):
    """Stands for the machine that goes away."""


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("ema_momentum", [0.0, 0.7])
def test_a_killed_training_goes_on_after_its_last_whole_epoch(material, recipe, tmp_path, ema_momentum):
    recipe = structs.replace(recipe, schedule=structs.replace(recipe.schedule, ema_momentum=ema_momentum))
    lines = []

    def die_after_the_second_line(text):
        lines.append(text)
        if text.startswith("epoch 2"):
            raise KilledError

    with pytest.raises(KilledError):
        train_network(run_of(recipe, tmp_path / "killed", die_after_the_second_line), material)
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 1/2", "epoch 2/2"]
    assert "first weights random" in lines[0]
    lines.clear()
    resumed = train_network(run_of(recipe, tmp_path / "killed", lines.append), material)
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 2/2"]
    straight = train_network(run_of(recipe, tmp_path / "straight"), material)
    assert [row.epoch for row in resumed.history] == [1, 2]
    for row, whole in zip(resumed.history, straight.history, strict=True):
        assert structs.astuple(row) == pytest.approx(structs.astuple(whole), rel=1e-3)
    both = (one.blueprint.model.get_weights() for one in (resumed, straight))
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("eagerly")
def test_what_a_killed_training_left_is_taken_up_by_no_other(material, recipe, tmp_path):
    def die(text):
        if text.startswith("epoch 2"):
            raise KilledError

    def with_schedule(**schedule):
        return structs.replace(recipe, schedule=structs.replace(recipe.schedule, **schedule))

    with pytest.raises(KilledError):
        train_network(run_of(recipe, tmp_path, die), material)
    brighter = material.inputs.copy()
    brighter[3, 5, 5] += 1
    others = [
        (with_schedule(seed=7), material),
        (with_schedule(learning_rate=1e-4), material),
        (recipe, replace(material, inputs=brighter)),
        (recipe, replace(material, targets=1 - material.targets)),
    ]
    for changed_recipe, pictures in others:
        with pytest.raises(DataError, match=r"holds an unfinished training of other data, .*choose another --out"):
            train_network(run_of(changed_recipe, tmp_path), pictures)
    (tmp_path / IDENTITY).unlink()  # a program that kept none left this
    with pytest.raises(DataError, match="an earlier version of this program"):
        train_network(run_of(recipe, tmp_path), material)
    clear(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("eagerly")
def test_a_training_that_was_killed_before_it_learnt_keeps_its_folder_from_nobody(material, recipe, tmp_path):
    def die(_text):
        raise KilledError

    with pytest.raises(KilledError):
        train_network(run_of(recipe, tmp_path, die), material)
    assert len(train_network(run_of(recipe, tmp_path), replace(material, targets=1 - material.targets)).history) == 2


@pytest.mark.usefixtures("eagerly")
def test_a_loss_that_is_no_number_stops_the_training(material, recipe, tmp_path):
    wild = structs.replace(recipe, schedule=structs.replace(recipe.schedule, learning_rate=float("inf")))
    with pytest.raises(DivergedError, match="Lower the learning rate"):
        train_network(run_of(wild, tmp_path), material)


def test_batches_are_a_function_of_seed_and_epoch_and_hold_the_outliers(material, recipe):
    with_outliers = structs.replace(recipe, schedule=structs.replace(recipe.schedule, outlier_exposure=3))
    first, again = (Batches(replace(material, outliers=255 - material.inputs), with_outliers) for _ in range(2))
    pictures, shares, weights = first[1]
    assert pictures.shape == (11, 64, 64, 3)
    np.testing.assert_array_equal(pictures, again[1][0])
    np.testing.assert_array_equal(shares[:8].sum(axis=1), 1)
    assert set(shares[:8].max(axis=1)) == {1.0}
    np.testing.assert_array_equal(shares[8:], 0.5)
    assert (weights[8:] < weights[:8].max()).all()
    first.begin_epoch(1)
    assert not np.array_equal(first[1][0], pictures)
    first.begin_epoch(0)
    np.testing.assert_array_equal(first[1][0], pictures)
    drawn = np.concatenate([first.order[i * 8 : (i + 1) * 8] for i in range(len(first))])
    assert sorted(drawn) == list(range(PICTURES))


@pytest.fixture(scope="module")
def easy():
    """Twelve dark and twelve bright pictures of 48 px, and which is which."""
    targets = np.arange(PICTURES) % 2
    noise = np.random.default_rng(1).integers(0, 60, (PICTURES, 48, 48, 3))
    inputs = (noise + 180 * targets[:, None, None, None]).astype(np.uint8)
    return TrainingSet(inputs, targets, inputs[:0], inputs, targets, CLASSES)


def changed(recipe, **schedule):
    size = structs.replace(recipe.input, height=48, width=48)
    return structs.replace(recipe, input=size, schedule=structs.replace(recipe.schedule, **schedule))


@pytest.mark.usefixtures("eagerly")
def test_two_stages_train_the_head_first_and_leave_the_frozen_share_alone(easy, recipe, tmp_path):
    import keras

    from training.architectures import build
    from training.architectures.blueprint import Order

    plan = structs.replace(changed(recipe, epochs=1, head_epochs=1, frozen=0.9), architecture="squeezenet")
    lines = []
    trained = train_network(run_of(plan, tmp_path, lines.append), easy)
    assert [line.partition(":")[0] for line in lines[1:]] == ["head, epoch 1/1", "epoch 1/1"]
    assert [row.epoch for row in trained.history] == [1, 2]
    keras.utils.set_random_seed(plan.schedule.seed)
    fresh = build("squeezenet", Order(48, 48, 2, plan.schedule.dropout)).model

    def moved(name):
        after, before = (model.get_layer(name).get_weights()[0] for model in (trained.blueprint.model, fresh))
        return bool(np.abs(after - before).max() > 0)

    assert not moved("conv1")
    assert not moved("fire5_expand3")
    assert moved("fire9_expand3")
    assert moved("logits")


@pytest.mark.usefixtures("eagerly")
def test_patience_ends_the_training_and_goes_back_to_the_best_epoch(easy, recipe, tmp_path):
    from training.fit.calibration import negative_log_likelihood
    from training.fit.features import logits_of

    plan = structs.replace(changed(recipe, epochs=8, patience=2, decay="none"), architecture="bushi_basic_cnn")
    contrary = replace(easy, validation_targets=1 - easy.targets)  # the better it learns, the worse it does on these
    lines = []
    trained = train_network(run_of(plan, tmp_path, lines.append), contrary)
    losses = [row.held_out_loss for row in trained.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 8
    assert any(f"back to epoch {best + 1}" in line for line in lines)
    loss = negative_log_likelihood(logits_of(trained.blueprint.model, easy.inputs), contrary.validation_targets, 1.0)
    assert loss == pytest.approx(losses[best], abs=1e-4)
    assert (tmp_path / "best" / "best.json").is_file()
    again = train_network(run_of(plan, tmp_path), contrary)  # as if it had been killed here
    assert again.history == trained.history
    for before, after in zip(*(one.blueprint.model.get_weights() for one in (trained, again)), strict=True):
        assert np.array_equal(before, after)
    clear(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
def test_ema_weights_are_the_running_mean_of_the_steps_with_statistics_of_their_own(
    easy, recipe, tmp_path, monkeypatch, optimiser
):
    rate = 1e-2 if optimiser == "sgd" else 1e-3
    plan = changed(recipe, epochs=2, ema_momentum=0.8, batch_norm_momentum=0.0, optimiser=optimiser, learning_rate=rate)
    plan = structs.replace(plan, architecture="mobilenet_v2_texture")
    steps = []

    def note(log, _batch=0, logs=None):
        steps.append([variable.numpy() for variable in log.model.trainable_variables])

    monkeypatch.setattr(callbacks.EpochLog, "on_train_begin", note)
    monkeypatch.setattr(callbacks.EpochLog, "on_train_batch_end", note)
    model = train_network(run_of(plan, tmp_path), easy).blueprint.model
    start, mean, share = steps[0], steps[1], 0.8 ** (len(steps) - 1)
    for step in steps[2:]:
        mean = [0.8 * before + 0.2 * now for before, now in zip(mean, step, strict=True)]
    mean = [(kept - share * first) / (1 - share) for kept, first in zip(mean, start, strict=True)]
    assert max(np.abs(one - last).max() for one, last in zip(mean, steps[-1], strict=True)) > 5e-4
    for variable, expected in zip(model.trainable_variables, mean, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5)
    batches = Batches(easy, plan)
    batches.begin_epoch(2)
    norm = model.get_layer("bn_Conv1")
    drawn = keras.Model(model.input, norm.input).predict(batches[len(batches) - 1][0], verbose=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), drawn.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("eagerly")
def test_a_small_set_is_gone_over_until_the_steps_are_done(easy, recipe, tmp_path):
    """Epochs are the least, too; each tells the accuracy on what it learnt from, and of what is watched."""
    plan = structs.replace(changed(recipe, epochs=1, batch_size=10, steps=5), architecture="colour_statistics")
    watching = replace(
        easy,
        **{f"validation_{part}": getattr(easy, f"validation_{part}")[:0] for part in ("inputs", "targets")},
        watched_inputs=easy.inputs,
        watched_targets=easy.targets,
    )
    lines = []
    trained = train_network(run_of(plan, tmp_path, lines.append), watching)
    assert len(Batches(easy, plan)) == 2
    assert [row.epoch for row in trained.history] == [1, 2, 3]
    assert all(0 <= row.accuracy <= 1 and 0 <= row.held_out <= 1 for row in trained.history)
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert f"accuracy {trained.history[0].accuracy:.4f}, held-out" in lines[1]


def test_the_accuracy_of_a_batch_counts_no_outlier_and_no_weight():
    targets = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]], np.float32)
    logits = np.array([[2, 1, 0], [2, 1, 0], [0, 1, 2], [9, 0, 0]], np.float32)
    accuracy = callbacks.LabelledAccuracy()
    accuracy.update_state(targets, logits, np.array([9, 1, 1, 0.8], np.float32))
    assert float(accuracy.result()) == pytest.approx(2 / 3)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_every_optimiser_learns_and_classes_may_weigh_alike(easy, recipe, tmp_path, optimiser):
    rate = {"adam": 1e-3, "sgd": 1e-2}[optimiser]
    plan = changed(recipe, epochs=3, optimiser=optimiser, learning_rate=rate, balanced=False)
    plan = structs.replace(plan, architecture="colour_statistics")
    trained = train_network(run_of(plan, tmp_path), easy)
    losses = [row.loss for row in trained.history]
    assert losses[-1] < losses[0]
    few = replace(easy, inputs=easy.inputs[:15], targets=easy.targets[:15])
    assert set(Batches(few, plan).weights.tolist()) == {1.0}
    weights = Batches(few, changed(recipe)).weights
    assert weights[1] > weights[0]  # seven of the second class, eight of the first


@pytest.mark.parametrize(("devices", "bits"), [(["cpu:0"], precision.WHOLE), (["gpu:0", "gpu:1"], precision.HALF)])
def test_a_gpu_is_used_with_half_the_bits(devices, bits, monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    assert precision.of_training() == bits
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert precision.of_training() == precision.WHOLE


@pytest.mark.usefixtures("eagerly")
def test_half_precision_is_for_training_only(material, recipe, tmp_path, monkeypatch):
    """It computes in float16, goes on where it was killed, learns the same, and leaves a network in float32."""

    def train(name, *report):
        return train_network(run_of(recipe, tmp_path / name, *report), material)

    def die(text):
        if text.startswith("epoch 2"):
            raise KilledError

    whole = train("whole")
    monkeypatch.setattr(precision, "of_training", lambda: precision.HALF)
    with pytest.raises(KilledError):
        train("half", die)
    half = train("half")
    assert (half.precision, whole.precision) == (precision.HALF, precision.WHOLE)
    assert [row.epoch for row in half.history] == [1, 2]
    assert {layer.dtype_policy.name for layer in half.blueprint.model.layers} == {precision.WHOLE}
    assert half.history[-1].loss != whole.history[-1].loss
    assert half.history[-1].loss == pytest.approx(whole.history[-1].loss, rel=0.02)


def test_an_epoch_goes_over_copies_and_makes_classes_even(material, recipe):
    def drawn(targets, **schedule):
        pictures = replace(material, targets=targets)
        batches = Batches(pictures, structs.replace(recipe, schedule=structs.replace(recipe.schedule, **schedule)))
        assert sorted(batches.order) == list(range(len(batches.pool)))
        assert len(batches) == round(len(batches.pool) / recipe.schedule.batch_size)
        return np.bincount(batches.pool, minlength=PICTURES), batches

    rare = (np.arange(PICTURES) < 6).astype(np.int64)  # six of one class, eighteen of the other
    assert set(drawn(rare)[0]) == {1}
    assert set(drawn(rare, copies=3)[0]) == {3}
    even, batches = drawn(rare, evened=True)
    assert (even[:6].tolist(), set(even[6:])) == ([3] * 6, {1})
    np.testing.assert_allclose(batches.weights, 1)  # what is even needs no weights
    assert drawn(rare, evened=True, copies=2)[0][:6].tolist() == [6] * 6
    copies = drawn(rare, copies=3)[1]
    one, other, _ = np.flatnonzero(copies.pool == 4)
    copies.order = np.array([one, other] * 4)
    pictures, *_ = copies[0]
    assert not np.array_equal(pictures[0], pictures[1])  # each copy is augmented anew


@pytest.mark.usefixtures("eagerly")
def test_the_rate_falls_to_a_tenth_after_a_loss_that_has_risen(easy, recipe, tmp_path):
    plan = structs.replace(changed(recipe, epochs=6, decay="plateau", optimiser="sgd"), architecture="bushi_basic_cnn")
    contrary = replace(easy, validation_targets=1 - easy.targets)  # the better it learns, the worse it does on these
    lines, killed = [], []
    losses = [row.held_out_loss for row in train_network(run_of(plan, tmp_path / "a", lines.append), contrary).history]
    rises = sum(late > early for early, late in pairwise(losses))
    told = [line for line in lines if "learning rate is" in line]
    assert len(told) == rises > 1
    rate = plan.schedule.learning_rate
    assert [float(line.split()[-2]) for line in told] == pytest.approx([rate / 10 ** (i + 1) for i in range(rises)])

    def die(text):
        killed.append(text)
        if text.startswith("epoch 5"):
            raise KilledError

    with pytest.raises(KilledError):
        train_network(run_of(plan, tmp_path / "b", die), contrary)
    train_network(run_of(plan, tmp_path / "b", killed.append), contrary)
    assert [line for line in killed if "learning rate is" in line] == told


@pytest.mark.usefixtures("eagerly")
def test_a_backbone_that_is_frozen_whole_stays_as_it_was(easy, recipe, tmp_path):
    from training.architectures import build
    from training.architectures.blueprint import Order

    plan = structs.replace(changed(recipe, epochs=1, frozen=1.0), architecture="mobilenet")
    trained = train_network(run_of(plan, tmp_path), easy).blueprint
    keras.utils.set_random_seed(plan.schedule.seed)
    before = build("mobilenet", Order(48, 48, 2, dropout=plan.schedule.dropout)).model
    for layer in trained.model.layers:
        same = all(
            np.array_equal(one, other)
            for one, other in zip(layer.get_weights(), before.get_layer(layer.name).get_weights(), strict=True)
        )
        assert same == (layer.name != "logits")
