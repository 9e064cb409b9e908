"""Breaks each protection in a copy of the checkout and has its test fail: `python -m tests.mutations docs/broken.md`.

The copy is the last commit's. It wants what the tests want (LEUKOLENS_TEST_POSTGRES_URL), and takes some minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.mutations.breaks import BREAKS, Break

HEAD = """# Broken on purpose

A test that cannot fail protects nothing. Each line took one protection away in a copy of the program; the test beside
it failed, and passed again in the program as it is. `python -m tests.mutations docs/broken.md` does all of it anew;
`tests/project/pages/test_mutations.py` holds the code that is broken, and the tests that fail of it, to what is there.

| what was broken | where | what failed |
|---|---|---|
"""


def copy(folder: Path) -> None:
    """Put the last commit into a folder, with the environment that this program runs in."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)


def fails(folder: Path, *tests: str) -> str:
    """Return how many of these tests failed, in pytest's words; "" where none did."""
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    environment = os.environ | {"LEUKOLENS_REQUIRE_ALL": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"(\d+) failed", done.stdout)
    return found[0] if found and done.returncode == 1 else ""


def broken(folder: Path, one: Break) -> str:
    """Break one thing, run its test, mend it again; return the row of the table."""
    path = folder / one.file
    whole = path.read_text(encoding="utf-8")
    assert whole.count(one.old) == 1, one.file
    path.write_text(whole.replace(one.old, one.new), encoding="utf-8")
    try:
        failed = fails(folder, one.test)
    finally:
        path.write_text(whole, encoding="utf-8")
    return f"| {one.what} | `{one.file}` | `{one.test}` |\n" if failed else ""


def main() -> int:
    """Break everything in turn; write the page where every break was found."""
    missed, rows = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        for one in BREAKS:
            row = broken(folder, one)
            sys.stdout.write(f"{'found ' if row else 'MISSED'} {one.what}\n")
            sys.stdout.flush()
            rows.append(row)
            missed += [] if row else [one.what]
        failing = fails(folder, *(one.test for one in BREAKS))
    if missed or failing:
        sys.stdout.write(f"{len(missed)} were missed; in the program as it is: {failing or 'none failed'}.\n")
        return 1
    Path(sys.argv[1]).write_text(HEAD + "".join(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
