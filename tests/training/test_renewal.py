"""What is done with a bundle after its training: read under other renderings, and its refusal measured anew."""

import csv
import json
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from msgspec import structs

from smear.artifacts import CARD, MODEL, BundleError, sha256
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from smear.inference.bundle import describe
from smear.inference.preprocess import prepare
from smear.measured import Rendered
from smear.segmentation.find import find
from tests.drawn import OWN_WORDS
from training import recalibration
from training.__main__ import main
from training.data.dataset import load
from training.data.renderings import RENDERINGS
from training.evaluation import stress
from training.evaluation.cross_fit import Fold
from training.evaluation.cross_validation import fold_files
from training.evaluation.stress import holds as bundle_holds
from training.evaluation.summary import summarise
from training.fit.run import Material, Run
from training.recipes import loading
from training.recipes.recipe import Source

SOME = ("as it is", "noise 20", "enlarged 2")


@pytest.fixture
def few_renderings(monkeypatch):
    """Three of the renderings: what becomes of each picture is the same with all."""
    monkeypatch.setattr(stress, "RENDERINGS", {name: RENDERINGS[name] for name in SOME})


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Drawings of two classes that are no business of the model."""
    folder = tmp_path_factory.mktemp("others")
    for kind in ("blank", "leukemic"):
        (folder / kind).mkdir()
        for seed in range(3):
            picture = 255 - synthetic.field(100 + seed, kind, 160)
            (folder / kind / f"{seed}.png").write_bytes(encode(picture, "PNG"))
    return folder


def rows_of(text):
    lines = text.splitlines()
    return lines[0], list(csv.DictReader(lines[1:]))


@pytest.mark.usefixtures("few_renderings")
def test_a_runs_folds_read_every_rendering_of_what_they_had_not_seen(run, drawn, others, tmp_path, capsys):
    """All 48 pictures once, and the others; the result goes into the card and its plot into the report."""
    assert main(["stress", str(run), "--data", str(drawn), "--others", str(others)]) == 0
    command, rows = rows_of(capsys.readouterr().out)
    assert command == f"# python -m training stress RUN --data DATA --others {others.name.upper()}"
    assert [row["rendering"] for row in rows] == list(SOME)
    for row in rows:
        assert (row["own kind"], row["others"]) == ("48", "6")
        assert int(row["right"]) <= int(row["suggested"]) <= 48
    kept = (run / stress.RESULT).read_bytes()
    for entry, value, sentence in (
        ("fingerprint", "x", "is of other data"),
        ("code", ["x"], "was made by other versions of the code"),
        ("recipe", json.loads(kept)["recipe"] | {"tta": 8}, "is of another recipe than the draft: they differ in tta"),
    ):
        (run / stress.RESULT).write_text(json.dumps(json.loads(kept) | {entry: value}), encoding="utf-8")
        assert main(["publish", str(run), "--models", str(tmp_path), "--name", "tiny", *OWN_WORDS]) == 1
        told = capsys.readouterr().err
        assert sentence in told
        assert "Give its stress command again" in told
    (run / stress.RESULT).write_bytes(kept)
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "tiny", *OWN_WORDS]) == 0
    card = bundle.read_card(tmp_path / "tiny")
    assert set(card.metrics["stress"]) == {"networks", "renderings"}
    assert card.metrics["stress"]["networks"] == 2
    kept = card.metrics["stress"]["renderings"]
    assert [row["rendering"] for row in kept] == list(SOME)
    assert [str(row["suggested"]) for row in kept] == [row["suggested"] for row in rows]
    assert (tmp_path / "tiny" / "report" / "stress.png").stat().st_size > 1000
    capsys.readouterr()
    assert main(["stress", str(tmp_path / "tiny"), "--data", str(drawn), "--pictures", "10"]) == 0
    command, rows = rows_of(capsys.readouterr().out)
    assert command == "# python -m training stress tiny --data DATA --pictures 10"
    assert {row["own kind"] for row in rows} == {"10"}


def test_a_run_of_other_data_and_a_folder_without_folds_are_refused(run, others, tmp_path, capsys):
    assert main(["stress", str(run), "--data", str(others)]) == 1
    assert "made of other data" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["stress", str(tmp_path / "empty"), "--data", str(others)]) == 1
    assert "Run crossval --protocol grouped first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suggested", "right", "others", "holds"),
    [(90, 89, 0, True), (90, 80, 0, False), (4, 0, 0, True), (0, 0, 0, True), (90, 90, 2, True), (90, 90, 3, False)],
)
def test_a_rendering_holds_where_suggestions_are_right_or_refused(suggested, right, others, holds):
    assert bundle_holds(Rendered("noise", 100, suggested, right, 1000, others)) == holds


def test_an_examination_has_no_say_in_what_is_familiar(run, drawn, tmp_path, monkeypatch):
    data = load(drawn)
    data = replace(data, sources=tuple("exam" if "/0" in path else "drawn" for path in data.paths))
    loaded = bundle.load(run / "tiny")
    known = {name: {"licence": "MIT", "ships": name == "drawn"} for name in ("drawn", "exam")}
    with_sources = structs.replace(loaded.card, recipe=loaded.card.recipe | {"sources": known})
    monkeypatch.setattr(recalibration.bundle, "load", lambda _folder: replace(loaded, card=with_sources))
    measured = Mock(wraps=recalibration._measured)
    monkeypatch.setattr(recalibration, "_measured", measured)
    recalibration.recalibrate(run / "tiny", data, tmp_path, "0.2.0")
    assert set(measured.call_args.args[1].sources) == {"drawn"}
    assert len(measured.call_args.args[1]) == 28


def test_what_speaks_for_another_label_is_renewed_with_the_rest(run, drawn, tmp_path, monkeypatch):
    """And what is served is scored by it: nearer the other label's pictures is farther from its own."""
    loaded = bundle.load(run / "tiny")
    refusal = loaded.card.recipe["refusal"] | {"other_label": 8.0}
    card = structs.replace(loaded.card, recipe=loaded.card.recipe | {"refusal": refusal})
    with monkeypatch.context() as patched:
        patched.setattr(recalibration.bundle, "load", lambda _folder: replace(loaded, card=card))
        recalibration.recalibrate(run / "tiny", load(drawn), tmp_path, "0.2.0")
    renewed = bundle.load(tmp_path / "tiny")
    assert renewed.ood.by_label.means.shape == (2, len(renewed.ood.mean))
    assert renewed.ood.by_label.weight == 8
    field = find(synthetic.field(0, "leukemic", 224))
    shown = prepare(field, renewed.card)
    as_one, as_other = (renewed.suggest(np.array(logits), shown, field) for logits in ([9.0, 0.0], [0.0, 9.0]))
    assert as_one.ood_score < as_other.ood_score
    strange = replace(renewed.ood, by_label=replace(renewed.ood.by_label, means=renewed.ood.by_label.means[:1]))
    strange.save(tmp_path / "tiny" / "ood.npz")
    (tmp_path / "tiny" / CARD).unlink()  # it lists the other files only
    describe(tmp_path / "tiny", renewed.card.to_json())
    with pytest.raises(BundleError, match="not of the labels on its card"):
        bundle.load(tmp_path / "tiny")


def test_a_renewed_refusal_keeps_the_network_and_says_what_was_measured_before(run, drawn, others, tmp_path, capsys):
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "tiny", *OWN_WORDS]) == 0
    before, network = bundle.read_card(tmp_path / "tiny"), sha256(tmp_path / "tiny" / MODEL)
    renew = ["recalibrate", "tiny", "--models", str(tmp_path), "--data"]
    assert main([*renew, str(others), "--version", "0.2.0"]) == 1
    assert "trained on other data" in capsys.readouterr().err
    assert main([*renew, str(drawn), "--version", before.version]) == 1
    assert "has the version" in capsys.readouterr().err
    assert main([*renew, str(drawn), "--version", "0.2.0"]) == 0
    after = bundle.load(tmp_path / "tiny")
    assert (after.card.version, after.card.recipe["recalibrated_from"]) == ("0.2.0", before.version)
    assert sha256(tmp_path / "tiny" / MODEL) == network
    assert after.card.metrics == before.metrics
    assert after.card.scale == before.scale
    assert [text for text in after.card.known_failures if before.version in text and "0.2.0" in text]
    assert after.card.ood.refusal_rate == pytest.approx(before.ood.refusal_rate, abs=0.03)
    assert np.isfinite(after.ood.mean).all()
    assert main([*renew, str(drawn), "--version", "0.3.0"]) == 0
    remarks = [text for text in bundle.read_card(tmp_path / "tiny").known_failures if "measured anew" in text]
    assert len(remarks) == 1


def test_the_fold_of_an_examination_was_run_too(run, drawn, tiny):
    """Its pictures are in no result, and yet nothing is missing that `publish` would wait for."""
    recipe = structs.replace(
        loading.load(str(tiny)), sources={"drawn": Source("MIT", True), "exam": Source("none", False)}
    )
    files = fold_files(run, "grouped", range(2))
    folds = [Fold.read(file) for file in files]
    data = load(drawn)
    data = replace(data, sources=tuple("exam" if i in folds[1].test else "drawn" for i in range(len(data))))
    drafts = [bundle.read_card(file.parent / "tiny") for file in files]
    result = summarise(Run(Material(recipe, data), None, run), "grouped", 2, folds, drafts)
    assert (result.folds, result.folds_run, result.n) == (2, 2, len(folds[0].test))
