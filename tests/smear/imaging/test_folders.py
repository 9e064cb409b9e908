"""Walking folders: what systems and devices leave behind is no picture."""

from pathlib import Path, PurePath

import pytest

from smear.imaging.folders import left_out, pictures_in
from smear.imaging.synthetic import field
from tests.data import pictures

PICTURES = ("a.jpg", "b/1.PNG", "b/2.jfif", "b/3.heic", "b/4.dcm", "c.avif", "d/e/f.tiff")
OTHERS = (
    "notes.txt", "._a.jpg", ".hidden.png", "b/.DS_Store", "b/._1.PNG", "__MACOSX/b/._1.PNG", "__MACOSX/b/1.png",
    "b/@eaDir/1.PNG/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/a-checkpoint.jpg", "Thumbs.db", "$RECYCLE.BIN/x.jpg",
    "movie.mp4", "archive.zip",
)  # fmt: skip


def test_only_pictures_that_somebody_put_there(tmp_path: Path) -> None:
    for name in (*PICTURES, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0")
    (tmp_path / "b" / "folder.png").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in pictures_in(tmp_path)] == sorted(PICTURES)


def test_a_hidden_folder_above_the_one_that_is_walked_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "fields"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"\0")
    assert [path.name for path in pictures_in(folder)] == ["a.png"]


@pytest.mark.parametrize("name", ["a/__macosx/b.png", "@EADIR/x.jpg", ".x", "thumbs.DB"])
def test_capitals_do_not_matter(name: str) -> None:
    assert left_out(PurePath(name))


def test_a_picture_by_its_first_bytes_needs_no_suffix(tmp_path: Path) -> None:
    """As a microscope's DICOM files have none; what only begins with the letters of a BMP is a table."""
    png = pictures.file(field(0, "sparse", 96))
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "field.img").write_bytes(png)
    (tmp_path / "export").write_bytes(pictures.smear("BMP", size=96))
    (tmp_path / "BMI.csv").write_text("BMI,age\n" * 20)
    (tmp_path / "fields.zip").write_bytes(b"PK\3\4")
    (tmp_path / "more").write_bytes(b"PK\3\4")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.7")
    assert [path.name for path in pictures_in(tmp_path)] == ["IM0001", "export", "field.img"]
    assert [path.name for path in pictures_in(tmp_path, archives=True)] == [
        "IM0001", "export", "field.img", "fields.zip", "more",
    ]  # fmt: skip
