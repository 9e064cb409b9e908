"""The linear probe finds what is in the features, by protocol and by class, and nothing where nothing is."""

import csv
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.segmentation.find import find
from training.evaluation import linear_probe


@pytest.fixture
def result(monkeypatch):
    """Eighty pictures of two classes in twenty groups; one part of the picture tells the class, one only the group."""
    random = np.random.default_rng(0)
    targets = np.repeat([0, 1], 40)
    groups = np.repeat(np.arange(20), 4)
    noise = lambda: random.normal(size=(80, 12)).astype(np.float32)  # noqa: E731
    tables = {
        "class": noise() + 4 * targets[:, None],
        "slide": random.normal(size=(80, 80)) + 4 * random.normal(size=(20, 80))[groups],
        "nothing": noise(),
    }
    monkeypatch.setattr(linear_probe, "features", lambda *_: tables)
    monkeypatch.setattr(linear_probe, "find_groups", lambda _: groups)
    dataset = SimpleNamespace(classes=("Benign", "Pro"), targets=lambda _: targets)
    return linear_probe.probe(dataset, None)


def test_what_is_in_the_features_is_found(result):
    assert result["class"]["grouped"].accuracy.value > 0.95
    assert 0.3 < result["nothing"]["random"].accuracy.value < 0.7


def test_features_of_the_slide_help_only_where_slides_straddle_the_split(result):
    assert result["slide"]["random"].accuracy.value > 0.9 > result["slide"]["grouped"].accuracy.value


def test_the_table_names_the_worst_label(result):
    lines = linear_probe.text(result).splitlines()
    assert len(lines) == 2 + len(result)
    first, *table = linear_probe.as_csv(result).splitlines()
    assert first.startswith("# python -m training probe")
    rows = {(row["seen"], row["protocol"]): row for row in csv.DictReader(table)}
    assert len(rows) == 2 * len(result)
    assert float(rows["class", "grouped"]["accuracy"]) == result["class"]["grouped"].accuracy.value
    worst = min(result["nothing"]["random"].by_label.items(), key=lambda item: item[1])
    assert f"({worst[0]} {worst[1]:.1%})" in lines[3]


def test_every_part_leaves_out_what_it_says():
    field = synthetic.field(5, "leukemic", 224)
    parts = {name: change(find(field)) for name, change in linear_probe.PARTS.items()}
    assert np.array_equal(parts["whole field"], field)
    dark = lambda rgb: int((cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) < 120).sum())  # noqa: E731
    assert dark(parts["all leukocytes painted out"]) < 0.05 * dark(field)
    assert dark(parts["leukocytes only, background white"]) > 0.8 * dark(field)
