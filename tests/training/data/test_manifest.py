"""A manifest is read as a spreadsheet or a person wrote it, or refused by its line; one patient stays one patient."""

import shutil

import numpy as np
import pytest

from tests.conftest import ROOT
from training.__main__ import main
from training.data import patients
from training.data.dataset import APPEARANCE, PATIENTS_IN_PART, load
from training.data.groups import find_groups
from training.data.manifest import MANIFEST, DataError
from training.evaluation.splits import folds


@pytest.fixture
def copy(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "data")


def lines_of(folder):
    return (folder / MANIFEST).read_text(encoding="utf-8").splitlines()


def write(folder, lines, encoding="utf-8", newline="\n"):
    (folder / MANIFEST).write_bytes((newline.join(lines) + newline).encode(encoding))


@pytest.mark.parametrize(
    ("change", "encoding", "newline"),
    [
        (lambda line: line, "utf-8-sig", "\n"),
        (lambda line: line, "utf-16", "\n"),
        (lambda line: line, "utf-8", "\r\n"),
        (lambda line: line.replace(",", ";"), "utf-8", "\n"),
        (lambda line: line.replace(",", "\t"), "utf-8", "\n"),
        (lambda line: line.replace(",", ", "), "utf-8", "\n"),
        (lambda line: line.replace("leukemic/", "leukemic\\").replace("sparse/", "sparse\\"), "utf-8", "\n"),
        (lambda line: line.replace("path,label,group,source", "Path,LABEL,Group,Source"), "utf-8", "\n"),
        (lambda line: line + "\n", "utf-8", "\n"),
        (lambda line: line + ",,", "utf-8", "\n"),
    ],
    ids=[
        "bom",
        "utf-16",
        "crlf",
        "semicolons",
        "tabs",
        "spaces",
        "windows paths",
        "capitals",
        "empty lines",
        "empty columns",
    ],
)
def test_a_manifest_is_read_as_it_is_meant(copy, change, encoding, newline):
    before = load(copy)
    write(copy, [change(line) for line in lines_of(copy)], encoding, newline)
    after = load(copy)
    assert (after.paths, after.labels, after.groups) == (before.paths, before.labels, before.groups)
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda lines: [*lines[:3], "sparse/00.png,sparse, early,p1,north", *lines[3:]],
            r"line 4: there are 5 values, and the first line names 4 columns. Put quotes around a value with a ','",
        ),
        (lambda lines: [*lines, lines[1]], r"lines 2 and 50: leukemic/00.png is named twice"),
        (
            lambda lines: [*lines, lines[1].replace(",leukemic,", ",other,")],
            r"lines 2 and 50: leukemic/00.png has the labels 'leukemic' and 'other'",
        ),
        (lambda lines: [*lines[:9], "leukemic/08.png", *lines[10:]], "line 10: the label is empty"),
        (lambda lines: [*lines, ",leukemic,,"], "line 50: the path is empty"),
        (lambda lines: [*lines, "../outside.png,leukemic,,"], "line 50: ../outside.png lies outside"),
        (lambda lines: [*lines, "x" * 5000 + ".png,leukemic,,"], "line 50: there is no file"),
        (lambda lines: [*lines, "a\0b.png,leukemic,,"], "line 50"),
        (lambda lines: [*lines, "a" * 140_000 + ",leukemic,,"], "line 50: this is no line of CSV"),
        (lambda _lines: [""], "has no column 'path'"),
    ],
    ids=[
        "unquoted comma",
        "twice",
        "two labels",
        "short row",
        "no path",
        "outside",
        "long",
        "nul",
        "too long",
        "empty",
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_line(copy, change, sentence):
    (copy.parent / "outside.png").write_bytes((copy / "leukemic" / "00.png").read_bytes())
    write(copy, change(lines_of(copy)))
    with pytest.raises(DataError, match=sentence):
        load(copy)


def test_another_encoding_is_refused_with_the_line_and_what_to_do(copy):
    write(copy, [*lines_of(copy), "Müller.png,leukemic,,"], "cp1252")
    with pytest.raises(DataError, match=r"line 50: this is not UTF-8 text\. Save the table as CSV in UTF-8"):
        load(copy)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("P1", "p1"), ("P1", "P1 "), ("007", "7"), ("Ü-1", "U\u0308-1"), ("Ｐ１", "P1"), ("A  1", "a 1")],
)
def test_two_ways_to_write_an_id_are_one_patient_and_that_is_said(one, other):
    ids, remarks = patients.folded([one, other, "X"])
    assert ids == (one, one, "X")
    assert len(remarks) == 1
    assert "are taken for one patient" in remarks[0]


@pytest.mark.parametrize("nobody", ["", " ", "N/A", "nan", "Unknown", "-", "NULL"])
def test_what_names_nobody_is_no_patient(nobody):
    ids, remarks = patients.folded([nobody, "P1"])
    assert ids == ("", "P1")
    assert bool(remarks) == bool(nobody.strip())
    assert patients.key("P10") != patients.key("P1")
    assert patients.key("1.5") != patients.key("1")


def test_known_patients_stay_together_where_others_are_not_known(copy):
    lines = lines_of(copy)
    path, label, _group, source = lines[1].split(",")
    write(copy, [lines[0], f"{path},{label},,{source}", *lines[2:]])
    data = load(copy)
    assert data.groups_from == PATIENTS_IN_PART
    assert data.remarks == (
        "1 of 48 pictures name no patient: those that do stay together, the others are grouped by how they look.",
    )
    groups = find_groups(data)
    for patient in set(data.groups) - {""}:
        assert len({groups[i] for i, one in enumerate(data.groups) if one == patient}) == 1
    write(
        copy, [line if number == 0 else ",".join([*line.split(",")[:2], "", ""]) for number, line in enumerate(lines)]
    )
    assert load(copy).groups_from == APPEARANCE


def test_a_patients_cells_may_have_several_labels_and_fields_not(copy):
    write(copy, [line.replace("sparse-", "leukemic-") for line in lines_of(copy)])
    with pytest.raises(DataError, match="A group is one patient with one diagnosis"):
        load(copy)
    assert len(set(load(copy, many_labels=True).groups)) == 9


CASES = ROOT.parent / "shared" / "cases" / "folders"
LEAKS = ("group_one_cell_empty", "group_trailing_space", "group_float", "group_case")
REFUSED = ("manifest_two_labels", "manifest_cp1252", "manifest_short_row")
READ = ("manifest_utf16", "manifest_semicolon", "manifest_spaces_after_commas")


@pytest.mark.parametrize("name", LEAKS)
def test_no_patient_stands_on_both_sides(cases, name):
    data = load(cases / name)
    groups = find_groups(data)
    who = np.array([patients.key(one) for one in data.groups])
    for train, test in folds(data.targets(data.classes), groups, "grouped", min(4, len(set(groups.tolist())))):
        assert not (set(who[train]) & set(who[test])) - {""}


@pytest.mark.parametrize("name", [*REFUSED, *READ])
def test_each_manifest_is_read_or_refused_with_one_sentence(cases, name, tmp_path, capsys):
    status = main(["inspect", str(cases / name), "--out", str(tmp_path / "page.html")])
    said = capsys.readouterr().err.strip().splitlines()
    assert status == (1 if name in REFUSED else 0)
    if status:
        assert MANIFEST in said[-1]
        assert not (tmp_path / "page.html").exists()


def test_a_column_that_nobody_reads_is_said_where_it_may_name_the_patients(copy):
    lines = lines_of(copy)
    write(copy, [lines[0].replace("group", "patient"), *lines[1:]])
    data = load(copy)
    assert not any(data.groups)
    assert data.remarks == (
        "manifest.csv names no patients: it has no column 'group', and nothing is read of 'patient'. Where one says"
        " whose a picture is, call it 'group'.",
    )
    write(copy, [f"{line},{'kind' if number == 0 else 'x'}" for number, line in enumerate(lines)])
    assert load(copy).remarks == ()


def test_a_column_that_is_there_twice_is_refused(copy):
    write(copy, [f"{line},{'group' if number == 0 else 'p1'}" for number, line in enumerate(lines_of(copy))])
    with pytest.raises(DataError, match="has the column 'group' twice"):
        load(copy)


def test_one_file_by_two_ways_is_named_twice(copy):
    lines = lines_of(copy)
    path, rest = lines[1].split(",", 1)
    write(copy, [*lines, f"sparse/../{path},{rest}"])
    with pytest.raises(DataError, match=f"lines 2 and 50: {path} is named twice"):
        load(copy)


@pytest.mark.parametrize(("first", "second"), [("Sparse", "sparse"), ("a  b", "a b"), ("Ａ", "a")])
def test_labels_that_only_a_program_tells_apart_are_refused(copy, first, second):
    names = {"leukemic": "other", "sparse": first}
    lines = [lines_of(copy)[0]]
    for number, line in enumerate(lines_of(copy)[1:]):
        path, label, _group, source = line.split(",")
        lines.append(f"{path},{second if number == 30 else names[label]},,{source}")
    write(copy, lines)
    with pytest.raises(DataError, match="differ in capitals, spaces or form alone, and would be two"):
        load(copy)


def test_a_label_with_an_accent_is_one_however_it_is_stored(copy):
    lines = lines_of(copy)
    composed, decomposed = "B\u00e9nin", "Be\u0301nin"
    labelled = [
        line.replace(",sparse,", f",{composed if number % 2 else decomposed},") for number, line in enumerate(lines)
    ]
    write(copy, labelled)
    assert load(copy).classes == (composed, "leukemic")
    (copy / MANIFEST).unlink()
    (copy / "sparse").rename(copy / decomposed)
    assert load(copy).classes == (composed, "leukemic")
