"""How hard the tests of faults try: beside all others a little, in `make test-faults` as hard as ten minutes allow."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How often each is tried.

    processes: that write at once, `writes` times each; kills: of a process at a random moment; requests: drawn from
    all addresses and texts; pictures: damaged ones of each format.
    """

    processes: int
    writes: int
    kills: int
    requests: int
    pictures: int


FEW, MANY = Sizes(3, 10, 4, 500, 150), Sizes(8, 200, 50, 10_000, 850)
SIZES = MANY if os.environ.get("LEUKOLENS_TEST_FAULTS") == "all" else FEW
