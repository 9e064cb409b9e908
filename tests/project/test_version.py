"""The version is one fact: the constant, what tools read from pyproject.toml, the changelog and the citation agree."""

import re
import tomllib

import app
from app.version import __version__
from tests.conftest import ROOT

HEADING = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def headings():
    return HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_the_package_says_its_version():
    assert app.__version__ == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_pyproject_reads_it_and_says_none_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "app.version.__version__"}


def test_the_newest_release_of_the_changelog_is_this_version():
    (unreleased, no_date), (newest, date), *_older = headings()
    assert (unreleased, no_date) == ("Unreleased", "")
    assert newest == __version__
    assert date


def test_releases_stand_newest_first():
    releases = [tuple(map(int, name.split("."))) for name, date in headings() if date]
    dates = [date for _name, date in headings() if date]
    assert releases == sorted(releases, reverse=True)
    assert dates == sorted(dates, reverse=True)


def test_the_citation_names_the_newest_release():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    _unreleased, (newest, date), *_older = headings()
    assert f"\nversion: {newest}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation
