"""The way of docs/your-own-model.md, on drawings: the commands of the page, in its order, to a bundle that reads."""

import re

import pytest
from sqlalchemy import select

from app import create_app
from app.database import db
from app.records import BundleActivation, User
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from tests.conftest import ROOT
from training.__main__ import main

pytestmark = pytest.mark.usefixtures("all_eagerly")

PAGE = ROOT / "docs" / "your-own-model.md"
PATIENTS, FIELDS = 4, 3


def commands():
    """The page's six commands, as words."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.search(r"## Six commands\n\n((?:    .*\n)+)", text)[1]
    lines = re.sub(r"\\\n\s*", "", block).strip().splitlines()
    return [re.findall(r'"[^"]*"|\S+', line) for line in lines]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Drawings by label and patient: those to learn from, and those of a patient apart."""
    root = tmp_path_factory.mktemp("own")
    for kind in ("leukemic", "sparse"):
        for patient in range(PATIENTS + 1):
            folder = root / ("apart" if patient == PATIENTS else "own") / kind / f"{kind[0]}{patient}"
            folder.mkdir(parents=True)
            for seed in range(FIELDS):
                picture = synthetic.field(100 * patient + seed, kind, 224)
                (folder / f"{seed}.png").write_bytes(encode(picture, "PNG"))
    return root


def test_the_page_has_six_commands():
    assert [words[:3] for words in commands()[:-1]] == [["python", "-m", "training"]] * 5
    assert commands()[-1][:4] == ["flask", "--app", "wsgi", "activate"]


def test_the_way_ends_with_a_bundle_that_reads(folders, tiny, tmp_path, monkeypatch, capsys):
    """A network of two epochs is not good, so it goes past the floors as it may: as a second opinion, with a reason."""
    models = tmp_path / "models"
    app = create_app(INSTANCE_DIR=tmp_path / "instance", MODELS_DIR=models)
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    with app.app_context():
        admin = db.session.scalars(select(User)).one().email
    names = {
        "OWN": folders / "own",
        "APART": folders / "apart",
        "RUN": tmp_path / "run",
        "WEIGHTS": tmp_path,
        "ADMIN": admin,
        "leukolens-field": tiny,
        "our-field": models / "our-field",
    }
    monkeypatch.chdir(tmp_path)
    for words in commands():
        given = [str(names.get(word, word.strip('"'))) for word in words]
        if words[0] == "flask":
            done = app.test_cli_runner().invoke(args=[*given[3:4], "our-field", *given[5:], "--despite", "A test"])
            assert done.exit_code == 0, done.output
            continue
        command, rest = given[3], given[4:]
        if command == "publish":
            rest = [*(word if word != str(models / "our-field") else "our-field" for word in rest)]
            rest += ["--models", str(models), "--second-opinion"]
        assert main([command, *rest]) == 0, capsys.readouterr().err
    card = bundle.read_card(models / "our-field")
    assert (card.data["groups"], card.data["groups_from"]) == (8, "patients")
    assert card.known_failures == ("It knows our stain and our camera only.",)
    assert (tmp_path / "errors" / "predictions.csv").is_file()
    with app.app_context():
        (choice,) = db.session.scalars(select(BundleActivation))
        assert (choice.bundle, choice.despite) == ("our-field", "A test")
