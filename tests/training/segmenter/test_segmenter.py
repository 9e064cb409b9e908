"""What the network that finds leukocytes is taught: sure labels, scenes by seed, and a network folded without loss."""

from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.segmentation import thresholds
from smear.segmentation.mask_network import Segmenter, SegmenterError, verify
from training.architectures import unet
from training.data.manifest import DataError
from training.fit.checkpoints import SUFFIX
from training.graphs.segmenter import exported
from training.segmenter import fit, labelling, publish, scenes
from training.segmenter.labelling import CYTOPLASM, NUCLEUS, OUTSIDE, UNSURE, Labelled


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / max(1, np.count_nonzero(one) + np.count_nonzero(other))


def single(nucleus=28, cell=50, side=240, cytoplasm=(196, 180, 214)):
    """A cell in the middle of a picture, erythrocytes around it, and its true masks."""
    rgb = np.full((side, side, 3), (244, 238, 232), np.uint8)
    for x, y in ((40, 50), (190, 60), (60, 190), (180, 200)):
        cv2.circle(rgb, (x, y), 24, (214, 170, 168), cv2.FILLED, cv2.LINE_AA)
    middle = (side // 2, side // 2)
    cv2.circle(rgb, middle, cell, cytoplasm, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(rgb, middle, nucleus, (96, 60, 140), cv2.FILLED, cv2.LINE_AA)
    noise = np.random.default_rng(0).normal(0, 2, rgb.shape)
    rows, columns = np.mgrid[:side, :side]
    away = np.hypot(rows - middle[1], columns - middle[0])
    return np.clip(rgb + noise, 0, 255).astype(np.uint8), away <= nucleus, away <= cell


def test_the_cell_in_the_middle_is_outlined_and_nothing_else():
    rgb, nucleus, cell = single()
    labelled = labelling.middle_cell(rgb)
    assert dice(labelled.classes == NUCLEUS, nucleus) > 0.96
    assert dice(np.isin(labelled.classes, (CYTOPLASM, NUCLEUS)), cell) > 0.96
    assert set(np.unique(labelled.instances)) == {0, 1}


def test_the_teacher_says_when_it_does_not_know():
    blank = np.full((240, 240, 3), 240, np.uint8)
    assert labelling.middle_cell(blank) is None
    rgb, _, _ = single(nucleus=70, cell=119)  # fills the picture: where it ends is not to be seen
    assert labelling.middle_cell(rgb) is None


def test_fields_leave_out_what_is_doubtful():
    rgb = synthetic.field(5, "leukemic", 320)
    labelled = labelling.field(rgb)
    thresholded = thresholds.find(rgb)
    assert dice(labelled.classes == NUCLEUS, thresholded.nuclei) > 0.99
    rim = (
        thresholded.cells
        & ~cv2.erode(thresholded.cells.view(np.uint8), labelling.disc(1)).view(bool)
        & ~thresholded.nuclei
    )
    assert (labelled.classes[rim] == UNSURE).all()
    assert (labelled.classes[~thresholded.cells] != CYTOPLASM).all()


@pytest.fixture(scope="module")
def lessons():
    cell = scenes.source(labelling.middle_cell(single()[0]))
    field = scenes.source(labelling.field(synthetic.field(5, "leukemic", 224)))
    return fit.Lessons((cell, field), np.array([0.5, 0.5]), (0,))


def test_a_scene_is_a_function_of_its_seed(lessons):
    drawn = [scenes.scene(lessons.sources, lessons.lonely, 1, seed) for seed in (3, 3, 4)]
    for one, same in zip(drawn[0], drawn[1], strict=True):
        assert np.array_equal(one, same)
    assert not np.array_equal(drawn[0][0], drawn[2][0])


def test_scenes_have_cells_of_many_sizes_with_cores_inside(lessons):
    areas = []
    for seed in range(30):
        rgb, classes, cores = scenes.scene(lessons.sources, lessons.lonely, seed % 2, seed)
        assert rgb.shape == (scenes.SIDE, scenes.SIDE, 3)
        assert rgb.dtype == np.uint8
        assert set(np.unique(classes)) <= {OUTSIDE, CYTOPLASM, NUCLEUS, UNSURE}
        assert (classes[cores > 0] != OUTSIDE).all()
        areas.append((np.isin(classes, (CYTOPLASM, NUCLEUS))).mean())
    assert min(areas) < 0.1 < 0.25 < max(areas)


def test_restaining_changes_the_slide_and_keeps_the_white_white(lessons):
    blank = Labelled(np.full((64, 64, 3), 230, np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8))
    for seed in range(8):
        rgb, classes, _ = scenes.scene((scenes.source(blank),), (), 0, seed)
        assert np.median(rgb) > 235
        assert not classes.any()
    pictures = [scenes.scene(lessons.sources, (), 1, seed)[0].mean(axis=(0, 1)) for seed in range(12)]
    assert np.std(pictures, axis=0).min() > 2


def test_touching_cells_have_cores_of_their_own():
    instances = np.zeros((60, 100), np.uint8)
    cv2.circle(instances, (35, 30), 17, 1, cv2.FILLED)
    cv2.circle(instances, (66, 30), 17, 2, cv2.FILLED)
    assert cv2.connectedComponents((instances > 0).view(np.uint8))[0] == 2  # they touch
    count, parts = cv2.connectedComponents(scenes.cores(instances))
    assert count == 3
    assert {int(np.median(instances[parts == n])) for n in (1, 2)} == {1, 2}


def test_the_loss_does_not_see_what_is_unsure():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 8, 8, 4)).astype(np.float32)
    labels = np.zeros((2, 8, 8, 2), np.float32)
    labels[:, 2:6, 2:6, 0] = NUCLEUS
    labels[:, :, 7, 0] = UNSURE
    elsewhere = logits.copy()
    elsewhere[:, :, 7] += 5
    assert float(fit.loss(labels, logits)) == pytest.approx(float(fit.loss(labels, elsewhere)), rel=1e-5)
    perfect = np.full_like(logits, -20)
    for c in range(3):
        perfect[..., c][labels[..., 0] == c] = 20
    assert float(fit.loss(labels, perfect)) < 0.02 < float(fit.loss(labels, logits))


def test_the_folded_network_says_the_same():
    model = unet.build()
    random = np.random.default_rng(1)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    picture = random.uniform(0, 255, (1, 64, 96, 3)).astype(np.float32)
    before, after = model(picture, training=False), unet.folded(model)(picture)
    assert np.abs(np.array(before) - np.array(after)).max() < 1e-3 * np.abs(np.array(before)).max()
    assert before.shape == (1, 64, 96, 4)


def test_the_exported_graph_gives_shares_and_says_the_same():
    model = unet.folded(unet.build())
    rgb = np.random.default_rng(2).integers(0, 256, (70, 100, 3), dtype=np.uint8)
    padded = np.full((1, 96, 128, 3), 255, np.float32)
    padded[0, :70, :100] = rgb
    logits = np.array(model(padded))[0, :70, :100]
    shares_by_graph = Segmenter(exported(model))(rgb)
    shares = np.exp(logits[..., :3]) / np.exp(logits[..., :3]).sum(axis=-1, keepdims=True)
    assert np.abs(shares_by_graph[0] - (1 - shares[..., 0])).max() < 1e-4
    assert np.abs(shares_by_graph[1] - shares[..., 2]).max() < 1e-4
    assert np.abs(shares_by_graph[2] - 1 / (1 + np.exp(-logits[..., 3]))).max() < 1e-4


def test_a_layer_that_the_graph_does_not_know_is_named():
    given = keras.Input((32, 32, 3), name="rgb")
    model = keras.Model(given, keras.layers.UpSampling2D(name="larger")(given))
    with pytest.raises(ValueError, match="'larger' is a layer of the kind UpSampling2D"):
        exported(model)


def test_a_network_is_published_with_its_graph_under_the_next_version(lessons, tmp_path):
    folder, schedule = tmp_path / "segmenter", fit.Schedule()
    model = unet.folded(unet.build())
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        assert publish.next_version(folder) == version
        described = publish.card(version, lessons, schedule, "0" * 12, {})
        assert publish.write(folder, model, described) == folder
        card = verify(folder)
        assert card.version == version
        assert set(card.files) == {"model.keras", "model.onnx"}
    assert [path.name for path in tmp_path.iterdir()] == ["segmenter"]
    text = (folder / "card.json").read_text()
    (folder / "card.json").write_text(text.replace('"1.2.0"', '"1.2"'))
    with pytest.raises(SegmenterError, match="write it as three numbers"):
        publish.next_version(folder)
    (folder / "card.json").write_text("{")
    with pytest.raises(SegmenterError, match="cannot be read"):
        publish.next_version(folder)


def test_it_learns(lessons, tmp_path, monkeypatch):
    """Thirty steps on two pictures bring the loss down; the run goes on where it was killed, and no other does."""
    monkeypatch.setattr(fit, "STEPS_PER_EPOCH", 10)
    monkeypatch.setattr(fit, "BATCH", 4)
    lines = []
    fit.fit(lessons, fit.Schedule(epochs=3), tmp_path, lines.append)
    losses = [float(line.rsplit(" ", 1)[1]) for line in lines]
    assert len(losses) == 3
    assert losses[-1] < 0.8 * losses[0]
    for file in (tmp_path / fit.EPOCHS).iterdir():
        file.rename(file.with_name(f"0002{SUFFIX}"))  # as if it had been killed in its third epoch
    fit.fit(lessons, fit.Schedule(epochs=3), tmp_path, lines.append)
    assert [line.split(":")[0] for line in lines[3:]] == ["epoch 3/3"]
    others = replace(lessons, shares=lessons.shares[::-1] / 2)
    for differing, schedule in ((lessons, fit.Schedule(epochs=3, seed=5)), (others, fit.Schedule(epochs=3))):
        with pytest.raises(DataError, match=r"unfinished training of other data, .*choose another --out"):
            fit.fit(differing, schedule, tmp_path, lines.append)
    fit.clear(tmp_path)
    assert not list(tmp_path.iterdir())
