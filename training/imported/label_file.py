"""The labels of somebody else's model, in the order of its outputs: an id a line, or a table of what they mean."""

import csv
from pathlib import Path

from msgspec import structs

from training.data.manifest import DELIMITERS, DataError, composed
from training.recipes.recipe import LabelText, vocabulary

COLUMNS = ("id", "name", "meaning", "malignant")
MALIGNANT = {"yes": True, "no": False}


def read(file: Path) -> dict[str, LabelText]:
    """Return what each label means by its id, in the order of the outputs; DataError naming the line that is wrong.

    A file of ids alone may name those that `training/data/labels.toml` knows. A table (CSV with the columns id, name,
    meaning and malignant: yes or no) may name any, and what it says goes before.
    """
    labels: dict[str, LabelText] = {}
    for number, row in _rows(file):
        label = row["id"]
        if not label:
            raise DataError(f"{file.name}, line {number}: the id is empty.")
        if label in labels:
            raise DataError(f"{file.name}, line {number}: '{label}' stands there twice. Each output has its own label.")
        labels[label] = _text(file, number, row)
    if len(labels) < 2:
        raise DataError(
            f"{file.name} names {len(labels)} labels. A model needs two or more, in the order of its outputs."
        )
    return labels


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    if not file.is_file():
        raise DataError(f"There is no file {file}. Write the labels into it, one a line, in the order of the outputs.")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file.name} is not UTF-8 text. Save it as CSV in UTF-8 and try again.") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    head = lines[0][1] if lines else ""
    delimiter = max(DELIMITERS, key=head.count)
    names = [cell.casefold() for cell in _cells(head, delimiter)]
    if names[0] != "id":
        return [(number, {"id": composed(line.strip())}) for number, line in lines]
    rows = []
    for number, line in lines[1:]:
        cells = _cells(line, delimiter)
        if any(cells[len(names) :]):
            raise DataError(
                f"{file.name}, line {number}: there are {len(cells)} values, and the first line names {len(names)}"
                f" columns. Put quotes around a value with a '{delimiter}' in it."
            )
        rows.append((number, dict(zip(names, map(composed, cells), strict=False))))
    return rows


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [""])]


def _text(file: Path, number: int, row: dict[str, str]) -> LabelText:
    known = vocabulary().get(row["id"])
    texts = {column: row[column] for column in ("name", "meaning") if row.get(column)}
    malignant = row.get("malignant", "").casefold()
    if malignant and malignant not in MALIGNANT:
        raise DataError(f"{file.name}, line {number}: 'malignant' is yes or no, not '{row['malignant']}'.")
    if known:
        return structs.replace(known, **texts, malignant=MALIGNANT.get(malignant, known.malignant))
    if len(texts) < 2 or not malignant:
        raise DataError(
            f"{file.name}, line {number}: what '{row['id']}' means is not known here. Make the file a table with the"
            f" columns {','.join(COLUMNS)} (yes or no)."
        )
    return LabelText(texts["name"], texts["meaning"], MALIGNANT[malignant])
