"""What the published works describe is answered thing by thing, and what recipes say of themselves is in the docs."""

import pytest
from msgspec import structs

from tests.conftest import ROOT
from training.__main__ import main
from training.cli.compare import COMMANDS as COMPARE
from training.cli.evaluate import COMMANDS as EVALUATE
from training.cli.fit import COMMANDS as FIT
from training.cli.inspect import COMMANDS as INSPECT
from training.recipes import checklist, headers, loading
from training.recipes.checklist import ChecklistError, Item, check, items
from training.recipes.recipe import vocabulary

COMMANDS = {command.name for command in (*COMPARE, *EVALUATE, *FIT, *INSPECT)}
DOCUMENT = ROOT / "docs" / "published-systems.md"


@pytest.mark.parametrize("item", items(), ids=lambda item: f"{item.work}: {item.item}")
def test_every_item_is_answered_by_recipes_that_say_so_or_by_what_there_is(item):
    check(item)
    assert (item.recipes == "") == (not item.entries)
    if item.by.startswith("python"):
        assert item.by.split()[3] in COMMANDS
    elif "labels.toml: " in item.by:
        assert set(item.by.partition(": ")[2].split(", ")) <= set(vocabulary())
    elif "/" in item.by:
        assert (ROOT / item.by).is_file()


def test_every_published_recipe_answers_something():
    answering = {name for item in items() for name in checklist.named(item.recipes)}
    assert set(headers.published()) <= answering


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipes": "abed-vgg16"}, "no recipe 'abed-vgg16'"),
        ({"entries": {"schedule.frozen": 0.5}}, "abed-vgg19 has 1.0 at schedule.frozen, not 0.5"),
        ({"entries": {"schedule.thawed": 0.5}}, "abed-vgg19 has None at schedule.thawed"),
        ({"entries": {"preprocess[3].name": "*"}}, r"has None at preprocess\[3\].name"),
        ({"recipes": "", "entries": {}}, "nothing answers 'frozen'"),
    ],
)
def test_an_item_that_no_recipe_answers_so_is_refused(changes, sentence):
    right = Item("abed", "frozen", "abed-vgg19", {"schedule.frozen": 1.0})
    check(right)
    with pytest.raises(ChecklistError, match=sentence):
        check(structs.replace(right, **changes))


def test_the_command_prints_every_item_with_its_answer(capsys):
    assert main(["recipes", "--check"]) == 0
    printed = capsys.readouterr().out
    for item in items():
        assert f"  {item.item}\n" in printed
    assert "abed-vgg19: schedule.frozen = 1.0, schedule.dropout = 0.5, head.hidden[0] = 256" in printed
    assert "differs: no public set has leukemoid reactions" in printed


def test_the_command_ends_in_one_sentence_where_a_recipe_says_something_else(monkeypatch, capsys):
    wrong = (Item("abed", "frozen", "abed-vgg19", {"schedule.frozen": 0.0}),)
    monkeypatch.setattr(checklist, "items", lambda: wrong)
    assert main(["recipes", "--check"]) == 1
    assert "abed-vgg19 has 1.0 at schedule.frozen, not 0.0" in capsys.readouterr().err


def test_the_document_says_what_the_headers_say(tmp_path, capsys):
    text = DOCUMENT.read_text(encoding="utf-8")
    assert headers.written_into(text) == text, "python -m training recipes --write docs/published-systems.md"
    for name in headers.published():
        assert f"| `{name}` |" in text
    copy = tmp_path / "copy.md"
    copy.write_text(text.replace("mean image is taken off", "mean image stays"), encoding="utf-8")
    assert main(["recipes", "--write", str(copy)]) == 0
    assert copy.read_text(encoding="utf-8") == text
    copy.write_text("nothing here", encoding="utf-8")
    assert main(["recipes", "--write", str(copy)]) == 1
    assert "for the recipes to stand between" in capsys.readouterr().err


@pytest.mark.parametrize("lost", headers.PARTS)
def test_a_header_that_lacks_a_part_is_refused(lost, tmp_path, monkeypatch):
    text = (loading.FOLDER / "abed-vgg19.toml").read_text(encoding="utf-8")
    (tmp_path / "abed-vgg19.toml").write_text(text.replace(f"# {lost}:", "# "), encoding="utf-8")
    monkeypatch.setattr(headers, "FOLDER", tmp_path)
    with pytest.raises(headers.HeaderError, match=r"abed-vgg19\.toml: its header has not the parts As published, Ours"):
        headers.described("abed-vgg19")
