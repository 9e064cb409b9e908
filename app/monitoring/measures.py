"""What is watched, and what to do where it drifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.monitoring.control_chart import Chart, chart
from app.monitoring.weekly import ModelWeek, PeopleWeek


@dataclass(frozen=True)
class Measure:
    """A share that is watched. advice: what to do where it is too `high` or too `low`; no warning without one."""

    code: str
    words: Any
    chart: Chart
    advice: dict[str, Any] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """Return what to do, where the newest week is out of control in a direction that matters."""
        newest = self.chart.newest
        return str(self.advice.get(newest.wrong, "")) if newest else ""

    @property
    def warning_words(self) -> str:
        """Say what is unusual of the newest week."""
        newest = self.chart.newest
        if newest is None or self.chart.centre is None:
            return ""
        share, usual = (f"{100 * value:.0f} %" for value in (newest.value, self.chart.centre))
        if newest.signal:
            return _(
                "%(what)s: %(share)s of %(n)s, beyond the limits; %(usual)s is usual.",
                what=self.words,
                share=share,
                n=newest.total,
                usual=usual,
            )
        return _(
            "%(what)s: on one side of %(usual)s for eight weeks, now %(share)s.",
            what=self.words,
            share=share,
            usual=usual,
        )


STAIN = _l(
    "Compare the newest fields with older ones: a new batch of stain, a lamp, white balance or another camera shows"
    " there. Put it back, if you can. If it is to stay, teach the model with labels of the new pictures; until then its"
    " refusals are right."
)
FOCUS = _l(
    "Look at why fields are not gradable: focus, oil, smears that are too thick. Clean the objective and stage first."
)
WRONG = _l(
    "Look at the cases in which people named something else (worklist, “Person and suggestion differ”). If the"
    " suggestions are wrong, activate the model before this one on the Models page, and teach this one with those"
    " cases."
)
MIX = _l(
    "Either other patients came, or the model leans to one answer: compare with what people say of the same weeks. If"
    " people say otherwise, treat it as wrong suggestions."
)
READERS = _l("Look at the images on which readers differ (Agreement), and talk about the class that they are about.")
BLASTS = _l(
    "Either other patients came, or cells are named in another way: have a second person name some of these cases."
)


def of_model(weeks: Sequence[ModelWeek], names: dict[str, str]) -> list[Measure]:
    """Return what is watched of one model, the most telling first. names: of its labels."""
    shares = [
        ("suggested", _l("Gets a suggestion"), {"low": STAIN}),
        ("unfamiliar", _l("Unfamiliar"), {"high": STAIN}),
        ("unsure", _l("Unsure"), {"high": STAIN}),
        ("not_gradable", _l("Not gradable"), {"high": FOCUS}),
    ]
    measures = [
        Measure(outcome, words, chart([(week.monday, week.outcomes[outcome], week.images) for week in weeks]), advice)
        for outcome, words, advice in shares
    ]
    overrides = chart([(week.monday, week.overridden, week.reviewed) for week in weeks])
    measures.append(
        Measure("override", _l("Of reviewed suggestions people named something else"), overrides, {"high": WRONG})
    )
    labels = sorted({label for week in weeks for label in week.labels})
    for label in labels:
        share = chart([(week.monday, week.labels[label], week.suggested) for week in weeks])
        words = _("Of suggestions: %(label)s", label=names.get(label, label))
        measures.append(Measure(f"label:{label}", words, share, {"high": MIX, "low": MIX}))
    return measures


def of_people(weeks: Sequence[PeopleWeek]) -> list[Measure]:
    """Return what is watched of what people say, whichever model reads."""
    blasts = chart([(week.monday, week.blasts, week.named) for week in weeks])
    agreed = chart([(week.monday, week.agreed, week.pairs) for week in weeks])
    return [
        Measure("blasts", _l("Of leukocytes that people named: blasts"), blasts, {"high": BLASTS, "low": BLASTS}),
        Measure("agreement", _l("Two readers, the second blind, said the same"), agreed, {"low": READERS}),
    ]


def standing(measures: Sequence[Measure]) -> str:
    """Return how the newest weeks stand: `without` limits, `within` them, out of control but `harmless`, or `warned`.

    One in a direction that matters comes before all.
    """
    if any(measure.warning for measure in measures):
        return "warned"
    newest = [measure.chart.newest for measure in measures]
    if any(point.wrong for point in newest if point):
        return "harmless"
    return "within" if any(measure.chart.centre is not None for measure in measures) else "without"
