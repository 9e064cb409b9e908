"""The command line: cells."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from app import create_app
from app.cli.cells import COLUMNS, MEASURED, SUGGESTED
from app.config import ROOT
from smear.imaging import synthetic
from smear.imaging.decode import decode, encode
from smear.segmentation.find import find
from smear.segmentation.morphometry import measure
from tests.app.bad_files import BAD_FILES, REFUSED
from tests.conftest import tell_of_leukocytes_alone
from tests.memory import GIGABYTE, needs_proc


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Return a runner of commands of an application without database, people and model."""
    app = create_app(INSTANCE_DIR=tmp_path / "instance", MODELS_DIR=tmp_path / "models")
    return lambda *words: app.test_cli_runner().invoke(args=["cells", *(str(word) for word in words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return two folders of fields, with a name that both have."""
    place = tmp_path / "fields"
    for index, name in enumerate(("a/1.png", "b/1.png", "b/2.png")):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(synthetic.field(index, "leukemic", 320)))
    return place


def rows_of(result: Result, columns: list[str] = COLUMNS) -> list[dict[str, str]]:
    """Return the rows of CSV, which have the promised columns and numbers where there are any."""
    reader = csv.DictReader(io.StringIO(result.stdout))
    rows = list(reader)
    assert reader.fieldnames == columns
    for row in rows:
        assert not {"nan", "inf", "-inf", "None"} & set(row.values())
    return rows


@pytest.fixture
def cell_reader(tmp_path: Path) -> str:
    """Return the name of a bundle for single cells in the application's folder: the shipped network, told so."""
    name, place = "reads-cells", tmp_path / "models" / "reads-cells"
    shutil.copytree(ROOT / "models" / "leukolens-field", place)
    card = json.loads((place / "card.json").read_text())
    card |= {"name": name, "scope": "cell", "preprocess": [{"name": "one_leukocyte", "parameters": {}}], "golden": []}
    tell_of_leukocytes_alone(place, card)
    (place / "card.json").write_text(json.dumps(card))
    return name


def test_a_named_model_says_what_each_leukocyte_is(run: Callable[..., Result], folder: Path, cell_reader: str) -> None:
    """Beside the same measurements; what the border cuts has no label."""
    plain, result = run(folder), run(folder, "--bundle", cell_reader)
    assert result.exit_code == 0
    rows = rows_of(result, [*COLUMNS[:-2], *SUGGESTED, *COLUMNS[-2:]])
    assert [{name: row[name] for name in COLUMNS} for row in rows] == rows_of(plain)
    for row in rows:
        assert row["bundle"] == cell_reader
        assert row["version"]
        assert (row["outcome"] == "not_gradable") == (row["cut"] == "true")
        assert bool(row["label"]) == bool(row["confidence"]) == (row["outcome"] == "suggested")
        assert row["outcome"] in ("suggested", "uncertain", "not_gradable")


@pytest.mark.parametrize("name", ["nothing", "../models/reads-cells", "fields"])
def test_a_model_that_reads_no_cells_is_a_sentence(
    run: Callable[..., Result], folder: Path, tmp_path: Path, cell_reader: str, name: str
) -> None:
    """Whether it does not exist, is a path or reads fields; the ones that do are named."""
    shutil.copytree(ROOT / "models" / "leukolens-field", tmp_path / "models" / "fields")
    result = run(folder, "--bundle", name)
    assert result.exit_code == 2
    assert f"Known: {cell_reader}." in result.output


def save(path: Path, rgb: np.ndarray) -> Path:
    """Write a picture and return where."""
    path.write_bytes(encode(np.ascontiguousarray(rgb)))
    return path


def test_every_leukocyte_is_a_row_with_its_measurements(run: Callable[..., Result], folder: Path) -> None:
    """What is printed is what `measure` says, in the order of the files and from left to right."""
    result = run(folder / "b" / "2.png")
    assert result.exit_code == 0, result.output
    rows = rows_of(result)
    expected = measure(find(synthetic.field(2, "leukemic", 320)))
    assert len(rows) == len(expected) >= 6
    for number, (row, cell) in enumerate(zip(rows, expected, strict=True), 1):
        assert (row["leukocyte"], row["leukocytes"]) == (str(number), str(len(rows)))
        assert tuple(int(row[side]) for side in ("x0", "y0", "x1", "y1")) == cell.box
        assert row["cut"] == str(cell.cut).lower()
        assert row["unit"] == "px"
        assert int(row["lobes"]) == cell.lobes
        for name in ("nucleus_area", "circularity", "chromatin_entropy"):
            assert float(row[name]) == pytest.approx(getattr(cell, name), abs=1e-4)
        assert cell.nucleus_colour
        assert float(row["nucleus_colour_green"]) == pytest.approx(cell.nucleus_colour[1], abs=1e-4)
        assert (row["crop"], row["error"]) == ("", "")
    assert len(MEASURED) == len(set(MEASURED)) == 36


def test_a_scale_gives_micrometres(run: Callable[..., Result], folder: Path) -> None:
    """Areas by the square, lengths once; the box stays in pixels."""
    path = folder / "a" / "1.png"
    plain, scaled = rows_of(run(path))[0], rows_of(run(path, "--micrometres-per-pixel", "0.5"))[0]
    assert scaled["unit"] == "um"
    assert float(scaled["cell_area"]) == pytest.approx(float(plain["cell_area"]) / 4)
    assert float(scaled["cell_perimeter"]) == pytest.approx(float(plain["cell_perimeter"]) / 2, abs=1e-3)
    assert (scaled["x1"], scaled["circularity"]) == (plain["x1"], plain["circularity"])


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "small"])
def test_a_scale_that_is_none_is_a_sentence(run: Callable[..., Result], folder: Path, wrong: str) -> None:
    """Before anything is read."""
    result = run(folder, "--micrometres-per-pixel", wrong)
    assert result.exit_code == 2
    assert "Invalid value for '--micrometres-per-pixel'" in result.stderr
    assert result.stdout == ""


def test_crops_are_the_pixels_of_the_picture(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    """The row names the file; two pictures of one name do not meet, and the crops are not read themselves."""
    place = folder / "b" / "crops"
    result = run(folder / "a", folder / "b", "--crops", place)
    assert result.exit_code == 0, result.output
    rows = rows_of(result)
    names = [row["crop"] for row in rows]
    assert len(set(names)) == len(names)
    assert {path.name for path in place.iterdir()} == set(names)
    assert {name.rpartition("-")[0] for name in names} == {"1", "1~2", "2"}
    for row in rows:
        x0, y0, x1, y1 = (int(row[side]) for side in ("x0", "y0", "x1", "y1"))
        whole = decode(Path(row["path"]).read_bytes()).rgb
        crop = cv2.cvtColor(cv2.imread(str(place / row["crop"])), cv2.COLOR_BGR2RGB)
        assert np.array_equal(crop, whole[y0:y1, x0:x1])


def test_names_that_differ_by_capitals_or_suffix_only(run: Callable[..., Result], tmp_path: Path) -> None:
    """Some file systems take them for one."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("A.png", "a.bmp.png", "a.bmp", "a~2.png"):
        save(pictures / name, synthetic.field(0, "leukemic", 128))
    rows = rows_of(run(pictures, "--crops", tmp_path / "crops"))
    stems = {row["crop"].rpartition("-")[0] for row in rows}
    assert stems == {"A", "a~2", "a.bmp", "a~2~2"}
    assert len(list((tmp_path / "crops").iterdir())) == len(rows)


def test_nothing_is_overwritten(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:
    """A second run into the same folder ends with a sentence and leaves what was there."""
    place = tmp_path / "crops"
    assert run(folder / "a", "--crops", place).exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in place.iterdir()}
    again = run(folder / "a", "--crops", place)
    assert again.exit_code == 1
    assert "1-1.png is there already, and nothing is overwritten." in again.stderr
    assert {path: path.stat().st_mtime_ns for path in place.iterdir()} == before
    in_the_way = run(folder / "a", "--crops", folder / "a" / "1.png")
    assert in_the_way.exit_code == 1
    assert "cannot be made: File exists." in in_the_way.stderr


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_rows(run: Callable[..., Result], tmp_path: Path, case: str) -> None:
    """What cannot be read is a row with a sentence and status 1; what can be read goes on."""
    name, content, becomes = BAD_FILES[case]
    path = tmp_path / name
    path.write_bytes(content())
    good = save(tmp_path / "good.png", synthetic.field(0, "leukemic", 224))
    result = run(path, good)
    rows = rows_of(result)
    assert rows[0]["path"] == str(path)
    assert rows[-1]["path"] == str(good)
    assert int(rows[-1]["leukocytes"]) > 0
    assert result.exit_code == (becomes == REFUSED)
    assert bool(rows[0]["error"]) == (becomes == REFUSED)
    assert f"Not read: {int(becomes == REFUSED)}." in result.stderr


def test_files_that_are_not_there_or_have_no_end(run: Callable[..., Result], tmp_path: Path) -> None:
    """A sentence each, without a trace; a device is not read for ever."""
    odd = Path("caf\udce9.png")  # a name that is no UTF-8
    result = run(tmp_path / "nothing.png", "/dev/zero", tmp_path / odd)
    rows = rows_of(result)
    assert result.exit_code == 1
    assert rows[0]["error"] == "This file cannot be opened: No such file or directory."
    assert rows[1]["error"] == "This file is larger than 64 MB."
    assert rows[2]["path"].endswith("caf\ufffd.png")


def test_no_leukocyte_is_a_row_that_says_so(run: Callable[..., Result], tmp_path: Path) -> None:
    """No picture vanishes from the table; it is no error and leaves no crop."""
    path = save(tmp_path / "red.png", synthetic.field(0, "erythrocytes_only", 320))
    result = run(path, "--crops", tmp_path / "crops")
    assert result.exit_code == 0
    row = rows_of(result)[0]
    assert {name: value for name, value in row.items() if value} == {"path": str(path), "leukocytes": "0"}
    assert "Leukocytes: 0. Without any: 1." in result.stderr
    assert list((tmp_path / "crops").iterdir()) == []


def test_an_empty_folder_is_a_header(run: Callable[..., Result], tmp_path: Path) -> None:
    """Nothing to read is no error, and is said."""
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run(empty)
    assert (result.exit_code, rows_of(result)) == (0, [])
    assert "Pictures: 0." in result.stderr


def crowd() -> np.ndarray:
    """About two hundred blasts: one drawn field sixteen times."""
    return np.tile(synthetic.field(0, "leukemic", 224), (4, 4, 1))


def clump() -> np.ndarray:
    """Many nuclei on each other."""
    picture = np.full((400, 400, 3), (240, 236, 240), np.uint8)
    for x, y in np.random.default_rng(0).integers(120, 280, (60, 2)):
        cv2.circle(picture, (int(x), int(y)), 24, (120, 60, 160), -1)
    return picture


def grey() -> np.ndarray:
    """A field without colour."""
    return cv2.cvtColor(cv2.cvtColor(synthetic.field(1), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


@pytest.mark.parametrize(
    ("picture", "least", "most"),
    [
        (crowd(), 160, 260),
        (clump(), 1, 60),
        (grey(), 0, 40),
        (255 - synthetic.field(1), 0, 40),
        (np.full((1200, 900, 3), (120, 40, 160), np.uint8), 0, 1),
        (np.full((16, 16, 3), (120, 40, 160), np.uint8), 0, 1),
        (synthetic.field(1)[:16, :16], 0, 2),
    ],
    ids=["two hundred", "one clump", "grey", "inverted", "all purple", "16 x 16 purple", "16 x 16"],
)
def test_strange_pictures_get_rows_quickly(
    run: Callable[..., Result], tmp_path: Path, picture: np.ndarray, least: int, most: int
) -> None:
    """A defined answer in bounded time, with a crop for every row."""
    path = save(tmp_path / "strange.png", picture)
    started = time.process_time()
    result = run(path, "--crops", tmp_path / "crops")
    assert time.process_time() - started < 10
    assert result.exit_code == 0, result.output
    rows = rows_of(result)
    assert least <= int(rows[0]["leukocytes"]) <= most
    assert len(list((tmp_path / "crops").iterdir())) == int(rows[0]["leukocytes"])


@needs_proc
def test_the_largest_field_takes_bounded_memory_and_time(tmp_path: Path) -> None:
    """12,000 x 9,000 pixels: the picture itself is a third of a gigabyte."""
    field = cv2.resize(synthetic.field(3, "leukemic", 1024), (12000, 9000), interpolation=cv2.INTER_LINEAR)
    path = tmp_path / "large.jpg"
    path.write_bytes(encode(field, "JPEG", 70))
    del field
    script = (
        "import sys, time; from app.cli.cells import cells; from tests.memory import peak;"
        "cells(sys.argv[1:], standalone_mode=False); print(peak(), time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", script, path], cwd=ROOT, capture_output=True, text=True, check=True)
    *lines, used = done.stdout.splitlines()
    most, seconds = used.split()
    assert float(seconds) < 30  # of the processors: other tests may run beside this one
    assert int(most) < 2.2 * GIGABYTE  # of which TensorFlow takes a part
    rows = list(csv.DictReader(lines))
    assert len(rows) >= 6
    assert max(int(row["x1"]) for row in rows) > 5000


def test_the_start_of_the_application_loads_neither_a_network_nor_scikit_image() -> None:
    """The command stands in the application's command line, so its imports are the start's."""
    script = (
        "import sys; from app import create_app; import app.cli.cells, smear.segmentation.morphometry;"
        "print([name for name in ('tensorflow', 'keras', 'scipy', 'skimage.measure') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.realdata
@pytest.mark.parametrize("place", ["taleghani/Benign", "taleghani/Pro", "segmentation/fields/images", "pbc/neutrophil"])
def test_real_fields(run: Callable[..., Result], data: Path, tmp_path: Path, place: str) -> None:
    """Rows and crops of what laboratories sent; nuclei lie in their cells and the numbers in their ranges."""
    paths = sorted((data / place).iterdir())[:8]
    result = run(*paths, "--crops", tmp_path / "crops")
    assert result.exit_code == 0, result.output
    rows = [row for row in rows_of(result) if row["leukocyte"]]
    assert len(rows) >= 6
    assert len(list((tmp_path / "crops").iterdir())) == len(rows)
    for row in rows:
        assert 0 < float(row["nucleus_area"]) <= float(row["cell_area"])
        assert 0 < float(row["nucleus_share"]) <= 1
        assert 0 < float(row["circularity"]) < 1.2
        assert 0 < float(row["solidity"]) <= 1
        assert 1 <= int(row["lobes"]) <= 9
        assert float(row["nucleus_density_green"]) > float(row["cytoplasm_density_green"] or 0)


def test_every_picture_of_a_file_has_rows_and_crops_of_its_own(run: Callable[..., Result], tmp_path: Path) -> None:
    """Pages and members are named in their columns, and no crop is written over another."""
    first, second = (Image.fromarray(synthetic.field(seed, "leukemic", 320)) for seed in (1, 2))
    first.save(tmp_path / "stack.tif", save_all=True, append_images=[second])
    with zipfile.ZipFile(tmp_path / "fields.zip", "w") as archive:
        archive.writestr("a/one.png", encode(synthetic.field(1, "leukemic", 320)))
        archive.writestr("bad.png", b"no picture")
    result = run(tmp_path / "stack.tif", tmp_path / "fields.zip", "--crops", str(tmp_path / "crops"))
    assert result.exit_code == 1
    rows = rows_of(result)
    places = list(dict.fromkeys((Path(row["path"]).name, row["member"], row["page"]) for row in rows))
    assert places == [
        ("stack.tif", "", "1"), ("stack.tif", "", "2"), ("fields.zip", "a/one.png", ""), ("fields.zip", "bad.png", ""),
    ]  # fmt: skip
    crops = [row["crop"] for row in rows if row["leukocyte"]]
    assert len(crops) == len(set(crops)) == len(list((tmp_path / "crops").iterdir()))
    assert {crop.rpartition("-")[0] for crop in crops} == {"stack-page1", "stack-page2", "one"}
