"""The plots of docs/what-the-numbers-mean.md are drawn from tables, and those in docs are of the tables in docs."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from training.__main__ import main

RESULTS, NUMBERS, PAGE = (
    ROOT / "docs" / "results",
    ROOT / "docs" / "numbers",
    ROOT / "docs" / "what-the-numbers-mean.md",
)


def words(file: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text(encoding="utf-8"))


def test_the_plots_in_docs_are_those_of_the_tables_in_docs(tmp_path, capsys):
    assert main(["figures", "--results", str(RESULTS), "--out", str(tmp_path)]) == 0
    drawn = [Path(line) for line in capsys.readouterr().out.split()]
    assert sorted(file.name for file in drawn) == sorted(file.name for file in NUMBERS.iterdir())
    for file in drawn:
        assert words(file) == words(NUMBERS / file.name), f"{file.name} is not of these tables: draw it again"
    shown = re.findall(r"numbers/([\w-]+\.svg)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(file.name for file in drawn)


def test_a_plot_shows_the_table_s_numbers(tmp_path):
    changed = tmp_path / "results"
    shutil.copytree(RESULTS, changed)
    table = changed / "taleghani-probe.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    cells = lines[2].split(",")
    cells[3:6] = "0.1234", "0.11", "0.14"
    table.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]), encoding="utf-8")
    assert main(["figures", "--results", str(changed), "--out", str(tmp_path / "out")]) == 0
    assert "12.3 %" in words(tmp_path / "out" / "without-cells.svg")


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda table: table.unlink(), "There is no table"),
        (lambda table: table.write_text("", encoding="utf-8"), "is empty"),
        (
            lambda table: table.write_text("# x\nseen,protocol\na,random\n", encoding="utf-8"),
            "has no column 'accuracy'",
        ),
    ],
)
def test_a_table_that_is_missing_or_another_is_said(tmp_path, capsys, break_it, sentence):
    changed = tmp_path / "results"
    shutil.copytree(RESULTS, changed)
    break_it(changed / "taleghani-probe.csv")
    assert main(["figures", "--results", str(changed), "--out", str(tmp_path / "out")]) == 1
    assert sentence in capsys.readouterr().err
