"""A bundle on any data: each picture is looked at once, other labels are foreign, every row is written."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference.card import Scale
from smear.inference.field_reader import Reader
from smear.inference.suggestion import calibrated
from smear.segmentation.find import find
from tests.conftest import ROOT
from training.__main__ import main
from training.data.ablations import ABLATIONS
from training.data.dataset import load
from training.evaluation import predictions
from training.evaluation.assessment import assess, write_predictions

FIELD = ROOT / "models" / "leukolens-field"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Drawn fields: three of each of two labels of the shipped bundle, and two of a label that it does not have."""
    folder = tmp_path_factory.mktemp("mixed")
    for label, kind, count in (
        ("Benign", "leukemic", 3),
        ("Pre", "sparse", 3),
        ("AML", "leukemic", 1),
        ("AML", "blank", 1),
    ):
        (folder / label).mkdir(exist_ok=True)
        for seed in range(count):
            data = encode(synthetic.field(40 + seed, kind, 224), "PNG")
            (folder / label / f"{kind}{seed}.png").write_bytes(data)
    return folder


def test_what_is_asked_once_is_what_the_reader_says_one_by_one(shipped, mixed):
    reader, data = Reader(shipped), load(mixed)
    said, ablated = predictions.predict_ablations(reader, data, np.arange(len(data)), ABLATIONS)
    for index in range(len(data)):
        one = reader.read(data.bytes_of(index)).suggestion
        assert said.outcomes[index] == one.outcome
        assert said.reasons[index] == ",".join(reason.code for reason in one.reasons)
        if one.probabilities:
            told = calibrated(said.logits[index], reader.card.temperature)
            np.testing.assert_allclose(told, list(one.probabilities.values()), atol=1e-4)
    assert set(ablated) == set(ABLATIONS)
    assert not any(changed.suggested.any() for name, changed in ablated.items() if name != "background_removed")


def test_a_picture_in_parts_is_judged_by_what_is_said_of_it(shipped, tmp_path):
    """Not by the mean of all logits, also of parts that are unfamiliar: one sure of something else would decide it."""
    nuclei = [float(np.sqrt(np.median(find(synthetic.field(seed, "leukemic", 224)).areas))) for seed in range(8)]
    card = structs.replace(shipped.card, scale=Scale(224, float(np.median(nuclei)), min(nuclei), max(nuclei)))
    reader = Reader(replace(shipped, card=card))
    for label, seed in (("Benign", 1), ("Pre", 5)):
        (tmp_path / label).mkdir()
        fields = [synthetic.field(seed + number, "leukemic", 224) for number in range(4)]
        montage = np.vstack([np.hstack(fields[:2]), np.hstack(fields[2:])])
        (tmp_path / label / "wide.png").write_bytes(encode(montage, "PNG"))
    data = load(tmp_path)
    answers = predictions.predict(reader, data, np.arange(2))
    for index in range(2):
        reading = reader.read(data.bytes_of(index))
        assert len(reading.parts) > 1
        served = np.array(list(reading.suggestion.probabilities.values()))
        np.testing.assert_allclose(calibrated(answers.logits[index], card.temperature), served, atol=1e-4)


def test_each_picture_is_segmented_once_and_what_is_alike_is_asked_once(shipped, mixed, monkeypatch):
    reader, data = Reader(shipped), load(mixed)
    segmented, asked = [], []
    find, forward = predictions.find, shipped.network.forward
    monkeypatch.setattr(predictions, "find", lambda rgb: segmented.append(rgb) or find(rgb))
    monkeypatch.setattr(
        shipped.network, "forward", lambda batch, maps: asked.append(len(batch)) or forward(batch, maps)
    )
    white = {"white": lambda field: np.full_like(field.rgb, 255), "again": lambda field: field.rgb}
    predictions.predict_ablations(reader, data, np.arange(len(data)), white)
    assert len(segmented) == len(data)
    assert sum(asked) <= len(data)  # a blank field is white as well, and what nothing changed was asked before


def test_labels_that_a_bundle_has_not_are_foreign(shipped, mixed):
    result = assess(Reader(shipped), load(mixed), ())
    assert result.known.sum() == 6
    assert result.metrics.n == 6
    assert result.refused.total == 2
    assert result.to_json()["foreign"] == {"n": 2, "refused": result.refused.value}


def test_without_a_known_label_only_refusals_are_told(mixed, tmp_path, capsys):
    for label in ("AML", "CLL"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "0.png").write_bytes(
            (mixed / "AML" / "blank0.png").read_bytes()
            if label == "AML"
            else encode(synthetic.field(3, "sparse", 224), "PNG")
        )
    assert main(["evaluate", str(FIELD), "--data", str(tmp_path), "--controls", "none", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"n": 0, "foreign": {"n": 2, "refused": 1.0}}
    assert main(["evaluate", str(FIELD), "--data", str(tmp_path), "--controls", "none"]) == 0
    assert capsys.readouterr().out == "Of 2 pictures whose label it does not have it refuses 100.0 %.\n"


def test_predictions_have_a_row_for_every_picture(shipped, mixed, tmp_path):
    reader, data = Reader(shipped), load(mixed)
    said = assess(reader, data, ()).predictions
    file = write_predictions(tmp_path / "new", data, said, reader)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    labels = [label.id for label in reader.card.labels]
    assert list(rows[0]) == [
        "path",
        "label",
        "group",
        "source",
        "outcome",
        "predicted",
        "ood",
        *(f"p_{x}" for x in labels),
    ]
    assert [row["path"] for row in rows] == list(data.paths)
    for row in rows:
        shares = [row[f"p_{label}"] for label in labels]
        if row["outcome"] == "not_gradable":
            assert (row["predicted"], row["ood"], set(shares)) == ("", "", {""})
        else:
            assert sum(map(float, shares)) == pytest.approx(1, abs=1e-4)
            assert row["predicted"] == labels[int(np.argmax(list(map(float, shares))))]
    assert {row["outcome"] for row in rows} >= {"not_gradable"}


def test_controls_and_pictures_can_be_chosen(mixed, tmp_path, capsys):
    command = ["evaluate", str(FIELD), "--data", str(mixed), "--format", "json"]
    assert main([*command, "--controls", "grey", "--pictures", "6", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert set(json.loads(printed.out)["controls"]) == {"grey"}
    assert "predictions.csv" in printed.err
    page = (tmp_path / "errors.html").read_text(encoding="utf-8")
    wrong = [path for path in mixed.rglob("*.png") if path.relative_to(mixed).as_posix() in page]
    assert page.count("<figure>") == len(wrong) > 0
    assert "blank0.png" not in page  # what cannot be graded is no error
    assert len((tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 7
    assert main([*command, "--controls", "gray"]) == 2
    assert "'gray' is none. Known: none, cells_removed" in capsys.readouterr().err
