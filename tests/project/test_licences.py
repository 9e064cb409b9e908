"""Every licence of what is installed is listed, and none that a laboratory could not live with is among them."""

from tests.conftest import ROOT
from tests.project import licences

PAGE = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


def test_the_page_is_that_of_the_locks():
    assert licences.page(PAGE) == PAGE


def test_every_distribution_has_a_licence_that_is_allowed():
    listed = licences.rows(PAGE)
    assert sorted(listed) == licences.locked()
    assert {name: text for name, text in listed.items() if not licences.terms(text) <= licences.ALLOWED} == {}


def test_what_the_repository_brings_along_names_its_licence():
    for notice, suffixes in (("app/report/fonts", (".ttf",)), ("app/examples/pictures", (".jpg",))):
        folder = ROOT / notice
        text = (folder / "NOTICE.md").read_text(encoding="utf-8")
        for file in folder.iterdir():
            family = "NotoSans*-Regular.ttf" if file.name.startswith("NotoSans") else file.name
            assert file.suffix not in suffixes or f"`{family}`" in text, file.name
