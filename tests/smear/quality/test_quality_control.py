"""What is fit to be read: every finding on drawn fields, what is refused that is no smear, and real fields."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from smear.imaging.synthetic import field
from smear.quality.quality_control import EDGE_SMOOTHING, Finding, assess, edge_width
from smear.segmentation.field import unsegmented
from smear.segmentation.find import find
from tests.data import pictures


def codes(rgb: np.ndarray) -> list[str]:
    return [finding.code for finding in assess(unsegmented(rgb))]


def refused(rgb: np.ndarray) -> list[str]:
    return [finding.code for finding in assess(unsegmented(rgb)) if finding.severity == "refuse"]


def blurred(rgb: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(rgb, (0, 0), sigma)


def brighter(rgb: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(rgb * gain, 0, 255).astype(np.uint8)


# -- a good field --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sparse", "leukemic", "erythrocytes_only"])
@pytest.mark.parametrize("size", [224, 448, 900])
def test_a_drawn_field_is_sharp_and_stained(kind: str, size: int) -> None:
    for seed in range(6):
        assert set(codes(field(seed, kind, size))) <= {"sharp", "soft_focus", "stained"}
        assert not refused(field(seed, kind, size))


def test_findings_are_sentences_with_values() -> None:
    for picture in (field(0), field(0, "blank"), pictures.scene(), blurred(field(0, size=224), 4)):
        for finding in assess(unsegmented(picture)):
            assert isinstance(finding, Finding)
            assert finding.text.endswith(".")
            assert finding.unit
            assert finding.severity in ("info", "warning", "refuse")
            assert np.isfinite(finding.value)
            assert type(finding.value) is float


def test_what_refuses_comes_first() -> None:
    order = ["refuse", "warning", "info"]
    for gain in (0.15, 0.4, 1.0, 1.5):
        severities = [finding.severity for finding in assess(unsegmented(brighter(blurred(field(1), 5), gain)))]
        assert severities == sorted(severities, key=order.index)


@pytest.mark.parametrize("shape", [(16, 16), (16, 400), (300, 17), (33, 64)])
def test_the_smallest_pictures_are_judged_without_an_error(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    assess(unsegmented(rng.integers(0, 256, (*shape, 3), np.uint8)))
    assess(unsegmented(field(0, size=448)[: shape[0], : shape[1]]))
    assess(unsegmented(np.zeros((*shape, 3), np.uint8)))


def test_read_only_pictures_are_accepted() -> None:
    rgb = field(0, size=224)
    rgb.flags.writeable = False
    assert not refused(rgb)


# -- blank and light -----------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (120, 60, 180), (240, 248, 247)])
def test_one_colour_is_blank(colour: tuple[int, int, int]) -> None:
    assert "blank" in refused(pictures.solid(colour))


@pytest.mark.parametrize("seed", range(8))
def test_an_empty_part_of_the_slide_is_blank(seed: int) -> None:
    assert refused(field(seed, "blank", 224)) == ["blank"]


def test_a_picture_with_a_leukocyte_is_not_blank() -> None:
    pale = (255 - (255 - field(2, "sparse", 224).astype(np.float32)) * 0.05).astype(np.uint8)
    found = find(field(2, "sparse", 224))
    assert "blank" in refused(pale)
    assert "blank" not in [finding.code for finding in assess(found)]


def test_darkness_warns_then_refuses() -> None:
    rgb = field(0, "leukemic", 224)
    assert "too_dark" not in codes(brighter(rgb, 0.7))
    assert "too_dark" in codes(brighter(rgb, 0.45))
    assert not refused(brighter(rgb, 0.45))
    assert "too_dark" in refused(brighter(rgb, 0.15))


def test_too_much_light_warns_then_refuses() -> None:
    rgb = field(1, "sparse", 224)
    light = [brighter(rgb, gain) for gain in (1.0, 1.25, 1.35, 1.5, 1.7, 2.0, 2.5, 3.0)]
    found = [codes(picture) for picture in light]
    assert "too_bright" not in found[0]
    assert any("too_bright" in names for names in found)
    assert any({"too_bright", "blank"} & set(refused(picture)) for picture in light)
    assert refused(light[-1])


def test_a_weak_stain_is_said() -> None:
    rgb = field(3, "erythrocytes_only", 224).astype(np.float32)
    weak = (245 - (245 - np.minimum(rgb, 245)) * 0.35).astype(np.uint8)
    assert "low_contrast" in codes(weak)


# -- focus ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("contrast", [20, 200])
def test_edge_width_is_the_sigma_of_a_blurred_edge(sigma: float, contrast: int) -> None:
    edge = np.full((200, 200), 20, np.float32)
    edge[:, 60:110] += contrast
    edge[120:150] += contrast / 10
    edge = cv2.GaussianBlur(edge, (0, 0), sigma)
    measured = edge_width(edge.astype(np.uint8))
    assert measured == pytest.approx(np.hypot(sigma, EDGE_SMOOTHING), rel=0.25)


def test_edge_width_of_nothing_is_zero() -> None:
    assert edge_width(np.full((50, 50), 90, np.uint8)) == 0


@pytest.mark.parametrize("kind", ["sparse", "leukemic", "erythrocytes_only"])
def test_blur_softens_then_refuses(kind: str) -> None:
    for seed in range(6):
        rgb = field(seed, kind, 224)
        widths = [
            finding.value
            for sigma in (0.5, 1.0, 2.0, 3.0, 4.0)
            for finding in assess(unsegmented(blurred(rgb, sigma)))
            if finding.unit == "px edge width"
        ]
        assert widths == sorted(widths)
        assert refused(blurred(rgb, 4)) == ["out_of_focus"]


def test_focus_depends_neither_on_content_nor_on_stain() -> None:
    def width(rgb: np.ndarray) -> float:
        return next(finding.value for finding in assess(unsegmented(rgb)) if finding.unit == "px edge width")

    sharp = [width(field(seed, kind, 224)) for seed in range(8) for kind in ("sparse", "leukemic")]
    soft = [width(blurred(field(seed, kind, 224), 3)) for seed in range(8) for kind in ("sparse", "leukemic")]
    assert max(sharp) < min(soft)


def test_a_printed_scale_bar_does_not_sharpen_a_blurred_picture() -> None:
    rgb = blurred(field(0, "leukemic", 224), 4)
    rgb[-20:, -46:] = 255
    cv2.putText(rgb, "200 px", (180, 215), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1)
    assert "out_of_focus" in refused(rgb)


def test_noise_does_not_sharpen_a_blurred_picture() -> None:
    rng = np.random.default_rng(0)
    rgb = blurred(field(0, "leukemic", 224), 4)
    noisy = np.clip(rgb + rng.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)
    assert "out_of_focus" in refused(noisy)


def test_the_value_is_in_pixels_of_the_picture_that_came() -> None:
    rgb = blurred(field(0, "leukemic", 640), 3)
    large = cv2.resize(rgb, (1920, 1920), interpolation=cv2.INTER_LINEAR)
    small, big = (next(f.value for f in assess(unsegmented(x)) if f.unit == "px edge width") for x in (rgb, large))
    assert big == pytest.approx(3 * small, rel=0.15)


# -- single cells on black -----------------------------------------------------------------------


def cut_out(rgb: np.ndarray, side: int = 200) -> np.ndarray:
    """The middle of a picture as a disc on black."""
    y, x = rgb.shape[0] // 2, rgb.shape[1] // 2
    part = cv2.resize(rgb[y - 14 : y + 14, x - 14 : x + 14], (side, side), interpolation=cv2.INTER_CUBIC)
    disc = cv2.circle(np.zeros((side, side, 1), np.uint8), (side // 2, side // 2), side // 3, 1, -1)
    return part * disc


def test_a_cell_on_black_is_judged_by_its_colours_only() -> None:
    x0, y0, x1, y1 = find(field(3, "leukemic", 224)).boxes[0]
    centred = np.roll(field(3, "leukemic", 224), (112 - (y0 + y1) // 2, 112 - (x0 + x1) // 2), axis=(0, 1))
    assert codes(cut_out(centred)) == ["cut_out", "stained"]
    assert not refused(cut_out(centred))


def test_a_photograph_on_black_is_still_no_smear() -> None:
    for photograph in load_sample_images().images:
        assert refused(cut_out(photograph)) == ["not_a_stained_smear"]
    assert "not_a_stained_smear" in refused(cut_out(pictures.scene(2)))


# -- what is no smear ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pictures.scene, pictures.text_page, pictures.noise])
@pytest.mark.parametrize("size", [224, 448])
def test_drawn_scenes_print_and_noise_are_no_smear(make: Callable[..., np.ndarray], size: int) -> None:
    for seed in range(12):
        assert "not_a_stained_smear" in refused(make(seed, size))


def test_most_portraits_are_no_smear() -> None:
    # Not all: drawn without eyes or skin to speak of, a violet shirt before a white wall has a film's colours.
    assert np.mean([bool(refused(pictures.portrait(seed))) for seed in range(30)]) >= 0.85


def test_photographs_are_no_smear() -> None:
    rng = np.random.default_rng(0)
    for photograph in load_sample_images().images:
        assert "not_a_stained_smear" in refused(photograph)
        height, width = photograph.shape[:2]
        corners = rng.integers(0, (height - 200, width - 200), (50, 2))
        cuts = [np.ascontiguousarray(photograph[y : y + 200, x : x + 200]) for y, x in corners]
        assert np.mean([bool(refused(cut)) for cut in cuts]) >= 0.9  # a hazy lake has the greys of a pale film


def test_a_field_without_its_colours_is_no_stained_smear() -> None:
    grey = cv2.cvtColor(cv2.cvtColor(field(0), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert "not_a_stained_smear" in refused(grey)
    assert "not_a_stained_smear" in refused(field(0)[..., [1, 2, 0]])
    assert refused(255 - field(0))


# -- speed ---------------------------------------------------------------------------------------


def test_a_small_field_takes_about_two_milliseconds() -> None:
    rgb = field(0, "leukemic", 224)
    assess(unsegmented(rgb))
    times = []
    for _ in range(20):
        started = time.process_time()
        assess(unsegmented(rgb))
        times.append(time.process_time() - started)
    assert min(times) < 0.004  # measured: 0.5 ms


# -- real fields ---------------------------------------------------------------------------------


def fields(folder: Path, every: int = 1) -> list[np.ndarray]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png") and "masks" not in path.parts)
    assert paths, f"{folder} holds no pictures"
    return [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in paths[::every]]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "every", "most_refused", "most_soft"),
    [
        ("taleghani", 3, 0.005, 0.03),  # measured on all 2,695: none refused, 1.3 % soft
        ("leukemia_types", 1, 0.02, 0.15),  # measured on all 290: 0.3 % refused (out of focus), 8.6 % soft
        ("segmentation/fields", 1, 0.02, 0.25),  # measured on all 110: none refused, 17 % soft
    ],
)
def test_real_fields_pass(data: Path, name: str, every: int, most_refused: float, most_soft: float) -> None:
    judged = [assess(unsegmented(rgb)) for rgb in fields(data / name, every)]
    refusals = [any(finding.severity == "refuse" for finding in findings) for findings in judged]
    soft = [any(finding.code == "soft_focus" for finding in findings) for findings in judged]
    assert np.mean(refusals) <= most_refused
    assert np.mean(soft) <= most_soft


@pytest.mark.realdata
def test_real_fields_out_of_focus_are_refused(data: Path) -> None:
    sharp = fields(data / "taleghani", every=15)
    share = {s: np.mean(["out_of_focus" in refused(blurred(rgb, s)) for rgb in sharp]) for s in (1, 2, 3, 4)}
    assert share[1] <= 0.02  # measured: none
    assert share[2] <= 0.30  # measured: 0.12; most of the others carry the warning
    assert share[3] >= 0.95  # measured: 0.992
    assert share[4] >= 0.95  # measured: 0.996


@pytest.mark.realdata
def test_real_cells_on_black_pass_with_a_warning(data: Path) -> None:
    judged = [assess(unsegmented(rgb)) for rgb in fields(data / "cnmc", every=20)]
    assert all("cut_out" in {finding.code for finding in findings} for findings in judged)
    # measured on 882 of them: one refused
    assert np.mean([findings[0].severity == "refuse" for findings in judged]) <= 0.01
