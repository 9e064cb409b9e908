"""A p-chart's places in its picture, for the template that draws it as SVG."""

from __future__ import annotations

from dataclasses import dataclass

from app.monitoring.control_chart import Chart

LEFT, RIGHT, TOP, BOTTOM = 36.0, 636.0, 15.0, 140.0  # of the area that is drawn in, in units of the picture


@dataclass(frozen=True)
class Mark:
    """One week: where it is drawn, whether it is out of control, and what is said of it."""

    x: float
    y: float
    wrong: bool
    title: str


@dataclass(frozen=True)
class Drawing:
    """A chart as SVG needs it: the marks, the line through them, the limits and the centre as paths, "" for none."""

    marks: list[Mark]
    line: str
    limits: str
    centre: str
    words: str


def height(share: float) -> float:
    """Return where a share is drawn."""
    return round(BOTTOM - (BOTTOM - TOP) * share, 1)


def drawn(chart: Chart) -> Drawing:
    """Return the places of a chart."""
    points = chart.points
    step = (RIGHT - LEFT) / max(len(points), 2)
    marks = [
        Mark(
            round(LEFT + (place + 0.5) * step, 1),
            height(point.value),
            bool(point.wrong),
            f"{point.monday}: {point.count} / {point.total}",
        )
        for place, point in enumerate(points)
    ]
    steps = [
        f"M{LEFT + place * step:.1f} {height(limit)}h{step:.1f}"
        for place, point in enumerate(points)
        for limit in (point.low, point.high)
        if limit is not None
    ]
    centre = f"M{LEFT} {height(chart.centre)}h{len(points) * step:.1f}" if chart.centre is not None else ""
    words = ", ".join(f"{point.monday} {100 * point.value:.0f} %" for point in points)
    return Drawing(marks, " ".join(f"{mark.x},{mark.y}" for mark in marks), "".join(steps), centre, words)
