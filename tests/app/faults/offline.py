"""What a server does on a machine without a network and with nothing to write to but its own folder.

Started by `test_offline.py` in namespaces of its own: `python -m tests.app.faults.offline FOLDER`.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from app import create_app
from app.config import ROOT
from app.signing import report_key
from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.app.steps import NEW, Someone, review_all, sign

SET_FLAGS, UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of Linux
PORT = 8000
ELSEWHERE = ("192.0.2.1", 443)  # an address of documentation, which is nobody's


def only_ourselves() -> None:
    """Switch the machine's own loop on; there is nothing else."""
    assert [name for _number, name in socket.if_nameindex()] == ["lo"]
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh22x", b"lo", UP))
        any_socket.settimeout(5)
        assert any_socket.connect_ex(ELSEWHERE) != 0


def nothing_else_to_write_to() -> None:
    """The checkout is on a file system that takes no writes."""
    assert os.statvfs(ROOT).f_flag & os.ST_RDONLY


def command(*words: str) -> list[str]:
    """Return a command of the application."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", *words]


def serve_until_ready() -> None:
    """Start the server as an operator does, and end it once its models are loaded."""
    with subprocess.Popen(command("serve"), cwd=ROOT) as server:
        try:
            until = time.monotonic() + 180
            while status() != 200:
                assert server.poll() is None
                assert time.monotonic() < until
                time.sleep(0.3)
        finally:
            server.terminate()


def status() -> int:
    """Return what the server says of itself, 0 before it listens."""
    try:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    except OSError:
        return 0


def work(password: str) -> None:
    """Sign in, take a picture in, review it, sign the case and have its report."""
    app = create_app()
    person = Someone(app)
    assert person.sign_in("admin@lab.example", password).status_code == 302
    change = {"password": password, "new_password": NEW, "new_password_confirm": NEW}
    assert person.post("/account/password", change).status_code == 302
    case = person.open_case()
    uploaded = person.upload(case, encode(synthetic.field(7, "leukemic", 320), "PNG"))
    for _try in range(100):
        if uploaded.status_code != 503:
            break
        time.sleep(0.5)  # the model is being loaded
        uploaded = person.upload(case, encode(synthetic.field(7, "leukemic", 320), "PNG"))
    assert uploaded.status_code == 201, uploaded.text
    review_all(person, case)
    assert sign(person, case, password=NEW).status_code == 302
    report = person.get(f"/cases/{case}/versions/1/report.pdf")
    assert report_key.problem(report.data, app.config["REPORT_CERTIFICATE_FILE"]) == ""


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    os.environ |= {"LEUKOLENS_INSTANCE_DIR": str(folder / "instance"), "LEUKOLENS_PORT": str(PORT)}
    os.environ["TMPDIR"] = str(folder)
    only_ourselves()
    nothing_else_to_write_to()
    told = subprocess.run(command("init"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"One-time password: (\S+)", told)
    assert found
    serve_until_ready()
    work(found[1])
    sys.stdout.write("all of it\n")
    sys.stdout.flush()
    os._exit(0)
