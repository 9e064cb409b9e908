"""The command line: what was not understood exits 2, what could not be done exits 1 with one sentence."""

import click
import pytest

from training.__main__ import main, training
from training.cli import options
from training.cli.options import Command

COMMANDS = """
recipes inspect gather fit crossval compare contact evaluate ood figures segmenter segmentation atlas probe publish
recalibrate stress graph adapt import
"""


def test_every_command_is_there_and_says_what_it_does(capsys):
    assert set(training.commands) == set(COMMANDS.split())
    assert main(["--help"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    for name, command in training.commands.items():
        assert isinstance(command, Command)
        assert f"{name} {command.help}" in listed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train"], "No such command 'train'"),
        (["fit"], "Missing argument 'RECIPE'"),
        (["fit", "tiny", "--out", "x"], "Missing option '--data'"),
        (["crossval", "tiny", "--data", "x", "--out", "x", "--protocol", "lucky"], "'lucky' is not one of 'random'"),
        (["compare", "--data", "x", "--out", "x", "--folds", "many"], "'many' is not a valid integer"),
        (["publish", "x", "--better"], "No such option"),
        (["fit", "x", "--data", ".", "--out", "x", "--set", "schedule.epochs"], "'schedule.epochs' has no value"),
        (["import", "x", "--data", ".", "--out", "x"], "Missing option '--labels'"),
        (
            ["import", "x", "--labels", "x", "--data", ".", "--out", "x", "--scaling", "own"],
            "'own' is none of none, none-bgr",
        ),
        (["fit", "x", "--data", "x", "--out", "x", "--seed", "many"], "'many' is not a valid integer"),
        (
            ["crossval", "x", "--data", "x", "--out", "x", "--protocol", "random", "--limit", "-1"],
            "'--limit': -1 is not",
        ),
        (["compare", "--data", "x", "--out", "x", "--epochs", "0"], "'--epochs': 0 is not in the range x>=1"),
        (["compare", "--data", "x", "--out", "x", "--limit", "0"], "'--limit': 0 is not"),
        (["compare", "--data", "x", "--out", "x", "--pictures", "0"], "'--pictures': 0 is not"),
        (["evaluate", "x", "--data", "x", "--pictures", "-3"], "'--pictures': -3 is not"),
        (["ood", ".", "--data", "x", "--others", ".", "--each", "0"], "'--each': 0 is not"),
        (["stress", "x", "--data", "x", "--pictures", "0"], "'--pictures': 0 is not"),
        (["contact", "--data", "x", "--out", "x", "--copies", "0"], "'--copies': 0 is not"),
        (["adapt", "x", "--data", "x", "--out", "x", "--seed", "-1"], "'--seed': -1 is not in the range x>=0"),
    ],
)
def test_what_is_not_understood_exits_2_with_a_sentence(arguments, sentence, capsys):
    assert main(arguments) == 2
    streams = capsys.readouterr()
    assert sentence in streams.err
    assert "Traceback" not in streams.err
    assert not streams.out


def test_what_cannot_be_done_exits_1_with_one_sentence(capsys, tmp_path):
    assert main(["fit", "nothing", "--data", str(tmp_path), "--out", "x"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()[-1:]
    assert sentence.startswith("There is no recipe 'nothing'.")


@pytest.mark.parametrize(
    ("given", "protocols"),
    [
        (["--protocols", "random", "grouped", "source"], ("random", "grouped", "source")),
        (["--protocols", "source", "--folds", "3"], ("source",)),
        (["--protocols", "source", "--protocols", "random"], ("source", "random")),
        ([], ("random", "grouped")),
    ],
)
def test_an_option_of_many_values_takes_all_that_follow(given, protocols):
    context = training.commands["compare"].make_context("compare", ["a", "--data", "x", "--out", "y", *given])
    assert context.params["protocols"] == protocols
    assert context.params["names"] == ("a",)


def test_what_follows_an_option_of_one_value_is_an_argument():
    context = training.commands["compare"].make_context("compare", ["--data", "x", "--out", "y", "a", "b"])
    assert context.params["names"] == ("a", "b")
    assert context.params["models"] == options.MODELS


def test_what_was_stopped_is_told_what_goes_on_and_what_does_not(monkeypatch, capsys):
    def stopped(*_arguments, **_named):
        raise click.Abort

    monkeypatch.setattr(training, "main", stopped)
    assert main(["recipes"]) == 1
    assert "a training goes on after its last whole epoch, all else begins anew" in capsys.readouterr().err
