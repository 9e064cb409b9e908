"""The documentation's screenshots are small, all of them are shown, and nothing is shown that is not there."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.screenshots import documented

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = re.compile(r"(?:docs/)?screenshots/[\w.-]+\.\w+")


def referenced():
    """Return the screenshots that the documents name, each as a file."""
    found = set()
    for document in DOCUMENTS:
        for name in REFERENCE.findall(document.read_text(encoding="utf-8")):
            found.add((document.parent / name).resolve())
    return found


def test_every_screenshot_is_a_small_webp_of_its_width():
    for path in sorted(documented.SHOWN.iterdir()):
        assert path.suffix == ".webp", path.name
        assert path.stat().st_size <= documented.LARGEST, path.name
        with Image.open(path) as picture:
            assert f"-{picture.width}-" in path.name


def test_every_screenshot_is_shown_and_every_reference_exists():
    assert referenced() == set(documented.SHOWN.iterdir())


def test_what_is_shown_is_what_is_drawn_for_the_documentation():
    assert {path.stem for path in documented.SHOWN.iterdir()} == set(documented.names())


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A folder with one drawn page, which is all that is documented."""
    monkeypatch.setattr(documented, "PAGES", ("page",))
    monkeypatch.setattr(documented, "VARIANTS", ("390-light",))
    folder = tmp_path / "drawn"
    folder.mkdir()
    draw(folder, 0)
    return folder


def draw(folder, level):
    """Draw a page of text-like stripes with a patch of some grey."""
    pixels = np.full((400, 390, 3), 255, np.uint8)
    pixels[::12] = 0
    pixels[100:200, 100:200] = level
    Image.fromarray(pixels).save(folder / "page-390-light.png")


def test_a_page_is_written_once_and_again_only_when_it_looks_different(drawn, tmp_path):
    shown = tmp_path / "shown"
    assert documented.document(drawn, shown) == ["page-390-light.webp"]
    assert documented.document(drawn, shown) == []
    draw(drawn, 4)  # a difference of 0.3 over the whole page: nobody sees it
    assert documented.document(drawn, shown) == []
    draw(drawn, 128)
    assert documented.document(drawn, shown) == ["page-390-light.webp"]


def test_a_page_of_another_height_is_written_and_what_is_not_documented_goes(drawn, tmp_path):
    shown = tmp_path / "shown"
    documented.document(drawn, shown)
    (shown / "gone-390-light.webp").write_bytes(b"")
    with Image.open(drawn / "page-390-light.png") as picture:
        picture.crop((0, 0, 390, 380)).save(drawn / "page-390-light.png")
    assert documented.document(drawn, shown) == ["page-390-light.webp"]
    assert [path.name for path in shown.iterdir()] == ["page-390-light.webp"]


def test_quality_gives_way_until_a_picture_is_small_enough(monkeypatch):
    noise = Image.fromarray(np.random.default_rng(5).integers(0, 256, (200, 300, 3), np.uint8))
    monkeypatch.setattr(documented, "LARGEST", 30_000)
    assert 10_000 < len(documented.encoded(noise)) <= 30_000
    monkeypatch.setattr(documented, "LARGEST", 100)
    with pytest.raises(documented.TooLargeError):
        documented.encoded(noise)
