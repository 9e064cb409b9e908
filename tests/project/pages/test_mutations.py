"""What is broken on purpose is still there to be broken, and the page says what was found."""

import ast

import pytest

from tests.conftest import ROOT
from tests.mutations.breaks import BREAKS

PAGE = (ROOT / "docs" / "broken.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.what)
def test_the_protection_and_its_test_are_there(one):
    assert (ROOT / one.file).read_text(encoding="utf-8").count(one.old) == 1
    file, name = one.test.partition("[")[0].split("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert f"| {one.what} | `{one.file}` | `{one.test}` |" in PAGE


def test_there_are_enough_of_them():
    assert len(BREAKS) >= 15
    assert len({one.test for one in BREAKS}) == len(BREAKS)
