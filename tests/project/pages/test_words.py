"""What templates say reaches people as it is written: a per cent sign is no place for a value."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment

from tests.conftest import ROOT

TEMPLATES = sorted(path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.html"))
ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
PLACE = re.compile(r"%%|%\(\w+\)[sd]")  # a per cent sign, or the place of a value with its name


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_per_cent_sign_is_doubled(name: str) -> None:
    """Words in templates are always formatted: "90 % specificity" would ask for a value and lose its s."""
    source = (ROOT / "templates" / name).read_text(encoding="utf-8")
    for _line, _function, found in ENVIRONMENT.extract_translations(source):
        for words in found if isinstance(found, tuple) else (found,):
            assert "%" not in PLACE.sub("", words or ""), words
