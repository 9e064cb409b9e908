"""An inspection warns of what gives a class away, and only of that; its page needs no other file."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from training.__main__ import main
from training.data import inspection
from training.data.dataset import load
from training.data.inspection import forest_accuracy, inspect
from training.reports.inspection_page import PLOTS, page

KINDS = ("one", "other")
EACH = 10


def unchanged(rgb, label, number):
    return rgb


def two_laboratories(label, number):
    return f"lab{number % 2}"


def one_each(label, number):
    return f"lab-{label}"


def put(folder, change=unchanged, source=two_laboratories):
    """Write drawings of one kind under two labels: nothing tells the class but what `change` and `source` do."""
    lines = ["path,label,group,source"]
    for offset, label in enumerate(KINDS):
        (folder / label).mkdir(parents=True)
        for number in range(EACH):
            rgb = change(synthetic.field(100 * offset + number, "leukemic", 160), label, number)
            (folder / label / f"{number}.png").write_bytes(encode(np.ascontiguousarray(rgb), "PNG"))
            lines.append(f"{label}/{number}.png,{label},{label}-{number},{source(label, number)}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def with_bar(rgb, label, number):
    if label == "one":
        rgb[-12:-8, -35:-4] = 0
    return rgb


def warned(inspection, words):
    return [one for one in inspection.warnings if words in one]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return inspect(load(put(tmp_path_factory.mktemp("plain") / "data")))


def test_a_fair_set_is_not_suspected(plain):
    for words in ("coincide", "Scale bars", "Sizes differ", "two labels", "Copies", "Not to be read"):
        assert not warned(plain, words)
    assert len(warned(plain, "has only 10 pictures")) == 2
    assert len(set(plain.groups.tolist())) == 2 * EACH
    assert all(look.leukocytes > 0 for look in plain.looks)
    assert all(np.isfinite(look.stain).all() for look in plain.looks)


def test_a_class_of_pictures_without_leukocytes_is_told_in_english(plain):
    empty = replace(plain, looks=tuple(replace(look, leukocytes=0) for look in plain.looks))
    told = [text for text in inspection._small(empty) if "not graded" in text]
    assert told[0].startswith(f"No leukocyte is found in 100% of '{plain.dataset.classes[0]}'")
    assert len(told) == 2


def test_a_scale_bar_of_one_class_is_seen(tmp_path):
    inspection = inspect(load(put(tmp_path / "data", with_bar)))
    assert len(warned(inspection, "Scale bars differ by class")) == 1
    assert not warned(inspection, "Sizes differ")


def test_class_and_source_size_and_stain_that_coincide_are_seen(tmp_path):
    def other_laboratory(rgb, label, number):
        if label == "one":
            return rgb
        return cv2.resize(np.clip(rgb * np.array([1, 0.8, 0.9]), 0, 255).astype(np.uint8), (200, 160))

    inspection = inspect(load(put(tmp_path / "data", other_laboratory, one_each)))
    assert warned(inspection, "every 'one' comes from 'lab-one'")
    assert warned(inspection, "every 'other' comes from 'lab-other'")
    assert warned(inspection, "Sizes differ by class")
    assert warned(inspection, "Colour gives the class away")


def test_copies_and_copies_under_two_labels_and_damaged_files_are_listed(tmp_path):
    folder = put(tmp_path / "data")
    (folder / "one" / "1.png").write_bytes((folder / "one" / "0.png").read_bytes())
    (folder / "other" / "2.png").write_bytes((folder / "one" / "0.png").read_bytes())
    twin = np.clip(synthetic.field(105, "leukemic", 160).astype(int) * 0.95 + 3, 0, 255).astype(np.uint8)
    (folder / "other" / "6.png").write_bytes(encode(twin, "PNG"))
    (folder / "other" / "9.png").write_bytes(b"damaged")
    inspection = inspect(load(folder))
    assert len(inspection.duplicates.exact) == 2
    assert warned(inspection, "Copies, pixel by pixel: 2 pictures")
    assert warned(inspection, "Under two labels stand the same picture: 1 pair, such")
    assert len(inspection.duplicates.near) == 1
    assert len(inspection.looks) == 2 * EACH - 1
    assert re.search(
        r"same picture, &#39;one&#39; and &#39;other&#39;.*?one/0.png.*?other/2.png", page(inspection), re.S
    )
    assert warned(inspection, "Not to be read: 1 picture, such as other/9.png")


def test_groups_that_nobody_gave_are_said(tmp_path):
    folder = put(tmp_path / "data")
    (folder / "manifest.csv").unlink()
    inspection = inspect(load(folder))
    assert warned(inspection, "Not every picture has a group")
    assert "made from near-duplicates" in page(inspection)


def test_what_tells_the_class_is_measured_against_chance():
    random = np.random.default_rng(0)
    targets = np.arange(120) % 3
    assert forest_accuracy(random.normal(size=(120, 5)), targets) < 0.5
    assert forest_accuracy(random.normal(size=(120, 5)) + 5 * np.eye(3, 5)[targets], targets) > 0.9
    assert forest_accuracy(random.normal(size=(4, 5)), np.array([0, 0, 0, 1])) is None


def test_the_page_holds_every_plot_and_nothing_from_elsewhere(plain):
    text = page(plain)
    for title in PLOTS:
        assert f"<h2>{title}</h2>" in text
    sources = re.findall(r'src="([^"]{0,30})', text)
    assert len(sources) == len(PLOTS) + 2 * 8
    assert all(one.startswith("data:image/") for one in sources)
    assert "<script" not in text
    assert not re.search(r"https?://", text)


def test_a_dollar_in_a_label_or_a_source_is_a_dollar(plain):
    data = plain.dataset
    odd = {"one": "$^$", "other": r"a$\frac{$b"}
    labels = tuple(odd[label] for label in data.labels)
    assert page(replace(plain, dataset=replace(data, labels=labels, sources=labels)))


def test_the_command_writes_one_file_and_says_the_warnings(tmp_path, capsys):
    folder = put(tmp_path / "data", with_bar)
    assert main(["inspect", str(folder), "--out", str(tmp_path / "new" / "report.html")]) == 0
    printed = capsys.readouterr().out
    assert "Scale bars differ by class" in printed
    assert str(tmp_path / "new" / "report.html") in printed
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]
    for label in KINDS:
        for path in (folder / label).iterdir():
            path.write_bytes(b"damaged")
    assert main(["inspect", str(folder), "--out", str(tmp_path / "worse.html")]) == 1
    assert "Too few pictures can be read" in capsys.readouterr().err
    assert not (tmp_path / "worse.html").exists()
