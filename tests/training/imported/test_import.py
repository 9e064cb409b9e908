"""Models that others saved become bundles that the reader serves, or are refused in a sentence."""

import json
import shutil

import keras
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import decode
from smear.inference import bundle, cell_reader, floors, preprocess
from smear.inference.card import Input
from smear.inference.field_reader import Reader
from smear.inference.suggestion import calibrated
from smear.segmentation.find import find
from tests.drawn import OWN_WORDS
from tests.training.imported.conftest import SIDE, layers, taught
from training.__main__ import main
from training.adaptation import candidates
from training.imported.recipe import STEPS

SCALINGS = {"mobilenet.keras": "symmetric", "sequential.h5": "unit", "nested.keras": "none", "keras2.h5": "none"}
SCALED = {"none": lambda rgb: rgb, "unit": lambda rgb: rgb / 255, "symmetric": lambda rgb: rgb / 127.5 - 1}

pytestmark = [
    pytest.mark.usefixtures("all_eagerly"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


@pytest.fixture
def command(laboratory, tmp_path):
    """The command for a model's file, with further options."""

    def words(file, *options):
        return [
            *("import", str(file), "--labels", str(laboratory / "labels.csv")),
            *("--data", str(laboratory / "data"), "--out", str(tmp_path / "run"), "--folds", "2", *options),
        ]

    return words


@pytest.mark.parametrize("name", SCALINGS)
def test_it_is_measured_published_and_served(name, models, shown, laboratory, command, tmp_path, capsys):
    scaling = SCALINGS[name]
    assert main(command(models[name], "--scaling", scaling, "--format", "json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == 28
    assert said["accuracy_all"] > 0.9
    assert said["scalings"][scaling] == max(said["scalings"].values())
    assert set(said["controls"]) >= {"cells_removed", "corner_only"}
    assert said["ending"] == ("sigmoid" if name == "sequential.h5" else "softmax")

    publish = ["publish", str(tmp_path / "run"), "--name", "theirs", "--models", str(tmp_path / "models"), *OWN_WORDS]
    assert main(publish) == 0
    loaded = bundle.load(tmp_path / "models" / "theirs")
    card = loaded.card
    assert [label.id for label in card.labels] == ["leukemic", "sparse"]
    assert card.data["trained_on"] == "unknown"
    assert card.data["measured_on"] == 28
    assert "pictures" not in card.data
    assert card.recipe["imported"]["scaling"] == scaling
    assert card.metrics["grouped"]["accuracy_all"]["value"] == said["accuracy_all"]
    assert (tmp_path / "models" / "theirs" / "report" / "grouped-confusion.png").is_file()
    assert not any("never measured" in sentence for sentence in floors.unmet(card))

    pictures, _ = shown
    file = models[name] if name != "keras2.h5" else tmp_path / "models" / "theirs" / "model.keras"
    theirs = keras.models.load_model(file, compile=False).predict(
        SCALED[scaling](pictures.astype(np.float32)), verbose=0
    )
    ours = calibrated(loaded.network.forward(pictures).logits, 1.0)
    if name == "keras2.h5":
        np.testing.assert_allclose(loaded.network.forward(pictures).logits, theirs, atol=1e-3)
    else:  # their outputs are in the order of the file, ours in that of the card
        np.testing.assert_allclose(ours[:, 0], theirs[:, -1], atol=1e-3)
    lines: list[str] = []
    adaptable = candidates.candidates(loaded, None, tmp_path, None, lines.append)
    assert adaptable[0].name == candidates.THRESHOLDS
    layers = 0 if name == "sequential.h5" else len(candidates.PENALTIES)
    assert len(adaptable) == 2 * (1 + layers)  # each with and without stain matching
    assert lines == ["theirs 1.0.0 was built elsewhere, and how is unknown: not fine-tuned."]
    reading = Reader(loaded).read((laboratory / "data/leukemic/leukemic-0/00.png").read_bytes())
    assert reading.bundle == "theirs"
    assert reading.maps.shape[0] == 2
    assert reading.maps.max() > 0


def test_without_a_scaling_it_says_which_fits_and_makes_nothing(models, command, tmp_path, capsys):
    assert main(command(models["mobilenet.keras"])) == 1
    streams = capsys.readouterr()
    assert not streams.out
    assert "The pictures fit the scaling 'symmetric' best (-1 to 1, RGB): it is right on 28 of 28" in streams.err
    assert "--scaling symmetric" in streams.err
    assert not (tmp_path / "run").exists()


def test_a_wrong_scaling_is_found_by_accuracy(models, command, tmp_path, capsys):
    assert main(command(models["mobilenet.keras"], "--scaling", "caffe")) == 1
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert "that is not how its maker scaled them. Give --scaling symmetric." in sentence
    assert not (tmp_path / "run").exists()


def test_a_wrong_order_of_channels_is_found_by_accuracy(shown, command, tmp_path, capsys):
    keras.utils.set_random_seed(1)
    pictures, targets = shown
    # A network that tells by one colour, as the first channel: what it was shown had blue there.
    given = layers.Input((SIDE, SIDE, 3))
    pooled = layers.GlobalAveragePooling2D()(given)
    dense = layers.Dense(2, activation="softmax")
    model = keras.Model(given, dense(pooled))
    taught(keras.Model(given, pooled), dense, pictures[..., ::-1] / 255, targets)
    model.save(tmp_path / "bgr.keras")
    assert main(command(tmp_path / "bgr.keras", "--scaling", "unit")) == 1
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert "red and blue are exchanged. Give --scaling unit-bgr." in sentence


def test_labels_in_another_order_than_the_outputs_are_told(models, laboratory, command, tmp_path, capsys):
    head, *rows = (laboratory / "labels.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "turned.csv").write_text("\n".join([head, *reversed(rows)]), encoding="utf-8")
    words = command(models["mobilenet.keras"], "--scaling", "symmetric")
    words[words.index("--labels") + 1] = str(tmp_path / "turned.csv")
    assert main(words) == 1
    assert "Look whether the labels stand in the order of its outputs" in capsys.readouterr().err


@pytest.mark.realdata
def test_a_model_of_single_cells_is_taken_in_for_cells(data, tmp_path, capsys):
    """Shown one leukocyte with what stands around it, as it will be in a field."""
    chain = preprocess.chain(STEPS["cell"], Input(SIDE, SIDE))
    shown, targets = [], []
    for target, label in enumerate(("lymphocyte", "neutrophil")):
        (tmp_path / "data" / label).mkdir(parents=True)
        for place, file in enumerate(sorted((data / "pbc" / label).iterdir())[:40]):
            if place % 2:
                shutil.copy(file, tmp_path / "data" / label)
                continue
            field = find(decode(file.read_bytes()).rgb)
            shown.append(preprocess.run(chain, preprocess.begin(field)).rgb)
            targets.append(target)
    keras.utils.set_random_seed(0)
    given = layers.Input((SIDE, SIDE, 3))
    convolved = layers.Conv2D(12, 5, strides=2, activation="relu")(given)
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(24, 5, strides=2, activation="relu")(convolved))
    dense = layers.Dense(2, activation="softmax")
    model = keras.Model(given, dense(pooled))
    taught(keras.Model(given, pooled), dense, np.stack(shown) / 255, np.array(targets))
    model.save(tmp_path / "cells.keras")
    (tmp_path / "labels.txt").write_text("lymphocyte\nneutrophil\n", encoding="utf-8")
    words = ["import", str(tmp_path / "cells.keras"), "--labels", str(tmp_path / "labels.txt"), "--scope", "cell"]
    words += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "run"), "--folds", "2"]
    assert main([*words, "--scaling", "unit"]) == 0
    printed = capsys.readouterr().out
    assert "What it learnt from is unknown" in printed
    assert "Lymphocyte" in printed
    loaded = bundle.load(tmp_path / "run" / "imported")
    assert loaded.card.scope == "cell"
    assert not loaded.card.suggests  # a draft
    assert loaded.card.metrics == {}
    wide = find(synthetic.field(3, "leukemic", 448))
    assert len(cell_reader.read(loaded, wide)) == len(wide)
