"""A real object store of one machine: SeaweedFS, which speaks S3, on ports of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from app.image_store import ImageStore
from app.storage.bucket import opened
from app.storage.folder import Folder
from app.storage.place import Place, SilentError

BEGUN_SECONDS = 120
PROGRAM = Path(sys.executable).with_name("weed")
KEYS = {"accessKey": "laboratory", "secretKey": "of these tests"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEYS["accessKey"],
    "AWS_SECRET_ACCESS_KEY": KEYS["secretKey"],
    "AWS_REGION": "us-east-1",
}
GRPC = 10_000  # so far beyond each port lies a second one of the same server


def free_port() -> int:
    """Return a port that is free, and so is the one that its server opens beside it."""
    while True:
        with socket.socket() as one, socket.socket() as beside:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            if port + GRPC > 65_535:
                continue
            try:
                beside.bind(("127.0.0.1", port + GRPC))
            except OSError:
                continue
            return port


class ObjectStore:
    """The running server; `address` is that of a bucket of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self._numbers = folder, 0, count(1)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, at the same port as before, and wait until it takes files."""
        config = self.folder / "keys.json"
        who = {"name": "app", "credentials": [KEYS], "actions": ["Admin", "Read", "Write", "List"]}
        config.write_text(json.dumps({"identities": [who]}), encoding="utf-8")
        self.port = self.port or free_port()
        options = [f"-s3.port={self.port}", f"-s3.config={config}"]
        options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # of services that nobody asks here
        options += [f"-master.port={free_port()}", f"-volume.port={free_port()}", f"-filer.port={free_port()}"]
        options += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64", "-volume.max=20"]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [PROGRAM, "server", f"-dir={self.folder}", "-filer", "-s3", *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        end = time.monotonic() + BEGUN_SECONDS
        while True:
            try:
                ImageStore(opened("s3://begun")).put(b"begun")
                return
            except SilentError:
                assert self._server.poll() is None, (self.folder / "log").read_text(errors="replace")[-2000:]
                assert time.monotonic() < end, "the object store did not begin"
                time.sleep(0.1)  # a port tells nobody that it is about to open

    def stop(self) -> None:
        """Stop it, as a machine does that loses its power."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def address(self) -> str:
        """Return the address of a folder that nobody uses."""
        return f"s3://laboratory/{next(self._numbers)}"


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """Return the running server; the AWS_* variables name it as long as it runs."""
    store = ObjectStore(tmp_path_factory.mktemp("objects"))
    store.port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.port}"}).items():
            patch.setenv(name, value)
        try:
            store.start()
            yield store
        finally:
            store.stop()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return an empty place of each kind."""
    if request.param == "folder":
        return Folder(tmp_path)
    return opened(request.getfixturevalue("object_store").address())
