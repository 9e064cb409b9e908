"""The one name for a NumPy array in signatures; shapes and units stand in the docstrings."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
