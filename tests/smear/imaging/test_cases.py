"""The small files that failed once (a folder of their own beside the data sets), each as it is right."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smear.imaging.decode import ImageError, decode
from tests.conftest import skip_or_fail

LOSSLESS, CLOSE, LOSSY = 0.0, 0.2, 5.0  # mean difference, in levels
READ = {
    "12_in_16_one_hot_pixel.tif": 0.02,
    "adobe_rgb.png": CLOSE,
    "adobe_rgb.tif": CLOSE,
    "adobe_rgb.jpg": LOSSY,
    "avif_mif1.avif": LOSSY,
    "bigtiff_big_endian.tif": LOSSLESS,
    "bmp32_v5_alpha0.bmp": LOSSLESS,
    "channels_as_pages.ome.tif": LOSSLESS,
    "heif_miaf.heic": LOSSY,
    "jpeg12.jpg": LOSSY,
    "jpegls.jpg": LOSSLESS,
    "planar16.tif": LOSSLESS,
    "planar16_tiled.tif": LOSSLESS,
    "png_hugetext.png": LOSSLESS,
    "rgb_plus_infrared_16.tif": LOSSLESS,
    "rgb_plus_zero_16.tif": LOSSLESS,
}
REFUSED = {
    "cr3.cr3": "This is a camera raw file. ",
    "raw_with_thumbnail_first.tif": "This is a camera raw file. ",
    "int8_grey.tif": "This TIFF holds signed values",
}
REFERENCES = ("reference.png", "reference96.png")


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    found = data.parent / "cases" / "pictures"
    if not found.is_dir():
        skip_or_fail("The files that failed once are not here: they lie in `cases`, beside the data sets.")
    return found


@pytest.mark.realdata
@pytest.mark.parametrize("name", READ)
def test_read(folder: Path, name: str) -> None:
    rgb = decode((folder / name).read_bytes()).rgb
    references = [np.asarray(Image.open(folder / one).convert("RGB"), np.int16) for one in REFERENCES]
    right = next(one for one in references if one.shape == rgb.shape)
    assert np.abs(rgb - right).mean() <= READ[name] + 1e-9


@pytest.mark.realdata
@pytest.mark.parametrize("name", REFUSED)
def test_refused(folder: Path, name: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode((folder / name).read_bytes())
    assert caught.value.text.startswith(REFUSED[name])


@pytest.mark.realdata
def test_none_is_forgotten(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {*READ, *REFUSED, *REFERENCES}
