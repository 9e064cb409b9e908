"""What `python -m training segmentation` and `atlas` measure and draw, on masks whose right answer is known."""

import json
import shutil
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.segmentation.find import find
from tests.data import pictures
from training.__main__ import main
from training.data import annotated_masks
from training.data.manifest import DataError
from training.reports import atlas, worst_page
from training.segmenter import agreement, baselines, metrics, outlines


def discs(*circles, size=(200, 300)):
    """Labels 1..N of filled circles, each (x, y, radius)."""
    labels = np.zeros(size, np.int32)
    for number, (x, y, radius) in enumerate(circles, start=1):
        cv2.circle(labels, (x, y), radius, number, -1)
    return labels


def agree(drawn, found):
    """The agreement of two labellings; the nucleus is the whole cell."""
    return metrics.agreement(drawn, drawn > 0, found, found > 0)


def counts(drawn, found, median=None):
    one = agree(drawn, found)
    counted = metrics.count(one, metrics.median_cell([one]) if median is None else median)
    return counted.right, counted.false, counted.missed, counted.ignored


TWO = ((80, 100, 30), (200, 100, 30))


def test_what_is_found_exactly_agrees_wholly():
    one = agree(discs(*TWO), discs(*reversed(TWO)))
    assert (one.nucleus_dice, one.cell_dice) == (1, 1)
    assert counts(discs(*TWO), discs(*reversed(TWO))) == (2, 0, 0, 0)


def test_dice_of_a_shifted_square_is_its_share():
    drawn, found = np.zeros((2, 60, 60), np.int32)
    drawn[10:30, 10:30] = 1
    found[10:30, 15:35] = 1
    assert agree(drawn, found).cell_dice == pytest.approx(0.75)
    assert counts(drawn, found) == (1, 0, 0, 0)  # 300 of 500
    assert counts(drawn, np.roll(found, 5, axis=1)) == (0, 1, 1, 0)  # 200 of 600


def test_exactly_half_is_a_match_and_only_one():
    drawn, found = np.zeros((2, 60, 60), np.int32)
    drawn[10:30, 10:30] = 1
    found[10:30, 10:20], found[10:30, 20:30] = 1, 2
    assert counts(drawn, found) == (1, 1, 0, 0)


def test_one_cell_found_as_three_is_missed_and_three_times_false():
    drawn, found = np.zeros((2, 60, 60), np.int32)
    drawn[10:40, 10:40] = 1
    found[10:40, 10:40] = 1 + np.arange(30) // 10
    assert agree(drawn, found).cell_dice == 1
    assert counts(drawn, found) == (0, 3, 1, 0)


def test_two_cells_found_as_one_are_one_at_most():
    drawn = discs((80, 100, 30), (130, 100, 20))
    assert counts(drawn, (drawn > 0).astype(np.int32)) == (1, 0, 1, 0)
    equal = discs((80, 100, 25), (130, 100, 25))
    assert counts(equal, (equal > 0).astype(np.int32))[:2] in ((1, 0), (0, 1))


def test_nothing_drawn_and_nothing_found_agree():
    nothing = discs()
    one = agree(nothing, nothing)
    assert (one.nucleus_dice, one.cell_dice) == (1, 1)
    assert counts(nothing, nothing) == (0, 0, 0, 0)
    assert [float(value) for value in metrics.detection(0, 0, 0)] == [1, 1, 1]


def test_what_is_missed_and_what_is_invented():
    assert counts(discs(*TWO), discs()) == (0, 0, 2, 0)
    assert agree(discs(*TWO), discs()).cell_dice == 0
    assert counts(discs(), discs(*TWO)) == (0, 2, 0, 0)
    assert [float(value) for value in metrics.detection(0, 0, 2)] == [0, 0, 0]
    assert [float(value) for value in metrics.detection(0, 2, 0)] == [0, 0, 0]
    assert [float(value) for value in metrics.detection(3, 1, 2)] == pytest.approx([0.75, 0.6, 2 / 3])


def test_slivers_at_the_border_count_neither_way():
    sliver = (0, 40, 9)
    whole, cut = discs(*TWO), discs(*TWO, sliver)
    assert counts(cut, whole) == (2, 0, 0, 1)
    assert counts(whole, cut) == (2, 0, 0, 1)
    assert counts(cut, cut) == (2, 0, 0, 2)  # the drawn one and the found one
    large = discs(*TWO, (0, 40, 28))
    assert counts(large, whole) == (2, 0, 1, 0)
    assert counts(whole, large) == (2, 1, 0, 0)


def test_a_slip_of_the_pen_is_no_cell_but_a_false_find_is_false_however_small():
    speck = discs(*TWO, (20, 20, 2))
    assert counts(speck, discs(*TWO)) == (2, 0, 0, 1)
    assert counts(discs(*TWO), speck) == (2, 1, 0, 0)


def test_intervals_hold_the_value_and_do_not_change():
    rng = np.random.default_rng(1)
    shifted = [discs(*((x + int(rng.integers(0, 30)), y, r) for x, y, r in TWO)) for _ in range(30)]
    agreements = [agree(discs(*TWO), found) for found in shifted]
    result = metrics.summary(agreements)
    assert result == metrics.summary(agreements)
    for name in metrics.NUMBERS:
        low, high = result.intervals[name]
        assert 0 <= low < getattr(result, name) < high <= 1
    middle = np.array([one.cell_dice for one in agreements])
    low, high = result.intervals["cell_dice"]
    assert high - low == pytest.approx(2 * 1.96 * middle.std() / np.sqrt(30), rel=0.15)
    perfect = metrics.summary([agree(discs(*TWO), discs(*TWO))])
    assert [getattr(perfect, name) for name in metrics.NUMBERS] == [1] * 5
    assert set(map(tuple, perfect.intervals.values())) == {(1, 1)}


# -- what people drew ------------------------------------------------------------------------------


def test_lobes_of_one_nucleus_are_one_cell_and_touching_cells_are_two():
    cell = discs((100, 100, 50)) > 0
    lobes = discs((75, 100, 15), (125, 100, 15), (100, 70, 10)) > 0
    assert annotated_masks.instances(cell, lobes).max() == 1
    touching = discs((80, 100, 35), (146, 100, 35)) > 0
    nuclei = discs((80, 100, 20), (146, 100, 20)) > 0
    labels = annotated_masks.instances(touching, nuclei)
    assert np.bincount(labels.ravel())[1:] == pytest.approx([touching.sum() / 2] * 2, rel=0.05)
    assert np.array_equal(labels > 0, touching)
    assert annotated_masks.instances(touching, nuclei & (labels == 1)).max() == 1  # no nucleus, no cell of its own


def masked(folder, name="drawn", count=3, suffix=".png", levels=(0, 128, 255), mask=lambda grey: encode(grey, "PNG")):
    """A set of drawn fields whose masks are what `find` finds: perfect by definition."""
    root = folder / name
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for seed in range(count):
        field = synthetic.field(seed, "leukemic", 224)
        found = find(field)
        grey = np.array(levels, np.uint8)[found.cells.astype(int) + (found.cells & found.nuclei)]
        (root / "images" / f"{seed:02}.png").write_bytes(encode(field, "PNG"))
        (root / "masks" / f"{seed:02}{suffix}").write_bytes(mask(np.dstack([grey] * 3)))
    return root


KINDS = {
    "as in Zheng et al.": {},
    "as in BCCD": {"levels": (0, 155, 255)},
    "classes by number": {"levels": (0, 1, 2)},
    "JPEG": {"suffix": ".jpg", "mask": lambda grey: pictures.file(grey, "JPEG", quality=95)},
    "smoothed BMP": {"suffix": ".BMP", "mask": lambda grey: pictures.file(cv2.blur(grey, (3, 3)), "BMP")},
    "grey TIFF": {"suffix": ".tiff", "mask": lambda grey: pictures.file(grey[..., 0], "TIFF")},
}


@pytest.mark.parametrize("kind", KINDS)
def test_masks_are_read_however_they_were_saved(tmp_path, kind):
    masked(tmp_path, **KINDS[kind])
    results, _ = agreement.measure(tmp_path)
    least = 0.999 if kind not in ("JPEG", "smoothed BMP") else 0.95
    assert results["drawn"].nucleus_dice > least
    assert results["drawn"].cell_dice > least


def test_a_missing_level_is_said(tmp_path):
    masked(tmp_path, "no-cytoplasm", levels=(0, 0, 255))
    masked(tmp_path, "no-nuclei", levels=(0, 128, 128))
    results, _ = agreement.measure(tmp_path)
    assert "no cytoplasm" in results["no-cytoplasm"].notes[0]
    assert results["no-cytoplasm"].nucleus_dice > 0.99
    assert "no nuclei" in results["no-nuclei"].notes[0]
    assert results["no-nuclei"].nucleus_dice is None
    assert results["no-nuclei"].cell_dice > 0.99
    assert " - " in agreement.table(results)


def test_large_pictures_are_compared_at_their_own_size(tmp_path):
    root = masked(tmp_path, count=1)
    for path in root.rglob("*.png"):
        large = cv2.resize(cv2.imread(str(path)), (1500, 1500), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(path), large)
    results, _ = agreement.measure(root)
    assert results["drawn"].nucleus_dice > 0.8


def test_every_pixel_takes_its_nearest_neighbour():
    small = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert np.array_equal(agreement.at_size(small, (4, 6)), small.repeat(2, axis=0).repeat(2, axis=1))
    assert np.array_equal(agreement.at_size(small.repeat(3, axis=0).repeat(3, axis=1), (2, 3)), small)


# -- the baselines ---------------------------------------------------------------------------------


def test_three_classes_are_told_apart_by_otsus_criterion():
    counts = np.zeros(256)
    counts[[10, 12, 100, 104, 200]] = 50, 30, 20, 10, 5
    low, high = baselines.otsu_thresholds(counts)
    assert 12 <= low < 100
    assert 104 <= high < 200
    assert len(baselines.otsu_thresholds(np.eye(256)[7])) == 2  # one value only: an answer all the same


def test_baselines_answer_to_every_picture():
    for rgb in (pictures.solid(), pictures.noise(), synthetic.field(0, "blank")):
        for method in agreement.BASELINES.values():
            nuclei, cells = method(rgb)
            assert nuclei.shape == cells.shape == rgb.shape[:2]
            assert nuclei.dtype == cells.dtype == bool
    assert baselines.instances(np.zeros((9, 9), bool)).max() == 0


# -- the command -----------------------------------------------------------------------------------


def test_json_has_the_public_names(tmp_path, capsys):
    masked(tmp_path, "one")
    masked(tmp_path, "two", count=1)
    assert main(["segmentation", "--data", str(tmp_path), "--format", "json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert list(results) == ["one", "two"]
    for result in results.values():
        assert {"nucleus_dice", "cell_dice", "precision", "recall", "f1", "intervals", "n", "rivals"} <= set(result)
        assert set(result["intervals"]) == {"nucleus_dice", "cell_dice", "precision", "recall", "f1"}
        assert set(result["rivals"]) == {"multi_otsu", "median_hsv"}
        assert all(set(metrics.NUMBERS) <= set(baseline) for baseline in result["rivals"].values())
    assert results["one"]["n"] == 3


def test_the_table_names_every_method(tmp_path, capsys):
    root = masked(tmp_path)
    assert main(["segmentation", "--data", str(root)]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("nucleus dice", "f1", *agreement.NAMES.values()))


def test_the_page_shows_twenty_at_most_and_needs_nothing_else(tmp_path):
    masked(tmp_path / "data", "a<b>", count=13)
    masked(tmp_path / "data", "other", count=12)
    assert main(["segmentation", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "worst.html").read_text("utf-8")
    assert page.count("<figure>") == worst_page.MOST
    assert page.count("data:image/jpeg;base64,") == worst_page.MOST
    assert "http" not in page
    assert "a&lt;b&gt;/" in page
    assert "<b>" not in page
    assert set(json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))) == {"a<b>", "other"}


def test_the_page_begins_with_the_worst(tmp_path):
    root = masked(tmp_path, count=4)
    (root / "masks" / "02.png").write_bytes(encode(np.zeros((224, 224, 3), np.uint8), "PNG"))
    _, measured = agreement.measure(root)
    worst_page.write(measured, tmp_path / "worst.html")
    page = (tmp_path / "worst.html").read_text("utf-8")
    assert page.index("drawn/02.png") < min(page.index(f"drawn/{name}.png") for name in ("00", "01", "03"))


def test_outlines_run_along_the_edges_of_pixels():
    mask = np.zeros((9, 9), bool)
    mask[2:5, 3:7] = True
    path = outlines.svg_path(mask, tolerance=0)
    numbers = [int(part) for part in path.strip("Mz").replace("l", " ").replace("-", " -").split()]
    corners = np.cumsum(np.array(numbers).reshape(-1, 2), axis=0)
    assert corners.min(axis=0).tolist() == [3, 2]
    assert corners.max(axis=0).tolist() == [7, 5]


def test_bad_input_is_one_sentence(tmp_path, capsys):
    def refusal(data):
        assert main(["segmentation", "--data", str(data)]) == 1
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "There is no folder" in refusal(tmp_path / "nowhere")
    assert "holds no set with masks" in refusal(tmp_path)
    (tmp_path / "bare" / "images").mkdir(parents=True)
    assert "There is no folder" in refusal(tmp_path / "bare")
    (tmp_path / "bare" / "masks").mkdir()
    assert "holds no pictures" in refusal(tmp_path / "bare")

    root = masked(tmp_path, "broken")
    mask = root / "masks" / "01.png"
    whole = mask.read_bytes()
    mask.unlink()
    assert "1 of 3 pictures have no mask, the first is 01.png" in refusal(root)
    mask.write_bytes(encode(np.zeros((100, 120, 3), np.uint8), "PNG"))
    assert "01.png is 120 x 100 pixels, its picture is 224 x 224" in refusal(root)
    mask.write_bytes(pictures.text())
    assert "01.png: This file is not an image" in refusal(root)
    mask.write_bytes(encode(synthetic.field(0, "leukemic", 224), "PNG"))
    mask.write_bytes(encode(np.full((224, 224, 3), (255, 0, 0), np.uint8), "PNG"))
    assert "is in colour" in refusal(root)
    mask.write_bytes(whole)
    (root / "masks" / "01.jpg").write_bytes(whole)
    assert "has both 01.jpg and 01.png" in refusal(root)
    (root / "masks" / "01.jpg").unlink()
    (root / "images" / "01.png").write_bytes(pictures.truncated("PNG"))
    assert "01.png: This PNG file is damaged" in refusal(root)


def test_results_that_cannot_be_written_are_refused_before_the_work(tmp_path, capsys):
    root = masked(tmp_path, count=1)
    assert main(["segmentation", "--data", str(root), "--out", str(root / "images" / "00.png" / "out")]) == 1
    assert "Nothing can be written to" in capsys.readouterr().err


# -- the atlas -------------------------------------------------------------------------------------


def test_two_sets_of_one_name_are_not_drawn_into_one_file(tmp_path, drawn, capsys):
    again = shutil.copytree(drawn, tmp_path / drawn.name)
    arguments = ["atlas", "--data", str(drawn), str(again), "--out", str(tmp_path / "atlas")]
    assert main(arguments) == 1
    assert f"Two folders of --data are called '{drawn.name}'" in capsys.readouterr().err
    assert not (tmp_path / "atlas").exists()


def test_the_atlas_draws_shapes_and_no_photographs(tmp_path, drawn, capsys):
    masked(tmp_path / "sets", "cells", count=2)
    arguments = ["atlas", "--data", str(drawn), str(tmp_path / "sets"), "--out", str(tmp_path / "atlas")]
    assert main(arguments) == 0
    drawings = sorted((tmp_path / "atlas").iterdir())
    assert [path.name for path in drawings] == sorted(["cells.svg", f"{drawn.name}.svg"])
    for path in drawings:
        sheet = path.read_text("utf-8")
        ElementTree.fromstring(sheet)  # noqa: S314 (our own file)
        assert "<image" not in sheet
        assert "data:" not in sheet
        assert len(sheet) < atlas.MOST_BYTES
    sheet = (tmp_path / "atlas" / f"{drawn.name}.svg").read_text("utf-8")
    assert sheet.count('class="field"') == atlas.TILES
    assert sheet.count(">leukemic: ") == sheet.count(">sparse: ") == atlas.TILES // 2
    again = {path: path.read_bytes() for path in drawings}
    assert main(arguments) == 0
    assert again == {path: path.read_bytes() for path in drawings}
    assert "Zheng et al. 2018" in (tmp_path / "atlas" / "cells.svg").read_text("utf-8")


def test_as_many_numbers_as_leukocytes(tmp_path):
    root = masked(tmp_path, count=3)
    sheet = atlas.draw(root, tmp_path / "out").read_text("utf-8")
    expected = sum(len(find(synthetic.field(seed, "leukemic", 224))) for seed in range(3))
    assert sheet.count('class="number"') == expected
    assert f"drawn: {expected} leukocytes found in 3 pictures" in sheet


def test_rare_labels_get_their_share():
    rows = [(f"{i}", "common") for i in range(90)] + [(f"r{i}", "rare") for i in range(3)]
    chosen = [label for _, label in atlas.pick(rows, seed=0)]
    assert chosen == ["common"] * 9 + ["rare"] * 3
    assert atlas.pick(rows, seed=0) == atlas.pick(rows, seed=0)
    assert atlas.pick([], seed=0) == []


def test_no_folder_is_said(tmp_path, capsys):
    assert main(["atlas", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 1
    assert "There is no folder" in capsys.readouterr().err
    with pytest.raises(DataError, match="holds no pictures"):
        atlas.draw(tmp_path, tmp_path)


@pytest.fixture(scope="module")
def real(data):
    results, _ = agreement.measure(data / "segmentation")
    return results


@pytest.mark.realdata
def test_the_baselines_are_as_good_as_they_are_known_to_be(real):
    """Measured before with other code: so the masks are read and Dice is taken as everybody does."""
    known = {
        ("cells", "multi_otsu"): (0.939, 0.943),
        ("fields", "multi_otsu"): (0.881, 0.26),
        ("cells", "median_hsv"): (0.80, 0.71),
        ("fields", "median_hsv"): (0.85, 0.75),
    }
    for (name, baseline), values in known.items():
        numbers = real[name].baselines[baseline]
        assert (numbers.nucleus_dice, numbers.cell_dice) == pytest.approx(values, abs=0.02)


@pytest.mark.realdata
def test_leukocytes_are_found_as_well_as_the_docs_say(real):
    """The bars of docs/finding-leukocytes.md, on pictures that the network never saw, beside the baselines."""
    cells, fields = real["cells"], real["fields"]
    assert cells.nucleus_dice >= 0.955
    assert cells.cell_dice >= 0.955
    assert fields.f1 >= 0.95
    assert fields.nucleus_dice >= 0.89
    assert fields.cell_dice >= 0.86
    for result in real.values():
        for baseline in result.baselines.values():
            assert result.cell_dice > baseline.cell_dice
            assert result.nucleus_dice > baseline.nucleus_dice
