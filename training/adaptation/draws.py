"""How good a bundle becomes by so many labels of a laboratory, each number of them drawn several times.

One drawing says little: which hundred cells are labelled moves the result by points. The test is another with each
drawing, and the same for all numbers of labels within it. Nothing is made but a table.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from smear.inference.bundle import Bundle
from training.adaptation.adapt import Plan
from training.adaptation.decision import decide, judged, refusal
from training.fit.checkpoints import whole
from training.fit.run import Report

TABLE = "draws.csv"


class Drawing(Struct, frozen=True):
    """What came of one drawing of labels: on the test's `n` pictures before and after, shares 0..1.

    labels: asked for; used: to adapt and calibrate with, where there may be fewer, and some of each class are.
    accuracy_before, accuracy_all: right had it always answered, before and after; accuracy_suggested: of the
    suggestions after, None without one.
    """

    laboratory: str
    labels: int
    used: int
    seed: int
    chosen: str
    n: int
    accuracy_before: float
    accuracy_all: float
    coverage: float
    accuracy_suggested: float | None
    go: bool


def draw(parent: Bundle, plan: Plan, labels: Sequence[int], times: int, out: Path, report: Report) -> list[Drawing]:
    """Return what comes of each number of `labels`, drawn `times` times from the plan's seed on; also as a table in
    `out`, which is written anew after each. DataError as in `adapt`, before anything is tried."""
    laboratory = plan.laboratory(parent, out / "tried", report)
    drawn = [(count, seed) for seed in range(plan.seed, plan.seed + times) for count in labels]
    three = {drawing: laboratory.parts(*drawing) for drawing in drawn}
    out.mkdir(parents=True, exist_ok=True)
    drawings: list[Drawing] = []
    for count, seed in drawn:
        report(f"{count} labels, drawing {seed}")
        tried = laboratory.tried(three[count, seed], ())
        tested_by = laboratory.groups[three[count, seed].release]
        before, after = judged(tried.before, tested_by), judged(tried.after, tested_by)
        go, _ = decide(before, after, refusal(parent.card).target_accuracy, tried.chosen)
        drawings.append(
            Drawing(
                laboratory=plan.lab,
                labels=count,
                used=len(three[count, seed].adapt) + len(three[count, seed].calibrate),
                seed=seed,
                chosen=tried.chosen,
                n=after.n,
                accuracy_before=before.accuracy_all,
                accuracy_all=after.accuracy_all,
                coverage=after.coverage,
                accuracy_suggested=after.accuracy_suggested,
                go=go,
            )
        )
        _write(out / TABLE, drawings)
    return drawings


def _write(table: Path, drawings: Sequence[Drawing]) -> None:
    with whole(table) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, Drawing.__struct_fields__, lineterminator="\n")
        writer.writeheader()
        writer.writerows(msgspec.to_builtins(list(drawings)))
