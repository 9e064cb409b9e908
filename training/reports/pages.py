"""HTML pages in one file each: the templates of `templates/`, escaped, with their pictures inside as data."""

import base64
import io
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib import pyplot as plt

from smear.arrays import Array
from smear.imaging.decode import encode

TEMPLATES = Environment(
    loader=PackageLoader("training.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **values: Any) -> str:
    """Return the page that a template makes of values; jinja2.UndefinedError where one is missing."""
    return TEMPLATES.get_template(template).render(**values)


def figure_url(figure: Any) -> str:
    """Return a matplotlib figure as the URL of a PNG, and close it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def photograph_url(rgb: Array, *quality: int) -> str:
    """Return a picture, uint8 RGB (H, W, 3), as the URL of a JPEG of this quality, 1..100."""
    return "data:image/jpeg;base64," + base64.b64encode(encode(rgb, "JPEG", *quality)).decode()
