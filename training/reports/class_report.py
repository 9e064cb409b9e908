"""The classification report of a result: every class by itself, as scikit-learn's report has it and more."""

from collections.abc import Mapping

from smear.statistics import class_scores
from training.evaluation.metrics import Metrics

HEADS = ("class", "support", "precision", "recall", "F1", "specificity", "AUC", "accuracy")


def rows(metrics: Metrics, names: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a row of texts for every class, as if nothing had been refused, and one of the means over those there are.

    names: of the labels, by their ids, in the order of the confusion matrix. A score of nothing is empty. Of a class
    that no picture has there is nothing to be right about: it counts in no mean, as in macro F1.
    """
    table = []
    for label, scores in zip(metrics.sensitivity, class_scores(metrics.confusion), strict=True):
        numbers = (
            *(scores.precision, scores.recall, scores.f1, scores.specificity),
            *(metrics.auroc_by_class[label], scores.accuracy),
        )
        texts = ("" if number is None else f"{number:.4f}" for number in numbers)
        table.append(dict(zip(HEADS, (names.get(label, label), str(scores.support), *texts), strict=True)))
    present = [row for row in table if row["support"] != "0"]
    means = {head: _mean([row[head] for row in present]) for head in HEADS[2:]}
    which = "classes" if len(present) == len(table) else "classes that occur"
    return [*table, {"class": f"mean over {which}", "support": str(metrics.n)} | means]


def text(metrics: Metrics, names: Mapping[str, str]) -> str:
    """Return the report as a table for the terminal."""
    table = rows(metrics, names)
    width = max(len(row["class"]) for row in table) + 2
    lines = [f"{'':{width}}" + "".join(f"{head:>13}" for head in HEADS[1:])]
    lines += [f"{row['class']:{width}}" + "".join(f"{row[head]:>13}" for head in HEADS[1:]) for row in table]
    return "\n".join(lines)


def _mean(texts: list[str]) -> str:
    numbers = [float(text) for text in texts if text]
    return f"{sum(numbers) / len(numbers):.4f}" if numbers else ""
