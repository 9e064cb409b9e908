"""Prints what the tests run of each room, and fails where it is too little.

Run as `python -m tests.coverage_by_room FILE` with what `coverage json` wrote; `make coverage` does.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

LEAST = {"lines": 92.0, "branches": 85.0}  # percent, over everything


@dataclass
class Count:
    """How many lines and branches there are, and how many were run."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def add(self, summary: dict[str, Any]) -> None:
        self.lines += summary["num_statements"]
        self.lines_run += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.branches_run += summary["covered_branches"]

    def percent(self) -> dict[str, float]:
        """Return the shares in percent; of nothing, everything was run."""
        return {
            "lines": 100 * self.lines_run / self.lines if self.lines else 100.0,
            "branches": 100 * self.branches_run / self.branches if self.branches else 100.0,
        }


def room_of(path: str) -> str:
    """Return the folder of a module, two levels deep."""
    return "/".join(PurePath(path).parts[:-1][:2])


def counted(report: dict[str, Any]) -> tuple[dict[str, Count], Count]:
    """Return the counts by room, and over everything."""
    rooms: dict[str, Count] = defaultdict(Count)
    total = Count()
    for path, file in report["files"].items():
        rooms[room_of(path)].add(file["summary"])
        total.add(file["summary"])
    return dict(sorted(rooms.items())), total


def shortfalls(total: Count) -> list[str]:
    """Return a sentence for each share that is too small."""
    shares = total.percent()
    return [
        f"The tests run {shares[what]:.1f} % of the {what}; {least:.0f} % is the least."
        for what, least in LEAST.items()
        if shares[what] < least
    ]


def main(path: Path) -> int:
    rooms, total = counted(json.loads(path.read_text(encoding="utf-8")))
    print(f"{'room':<28}{'lines':>8}{'run':>8}{'branches':>10}{'run':>8}")
    for name, count in [*rooms.items(), ("everything", total)]:
        shares = count.percent()
        print(
            f"{name:<28}{count.lines:>8}{shares['lines']:>7.1f}%{count.branches:>10}{shares['branches']:>7.1f}%",
        )
    for sentence in (found := shortfalls(total)):
        print(sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
