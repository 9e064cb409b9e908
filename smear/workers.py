"""Work shared among processes of one machine or of many, by Ray; what comes out is what one process gives, in order.

Every worker makes once what it works with, such as a loaded bundle, and is then given one piece of work after another.
A worker that dies is begun anew, and what it had not finished is done again. Only what the functions and pieces hold
travels: the program itself has to be installed on each machine, at the same place.
"""

import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from smear.sentence import SentenceError

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "local"  # in place of an address: the cores of this machine
CONNECTED_SECONDS = 5
TRIES = 4
LATE = "timed out during startup"  # in what Ray raises then, which has no name of its own
AHEAD = 2  # pieces that a worker has been given, so that it never waits for the next

P = TypeVar("P")
R = TypeVar("R")


class WorkersError(SentenceError):
    """No workers are to be had; the sentence says what to do."""


def shared(make: Callable[[], Callable[[P], R]], pieces: Iterable[P], address: str) -> Iterator[R]:
    """Yield what comes of each piece, in the order of the pieces, of which few are held at a time.

    make: returns what does a piece of work; called once in each worker, of which there is one for each core.
    address: of a Ray cluster, or `LOCAL`. What a piece raises is raised here. WorkersError where there are no workers.
    As long as results come, `sys.stdout` is standard error.
    """
    with _cluster(address) as ray:
        count = max(1, int(ray.cluster_resources().get("CPU", 1)))
        # Begun anew, and asked again, however often they die.
        actor = ray.remote(_Worker).options(num_cpus=1, max_restarts=-1, max_task_retries=-1)
        workers = [actor.remote(make) for _ in range(count)]
        loads = [0] * count
        waiting: deque[tuple[int, Any]] = deque()
        rest = iter(pieces)
        while True:
            for piece in islice(rest, AHEAD * count - len(waiting)):
                least = loads.index(min(loads))
                loads[least] += 1
                waiting.append((least, workers[least].do.remote(piece)))
            if not waiting:
                return
            worker, answer = waiting.popleft()
            try:
                result: R = ray.get(answer)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            loads[worker] -= 1
            yield result


class _Worker:
    """What Ray begins in a process of its own."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._work = make()

    def do(self, piece: Any) -> Any:
        return self._work(piece)


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Give Ray, connected; what this process began of it ends with the block, however that ends."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")  # what it holds back it prints at the very end, among the results
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it warns otherwise
    try:
        import ray
    except ModuleNotFoundError as error:
        raise WorkersError("Sharing work needs Ray. Install requirements-ray.txt.") from error
    if address != LOCAL:
        _refuse_silence(address)
    options: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {"address": address}
    begun = {"env_vars": {"PYTHONPATH": str(ROOT)}}  # what a worker needs to find the program
    _begin(ray, **options, runtime_env=begun, log_to_driver=False, logging_level=logging.ERROR)
    with redirect_stdout(sys.stderr):  # Ray prints there when a worker dies; only results may
        try:
            yield ray
        finally:
            ray.shutdown()


def _begin(ray: Any, **options: Any) -> None:
    """Connect Ray; once more where a busy machine's processes are later than it waits for. WorkersError in the end."""
    for left in reversed(range(TRIES)):
        try:
            ray.init(**options)
        except Exception as error:
            ray.shutdown()
            if LATE not in str(error):
                raise
            if not left:
                raise WorkersError(
                    "Ray did not start on this machine: it is too busy. Try again when it is not, or leave --ray away."
                ) from error
        else:
            return


def _refuse_silence(address: str) -> None:
    """Ask whether anything listens at HOST:PORT; WorkersError where not. Ray itself would try for many minutes."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        socket.create_connection((parts.hostname or "", parts.port or 0), CONNECTED_SECONDS).close()
    except (OSError, ValueError) as error:
        raise WorkersError(
            f"No Ray cluster answers at {address}. Begin one with `ray start --head`, or say {LOCAL}."
        ) from error
