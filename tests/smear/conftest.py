"""One import of TensorFlow for all tests of `smear` that need it."""

from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    import keras

    return keras
