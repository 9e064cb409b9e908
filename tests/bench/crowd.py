"""`python -m tests.bench.crowd`: 100 clients at once against a server whose queue holds 16 pictures, for a minute.

Each client uploads one new picture after the other; who is sent away waits as long as `Retry-After` says. Prints how
many were served and sent away, how soon, what else was answered, and how the server's memory grew from the second
quarter of that minute to the last.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from smear.arrays import Array
from smear.imaging import synthetic
from tests.bench.__main__ import file
from tests.bench.client import Client
from tests.browser.driving import PASSWORD, Server
from tests.memory import anonymous

CLIENTS = 100
QUEUE = 16
SECONDS = 60
THREADS = CLIENTS + 8  # all of them are let in at once: what fills is the queue
DRAWN = 40  # fields; each upload has a pixel of its own
BUSY = 503


@dataclass(frozen=True)
class Answered:
    """One answer: its status, after how many seconds from the first request on, how long it took, and `Retry-After`."""

    status: int
    at: float
    seconds: float
    retry_after: str


def p95(answers: Sequence[Answered]) -> int | None:
    """Return the milliseconds within which 95 % of the answers came; None of fewer than two."""
    if len(answers) < 2:
        return None
    return round(1000 * statistics.quantiles([one.seconds for one in answers], n=20)[-1])


def files(drawn: Sequence[Array], number: int) -> Iterator[bytes]:
    """Yield pictures of client `number`, no two of any client the same."""
    index = number
    while True:
        yield file(drawn[index % DRAWN], index)
        index += CLIENTS


def crowd(client: Client, cases: Sequence[str], seconds: float) -> list[Answered]:
    """Return what the clients were answered; each has a connection and a case of its own."""
    answers: list[Answered] = []
    drawn = [synthetic.field(seed, "leukemic", 224) for seed in range(DRAWN)]
    started = time.perf_counter()

    def visit(number: int) -> None:
        for data in files(drawn, number):
            begun = time.perf_counter()
            if begun - started > seconds:
                return
            status, retry_after = client.upload(cases[number], data), client.header("Retry-After")
            answers.append(Answered(status, begun - started, time.perf_counter() - begun, retry_after))
            if status == BUSY:
                time.sleep(float(retry_after or 0))

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(CLIENTS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    return answers


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"QUEUE": QUEUE, "THREADS": THREADS, "CONNECTIONS_PER_ADDRESS": 2 * CLIENTS}
        server = Server(Path(folder) / "instance", **{name: str(value) for name, value in settings.items()})
        address, one_time = server.prepare()
        with server:
            assert server.process is not None
            client = Client(server.url)
            client.sign_in(address, one_time, PASSWORD)
            cases = [client.open_case(f"CROWD-{number}") for number in range(CLIENTS)]
            memory: list[float] = []
            over = threading.Event()

            def watch(process: int) -> None:
                while not over.wait(0.5):
                    memory.append(anonymous(process) / 1024)

            watcher = threading.Thread(target=watch, args=(server.process.pid,))
            watcher.start()
            answers = crowd(client, cases, SECONDS)
            over.set()
            watcher.join()
            client.close()
    served, sent_away = ([one for one in answers if one.status == status] for status in (201, BUSY))
    quarter = len(memory) // 4
    before, after = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
    told = {
        "served": len(served),
        "served_p95_ms": p95(served),
        "sent_away": len(sent_away),
        "sent_away_without_retry_after": sum(not one.retry_after for one in sent_away),
        "sent_away_p95_ms": p95(sent_away),
        "other_answers": len(answers) - len(served) - len(sent_away),
        "memory_mb": round(after, 1),
        "memory_growth": round(after / before - 1, 4),
    }
    json.dump(told, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
