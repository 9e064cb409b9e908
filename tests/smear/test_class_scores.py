"""The scores of each class against scikit-learn's report, and of nothing none."""

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix

from smear.statistics import class_scores


def test_they_are_those_of_the_usual_report():
    random = np.random.default_rng(0)
    targets, answers = random.integers(0, 3, 200), random.integers(0, 3, 200)
    confusion = confusion_matrix(targets, answers)
    report = classification_report(targets, answers, output_dict=True)
    for label, scores in enumerate(class_scores(confusion.tolist())):
        row = report[str(label)]
        told = (scores.precision, scores.recall, scores.f1, scores.support)
        assert told == pytest.approx((row["precision"], row["recall"], row["f1-score"], row["support"]))
        own, said = targets == label, answers == label
        assert scores.specificity == pytest.approx((~said)[~own].mean())
        assert scores.accuracy == pytest.approx((own == said).mean())


def test_a_class_that_nobody_has_or_answers_has_no_score():
    present, absent = class_scores([[4, 0], [0, 0]])
    assert (present.precision, present.recall, present.specificity) == (1.0, 1.0, None)
    assert (absent.precision, absent.recall, absent.f1, absent.specificity) == (None, None, None, 1.0)
