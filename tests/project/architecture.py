"""Draws docs/architecture.svg from the imports: the rooms of each package on their floors, and what they import.

Run as `python -m tests.project.architecture FILE.svg`.
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "training", "smear")
WIDTH, HEIGHT = 118, 30  # of a room, in the picture's units
GAP, FLOOR = 12, 64  # between rooms, and from floor to floor
STYLE = """
text { font: 12px system-ui, sans-serif; text-anchor: middle; fill: #222 }
.package { font-weight: 600; font-size: 15px }
rect { fill: #f3f0fa; stroke: #5b3fa6; rx: 5px }
path { fill: none; stroke: #5b3fa6; stroke-opacity: .22 }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } rect { fill: #2a2340; stroke: #b9a5ff } path { stroke: #b9a5ff; stroke-opacity: .3 }
}
"""


def floors(package: str) -> list[list[str]]:
    """Return the rooms of a package, floor by floor from the roof, as its contract lists them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one.get("containers") == [package])
    return [[room.strip() for room in layer.replace(":", "|").split("|")] for layer in layers]


def imports(package: str) -> dict[str, set[str]]:
    """Return which rooms of a package each of its rooms imports."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        if not module.startswith(f"{package}."):
            continue
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.startswith(f"{package}.") and (here := module.split(".")[1]) != (
                there := imported.split(".")[1]
            ):
                found[here].add(there)
    return found


def draw() -> str:
    """Return the picture as SVG."""
    parts: list[str] = []
    top = 20.0
    width = max(len(floor) for package in PACKAGES for floor in floors(package)) * (WIDTH + GAP) + 2 * GAP
    for package in PACKAGES:
        parts.append(f'<text class="package" x="{width / 2}" y="{top}">{package}</text>')
        places: dict[str, tuple[float, float]] = {}
        for level, floor in enumerate(floors(package)):
            left = (width - len(floor) * (WIDTH + GAP) + GAP) / 2
            for number, room in enumerate(floor):
                places[room] = left + number * (WIDTH + GAP), top + 16 + level * FLOOR
        for room, below in sorted(imports(package).items()):
            for other in sorted(below):
                (x0, y0), (x1, y1) = places[room], places[other]
                x0, x1, y0 = x0 + WIDTH / 2, x1 + WIDTH / 2, y0 + HEIGHT
                parts.append(
                    f'<path d="M{x0:.0f} {y0:.0f} C{x0:.0f} {y0 + 26:.0f} {x1:.0f} {y1 - 26:.0f} {x1:.0f} {y1:.0f}"/>'
                )
        for room, (x, y) in places.items():
            parts.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}"/>')
            parts.append(f'<text x="{x + WIDTH / 2:.0f}" y="{y + 19:.0f}">{escape(room)}</text>')
        top += len(floors(package)) * FLOOR + 40
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {top:.0f}" role="img">'
    return "\n".join([head, "<title>Rooms and imports</title>", f"<style>{STYLE}</style>", *parts, "</svg>", ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(), encoding="utf-8")
