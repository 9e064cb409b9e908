"""A picture is known again however it was turned, shifted, cropped or stored, and no other is taken for it."""

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from training.__main__ import main
from training.data.dataset import load
from training.data.duplicates import find_duplicates, refuse_two_labels, sketches, under_two_labels
from training.data.groups import find_groups, sharing
from training.data.manifest import DataError
from training.data.sketches import sketch

KINDS = ("leukemic", "sparse")
EACH = 12


def jpeg(rgb, quality):
    return cv2.imdecode(cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)[..., ::-1]


def shifted(rgb, share):
    height, width = rgb.shape[:2]
    by = np.array([[1, 0, round(share * width)], [0, 1, -round(share * height / 2)]], np.float32)
    return cv2.warpAffine(rgb, by, (width, height), borderMode=cv2.BORDER_REFLECT)


def cropped(rgb, top, left, share=0.8):
    height, width = rgb.shape[:2]
    y, x = round(height * (1 - share) * top), round(width * (1 - share) * left)
    return rgb[y : y + round(height * share), x : x + round(width * share)]


CHANGES = {
    "stored as it is": lambda rgb: rgb,
    "mirrored": lambda rgb: rgb[:, ::-1],
    "upside down": lambda rgb: rgb[::-1],
    "a quarter turn": np.rot90,
    "half a turn": lambda rgb: np.rot90(rgb, 2),
    "three quarters": lambda rgb: np.rot90(rgb, 3),
    "shifted a little": lambda rgb: shifted(rgb, 0.03),
    "shifted more": lambda rgb: shifted(rgb, 0.08),
    "middle": lambda rgb: cropped(rgb, 0.5, 0.5),
    "corner": lambda rgb: cropped(rgb, 0, 1),
    "elsewhere, enlarged": lambda rgb: cv2.resize(cropped(rgb, 0.3, 0.65), rgb.shape[1::-1]),
    "a tenth less": lambda rgb: cropped(rgb, 0.8, 0.1, 0.9),
    "JPEG 40": lambda rgb: jpeg(rgb, 40),
    "half the size": lambda rgb: cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "brighter": lambda rgb: np.clip(rgb * 0.9 + 12, 0, 255).astype(np.uint8),
    "turned and cropped": lambda rgb: np.rot90(cropped(rgb, 0.2, 0.7)),
    "mirrored and shifted": lambda rgb: shifted(rgb[:, ::-1], 0.06),
}


def cell_on_black(seed):
    """A drawn cell, cut out on black where its nucleus is, as in C-NMC: round, in the middle, of a drawn texture."""
    random = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(random.normal(size=(225, 225)).astype(np.float32), (0, 0), 6)
    grey = 90 + 12 * texture / texture.std()
    rgb = np.clip(np.stack([grey, 0.5 * grey, 1.2 * grey], axis=-1), 0, 255).astype(np.uint8)
    mask = np.zeros((225, 225), np.uint8)
    cv2.ellipse(mask, ((112, 112), tuple(random.integers(100, 140, 2).tolist()), float(random.integers(180))), 1, -1)
    return rgb * mask[..., None]


def fields():
    return [synthetic.field(seed, kind, 224) for kind in KINDS for seed in range(EACH)]


def cells():
    return [cell_on_black(seed) for seed in range(2 * EACH)]


@pytest.fixture(scope="module", params=[fields, cells], ids=["fields", "cells on black"])
def pictures(request):
    drawn = request.param()
    return drawn, [sketch(rgb) for rgb in drawn]


def test_different_pictures_are_not_the_same(pictures):
    _, drawn = pictures
    found = find_duplicates(drawn)
    assert not found.pairs


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_pairs_with_its_own_original_alone(pictures, change):
    rgbs, drawn = pictures
    count = len(drawn)
    copies = [sketch(np.ascontiguousarray(CHANGES[change](rgb))) for rgb in rgbs[::3]]
    found = find_duplicates([*drawn, *copies])
    assert set(found.pairs) == {(3 * k, count + k) for k in range(len(copies))}
    assert len(found.exact) == (len(copies) if change == "stored as it is" else 0)


@pytest.mark.parametrize("colour", [0, 128, 245], ids=["black", "grey", "white"])
def test_empty_pictures_are_not_each_others_copies(colour):
    """Noise, or nothing at all; a scale bar in the corner is not what a picture shows."""
    random = np.random.default_rng(0)
    empty = []
    for level in range(12):
        rgb = np.clip(colour + random.normal(0, 0.2 * level, (224, 224, 3)), 0, 255).astype(np.uint8)
        rgb[-12:-8, -60:-10] = 255 - colour
        empty.append(sketch(jpeg(rgb, 90)))
    assert not find_duplicates(empty).near


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_handful_of_pictures_is_enough(count):
    assert not find_duplicates([sketch(rgb) for rgb in fields()[:count]]).pairs


def put(folder, patients=()):
    """Write a set of class folders, with a manifest where `patients` are given: one for each picture of a class."""
    lines = ["path,label,group"]
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for seed in range(EACH):
            (folder / kind / f"{seed:02}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
            lines.append(f"{kind}/{seed:02}.png,{kind},{kind}-{patients[seed] if patients else ''}")
    if patients:
        (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write(path, rgb):
    path.write_bytes(encode(np.ascontiguousarray(rgb), "PNG"))


def test_a_picture_under_two_labels_stops_a_training_before_it_starts(tmp_path, tiny, capsys):
    folder = put(tmp_path / "data")
    write(folder / "sparse" / "copy.png", synthetic.field(3, "leukemic", 224)[:, ::-1])
    write(folder / "sparse" / "twin.png", synthetic.field(5, "leukemic", 224))
    for command in (["fit"], ["crossval", "--protocol", "random"], ["crossval", "--protocol", "grouped"]):
        run = [command[0], str(tiny), "--data", str(folder), "--out", str(tmp_path / "run"), *command[1:]]
        assert main(run) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert "leukemic/05.png ('leukemic') and sparse/twin.png ('sparse') show the same picture" in said
        assert "So does one more pair. Remove the one whose label is wrong" in said
        assert not (tmp_path / "run").exists()
    dataset = load(folder)
    found = find_duplicates(sketches(dataset))
    assert [(dataset.paths[i], dataset.paths[j]) for i, j in under_two_labels(dataset, found)] == [
        ("leukemic/05.png", "sparse/twin.png"),
        ("leukemic/03.png", "sparse/copy.png"),
    ]
    (folder / "sparse" / "copy.png").unlink()
    (folder / "sparse" / "twin.png").unlink()
    refuse_two_labels(load(folder), find_duplicates(sketches(load(folder))))


def test_two_patients_who_share_a_picture_are_one_group(tmp_path):
    folder = put(tmp_path / "data", patients=[seed // 2 for seed in range(EACH)])
    write(folder / "leukemic" / "04.png", np.rot90(synthetic.field(0, "leukemic", 224)))
    dataset = load(folder)
    found = find_duplicates(sketches(dataset))
    groups = dict(zip(dataset.groups, find_groups(dataset, found).tolist(), strict=True))
    assert sharing(dataset, found) == [("leukemic-0", "leukemic-2")]
    assert groups["leukemic-0"] == groups["leukemic-2"]
    assert len(set(groups.values())) == len(groups) - 1


def test_what_cannot_be_read_is_named(tmp_path):
    folder = put(tmp_path / "data")
    (folder / "sparse" / "03.png").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"sparse/03\.png"):
        sketches(load(folder))


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["cnmc", "pbc", "taleghani", "leukemia_types"])
def test_real_pictures_of_two_labels_are_never_the_same_and_their_copies_are_found(data, name):
    dataset = load(data / name, many_labels=True).drawn(160)
    drawn = sketches(dataset)
    assert not under_two_labels(dataset, find_duplicates(drawn))
    chosen = range(0, len(dataset), 8)
    for change in ("upside down", "turned and cropped", "mirrored and shifted", "JPEG 40"):
        copies = [sketch(np.ascontiguousarray(CHANGES[change](dataset.picture(index)))) for index in chosen]
        pairs = set(find_duplicates([*drawn, *copies]).pairs)
        assert {(index, len(drawn) + place) for place, index in enumerate(chosen)} <= pairs
