"""The glossary can be looked through: alphabetical, one line a word, no word twice."""

import re

from tests.conftest import ROOT


def test_the_glossary_is_alphabetical_with_one_line_a_word():
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()[4:]
    matches = [re.fullmatch(r"- \*\*(.+?)\*\*: .+\.", line) for line in lines]
    assert all(matches), next(line for line, match in zip(lines, matches, strict=True) if not match)
    words = [match[1].lower() for match in matches]
    assert len(words) == len(set(words))
    order = [re.sub(r"[^a-z]", "", word) for word in words]
    assert order == sorted(order)
