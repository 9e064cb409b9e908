"""`python -m tests.bench.pages FOLDER`: a server with a case of 20 drawn fields, for whoever measures its pages.

Serves until Ctrl-C. Writes into FOLDER `headers.json`, with the cookie of somebody who is signed in, as Lighthouse
takes it, and prints the addresses of the pages. The lab in it is gone afterwards.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.bench.again import CELLS
from tests.bench.client import Client
from tests.browser.driving import PASSWORD, Server
from tests.data.pictures import suggested

FIELDS = 20
CASES = 30  # in the worklist
SIDE = 672  # pixels of a field, but for the first, of 224, for which there is a suggestion


def prepare(client: Client) -> dict[str, str]:
    """Fill the lab and return the paths of its pages by name."""
    case = client.open_case("P-1")
    kinds = ("leukemic", "sparse")
    drawn = (encode(synthetic.field(seed, kinds[seed % 2], SIDE), "JPEG", quality=92) for seed in range(1, FIELDS))
    images = []
    for data in (suggested(), *drawn):
        status, body = client.send(case, data)
        if status != 201:
            raise RuntimeError(f"An upload was refused: {status} {body.decode()}")
        images.append(json.loads(body)["id"])
    for number in range(2, CASES + 1):
        client.open_case(f"P-{number}")
    return {
        "worklist": "/",
        "case": f"/cases/{case}",
        "reading, suggested": f"/cases/{case}/images/{images[0]}",
        "reading, unfamiliar": f"/cases/{case}/images/{images[2]}",
        "cells": f"/cases/{case}/cells",
    }


def main(out: Path) -> None:
    """Serve until Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "instance", DEFAULT_CELL_BUNDLE=CELLS)
        address, one_time = server.prepare()
        with server:
            client = Client(server.url)
            client.sign_in(address, one_time, PASSWORD)
            pages = prepare(client)
            (out / "headers.json").write_text(json.dumps({"Cookie": client.cookie}), encoding="utf-8")
            for name, path in pages.items():
                sys.stdout.write(f"{name}: {server.url}{path}\n")
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
