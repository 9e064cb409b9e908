"""Classifiers on features: as good after reading as before, never a pickle, and read by the reader that serves."""

import json

import numpy as np
import pytest
from msgspec import structs

from smear.inference import bundle, classifier_heads
from smear.inference.field_reader import Reader
from training.data.dataset import load as load_dataset
from training.fit import classifiers
from training.fit.experiment import draft
from training.fit.run import Material, Run
from training.recipes.loading import load

NAMES = ("xgboost", "lightgbm", *classifiers.SKLEARN)
FORMATS = {"xgboost": "head.ubj", "lightgbm": "head.txt"}


@pytest.fixture(scope="module")
def blobs():
    """Features (N, 12) of three classes that lie apart, and their targets."""
    random = np.random.default_rng(0)
    targets = np.arange(240) % 3
    return (random.normal(0, 1, (240, 8)) + 6 * np.eye(3, 8)[targets]).astype(np.float32), targets


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_is_read_back_and_knows_its_classes(name, classes, blobs, tmp_path):
    features, targets = (part[blobs[1] < classes] for part in blobs)
    (features, unseen), (targets, answers) = (np.array_split(part, 2) for part in (features, targets))
    file = classifiers.fit(name, features, targets, tmp_path)
    assert file == FORMATS.get(name, "head.skops")
    logits = classifier_heads.load(tmp_path / file, classes)(unseen)
    assert logits.shape == (len(unseen), classes)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=1) == answers).mean() > 0.9
    with pytest.raises(classifier_heads.HeadError, match=f"knows {classes} labels, the card has 5"):
        classifier_heads.load(tmp_path / file, 5)(features)


def test_the_same_seed_gives_the_same_classifier(blobs, tmp_path):
    features, targets = blobs
    logits = []
    for name in ("lightgbm", "random-forest"):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            file = classifiers.fit(name, features, targets, tmp_path / folder, seed=3)
            logits.append(classifier_heads.load(tmp_path / folder / file, 3)(features))
        np.testing.assert_array_equal(logits[-1], logits[-2])


class Unlisted:
    """What nobody should build from a file."""

    def predict_proba(self, features):
        return features


def test_types_that_are_not_on_the_list_are_not_built(tmp_path):
    import skops.io

    skops.io.dump(Unlisted(), tmp_path / "head.skops")
    with pytest.raises(classifier_heads.HeadError, match=r"head.skops cannot be read"):
        classifier_heads.load(tmp_path / "head.skops", 2)


def test_damaged_files_missing_libraries_and_pickles_are_refused(tmp_path, monkeypatch):
    for name in classifier_heads.READERS:
        (tmp_path / name).write_bytes(b"no classifier")
        with pytest.raises(classifier_heads.HeadError, match=f"{name} cannot be read"):
            classifier_heads.load(tmp_path / name, 2)
    with pytest.raises(classifier_heads.HeadError, match="no kind of classifier"):
        classifier_heads.load(tmp_path / "head.pkl", 2)
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(classifier_heads.HeadError, match=r"head.txt needs lightgbm, which is not installed"):
        classifier_heads.load(tmp_path / "head.txt", 2)


@pytest.fixture(scope="module")
def material(tiny, drawn):
    """The drawn data set as the recipe of a small network wants it."""
    recipe = load(str(tiny))
    recipe = structs.replace(recipe, architecture="bushi_basic_cnn", head=structs.replace(recipe.head, hidden=(16,)))
    return Material(recipe, load_dataset(drawn))


@pytest.fixture(scope="module")
def bundles(material, tmp_path_factory):
    """Bundles of one network with three classifiers, and what was said while they were made."""
    recipe = material.recipe
    folder, lines, bundle_of = tmp_path_factory.mktemp("heads"), [], {}
    for name in ("xgboost", "lightgbm", "svm"):
        variant = structs.replace(recipe, name=f"tiny-{name}", head=structs.replace(recipe.head, classifier=name))
        run = Run(material, None, folder / name, lines.append, folder / "network-cache").of(variant)
        bundle_of[name] = draft(run, np.arange(0, 48, 2), np.arange(1, 48, 2))
    return bundle_of, lines


def test_classifiers_of_one_network_share_its_training(bundles):
    bundle_of, lines = bundles
    assert len([line for line in lines if line.startswith("epoch")]) == 2  # two epochs, trained once
    assert len([line for line in lines if "there already" in line]) == 2
    digests = {bundle.sha256(path / "model.keras") for path in bundle_of.values()}
    weights = {bundle.read_card(path).recipe["weights"] for path in bundle_of.values()}
    assert weights == {"random"}
    assert len(digests) <= len(bundle_of)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "svm"])
def test_the_reader_answers_by_the_classifier_and_explains_by_the_network(name, bundles, material, drawn):
    reader = Reader(bundle.load(bundles[0][name]))
    data = load_dataset(drawn)
    reading = reader.read(data.bytes_of(0))
    network = reader.bundle.network
    prepared = reader.examine(data.decoded(0)).input[None].astype(np.float32)
    forward = network.forward(prepared)
    np.testing.assert_allclose(forward.logits, network.head(forward.features), atol=1e-6)
    assert not np.allclose(
        forward.logits, network.model.predict(prepared, verbose=0).ravel()[0] * np.array([-0.5, 0.5])
    )
    assert reading.maps.shape[0] == 2
    assert any(f"classifier ({name})" in note for note in reading.notes)
    assert any("the map does not show" in failure for failure in reader.card.known_failures)
    assert reader.card.head.classifier == name


def test_a_bundle_whose_classifier_is_missing_or_damaged_is_refused(bundles, tmp_path):
    import shutil

    copy = shutil.copytree(bundles[0]["svm"], tmp_path / "copy")
    (copy / "head.skops").write_bytes(b"damaged before it was published")
    card = json.loads((copy / "card.json").read_text(encoding="utf-8"))
    card["files"]["head.skops"] = bundle.sha256(copy / "head.skops")
    (copy / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(bundle.BundleError, match="The classifier of 'copy' cannot be used"):
        bundle.load(copy)
    del card["files"]["head.skops"]
    (copy / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(bundle.BundleError, match=r"does not list head.skops"):
        bundle.load(copy)


def test_features_are_computed_once_and_anew_when_a_weight_changes(material, tmp_path, monkeypatch):
    import keras

    from training.fit import features as module

    given = keras.Input((8, 8, 3))
    model = keras.Model(given, keras.layers.Dense(2)(keras.layers.Flatten()(given)))
    pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    first = module.features(model, pictures, tmp_path)
    assert first.shape == (5, 192)
    np.testing.assert_array_equal(first, module.features(model, pictures))
    with monkeypatch.context() as patch:
        patch.setattr(module, "outputs_of", lambda *_: pytest.fail("computed twice"))
        np.testing.assert_array_equal(module.features(model, pictures, tmp_path), first)
    changed = module.features(model, 255 - pictures, tmp_path)
    assert not np.array_equal(changed, first)
    assert len(list(tmp_path.iterdir())) == 2


def test_features_of_several_orientations_are_those_of_serving():
    import keras

    from smear.inference.engines.keras_engine import KerasEngine
    from smear.inference.network import Network
    from training.fit.features import answers, features

    keras.utils.set_random_seed(2)
    given = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 7, strides=3, name="last")(given))
    model = keras.Model(given, keras.layers.Dense(2)(pooled))
    pictures = np.random.default_rng(0).integers(0, 256, (70, 16, 16, 3), dtype=np.uint8)
    served = Network(KerasEngine(model, "last"), 8).forward(pictures).features
    np.testing.assert_allclose(features(model, pictures, tta=8), served, rtol=1e-4, atol=1e-3)
    assert not np.allclose(features(model, pictures), served, rtol=1e-2)
    kernel, bias = (weights / 100 for weights in model.layers[-1].get_weights())  # an answer that is not sure at once
    model.layers[-1].set_weights([kernel, bias])
    upright = Network(KerasEngine(model, "last")).forward(pictures).logits
    half = float(np.median(1 / (1 + np.exp(-abs(upright[:, 0] - upright[:, 1])))))  # half are surer than this
    served = Network(KerasEngine(model, "last"), 8, half).forward(pictures).logits
    logits = answers(model, lambda values: values @ kernel + bias, pictures, 8, half)
    np.testing.assert_allclose(logits, served, rtol=1e-4, atol=1e-3)
    assert 0 < np.isclose(logits, upright, rtol=1e-3).all(axis=1).sum() < len(pictures)
