"""Hooks of the documentation site: a page for every public module, and no page that loads from another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("smear", "app", "training")
LEFT_OUT = ("app.migrations",)  # scripts that Alembic runs, in their order
# What a browser fetches without being asked; a link that a reader may follow is not among it.
LOADS = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc(?:set)?\s*=\s*[\"']?\s*(?:https?:)?//[^\"'\s>]*"
    r"|<link\b[^>]*?\bhref\s*=\s*[\"']?\s*(?:https?:)?//[^\"'\s>]*"
    r"|@import[^;]*//[^;]*|url\(\s*[\"']?(?:https?:)?//[^)]*",
    re.IGNORECASE,
)

PICTURES = re.compile(r"\(\.\./(models/[\w./-]+\.(?:png|svg|webp))\)")


def modules(package: Path) -> Iterator[str]:
    """Yield the dotted names of a package and of the public modules in it, each package before what it holds."""
    for path in sorted(package.rglob("*.py"), key=lambda path: path.relative_to(ROOT).with_suffix("").parts):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        private = any(part.startswith("_") for part in name.split("."))
        if not private and not any(name == left or name.startswith(f"{left}.") for left in LEFT_OUT):
            yield name


def page_of(name: str) -> str:
    """Return where the page of a module stands; that of a package is the index of its folder."""
    path = Path(*name.split("."))
    return f"api/{path / 'index' if (ROOT / path).is_dir() else path}.md"


def section(package: str, names: list[str]) -> list[Any]:
    """Return the navigation below a package: its own page, its modules, and a section for each package in it."""
    entries: list[Any] = [page_of(package)]
    for name in names:
        if name.rpartition(".")[0] == package:
            below = section(name, names) if page_of(name).endswith("/index.md") else page_of(name)
            entries.append({name.rpartition(".")[2]: below})
    return entries


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the modules to the navigation."""
    names = {room: list(modules(ROOT / room)) for room in ROOMS}
    config.nav.append({"The code": [{room: section(room, found)} for room, found in names.items()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write the page of every public module, and take in the pictures that lie beside the models."""
    for room in ROOMS:
        for name in modules(ROOT / room):
            text = f"---\ntitle: {name}\n---\n\n# `{name}`\n\n::: {name}\n"
            files.append(File.generated(config, page_of(name), content=text))
    for document in sorted(Path(config.docs_dir).glob("*.md")):
        for name in PICTURES.findall(document.read_text(encoding="utf-8")):
            if name not in files.src_uris:
                files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, **_more: Any) -> str:
    """Point to these pictures where they are in the site: the documents name them from their place in the checkout."""
    return PICTURES.sub(r"(\1)", markdown)


def on_post_page(output: str, page: Any, **_more: Any) -> str:
    """Refuse a page that would make a reader's browser ask another host."""
    if found := LOADS.search(output):
        raise PluginError(f"{page.file.src_uri} loads from another host: {found[0]}")
    return output
