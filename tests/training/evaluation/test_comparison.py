"""One table of many recipes: best first, with what chance explains, and a conclusion; a killed comparison goes on."""

import csv
import json
import shutil

import numpy as np
import pytest

from smear.inference import bundle
from smear.inference.field_reader import Reader
from tests.drawn import LABELS, OWN_WORDS
from training.__main__ import main
from training.data.dataset import load
from training.evaluation import comparison
from training.evaluation.bootstrap import difference, macro_f1, macro_f1_interval

pytestmark = pytest.mark.usefixtures("all_eagerly")

RECIPE = (
    """
name = "{name}"
version = "0.1.0"
title = "Colours"
scope = "field"
architecture = "colour_statistics"
input = {{ height = 32, width = 32 }}
preprocess = []

[head]
classifier = "{classifier}"

[augmentation]
pipeline = "none"

[schedule]
epochs = 3
batch_size = 16
learning_rate = 1e-3
"""
    + LABELS
)


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    random = np.random.default_rng(0)
    targets, answers = random.integers(0, 4, 200), random.integers(0, 4, 200)
    weights = np.stack([np.ones(200), random.integers(0, 3, 200)]).astype(float)
    expected = [f1_score(targets, answers, average="macro", sample_weight=one) for one in weights]
    np.testing.assert_allclose(macro_f1(targets, answers, weights, 4), expected, atol=1e-12)


def test_the_bootstrap_tells_chance_from_more():
    random = np.random.default_rng(1)
    targets = np.arange(400) % 2
    groups = np.arange(400) // 4
    good = np.where(random.random(400) < 0.95, targets, 1 - targets)
    as_good = np.where(random.random(400) < 0.95, targets, 1 - targets)
    worse = np.where(random.random(400) < 0.8, targets, 1 - targets)
    assert difference(targets, good, as_good, groups, 2).within_noise
    gain = difference(targets, good, worse, groups, 2)
    assert not gain.within_noise
    assert gain.low < gain.value < gain.high
    assert gain == difference(targets, good, worse, groups, 2)
    assert difference(targets, good, good, groups, 2).value == 0


def test_the_interval_of_a_score_is_by_whole_groups():
    targets = np.arange(200) % 2
    answers = np.where(np.arange(200) < 40, 1 - targets, targets)
    score = macro_f1(targets, answers, np.ones((1, 200)), 2)[0]
    low, high = macro_f1_interval(targets, answers, np.arange(200), 2)
    assert low < score < high
    wide = macro_f1_interval(targets, answers, np.arange(200) // 20, 2)
    assert wide[1] - wide[0] > 1.5 * (high - low)


def test_whole_groups_are_drawn():
    """What differs in one group alone is no proof, however many pictures that group has."""
    targets = np.zeros(200, int)
    targets[::2] = 1
    groups = np.repeat([0, 1, 2, 3], 50)
    other = targets.copy()
    other[:50] = 1 - other[:50]
    by_group = difference(targets, targets, other, groups, 2)
    by_picture = difference(targets, targets, other, np.arange(200), 2)
    assert by_group.low == 0
    assert by_picture.low > 0.1


@pytest.fixture(scope="module")
def compared(drawn, tmp_path_factory):
    """A comparison of three recipes, of which two share a network, over one of two folds."""
    folder = tmp_path_factory.mktemp("compared")
    names = []
    for classifier in ("dense", "logistic", "tree"):
        path = folder / f"{classifier}.toml"
        path.write_text(RECIPE.format(name=f"colours-{classifier}", classifier=classifier), encoding="utf-8")
        names.append(str(path))
    command = ["compare", *names, "--data", str(drawn), "--out", str(folder / "run"), "--folds", "2", "--limit", "1"]
    command += ["--protocols", "random", "grouped", "source", "--epochs", "2"]
    return folder, command


@pytest.fixture(scope="module")
def printed(compared):
    folder, command = compared
    assert main(command) == 0
    return folder / "run", (folder / "run" / "compare.csv").read_text(encoding="utf-8")


def test_the_table_has_every_column_and_the_best_stands_first(printed):
    lines = printed[1].splitlines()
    assert lines[0].startswith("# python -m training compare colours-dense colours-logistic colours-tree --data DATA")
    assert "--limit 1 --epochs 2" in lines[0]
    assert str(printed[0]) not in printed[1]
    rows = list(csv.DictReader(lines[1:]))
    assert len(rows) == 3
    for protocol in ("random", "grouped"):
        for name in ("macro_f1", "auroc", "ece", "sensitivity leukemic", "sensitivity sparse"):
            assert all(0 <= float(row[f"{protocol} {name}"]) <= 1 for row in rows)
        assert {row[f"{protocol} folds"] for row in rows} == {"1 of 2"}
        for row in rows:
            low, right, high = (float(row[f"{protocol} accuracy_all{end}"]) for end in (" low", "", " high"))
            assert low <= right <= high
            count = right * int(row[f"{protocol} tested"])
            assert count == pytest.approx(round(count), abs=0.01)
    scores = [float(row["grouped macro_f1"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert rows[0]["against best"] == "best"
    assert all("macro F1" in row["against best"] for row in rows[1:])
    assert all(row["epochs"] == "2 of 3" and float(row["milliseconds"]) > 0 for row in rows)
    assert {row["parameters"] for row in rows} == {str(15 * 2 + 2)}
    assert all(row["source macro_f1"] == "" for row in rows)  # the drawings have one source


def test_the_page_holds_all_it_shows_and_ends_in_the_conclusion(printed):
    page = (printed[0] / "compare.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4  # scores, speed, who is taken for whom, how networks learnt
    assert "http" not in page.replace("https://", "http").split("<style>")[0]
    assert 'src="/' not in page
    assert "Best of 3 by macro F1 (grouped)" in page
    assert "come from one source" in page
    assert "painted out" in page


def test_classifiers_shared_one_network_for_each_fold(printed):
    networks = list((printed[0] / comparison.NETWORK_CACHE).iterdir())
    assert len(networks) == 2  # one fold each of random and grouped


def test_a_protocol_that_the_data_cannot_answer_does_not_hide_the_others(printed, compared, tmp_path, capsys):
    """The drawings have one source: the order is by the random split then, and the paragraph says why."""
    shutil.copytree(printed[0], tmp_path / "run")
    command = [*compared[1], "--out", str(tmp_path / "run")]
    command[command.index("grouped")] = "random"
    assert main(command) == 0
    output = capsys.readouterr().out
    assert "Best of 3 by macro F1 (random)" in output
    assert output.count("come from one source") == 1
    assert "Not measured, source (colours-" in output
    rows = list(csv.DictReader((tmp_path / "run" / "compare.csv").read_text(encoding="utf-8").splitlines()[1:]))
    scores = [float(row["random macro_f1"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert rows[0]["against best"] == "best"
    assert all("macro F1" in row["against best"] for row in rows[1:])


def test_data_that_can_answer_no_protocol_are_refused_in_a_sentence(compared, tmp_path, capsys):
    """A table without a number, with a best in it, would look like a result."""
    command = [*compared[1][: compared[1].index("--protocols")], "--out", str(tmp_path)]
    assert main([*command, "--protocols", "source"]) == 1
    assert "Nothing could be measured. All pictures come from one source." in capsys.readouterr().err
    assert not (tmp_path / "compare.csv").exists()


def test_what_is_there_is_not_done_again(printed, compared, capsys):
    run, before = printed
    written = {path: path.stat().st_mtime_ns for path in run.rglob("predictions.npz")}
    gone = next(path for path in written if "colours-tree/grouped" in str(path))
    gone.unlink()  # as if it had been killed in the last fold
    assert main(compared[1]) == 0
    output = capsys.readouterr()
    assert "epoch 1" not in output.err
    assert "Best of 3" in output.out
    now = {path: path.stat().st_mtime_ns for path in run.rglob("predictions.npz")}
    assert [path for path in written if now[path] != written[path]] == [gone]
    assert (run / "compare.csv").read_text(encoding="utf-8") == before


def test_it_is_compared_with_the_published_bundle_of_the_same_data(printed, compared, drawn, tmp_path, capsys):
    folder = next(printed[0].glob("colours-dense/grouped/fold-0/colours-dense"))
    result = json.loads((printed[0] / "colours-dense" / "crossval-grouped.json").read_text(encoding="utf-8"))
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["metrics"]["grouped"] = result
    (tmp_path / "leukolens-field").mkdir()
    (tmp_path / "leukolens-field" / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert card["data"]["fingerprint"] == load(drawn).fingerprint
    assert main([*compared[1], "--models", str(tmp_path)]) == 0
    assert "Against the published colours-dense 0.1.0" in capsys.readouterr().out
    assert main([*compared[1], "--models", str(tmp_path / "nothing")]) == 0
    assert "No published bundle was measured on this data" in capsys.readouterr().out


def test_evaluate_says_whether_a_bundle_beats_another_on_the_same_pictures(printed, drawn, capsys):
    def bundle_of(name):
        return str(next(printed[0].glob(f"colours-{name}/grouped/fold-0/colours-{name}")))

    command = ["evaluate", bundle_of("tree"), "--data", str(drawn), "--against"]
    assert main([*command, bundle_of("logistic")]) == 0
    assert "Against colours-logistic 0.1.0 it is right" in capsys.readouterr().out
    assert main([*command, str(printed[0] / "nothing")]) == 1
    assert "There is no model 'nothing'" in capsys.readouterr().err


def test_some_of_the_pictures_can_be_drawn_and_the_table_says_so(compared, tmp_path, drawn):
    whole = len(load(drawn))
    command = [*compared[1][:2], "--data", str(drawn), "--out", str(tmp_path), "--folds", "2", "--limit", "1"]
    assert main([*command, "--protocols", "random", "--epochs", "1", "--pictures", str(whole - 4)]) == 0
    lines = (tmp_path / "compare.csv").read_text(encoding="utf-8").splitlines()
    assert f"--pictures {whole - 4}" in lines[0]
    (row,) = csv.DictReader(lines[1:])
    assert row["pictures"] == str(whole - 4)


def test_too_few_pictures_to_draw_are_refused_in_a_sentence(compared, tmp_path, capsys):
    assert main([*compared[1][:-2], "--out", str(tmp_path), "--pictures", "3"]) == 1
    assert "3 pictures are too few to draw" in capsys.readouterr().err


def test_a_bundle_with_a_classifier_is_published_with_it(compared, drawn, tmp_path):
    run, asked = tmp_path / "run", [compared[1][2], "--data", str(drawn), "--out", str(tmp_path / "run")]
    assert main(["fit", *asked]) == 0
    assert main(["crossval", *asked, "--folds", "2", "--protocol", "grouped"]) == 0
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "colours-logistic", *OWN_WORDS]) == 0
    loaded = bundle.load(tmp_path / "colours-logistic")
    assert loaded.card.head.classifier == "logistic"
    reading = Reader(loaded).read(load(drawn).bytes_of(0))
    assert set(reading.suggestion.probabilities) == {"leukemic", "sparse"}
