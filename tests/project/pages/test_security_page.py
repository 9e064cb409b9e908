"""The page of what is promised names tests that are there."""

import ast
import re

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "security.md"


def test_every_promise_names_a_test_that_is_there():
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "---" not in line
    ]
    promises = [row for row in rows if not row.startswith("| promise")]
    assert len(promises) >= 5
    for row in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, name in named:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, row


def test_every_chapter_of_the_standard_is_answered_and_names_tests_that_are_there():
    page = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    assert re.findall(r"^## V(\d+) ", page, re.MULTILINE) == [str(number) for number in range(1, 18)]
    rows = re.findall(r"^\| (V[\d.]+)[^|]* \| ([^|]+) \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) == page.count("\n| V")
    for section, state, how in rows:
        assert state in ("met", "partly", "not met", "no such thing"), section
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", how)
        assert named or state != "met", section
        for file, name in named:
            tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (section, name)
