"""The licences of everything that is installed with LeukoLens: `python -m tests.project.licences docs/licences.md`."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.conftest import ROOT

# The licences of what `requirements-cuda.txt` adds are NVIDIA's own: whoever installs it agrees to them.
LOCKS = tuple(f"requirements{extra}.txt" for extra in ("", "-training", "-postgres", "-s3", "-ray", "-tracking"))
# What a distribution's metadata does not say, or says in a word that names no licence; read from the file it brings.
READ = {"namex": "Apache-2.0", "skops": "MIT", "openvino-telemetry": "Apache-2.0", "xgboost": "Apache-2.0"}
# What older classifiers and hand-written lines mean, in the terms of SPDX.
TERMS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
}
# Under which a laboratory may run, and whoever hands LeukoLens on may hand on. LGPL and MPL bind the library alone.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-3.0-only", "MIT", "MIT-0"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "ZPL-2.1", "Zlib"),
}
HEAD = """# Licences

LeukoLens is under the Apache License 2.0, the fonts of its reports under those that `app/report/fonts/NOTICE.md` names,
the pictures of its example under those of `app/examples/pictures/NOTICE.md`. Below is every distribution that
`requirements.txt` installs, or those for training, PostgreSQL, S3, Ray and tracking, as its own metadata says; the
versions are in those files and in the bill of materials that `make sbom` writes. `requirements-cuda.txt` adds NVIDIA's
libraries, under licences of NVIDIA's own. The page is generated: `python -m tests.project.licences docs/licences.md`
writes it anew after `make lock`.

| distribution | licence |
|---|---|
"""


def locked() -> list[str]:
    """Return the names of all distributions of the locks, each once."""
    text = "\n".join((ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS)
    return sorted(set(re.findall(r"^([a-z0-9][a-z0-9.-]*)(?:\[[^]]*\])?==", text, re.MULTILINE)))


def licence(name: str) -> str | None:
    """Return the licence of a distribution in the terms of SPDX, None where it is not installed here."""
    if name in READ:
        return READ[name]
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return None
    stated = metadata.get("License-Expression")
    if stated:
        return str(stated)
    classifiers = [text.rsplit(" :: ", 1)[-1] for text in metadata.get_all("Classifier") or [] if text[:7] == "License"]
    words = classifiers or (metadata.get("License") or "").splitlines()[:1]
    return " AND ".join(dict.fromkeys(TERMS.get(word, word) for word in words))


def terms(expression: str) -> set[str]:
    """Return the licences that an expression names."""
    return set(re.split(r" AND | OR |[()]", expression)) - {""}


def rows(page: str) -> dict[str, str]:
    """Return the table of a page."""
    return dict(re.findall(r"^\| ([a-z0-9.-]+) \| (.+?) \|$", page.partition("|---|---|")[2], re.MULTILINE))


def page(before: str = "") -> str:
    """Return the page; a distribution of other platforms keeps what stood there before."""
    known = rows(before)
    found = {name: licence(name) or known.get(name, "") for name in locked()}
    return HEAD + "".join(f"| {name} | {text} |\n" for name, text in found.items())


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(page(target.read_text(encoding="utf-8") if target.exists() else ""), encoding="utf-8")
