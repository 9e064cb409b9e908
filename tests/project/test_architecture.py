"""The house is as docs/architecture.md says: the picture is that of today's imports, and no folder or module grows."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

from tests.project.architecture import PACKAGES, ROOT, draw

MODULES, LINES = 14, 250


def modules() -> list[Path]:
    """Return every module of the project that git knows."""
    command = ["git", "ls-files", "*.py"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_picture_is_that_of_the_imports() -> None:
    """A room that is added or that imports another is drawn."""
    assert (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8") == draw()


def test_no_folder_is_a_corridor() -> None:
    """At most 14 modules, not counting what makes a folder a package, nor migrations: a database keeps every one."""
    rooms = (path for path in modules() if path.name != "__init__.py" and path.parent.name != "versions")
    counts = Counter(path.parent for path in rooms)
    assert {str(folder): count for folder, count in counts.items() if count > MODULES} == {}


def test_modules_are_short() -> None:
    """At most 250 lines in what serves and trains."""
    long = {
        str(path.relative_to(ROOT)): count
        for path in modules()
        if path.relative_to(ROOT).parts[0] in PACKAGES
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES
    }
    assert long == {}
