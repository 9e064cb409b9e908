"""`python -m tests.bench.again`: a picture that a lab had before against its first upload, by a real server.

Pictures alternate: each is uploaded into one case, then into another. Prints, for each size of a picture, the median
milliseconds of 20 first uploads, of 20 of the same pictures again, and their ratio; cells are typed, as shipped.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

import cv2

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.bench.client import Client
from tests.bench.finding import milliseconds
from tests.browser.driving import PASSWORD, Server

PICTURES = 20
WARM = 3  # more of each size, which are not counted
SIZES = {"224 x 224": (224, 224), "1296 x 972": (1296, 972), "2592 x 1944": (2592, 1944)}
CELLS = "leukolens-differential"


def pictures(size: tuple[int, int]) -> list[bytes]:
    """Return drawn fields of width, height as JPEG files, no two the same."""
    drawn = (synthetic.field(seed, "leukemic", 448) for seed in range(PICTURES + WARM))
    return [encode(cv2.resize(one, size, interpolation=cv2.INTER_CUBIC), "JPEG", quality=92) for one in drawn]


def measure(client: Client, name: str, files: list[bytes]) -> dict[str, float]:
    """Return the medians of first and further uploads, in milliseconds, and how many times sooner the further come."""
    cases = [client.open_case(f"{name} {place}") for place in ("first", "again")]
    times: list[list[float]] = [[], []]
    for data in files:
        for case, taken in zip(cases, times, strict=True):
            taken.append(milliseconds(lambda data=data, case=case: send(client, case, data)))
    first, again = (statistics.median(taken[WARM:]) for taken in times)
    return {"first_ms": round(first, 1), "again_ms": round(again, 1), "first_over_again": round(first / again, 1)}


def send(client: Client, case: str, data: bytes) -> None:
    """Upload one picture."""
    status, body = client.send(case, data)
    if status != 201:
        raise RuntimeError(f"An upload was refused: {status} {body.decode()}")


def main() -> None:
    """Measure every size and print it."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "instance", DEFAULT_CELL_BUNDLE=CELLS)
        address, one_time = server.prepare()
        with server:
            client = Client(server.url)
            client.sign_in(address, one_time, PASSWORD)
            result = {name: measure(client, name, pictures(size)) for name, size in SIZES.items()}
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
