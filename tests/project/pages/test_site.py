"""The documentation site: every public module has a page, and no page makes a browser ask another host."""

import importlib.util
from types import SimpleNamespace

import pytest
from mkdocs.exceptions import PluginError

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))


def flat(entries):
    """Return every page of a navigation."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from [below] if isinstance(below, str) else flat(below)


@pytest.mark.parametrize("room", ["smear", "app", "training"])
def test_every_public_module_has_a_page_and_an_entry(hooks, room):
    names = list(hooks.modules(ROOT / room))
    assert room in names
    assert len(names) == len(set(names)) > 10
    pages = [hooks.page_of(name) for name in names]
    assert sorted(flat([{room: hooks.section(room, names)}])) == sorted(pages)


def test_what_is_private_or_run_by_alembic_has_none(hooks):
    names = list(hooks.modules(ROOT / "app"))
    assert not any("migrations" in name for name in names)
    assert not any(part.startswith("_") for name in names for part in name.split("."))


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/a.js"></script>',
        "<img alt='x' src='//cdn.example/a.png'>",
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<source srcset="http://cdn.example/a.webp">',
        "<style>@import '//fonts.example/css';</style>",
        "<style>a { background: url(https://cdn.example/a.png) }</style>",
    ],
)
def test_a_page_that_loads_from_another_host_is_refused(hooks, text):
    with pytest.raises(PluginError, match="another host"):
        hooks.on_post_page(text, page=PAGE)


def test_a_link_that_a_reader_may_follow_is_none_of_that(hooks):
    text = '<a href="https://example.org/">there</a> <img src="../picture.webp"> <link href="../a.css">'
    assert hooks.on_post_page(text, page=PAGE) == text
