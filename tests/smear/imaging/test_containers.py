"""Archives and files of many pages: what is in them, by what name, and what is refused before it is unpacked."""

import io
import struct
import time
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from smear.imaging import containers
from smear.imaging.containers import Enclosed, open_file
from smear.imaging.decode import ImageError
from smear.imaging.picture import MAX_PICTURES
from smear.imaging.synthetic import field
from tests.data import pictures

GOOD = pictures.file(field(0, "sparse", 96))


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def listed(data: bytes, name: str = "file") -> list[tuple[str, str, int | None, str]]:
    return [
        (one.name, one.member, one.page, one.error.code if one.error else "") for one in open_file(data, name).pictures
    ]


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        list(open_file(data).pictures)
    assert caught.value.text.endswith(".")
    return caught.value


def test_a_file_of_one_picture_is_that_picture() -> None:
    for data in (GOOD, b"no picture", b"", pictures.pages_tiff(1)):
        contents = open_file(data, "a.png")
        assert not contents.several
        assert list(contents.pictures) == [Enclosed("a.png", data)]


def test_every_page_is_a_picture_with_a_digest_of_its_own() -> None:
    data = pictures.pages_tiff(3)
    contents = open_file(data, "stack.tif")
    assert contents.several
    pages = list(contents.pictures)
    assert [(one.name, one.page) for one in pages] == [("stack.tif", 0), ("stack.tif", 1), ("stack.tif", 2)]
    for seed, page in enumerate(pages):
        np.testing.assert_array_equal(page.decode().rgb, field(seed, "sparse", 96))
    assert len({one.digest for one in pages}) == 3
    # Who sent the file before its further pages were read finds the first one again.
    assert pages[0].digest == Enclosed("stack.tif", data).digest


def test_an_archive_in_order_without_what_was_left_behind() -> None:
    data = packed(
        ("b/2.png", GOOD),
        ("b/10.jpg", pictures.smear("JPEG", 1, size=96)),
        ("a.tif", pictures.pages_tiff(2)),
        ("IM0001", GOOD),
        ("notes.txt", b"for nobody"),
        ("notes.pdf", b"%PDF-1.7"),
        ("readme.html", b"<!doctype html><p>By the lab."),
        ("__MACOSX/b/._2.png", b"\0\5\x16\7"),
        ("b/.DS_Store", b"\0"),
        ("b/Thumbs.db", b"\0"),
        ("b/@eaDir/2.png/SYNO.jpg", GOOD),
    )
    assert listed(data) == [
        ("IM0001", "IM0001", None, ""),
        ("a.tif", "a.tif", 0, ""),
        ("a.tif", "a.tif", 1, ""),
        ("10.jpg", "b/10.jpg", None, ""),
        ("2.png", "b/2.png", None, ""),
    ]
    for one in open_file(data).pictures:
        assert one.decode().rgb.shape == (96, 96, 3)


def test_an_archive_of_one_picture_is_still_an_archive() -> None:
    assert open_file(packed(("a.png", GOOD))).several


def test_a_picture_of_an_archive_has_the_digest_of_its_file() -> None:
    assert [one.digest for one in open_file(packed(("a.png", GOOD))).pictures] == [Enclosed("", GOOD).digest]


@pytest.mark.parametrize(
    ("name", "made", "words"),
    [
        ("../../x.png", GOOD, "leads out of the ZIP archive"),
        ("/etc/x.png", GOOD, "leads out of the ZIP archive"),
        ("a/../../x.png", GOOD, "leads out of the ZIP archive"),
        ("C:\\x\\x.png", GOOD, "leads out of the ZIP archive"),
        ("..\\x.png", GOOD, "leads out of the ZIP archive"),
        ("in.zip", packed(("a.png", GOOD)), "a ZIP archive in a ZIP archive"),
        ("in.png", packed(("a.png", GOOD)), "a ZIP archive in a ZIP archive"),
    ],
)
def test_what_stays_shut_says_why_and_the_others_are_read(name: str, made: bytes, words: str) -> None:
    found = list(open_file(packed((name, made), ("good.png", GOOD))).pictures)
    assert [one.error is None for one in found if one.name == "good.png"] == [True]
    (bad,) = [one for one in found if one.name != "good.png"]
    assert bad.error
    assert words in bad.error.text
    assert "/" not in bad.name
    with pytest.raises(ImageError, match=words):
        bad.decode()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_without_a_bound_is_not_unpacked(method: int) -> None:
    (one,) = open_file(packed(("a.png", GOOD), method=method)).pictures
    assert one.error
    assert "packed in a way that is not read here" in one.error.text


def test_a_locked_member_says_so() -> None:
    data = bytearray(packed(("a.png", GOOD)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    (one,) = open_file(bytes(data)).pictures
    assert one.error
    assert "locked with a password" in one.error.text


def test_a_damaged_member_does_not_spoil_the_others() -> None:
    data = bytearray(packed(("a.png", GOOD), ("b.png", GOOD), method=zipfile.ZIP_STORED))
    data[data.index(b"IDAT") + 40] ^= 255
    assert [one.error is None for one in open_file(bytes(data)).pictures] == [False, True]


def test_an_office_document_is_called_so() -> None:
    assert "This is an office document." in refusal(packed(("[Content_Types].xml", b"<a/>"), ("i.png", GOOD))).text
    assert "This is an office document." in refusal(packed(("mimetype", b"application/epub"), ("i.png", GOOD))).text


@pytest.mark.parametrize("data", [packed(), packed(("notes.txt", b"x")), packed(("__MACOSX/._a.png", b"x"))])
def test_an_archive_without_a_picture(data: bytes) -> None:
    assert refusal(data).code == "no_pictures"


@pytest.mark.parametrize("cut", [4, 40, 200, -10])
def test_a_cut_archive_is_damaged(cut: int) -> None:
    assert refusal(packed(("a.png", GOOD))[:cut]).code == "bad_archive"


def test_more_pictures_than_are_read_of_one_file() -> None:
    many = [(f"{i}.png", GOOD) for i in range(MAX_PICTURES + 1)]
    assert refusal(packed(*many)).code == "too_many_pictures"
    assert len(listed(packed(*many[:-1]))) == MAX_PICTURES


def test_pages_of_members_count_too() -> None:
    stack = pictures.pages_tiff(30)
    found = listed(packed(*((f"{i}.tif", stack) for i in range(5))))
    assert len(found) == MAX_PICTURES + 1
    assert found[-1][-1] == "too_many_pictures"


def test_a_tiff_of_too_many_pages() -> None:
    small = [np.zeros((16, 16, 3), np.uint8)] * (MAX_PICTURES + 1)
    from PIL import Image

    buffer = io.BytesIO()
    first, *others = [Image.fromarray(one) for one in small]
    first.save(buffer, "TIFF", save_all=True, append_images=others)
    assert refusal(buffer.getvalue()).code == "too_many_pictures"


# -- bombs -----------------------------------------------------------------------------------------


def costs_little(data: bytes, code: str, megabytes: int = 40) -> None:
    tracemalloc.start()
    started = time.process_time()
    assert refusal(data).code == code
    assert time.process_time() - started < 2
    assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    tracemalloc.stop()


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    costs_little(packed(*((f"{i}.bmp", bytes(2**24)) for i in range(10))), "bad_archive")
    costs_little(packed(*((f"{i}.bmp", bytes(2**24)) for i in range(40))), "bad_archive")


def test_a_directory_of_a_million_entries_is_not_listed() -> None:
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 1_000_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, count * len(entry), 30, 0)
    costs_little(b"PK\x03\x04" + bytes(26) + entry * count + end, "too_many_pictures")


def test_a_member_that_unpacks_to_more_than_it_declares_ends_where_it_said() -> None:
    data = bytearray(packed(("a.bmp", bytes(2**22)), ("b.png", GOOD)))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + place
        data[at : at + 4] = (1000).to_bytes(4, "little")
    first, second = open_file(bytes(data)).pictures
    assert first.error
    assert second.error is None


def test_limits_of_an_archive_hold_for_its_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_BYTES", 1000)
    assert refusal(packed(("a.png", GOOD), method=zipfile.ZIP_STORED)).code == "too_many_bytes"
