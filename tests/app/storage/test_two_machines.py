"""Two servers that share a database and a bucket and no disk: what one acknowledged, the other has."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests import postgres
from tests.app.storage.conftest import ObjectStore
from tests.bench.client import Client
from tests.browser.driving import PASSWORD, Server
from tests.conftest import copy_bundle

pytestmark = pytest.mark.faults

BUNDLE, NEXT = "leukolens-field", "second-look"
KEYS = ("secret_key", "audit_key", "patient_key", "report_key.pem", "report_certificate.pem")
SENDERS = 4  # that upload when the first server is killed
BEFORE = 6  # pictures that have arrived by then


def signed_in_too(client: Client, server: Server) -> Client:
    """Return the same person, in the same session, at another server."""
    other = Client(server.url)
    other.cookie, other.token = client.cookie, client.token
    return other


def test_what_one_acknowledged_the_other_has(tmp_path: Path, models: Path, object_store: ObjectStore) -> None:
    """Uploaded here, signed there; activated here, reading there; killed here under load, and nothing is lost."""
    bundles = tmp_path / "models"
    copy_bundle(models / BUNDLE, bundles, BUNDLE)
    copy_bundle(models / BUNDLE, bundles, NEXT, version="9.9")
    with postgres.database() as database:
        settings = {"DATABASE_URL": database, "IMAGE_STORE": object_store.address(), "MODELS_DIR": str(bundles)}
        (tmp_path / "one").mkdir()
        (tmp_path / "other").mkdir()
        one = Server(tmp_path / "one" / "instance", **settings)
        other = Server(tmp_path / "other" / "instance", **settings)
        address, one_time = one.prepare()
        (tmp_path / "other" / "instance").mkdir()
        for key in KEYS:  # as whoever sets up a second machine copies them
            shutil.copy(tmp_path / "one" / "instance" / key, tmp_path / "other" / "instance" / key)
        with one, other:
            here = Client(one.url)
            here.sign_in(address, one_time, PASSWORD)
            there = signed_in_too(here, other)
            works_on_both(here, there)
            activated_on_both(here, there)
            killed(one, here, there)
            here.close()
            there.close()
            assert "unbroken" in other.command("audit", "verify")
    assert not (tmp_path / "one" / "instance" / "images").exists()


def picture(seed: int) -> bytes:
    """Return a drawn field, like no other, as a PNG file."""
    return encode(synthetic.field(seed, "leukemic", 224), "PNG")


def upload(client: Client, case: str, data: bytes) -> str:
    """Send a picture and return its id."""
    status, body = client.send(case, data)
    assert status == 201, body
    return str(json.loads(body)["id"])


def seen(client: Client, path: str) -> str:
    """Return which state of things a page shows, as its form sends it back."""
    found = re.search(r'name="seen" value="(\w+)"', client.request("GET", path)[1].decode())
    assert found
    return found[1]


def works_on_both(here: Client, there: Client) -> None:
    """Upload at one; look, review, sign and print at the other."""
    case, data = here.open_case("TWO-1"), picture(1)
    image = upload(here, case, data)
    status, body = there.request("GET", f"/images/{image}/pixels")
    assert status == 200
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(body))), synthetic.field(1, "leukemic", 224))
    review = {"choice": "not_gradable", "seen": seen(there, f"/cases/{case}/images/{image}"), "comment": "as shown"}
    assert there.form(f"/cases/{case}/images/{image}/reviews", review)[0] == 302
    signature = {"diagnosis": "insufficient", "seen": seen(there, f"/cases/{case}/sign"), "password": PASSWORD}
    assert there.form(f"/cases/{case}/sign", signature)[0] == 302
    assert b"Signed as version 1" in here.request("GET", f"/cases/{case}")[1]
    status, body = here.request("GET", f"/cases/{case}/versions/1/report.pdf")
    assert (status, body[:5]) == (200, b"%PDF-")


def activated_on_both(here: Client, there: Client) -> None:
    """Activate at one; what is uploaded at the other is read by it."""
    fields = {"reason": "a second look", "password": PASSWORD, "despite": "for a test"}
    assert here.form(f"/models/{NEXT}/activate", fields)[0] in (200, 302)
    case = there.open_case("TWO-2")
    image = upload(there, case, picture(2))
    assert NEXT in here.request("GET", f"/cases/{case}/images/{image}")[1].decode()


def killed(server: Server, here: Client, there: Client) -> None:
    """Kill a server while many upload to it; whatever it acknowledged is whole at the other."""
    cases = [here.open_case(f"TWO-{number}") for number in range(3, 3 + SENDERS)]
    kept: dict[str, int] = {}
    enough = threading.Event()

    def send(number: int) -> None:
        for seed in range(1000 * number, 1000 * number + 500):
            try:
                status, body = here.send(cases[number - 1], picture(seed))
            except OSError:
                return  # the server is gone
            if status == 201:
                kept[str(json.loads(body)["id"])] = seed
            if len(kept) >= BEFORE:
                enough.set()

    senders = [threading.Thread(target=send, args=(number,)) for number in range(1, 1 + SENDERS)]
    for sender in senders:
        sender.start()
    assert enough.wait(120)
    assert server.process
    server.process.kill()
    for sender in senders:
        sender.join()
    assert len(kept) >= BEFORE
    for image, seed in kept.items():
        status, body = there.request("GET", f"/images/{image}/pixels")
        assert status == 200
        pixels = np.asarray(Image.open(BytesIO(body)))
        expected = synthetic.field(seed, "leukemic", 224)
        assert hashlib.sha256(pixels.tobytes()).digest() == hashlib.sha256(expected.tobytes()).digest()
    assert upload(there, cases[0], picture(9999))
