"""A training that is killed, wherever it is, ends as if it had not been."""

import errno
import os
import shutil

import keras
import numpy as np
import pytest

from training.fit.checkpoints import SUFFIX, Checkpoints, save_weights

EPOCHS = 4


class KilledError(Exception):
    """Stands for the machine that goes away."""


@pytest.fixture
def make():
    """A function that gives the same small compiled network every time; dropout draws numbers of its own."""

    def build():
        keras.utils.set_random_seed(4)
        given = keras.Input((6,))
        x = keras.layers.Dropout(0.4)(keras.layers.Dense(8, activation="relu")(given))
        model = keras.Model(given, keras.layers.Dense(1)(x))
        model.compile(optimizer=keras.optimizers.AdamW(0.01), loss="mse")
        return model

    return build


def test_a_disk_without_room_is_told_before_anything_is_written(make, tmp_path, monkeypatch):
    """HDF5 would end the process with a segmentation fault."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**20))
    with pytest.raises(OSError, match="No space left on device for 1 MB, of which 1 MB are free") as error:
        save_weights(make(), tmp_path / "new" / "state.weights.h5")
    assert error.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob("*.h5"))


def train(model, folder, *callbacks):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(32, 6)), random.normal(size=(32, 1))
    checkpoints = Checkpoints(folder)
    done = checkpoints.restore(model)
    model.fit(
        *(x, y),
        batch_size=8,
        initial_epoch=done,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[*callbacks, checkpoints],
    )
    return model.get_weights()


def killed_at(event):
    """Return a callback that ends the program's world in the third epoch."""

    class Killing(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            if event == "batch" and self.epoch == 2 and batch == 1:
                raise KilledError

        def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
            if event == "epoch" and epoch == 2:
                raise KilledError

    return Killing()


@pytest.mark.parametrize("event", ["batch", "epoch"])
def test_it_ends_as_if_it_had_not_been_killed(make, tmp_path, event):
    straight = train(make(), tmp_path / "straight")
    with pytest.raises(KilledError):
        train(make(), tmp_path / "killed", killed_at(event))
    assert [file.name for file in (tmp_path / "killed").iterdir()] == [f"0002{SUFFIX}"]
    for one, other in zip(straight, train(make(), tmp_path / "killed"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_killed_while_it_is_saving_it_goes_on_from_the_state_before(make, tmp_path, monkeypatch):
    straight = train(make(), tmp_path / "straight")
    model, saved = make(), []
    whole = model.save_weights

    def half(path):
        saved.append(path)
        if len(saved) < 3:
            whole(path)
        else:
            path.write_bytes(b"\x89HDF")
            raise KilledError

    monkeypatch.setattr(model, "save_weights", half)
    with pytest.raises(KilledError):
        train(model, tmp_path / "killed")
    left = [f"0002{SUFFIX}", f"part-{os.getpid()}-0003{SUFFIX}"]
    assert sorted(file.name for file in (tmp_path / "killed").iterdir()) == left
    for one, other in zip(straight, train(make(), tmp_path / "killed"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert [file.name for file in (tmp_path / "killed").iterdir()] == [f"0004{SUFFIX}"]


def test_what_is_finished_is_not_trained_again(make, tmp_path):
    weights = train(make(), tmp_path)
    for one, other in zip(weights, train(make(), tmp_path), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_are_saved_in_one_step(make, tmp_path):
    model = make()
    save_weights(model, tmp_path / "deep" / f"best{SUFFIX}")
    assert [file.name for file in (tmp_path / "deep").iterdir()] == [f"best{SUFFIX}"]
