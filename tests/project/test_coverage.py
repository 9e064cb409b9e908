"""The report of what the tests run: summed by room, and too little is said."""

import json

from tests.coverage_by_room import Count, counted, main, room_of, shortfalls


def file(statements, covered, branches, covered_branches):
    return {
        "summary": {
            "num_statements": statements,
            "covered_lines": covered,
            "num_branches": branches,
            "covered_branches": covered_branches,
        }
    }


def test_modules_are_summed_by_room():
    files = {"app/a.py": file(10, 9, 4, 3), "app/cases/b.py": file(10, 10, 0, 0), "app/cases/c/d.py": file(5, 0, 2, 0)}
    rooms, total = counted({"files": files})
    assert list(rooms) == ["app", "app/cases"]
    assert rooms["app/cases"] == Count(15, 10, 2, 0)
    assert total == Count(25, 19, 6, 3)
    assert room_of("smear/inference/card.py") == "smear/inference"


def test_lines_and_branches_are_each_held_to_their_own_number():
    assert shortfalls(Count(100, 92, 100, 85)) == []
    assert ["91.0 % of the lines" in sentence for sentence in shortfalls(Count(100, 91, 100, 85))] == [True]
    assert ["84.0 % of the branches" in sentence for sentence in shortfalls(Count(100, 92, 100, 84))] == [True]


def test_too_little_is_the_exit_status(tmp_path, capsys):
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"files": {"app/a.py": file(10, 9, 4, 4)}}), encoding="utf-8")
    assert main(report) == 1
    shown = capsys.readouterr()
    assert "everything" in shown.out
    assert "92 % is the least" in shown.err
    report.write_text(json.dumps({"files": {"app/a.py": file(10, 10, 4, 4)}}), encoding="utf-8")
    assert main(report) == 0
