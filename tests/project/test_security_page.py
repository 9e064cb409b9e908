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
