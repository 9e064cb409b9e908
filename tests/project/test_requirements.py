"""Everything that is imported is declared, and everything that is installed is pinned by its hash."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(ROOT.glob("requirements*.txt"))
OURS = {"app", "smear", "training", "tests", "wsgi"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*lists: list[str]) -> dict[str, str]:
    """Return the exact version of every requirement in the lists, by its normalised name."""
    versions = {}
    for requirement in (entry for entries in lists for entry in entries):
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)(?:;.*)?", requirement)
        assert match, f"{requirement} is not pinned to one version"
        versions[normalised(match[1])] = match[2]
    return versions


EXTRAS = PROJECT["project"]["optional-dependencies"]
SERVING = PROJECT["project"]["dependencies"]
TRAINING = [*SERVING, *EXTRAS["training"]]
TESTED = ("postgres", "s3", "ray", "tracking")
TESTING = [*TRAINING, *(one for extra in TESTED for one in EXTRAS[extra]), *PROJECT["dependency-groups"]["dev"]]
INSTALLED_BY = {
    "requirements.txt": SERVING,
    "requirements-training.txt": TRAINING,
    "requirements-postgres.txt": [*SERVING, *EXTRAS["postgres"]],
    "requirements-s3.txt": [*SERVING, *EXTRAS["s3"]],
    "requirements-ray.txt": [*SERVING, *EXTRAS["ray"]],
    "requirements-tracking.txt": [*SERVING, *EXTRAS["tracking"]],
    "requirements-cuda.txt": [*SERVING, *EXTRAS["cuda"]],
    "requirements-dev.txt": TESTING,
}
ROOMS = [
    ("app", [*SERVING, *EXTRAS["s3"]]),
    ("smear", [*SERVING, *EXTRAS["ray"]]),
    ("wsgi.py", SERVING),
    ("gunicorn.conf.py", SERVING),
    ("training", [*TRAINING, *EXTRAS["tracking"]]),
    ("tests", TESTING),
]


def imported(source: str) -> set[str]:
    """Return the top-level modules that a source imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def sources(room: Path) -> list[Path]:
    return sorted(room.rglob("*.py")) if room.is_dir() else [room]


@pytest.mark.parametrize(("room", "requirements"), ROOMS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_room_imports_what_is_declared_for_it_and_nothing_else(room, requirements):
    distributions = packages_distributions()
    allowed = set(declared(requirements))
    missing = {}
    for path in sources(ROOT / room):
        for module in imported(path.read_text(encoding="utf-8")) & set(distributions) - OURS:
            if not {normalised(name) for name in distributions[module]} & allowed:
                missing.setdefault(module, path.relative_to(ROOT).as_posix())
    assert missing == {}


def test_the_scan_sees_late_imports_and_passes_over_relative_ones():
    source = "import numpy.linalg\nfrom . import near\ndef late():\n    from scipy import stats\n"
    assert imported(source) == {"numpy", "scipy"}


def test_every_lock_is_known():
    assert {path.name for path in LOCKS} == set(INSTALLED_BY)


def locked(path: Path) -> dict[str, set[str]]:
    """Return the versions that a lock pins, by name; every entry has to carry a hash."""
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text(encoding="utf-8"))
    versions: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            match = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", line)
            assert match, line
            assert "--hash=sha256:" in line, line
            versions.setdefault(normalised(match[1]), set()).add(match[2])
    return versions


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_what_is_declared(path):
    versions = locked(path)
    for name, version in declared(INSTALLED_BY[path.name]).items():
        assert versions[name] == {version}, f"{name}: run `make lock`"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_address(path):
    assert not re.search(r"\w+://", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_the_locks_agree(path):
    base = locked(ROOT / "requirements.txt")
    versions = locked(path)
    assert {name: versions[name] for name in base} == base
