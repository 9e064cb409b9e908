"""The plots in a bundle's report."""

from types import SimpleNamespace

import matplotlib as mpl
import pytest

from training.evaluation.metrics import Patient
from training.reports import run_report

NAMES = {"a": "A", "b": "B"}


@pytest.mark.parametrize(("labels", "shown"), [(("a", "b"), ["A", "B"]), (("", ""), ["all labels"])])
def test_patients_have_the_colour_of_their_label_or_all_the_same_where_they_have_none(labels, shown):
    rows = [Patient(label, 8, number, 6, number) for number, label in enumerate(labels, 1)]
    axes = mpl.figure.Figure().add_subplot()
    run_report._patients(axes, SimpleNamespace(per_patient=rows), NAMES)
    assert axes.get_legend_handles_labels()[1] == shown
    assert [len(points.get_offsets()) for points in axes.collections] == [2 // len(shown)] * len(shown)
    assert ("of each class" in axes.get_xlabel()) == (len(shown) > 1)


def test_every_class_has_its_curve_also_where_there_are_more_than_colours():
    names = {str(number): f"class {number}" for number in range(len(run_report.CLASS_COLOURS) + 2)}
    axes = mpl.figure.Figure().add_subplot()
    run_report._roc(axes, SimpleNamespace(roc={name: [(0.0, 0.0), (1.0, 1.0)] for name in names}, auroc=0.5), names)
    assert axes.get_legend_handles_labels()[1] == list(names.values())
    rows = [Patient(label, 8, 4, 6, 4) for label in names]
    run_report._patients(axes, SimpleNamespace(per_patient=rows), names)
    assert len(axes.collections) == len(names)
