"""fit, crossval, publish and evaluate by the command line, on drawings; then the reader reads what came out."""

import csv
import json
import shutil

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from smear.inference.field_reader import Reader
from smear.segmentation.find import find
from tests.conftest import ROOT
from tests.drawn import OWN_WORDS
from training import learnt_pictures
from training.__main__ import main
from training.data.dataset import load as load_dataset
from training.evaluation.cross_validation import result_file
from training.fit.calibration import best_temperature
from training.recipes.loading import load as load_recipe


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    assert main(["publish", str(run), "--models", str(models), "--name", "tiny", *OWN_WORDS]) == 0
    return models / "tiny"


def test_a_published_bundle_is_read_by_the_reader(published, drawn):
    reader = Reader(bundle.load(published))
    reading = reader.read((drawn / "leukemic" / "00.png").read_bytes())
    assert reading.bundle == "tiny"
    assert set(reading.suggestion.probabilities) == {"leukemic", "sparse"}


def test_its_card_tells_the_results_with_counts_and_controls(published):
    card = bundle.read_card(published)
    grouped = card.metrics["grouped"]
    assert grouped["n"] == 48
    assert grouped["accuracy_all"]["of"] == 48
    assert sum(map(sum, grouped["confusion"])) == 48
    assert set(card.controls) == {"cells_removed", "background_removed", "corner_only", "colour_only", "grey"}
    assert card.controls["cells_removed"]["coverage"] == 0
    assert card.data["groups"] == 18
    assert card.data["by_label"] == {"leukemic": 24, "sparse": 24}
    assert "painted out" in card.conclusion
    assert len(card.recipe["commit"]) >= 7
    names = {path.name for path in (published / "report").iterdir()}
    assert {"grouped.json", "grouped-confusion.png", "grouped-controls.png", "grouped-risk-coverage.png"} <= names
    assert {"grouped-learning.png", "grouped-classes.csv"} <= names


def test_learning_is_told_by_epoch_on_what_it_learnt_from_and_on_what_it_did_not(published):
    card = bundle.read_card(published)
    report = json.loads((published / "report" / "grouped.json").read_text(encoding="utf-8"))
    assert [len(curve) for curve in report["learning_curves"]] == [2, 2]
    assert "learning_curves" not in card.metrics["grouped"]
    for row in (*report["learning_curves"][0], *card.metrics["history"]):
        assert set(row) == {"epoch", "loss", "accuracy", "held_out", "held_out_loss"}


def test_every_class_is_told_by_itself(published):
    lines = (published / "report" / "grouped-classes.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# python -m training publish RUN")
    rows = list(csv.DictReader(lines[1:]))
    assert [row["class"] for row in rows] == ["Many", "Few", "mean over classes"]
    assert [row["support"] for row in rows] == ["24", "24", "48"]
    grouped = bundle.read_card(published).metrics["grouped"]
    assert float(rows[0]["recall"]) == pytest.approx(grouped["sensitivity"]["leukemic"]["value"], abs=1e-4)
    assert float(rows[0]["AUC"]) == pytest.approx(grouped["auroc_by_class"]["leukemic"], abs=1e-4)


def test_it_is_calibrated_by_the_answers_to_every_folds_test_pictures(run, published):
    folds = [np.load(file) for file in sorted(run.glob("grouped/fold-*/predictions.npz"))]
    logits, targets = (np.concatenate([fold[name] for fold in folds]) for name in ("main.logits", "targets"))
    card, draft = bundle.read_card(published), bundle.read_card(run / "tiny")
    assert len(targets) == 48
    assert card.temperature == pytest.approx(best_temperature(logits, targets), abs=1e-5)
    assert card.temperature != draft.temperature
    calibration = card.metrics["grouped"]["calibration"]
    assert card.abstention.value == calibration["abstention"]["value"]
    assert card.ood.value == calibration["novelty"]["value"]


def test_a_result_without_calibration_is_not_published(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "run")
    file = result_file(tmp_path / "run", "grouped")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"calibration": None}), encoding="utf-8")
    assert (
        main(["publish", str(tmp_path / "run"), "--models", str(tmp_path / "models"), "--name", "tiny", *OWN_WORDS])
        == 1
    )
    assert "says nothing of calibration" in capsys.readouterr().err
    assert not (tmp_path / "models" / "tiny").exists()


def test_its_report_has_a_row_for_every_patient_and_names_none(published, drawn):
    report = json.loads((published / "report" / "grouped.json").read_text(encoding="utf-8"))
    rows = report["per_patient"]
    assert len(rows) == 18
    assert sum(row["n"] for row in rows) == 48
    assert sum(row["right"] for row in rows) == report["accuracy_all"]["right"]
    assert sum(row["suggested_right"] for row in rows) == report["accuracy_suggested"]["right"]
    assert {key for row in rows for key in row} == {"label", "n", "right", "suggested", "suggested_right"}
    assert (published / "report" / "grouped-patients.png").is_file()
    assert "per_patient" not in bundle.read_card(published).metrics["grouped"]


def test_training_and_serving_give_the_same_logits(published, drawn, tiny):
    """Training prepares with the recipe and asks Keras; serving asks the reader. The same file, the same logits."""
    import keras

    from smear.imaging.decode import decode
    from smear.inference import preprocess

    reader, data = Reader(bundle.load(published)), load_dataset(drawn)
    model = keras.models.load_model(published / "model.keras", compile=False)
    recipe = load_recipe(str(tiny))
    steps = preprocess.chain(recipe.preprocess, recipe.input)
    for index in range(0, len(data), 7):
        trained = preprocess.run(steps, preprocess.begin(find(data.picture(index)))).rgb[None].astype(np.float32)
        served = reader.examine(decode(data.bytes_of(index))).input[None].astype(np.float32)
        logits = reader.bundle.network.forward(served).logits
        np.testing.assert_allclose(logits, model.predict(trained, verbose=0), atol=1e-4)


def test_finished_folds_are_not_run_again(run, drawn, tiny, capsys):
    fold = run / "grouped" / "fold-1" / "predictions.npz"
    first = result_file(run, "grouped").read_text(encoding="utf-8")
    before = (run / "grouped" / "fold-0" / "predictions.npz").stat().st_mtime_ns
    fold.unlink()  # as if the run had been killed before the second fold was judged
    cross = ["crossval", str(tiny), "--data", str(drawn), "--out", str(run), "--folds", "2", "--protocol", "grouped"]
    assert main(cross) == 0
    printed = capsys.readouterr().err
    assert "grouped fold 2 of 2" in printed
    assert "grouped fold 1 of 2" not in printed
    assert "epoch" not in printed  # its network was there already
    assert (run / "grouped" / "fold-0" / "predictions.npz").stat().st_mtime_ns == before
    assert result_file(run, "grouped").read_text(encoding="utf-8") == first


def test_folds_that_were_run_one_by_one_are_gathered_into_the_same_result(run, drawn, tiny, tmp_path, capsys):
    cross = ["crossval", str(tiny), "--data", str(drawn), "--folds", "2", "--protocol", "grouped"]
    folder = tmp_path / "run"
    for number in (2, 1):  # as two processes would, of networks that are there already
        draft = f"grouped/fold-{number - 1}/tiny"
        shutil.copytree(run / draft, folder / draft)
        assert main([*cross, "--out", str(folder), "--fold", str(number)]) == 0
        assert f"fold-{number - 1}" in capsys.readouterr().out
        assert not result_file(folder, "grouped").exists()
    assert main([*cross, "--out", str(folder)]) == 0
    assert "fold 1 of 2" not in capsys.readouterr().err
    gathered, whole = (json.loads(result_file(one, "grouped").read_text(encoding="utf-8")) for one in (folder, run))
    assert gathered == whole
    assert main([*cross, "--out", str(folder), "--fold", "3"]) == 1
    assert "numbered from 1 to 2" in capsys.readouterr().err


def test_a_run_is_not_mixed_with_another_recipe(run, drawn, tiny, tmp_path, capsys):
    other = tmp_path / "other.toml"
    other.write_text(tiny.read_text(encoding="utf-8").replace("epochs = 2", "epochs = 3"), encoding="utf-8")
    cross = ["crossval", str(other), "--data", str(drawn), "--out", str(run), "--folds", "2", "--protocol", "grouped"]
    assert main(cross) == 1
    assert "another recipe" in capsys.readouterr().err


def test_evaluate_prints_the_public_names(published, drawn, capsys):
    assert main(["evaluate", str(published), "--data", str(drawn), "--format", "json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert set(result) == {
        *("n", "coverage", "accuracy_suggested", "accuracy_all", "balanced_accuracy", "macro_f1", "weighted_f1"),
        *("auroc", "ece", "sensitivity", "controls"),
    }
    assert set(result["controls"]["grey"]) == {"accuracy_all", "coverage"}
    assert "trained on this very data" in printed.err
    assert main(["evaluate", str(published), "--data", str(drawn)]) == 0
    assert "painted out" in capsys.readouterr().out


def test_evaluate_says_what_it_cannot_compare_and_compares_in_json(published, drawn, tmp_path, capsys):
    """Also of pictures drawn from what it was trained on it says so."""
    command = ["evaluate", str(published), "--data", str(drawn), "--pictures", "12", "--controls", "none"]
    assert main([*command, "--against", str(published), "--format", "json"]) == 0
    printed = capsys.readouterr()
    against = json.loads(printed.out)["against"]
    assert against["name"].startswith("tiny")
    assert against["gain"]["value"] == 0
    assert printed.err.count("trained on this very data") == 2
    assert main([*command, "--against", str(ROOT / "models" / "leukolens-field")]) == 0
    assert "the two do not know the labels of the same pictures" in capsys.readouterr().err


def test_evaluate_says_how_many_pictures_the_bundle_has_learnt_from(published, drawn, tmp_path, capsys):
    """Also where they stand in another folder, under other names and without their manifest; it is silent of others."""
    for kind in ("leukemic", "sparse"):
        (tmp_path / kind).mkdir()
        for seed in range(3):
            shutil.copy(drawn / kind / f"{seed:02}.png", tmp_path / kind / f"copy-{seed}.png")
        (tmp_path / kind / "new.png").write_bytes(encode(synthetic.field(99, kind, 224), "PNG"))
    command = ["evaluate", str(published), "--data", str(tmp_path), "--controls", "none"]
    assert main(command) == 0
    told = capsys.readouterr().err
    assert "Beware: tiny was trained on 6 of these 8 pictures." in told
    assert "Leave them out." in told
    for copy in tmp_path.rglob("copy-*.png"):
        copy.unlink()
    assert main(command) == 0
    assert "Beware" not in capsys.readouterr().err
    listed = bundle.verify(published).files
    assert learnt_pictures.FILE in listed
    assert len(learnt_pictures.read(published)) == 48


def test_ood_measures_what_is_refused_of_outliers(run, drawn, tmp_path, capsys):
    others = tmp_path / "others"
    for label, kind in (("none", "erythrocytes_only"), ("blank", "blank")):
        (others / label).mkdir(parents=True)
        for seed in range(3):
            (others / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, kind, 256), "PNG"))
    assert main(["ood", str(run), "--data", str(drawn), "--others", str(others), "--each", "3"]) == 0
    first, *table = capsys.readouterr().out.splitlines()
    assert first == "# python -m training ood RUN --data DATA --others OTHERS --each 3"
    rows = list(csv.DictReader(table))
    assert [row["pictures"] for row in rows] == [
        "held-out pictures of its own kind",
        *("others, blank", "others, none"),
        *("its own kind, leukocytes painted out", "generated noise and shapes"),
    ]
    own, *outliers = rows
    scores = [name for name in own if name not in ("pictures", "n", "no suggestion", "as unfamiliar", "not gradable")]
    assert len(scores) == 5
    held = int(own["n"])
    assert all(float(own[name]) <= 0.05 + float(own["not gradable"]) + 1 / held for name in scores)
    for row in outliers[:3]:  # without leukocytes nothing is graded, so every score refuses
        assert [float(row[name]) for name in ("no suggestion", "not gradable", *scores)] == [1] * 7
    assert main(["ood", str(tmp_path), "--data", str(drawn), "--others", str(others)]) == 1
    assert "Run crossval --protocol grouped first" in capsys.readouterr().err
    assert main(["ood", str(run), "--data", str(others), "--others", str(drawn)]) == 1
    assert "made of other data" in capsys.readouterr().err


def test_a_version_that_is_there_is_not_published_over(run, published, capsys):
    card = (published / "card.json").read_bytes()
    assert main(["publish", str(run), "--models", str(published.parent), "--name", "tiny", *OWN_WORDS]) == 1
    assert "has a tiny 0.1.0 already. Raise the version" in capsys.readouterr().err
    assert (published / "card.json").read_bytes() == card


def test_publishing_compares_with_the_version_that_it_replaces(run, published, tmp_path):
    (tmp_path / "tiny").mkdir()
    card = json.loads((published / "card.json").read_text(encoding="utf-8"))
    card |= {"created": "2020-01-01T00:00:00Z", "version": "0.0.9"}
    (tmp_path / "tiny" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "tiny", *OWN_WORDS]) == 0
    conclusion = bundle.read_card(tmp_path / "tiny").conclusion
    assert "Against tiny 0.0.9 it is right 0.0 percentage points more often, which is within chance." in conclusion


def test_nothing_is_published_without_a_grouped_result(run, tmp_path, capsys):
    assert main(["publish", str(tmp_path), "--models", str(tmp_path / "models"), "--name", "tiny", *OWN_WORDS]) == 1
    assert "no trained model" in capsys.readouterr().err
    result = result_file(run, "grouped")
    hidden = result.rename(result.with_suffix(".hidden"))
    try:
        assert main(["publish", str(run), "--models", str(tmp_path / "models"), "--name", "tiny", *OWN_WORDS]) == 1
        assert "no grouped result" in capsys.readouterr().err
    finally:
        hidden.rename(result)
    assert not (tmp_path / "models").exists()
