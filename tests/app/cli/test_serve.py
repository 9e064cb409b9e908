"""The server: slow clients keep nobody waiting and end by their deadlines; it stops once it has answered."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.cli import deadlines
from app.cli.deadlines import Server
from app.config import ROOT

pytestmark = pytest.mark.faults

Connect = Callable[[int, str, bytes], socket.socket]
MEGABYTE = 2**20
UPLOAD = b"POST /cases/x/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\nabc"
HALF = b"GET /sign-in HTTP/1.1\r\nHost: loc"


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: Callable[..., Any], threads: int = 16, most: int = 100) -> Iterator[tuple[Server, int]]:
    """Serve an application in a thread; give the server and its port."""
    port = free_port()
    server = Server(app, "127.0.0.1", port, threads, 64 * MEGABYTE, most)
    thread = threading.Thread(target=server.run, args=(5.0,))
    thread.start()
    try:
        yield server, port
    finally:
        server.stop()
        thread.join(30)
        server.dispatcher.shutdown()
    assert not thread.is_alive()


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer how long the body was."""
    length = len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(length).encode()]


@pytest.fixture
def connect() -> Iterator[Callable[[int, str, bytes], socket.socket]]:
    """Return what opens a connection from an address of this machine and sends the beginning of something."""
    opened = []

    def connecting(port: int, source: str, sent: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
        opened.append(client)
        client.sendall(sent)
        return client

    yield connecting
    for client in opened:
        client.close()


def ask(port: int, path: str = "/sign-in", body: bytes | None = None) -> tuple[int, float]:
    """Return the status of a request and the seconds that it took."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST" if body else "GET", path, body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, time.perf_counter() - begun


def is_closed(client: socket.socket) -> bool:
    """Return whether the server ends a connection, which it is waited for."""
    try:
        while client.recv(4096):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def percentile(port: int) -> float:
    """Return the 95th percentile of the seconds that forty pages take, best of three: others use the machine."""
    rounds = [[ask(port) for _number in range(40)] for _round in range(3)]
    assert {status for answers in rounds for status, _seconds in answers} == {200}
    return min(statistics.quantiles([seconds for _status, seconds in answers], n=20)[-1] for answers in rounds)


def test_two_hundred_slow_uploads_beside_normal_work(app: Flask, connect: Connect) -> None:
    """And as many headers that never end: the pages of everybody else take less than three times as long."""
    with served(app) as (_server, port):
        ask(port)
        alone = percentile(port)
        sources = [f"127.0.0.{number}" for number in (2, 3, 4, 5)]
        slow = [connect(port, source, what) for source in sources for what in [UPLOAD, HALF] * 50]
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.5):
                for client in slow[::2]:
                    client.sendall(b"x" * 5000)

        worker = threading.Thread(target=trickle)
        worker.start()
        try:
            beside = percentile(port)
        finally:
            stop.set()
            worker.join()
        for client in slow:
            client.close()
    assert len(slow) == 400
    assert beside < 3 * max(alone, 0.02), (alone, beside)


def test_what_takes_too_long_to_arrive_is_ended(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    """A header that does not end, a body that stands still or trickles, and a connection that says nothing."""
    monkeypatch.setattr(deadlines, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(deadlines, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(deadlines, "IDLE_SECONDS", 1)
    with served(plain) as (_server, port):
        clients = [connect(port, "127.0.0.1", sent) for sent in (HALF, UPLOAD, b"")]
        trickling = [connect(port, "127.0.0.1", HALF), connect(port, "127.0.0.1", UPLOAD)]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            for client in trickling:
                try:
                    client.sendall(b"x")
                except OSError:
                    break
            time.sleep(0.1)
        assert all(is_closed(client) for client in (*clients, *trickling))
        assert ask(port, body=b"x" * MEGABYTE)[0] == 200


def test_a_fast_upload_is_not_hurried(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    """A large body that comes fast enough has the time that it needs."""
    monkeypatch.setattr(deadlines, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(deadlines, "SLOWEST", 1024)
    with served(plain) as (_server, port):
        length = 40_000
        client = connect(port, "127.0.0.1", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        for _part in range(40):
            client.sendall(b"x" * 1000)
            time.sleep(0.06)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        client.close()


def test_an_answer_that_nobody_reads_is_ended(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    """It would keep its thread for ever."""
    monkeypatch.setattr(deadlines, "UNREAD_SECONDS", 0.5)

    def large(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield from (b"x" * MEGABYTE for _number in range(64))

    with served(large, threads=1) as (server, port):
        connect(port, "127.0.0.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        assert server.busy()
        assert ask(port)[0] == 200


def test_an_address_holds_so_many_connections_and_others_are_served(connect: Connect) -> None:
    """The next one is closed at once; when one ends there is room again."""
    with served(plain, most=10) as (_server, port):
        held = [connect(port, "127.0.0.2", HALF) for _number in range(10)]
        time.sleep(0.3)
        assert is_closed(connect(port, "127.0.0.2", b""))
        assert ask(port)[0] == 200
        held[0].close()
        time.sleep(0.3)
        assert not is_closed_soon(connect(port, "127.0.0.2", HALF))
        for client in held[1:]:
            client.close()


def is_closed_soon(client: socket.socket) -> bool:
    """Return whether the server ends a connection within a moment."""
    client.settimeout(0.5)
    return is_closed(client)


def test_stopping_answers_what_was_asked(connect: Connect) -> None:
    """What is being worked on comes to its end, and nothing new is begun."""
    begun = threading.Event()

    def slow(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.set()
        time.sleep(1)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    with served(slow) as (server, port):
        client = connect(port, "127.0.0.1", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert begun.wait(10)
        server.stop()
        received = b""
        while part := client.recv(4096):
            received += part
        assert received.endswith(b"done")


def command(tmp_path: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    """Start a command of the application with a lab of its own."""
    environment = os.environ | {"LEUKOLENS_INSTANCE_DIR": str(tmp_path / "instance")}
    environment |= {f"LEUKOLENS_{name}": value for name, value in settings.items()}
    words = (sys.executable, "-m", "flask", "--app", "wsgi", *words)
    return subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_the_command_serves_and_ends_at_sigterm(tmp_path: Path) -> None:
    """Before `init` it says what to do; a port that is taken is a sentence."""
    port = free_port()
    early = command(tmp_path, "serve", PORT=str(port))
    assert "Run `flask --app wsgi init` first" in early.communicate(timeout=120)[0]
    assert early.returncode == 1
    first = command(tmp_path, "init")
    assert "One-time password" in first.communicate(timeout=120)[0]
    server = command(tmp_path, "serve", PORT=str(port))
    until = time.monotonic() + 60
    while True:
        try:
            assert ask(port, "/health")[0] == 200
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
    taken = command(tmp_path, "serve", PORT=str(port))
    told = taken.communicate(timeout=120)[0]
    assert "Cannot listen at 127.0.0.1" in told
    assert "Traceback" not in told
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)
    assert server.returncode == 0
