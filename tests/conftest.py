"""What every test may ask for: the shipped bundle, loaded once, and the public data sets where they are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = os.environ.get("LEUKOLENS_REQUIRE_ALL") == "1"


def skip_or_fail(why: str) -> None:
    """Skip with the reason; on the build machine, where everything has to be there, fail."""
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the public data sets (docs/data.md)."""
    folder = Path(os.environ.get("LEUKOLENS_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        skip_or_fail("The public data sets are not here: set LEUKOLENS_DATA to their folder.")
    return folder


@pytest.fixture(scope="session")
def shipped():
    """The bundle models/leukolens-field, verified, loaded and warm: loading TensorFlow takes seconds."""
    from smear import bundle

    loaded = bundle.load(ROOT / "models" / "leukolens-field")
    loaded.network.warm()
    return loaded
