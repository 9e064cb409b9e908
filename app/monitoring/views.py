"""The page on which a lab's admins see whether a model still does what it did, and the same as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Response, abort, render_template, request
from flask_security import current_user

from app.access import admin
from app.monitoring import control_chart, measures
from app.monitoring.blueprint import bp
from app.monitoring.drawing import drawn
from app.monitoring.measures import Measure
from app.monitoring.weekly import ModelWeek, first_monday, label_names, model_weeks, people_weeks
from app.records import now
from app.registry.activation import active_bundle
from app.template_filters import harmless

SPANS = (13, 26, 52)  # weeks to choose from
COLUMNS = (
    *("week", "model", "version", "measure", "count", "total", "share", "centre", "lower_limit", "upper_limit"),
    *("out_of_control", "cases", "images"),
)


def span_asked() -> int:
    """Return over how many weeks the address asks; what is none of SPANS is a 404."""
    text = request.args.get("weeks", str(SPANS[1]))
    return int(text) if text in map(str, SPANS) else abort(404)


def by_model(weeks: list[ModelWeek]) -> dict[str, list[ModelWeek]]:
    """Return the weeks of each model under its name and version."""
    by_name: dict[str, list[ModelWeek]] = {}
    for week in weeks:
        by_name.setdefault(f"{week.bundle} {week.version}", []).append(week)
    return by_name


def watched(weeks: list[ModelWeek]) -> list[Measure]:
    """Return what is watched of one model."""
    return measures.of_model(weeks, label_names(current_user.lab_id, weeks[0].bundle, weeks[0].version))


@bp.get("/")
@admin
def show() -> str:
    """Show the weeks of one model: the one that is asked for, else the active one, else the one that read last."""
    span = span_asked()
    since = first_monday(span, now())
    models = by_model(model_weeks(current_user.lab_id, since))
    newest_first = sorted(models, key=lambda name: models[name][-1].monday, reverse=True)
    active = [name for name in newest_first if models[name][0].bundle == active_bundle(current_user.lab_id)]
    requested = request.args.get("model", "")
    chosen = requested if requested in models else next(iter(active or newest_first), None)
    weeks = models[chosen] if chosen else []
    charts = watched(weeks) if chosen else []
    people = [
        measure for measure in measures.of_people(people_weeks(current_user.lab_id, since)) if measure.chart.points
    ]
    return render_template(
        "monitoring/show.html",
        span=span,
        spans=SPANS,
        models=newest_first,
        chosen=chosen,
        weeks=weeks,
        measures=charts,
        people=people,
        standing=measures.standing(charts + people),
        warnings=[measure for measure in charts + people if measure.warning],
        rule=control_chart,
        drawn=drawn,
    )


@bp.get("/weeks.csv")
@admin
def as_csv() -> Any:
    """Send every week of every measure as a row, of every model; counts alone, so that nobody is named."""
    since = first_monday(span_asked(), now())
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for weeks in by_model(model_weeks(current_user.lab_id, since)).values():
        sizes = {week.monday: (len(week.cases), week.images) for week in weeks}
        for measure in watched(weeks):
            write(writer, measure, (weeks[0].bundle, weeks[0].version), sizes)
    for measure in measures.of_people(people_weeks(current_user.lab_id, since)):
        write(writer, measure, ("", ""), {})
    answer = Response(buffer.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=monitoring-{now():%Y-%m-%d}.csv"
    return answer


def write(writer: Any, measure: Measure, model: tuple[str, str], sizes: dict[Any, tuple[int, int]]) -> None:
    """Write the weeks of a measure."""
    for point in measure.chart.points:
        limits = (measure.chart.centre, point.low, point.high)
        row = (
            *(point.monday.isoformat(), *model, measure.code, point.count, point.total, f"{point.value:.4f}"),
            *("" if limit is None else f"{limit:.4f}" for limit in limits),
            *(point.wrong, *sizes.get(point.monday, ("", ""))),
        )
        writer.writerow([harmless(value) for value in row])
