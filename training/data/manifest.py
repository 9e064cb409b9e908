"""`manifest.csv`: which pictures there are, and what is known of them; read as it is meant, or refused by line."""

import csv
import io
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from smear.sentence import SentenceError
from training.data.patients import key, plain

MANIFEST = "manifest.csv"
REQUIRED = ("path", "label")
DELIMITERS = ",;\t"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class DataError(SentenceError):
    """Data that cannot be trained on; one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class Row:
    """A picture: its path below the data set's folder, and what is known of it; "" where nothing is."""

    path: str
    label: str
    group: str = ""
    source: str = ""


COLUMNS = tuple(column.name for column in fields(Row))


def read(root: Path, many_labels: bool = False) -> list[Row]:
    """Return the rows of the manifest in `root`, sorted; DataError naming the line where one cannot be used.

    UTF-8 and UTF-16, commas, semicolons or tabs, spaces around values and Windows' paths are read as they are meant.
    many_labels: whether the pictures of one group may have several, as the cells of one patient do.
    """
    rows: dict[int, Row] = {}
    for number, line in _lines(_text(root / MANIFEST)):
        path, label = _below(root, line["path"], number), composed(line["label"])
        if not label:
            raise DataError(f"{MANIFEST}, line {number}: the label is empty.")
        rows[number] = Row(path, label, line.get("group", ""), line.get("source", ""))
    _refuse_contradictions(rows, many_labels)
    return sorted(rows.values(), key=lambda row: (row.path, row.label, row.group, row.source))


def remarks(root: Path) -> tuple[str, ...]:
    """Return what the columns of the manifest in `root` make one doubt, in sentences."""
    names, _reader = _columns(_text(root / MANIFEST))
    others = [name for name in names if name and name not in COLUMNS]
    if "group" in names or not others:
        return ()
    columns = ", ".join(repr(name) for name in others)
    return (
        f"{MANIFEST} names no patients: it has no column 'group', and nothing is read of {columns}. Where one says"
        " whose a picture is, call it 'group'.",
    )


def composed(name: str) -> str:
    """Return a name in the one form (NFC) of the two in which systems write letters with accents."""
    return unicodedata.normalize("NFC", name)


def refuse_lookalikes(labels: Sequence[str]) -> None:
    """Refuse two labels, of those that differ, that only a program tells apart; DataError names them."""
    first: dict[str, str] = {}
    for label in sorted(set(labels)):
        other = first.setdefault(plain(label), label)
        if other != label:
            raise DataError(
                f"The labels '{other}' and '{label}' differ in capitals, spaces or form alone, and would be two. Write"
                " them in one way."
            )


def meant(path: PurePath) -> str:
    """Return a path below a folder as it is meant: what is not UTF-8 in it was written in Latin-1."""
    return PurePosixPath(*(_text_of(part) for part in path.parts)).as_posix()


def located(root: Path, path: str) -> Path:
    """Return where a path, as it is meant, lies: under names in UTF-8, or in Latin-1 where there are only those."""
    place = root
    for part in PurePosixPath(path).parts:
        place /= part
        if not place.exists() and not part.isascii():
            older = place.with_name(os.fsdecode(part.encode("latin-1", "replace").replace(b"/", b"?")))
            place = older if older.exists() else place
    return place


def _text_of(name: str) -> str:
    data = os.fsencode(name)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{MANIFEST}, line {line}: this is not UTF-8 text. Save the table as CSV in UTF-8 and try again."
        ) from error


def _columns(text: str) -> tuple[list[str], Any]:
    """Return the names of the columns, and csv's reader of the lines below; DataError where they cannot be used."""
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(DELIMITERS, key=head.count), skipinitialspace=True)
    names = [name.strip().casefold() for name in next(reader, [])]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise DataError(f"{MANIFEST} has no column '{missing[0]}'. It needs path,label and may have group,source.")
    twice = [name for name, count in Counter(names).items() if name in COLUMNS and count > 1]
    if twice:
        raise DataError(f"{MANIFEST} has the column '{twice[0]}' twice. Keep one of them.")
    return names, reader


def _lines(text: str) -> list[tuple[int, dict[str, str]]]:
    """Return the lines with their numbers, values by the names of their columns; lines of nothing are left out."""
    names, reader = _columns(text)
    lines = []
    try:
        for values in reader:
            if any(value.strip() for value in values[len(names) :]):
                raise DataError(
                    f"{MANIFEST}, line {reader.line_num}: there are {len(values)} values, and the first line names"
                    f" {len(names)} columns. Put quotes around a value with a '{reader.dialect.delimiter}' in it."
                )
            if any(value.strip() for value in values):
                padded = [value.strip() for value in values] + [""] * (len(names) - len(values))
                lines.append((reader.line_num, dict(zip(names, padded, strict=False))))
    except csv.Error as error:
        raise DataError(f"{MANIFEST}, line {reader.line_num}: this is no line of CSV ({error}).") from error
    return lines


def _below(root: Path, path: str, number: int) -> str:
    """Return a path as this system writes it; DataError where there is no such file, or it is not below `root`."""
    if not path:
        raise DataError(f"{MANIFEST}, line {number}: the path is empty.")
    relative = path if _is_file(root, path) else path.replace("\\", "/")
    if not _is_file(root, relative):
        raise DataError(f"{MANIFEST}, line {number}: there is no file {path}.")
    place = located(root, relative).resolve()
    if not place.is_relative_to(root.resolve()):
        raise DataError(f"{MANIFEST}, line {number}: {path} lies outside of the data set's folder.")
    written = PurePosixPath(relative)
    # On ways through other folders one file would have many paths, and pass for many pictures.
    return meant(place.relative_to(root.resolve())) if ".." in written.parts else str(written)


def _is_file(root: Path, path: str) -> bool:
    try:
        return located(root, path).is_file()
    except (OSError, ValueError):  # longer than a path may be, or with a NUL in it
        return False


def _refuse_contradictions(rows: dict[int, Row], many_labels: bool) -> None:
    """Refuse a file that is named twice, a label that is not its class folder's, and a group that has two labels."""
    labels = {row.label for row in rows.values()}
    folders = {composed(PurePosixPath(row.path).parts[0]) for row in rows.values()}
    files: dict[str, int] = {}
    groups: dict[str, tuple[int, str]] = {}
    for number, row in rows.items():
        earlier = files.setdefault(row.path, number)
        if earlier != number:
            other = rows[earlier].label
            clash = f"has the labels '{other}' and '{row.label}'" if other != row.label else "is named twice"
            raise DataError(f"{MANIFEST}, lines {earlier} and {number}: {row.path} {clash}. Keep one of the lines.")
        folder = composed(PurePosixPath(row.path).parts[0])
        if folder != row.label and folder in labels and row.label in folders:
            raise DataError(
                f"{MANIFEST}, line {number}: {row.path} lies in '{folder}' and has the label '{row.label}'."
            )
        patient = key(row.group)
        line, first = groups.setdefault(patient, (number, row.label)) if patient else (number, row.label)
        if first != row.label and not many_labels:
            raise DataError(
                f"{MANIFEST}, lines {line} and {number}: the group '{row.group}' has the labels '{first}' and"
                f" '{row.label}'. A group is one patient with one diagnosis; give the second one a group of its own, or"
                " none."
            )
