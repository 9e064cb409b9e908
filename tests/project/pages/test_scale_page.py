"""The servers that docs/scale.md begins are given settings that there are, and files that lie beside it."""

import re

from app.config import SETTINGS
from tests.conftest import ROOT

COMPOSE = (ROOT / "docs" / "scale" / "compose.yml").read_text(encoding="utf-8")


def test_every_setting_of_the_servers_exists():
    named = re.findall(r"LEUKOLENS_(\w+):", COMPOSE)
    assert len(named) > 3
    assert set(named) <= {setting.name for setting in SETTINGS}


def test_the_image_is_built_with_requirements_that_exist():
    files = re.search(r'REQUIREMENTS: "([^"]+)"', COMPOSE)[1].split()
    assert files == ["requirements-postgres.txt", "requirements-s3.txt"]
    assert all((ROOT / name).is_file() and name in (ROOT / "Dockerfile").read_text() for name in files)


def test_files_that_are_mounted_are_there_or_told_of():
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for name in re.findall(r'"\./([^:"]+):', COMPOSE):
        assert (ROOT / "docs" / "scale" / name).is_file() or f"`{name}`" in page, name
