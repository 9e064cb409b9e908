"""Files that are no field of a smear, and how each is met: refused with a sentence, or kept and not suggested."""

from __future__ import annotations

from collections.abc import Callable

from tests.data import pictures

REFUSED = "refused"
KEPT = "kept"

# name of the case: file name, bytes, what becomes of it
BAD_FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "not an image": ("letter.png", pictures.text, REFUSED),
    "empty": ("empty.png", pictures.empty, REFUSED),
    "truncated": ("cut.jpg", pictures.truncated, REFUSED),
    "169 megapixels in 20 kB": ("huge.png", pictures.bomb_png, REFUSED),
    "an animated GIF": ("film.gif", pictures.animated, REFUSED),
    "a TIFF of floats": ("float.tiff", pictures.float_tiff, REFUSED),
    "one pixel": ("dot.png", pictures.one_pixel, REFUSED),
    "an all-white field": ("white.png", lambda: pictures.file(pictures.solid()), KEPT),
    "a photograph of something else": ("meadow.jpg", lambda: pictures.file(pictures.scene(), "JPEG"), KEPT),
}

BAD_NAMES = {
    "a path": ("../../x", "x"),
    "a path of another system": ("C:\\smears\\x.png", "x.png"),
    "300 characters": ("y" * 300 + ".png", "y" * 120),
    "a script tag": ("<script>alert(1)</script>.png", "script>.png"),
    "control characters": ("a\x1b[31mb\u202egnp.exe", "a[31mbgnp.exe"),
    "nothing but a slash": ("/", "unnamed image"),
}
