"""Strangers' files are unpacked in processes of their own, which are bounded (`child`) and kept warm.

A small file can declare much, and a damaged one can crash a library: what that does, it does to such a process, and one
picture is refused with a sentence. The processes are begun when they are needed first, and know neither models nor
secrets.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from smear.imaging import memory
from smear.imaging.picture import ImageError, Picture, damaged, too_much_memory

AT_ONCE = 2  # processes, of some 80 MB each
ENDING = 5  # seconds that a process which gave no answer may take to end
SECONDS = 60  # by the clock, for one picture: however busy the machine is; of computing it may take fewer
_ROOT = Path(__file__).resolve().parents[3]
# What a process needs of our surroundings; settings and keys are not among it.
_SURROUNDINGS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG")
# One thread each, and memory that is given back when it is free.
_THRIFT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**20),
}
_COPIED = 2**22  # bytes up to which pixels are copied: a mapping holds a descriptor open
TOO_SLOW = "This file takes too long to unpack. Save it as a usual JPEG or PNG and upload it again."


class EndedError(Exception):
    """A process ended before it answered; `status` as subprocess has it, `late` where the clock ran out."""

    def __init__(self, status: int, late: bool) -> None:
        super().__init__(f"ended with {status}")
        self.status, self.late = status, late


def unpack(data: bytes, kind: str, page: int = 0) -> Picture:
    """Return a picture of a file, as `smear.imaging.formats.unpack` does, unpacked elsewhere."""
    answer, rgb = _answer(data, kind, {"page": page, "count": False})
    if rgb is None:
        raise damaged(kind)
    return Picture(rgb, answer["format"], tuple(answer["notes"]))


def count(data: bytes, kind: str) -> int:
    """Return how many pictures a file has; ImageError where it is refused."""
    return int(_answer(data, kind, {"page": 0, "count": True})[0]["count"])


def _answer(data: bytes, kind: str, request: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray | None]:
    with _one_of_them() as process:
        try:
            answer, rgb = process.ask(data, request | {"kind": kind})
        except EndedError as ended:
            if ended.late or (hasattr(signal, "SIGXCPU") and ended.status == -signal.SIGXCPU):
                raise ImageError("too_slow", TOO_SLOW) from ended
            if hasattr(signal, "SIGKILL") and ended.status == -signal.SIGKILL:  # what a system does that has no memory
                raise too_much_memory() from ended
            raise damaged(kind) from ended
    if "code" in answer:
        raise ImageError(answer["code"], answer["text"])
    return answer, rgb


class _Process:
    """One process and what is said to it."""

    def __init__(self) -> None:
        surroundings = {name: os.environ[name] for name in _SURROUNDINGS if name in os.environ}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "smear.imaging.formats.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=surroundings | _THRIFT | {"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.worn = False

    def ask(self, data: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray | None]:
        """Return the answer and the pixels, where there are any; EndedError where the process ended over it."""
        to, back = self._child.stdin, self._child.stdout
        if to is None or back is None:
            raise EndedError(0, late=False)
        late = threading.Event()

        def end() -> None:
            late.set()
            self._child.kill()

        clock = threading.Timer(SECONDS, end)
        clock.daemon = True
        clock.start()
        try:
            to.write(json.dumps(request | {"bytes": len(data)}).encode() + b"\n")
            to.write(data)
            to.flush()
            answer: dict[str, Any] = json.loads(back.readline())
            rgb = self._pixels(answer)
        except (OSError, ValueError) as error:  # a broken pipe, or no whole answer
            status = self._status()
            self.close()
            raise EndedError(status, late.is_set()) from error
        finally:
            clock.cancel()
        self.worn = answer["worn"]
        return answer, rgb

    def _pixels(self, answer: dict[str, Any]) -> np.ndarray | None:
        shape = answer.get("shape")
        if shape is None:
            return None
        size = int(np.prod(shape))
        if "descriptor" not in answer:
            pixels = self._child.stdout.read(size) if self._child.stdout else b""
            return np.frombuffer(pixels, np.uint8).reshape(shape)
        descriptor = os.open(f"/proc/{self._child.pid}/fd/{answer['descriptor']}", os.O_RDWR)
        try:
            if size <= _COPIED:
                return np.frombuffer(os.pread(descriptor, size, 0), np.uint8).reshape(shape)
            rgb = memory.taken_over(descriptor, tuple(shape))
        finally:
            os.close(descriptor)
            if self._child.stdin is not None:
                self._child.stdin.write(b"\n")
                self._child.stdin.flush()
        rgb.setflags(write=False)
        return rgb

    def _status(self) -> int:
        """Return how the process ended, before we end it; 0 for one that lives and answers nonsense."""
        try:
            return self._child.wait(ENDING)
        except subprocess.TimeoutExpired:
            return 0

    def end(self) -> None:
        """End a process that has nothing to do, by saying that nothing more will come."""
        with suppress(OSError, subprocess.TimeoutExpired):
            if self._child.stdin:
                self._child.stdin.close()
            self._child.wait(ENDING)
        self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(OSError):
                pipe.close() if pipe else None

    def forget(self) -> None:
        """Leave the process to whom it belongs, after a fork."""
        self._child.returncode = 0
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                os.close(pipe.fileno())


class _Pool:
    """The processes that wait for work, and the right to have one."""

    def __init__(self) -> None:
        self.turns = threading.BoundedSemaphore(AT_ONCE)
        self.free: list[_Process] = []

    def close(self) -> None:
        while self.free:
            self.free.pop().end()


_pool = _Pool()


@contextmanager
def _one_of_them() -> Iterator[_Process]:
    """Lend a process; one that ended, or keeps too much memory, is not lent again."""
    pool = _pool
    with pool.turns:
        try:
            process = pool.free.pop()
        except IndexError:
            process = _Process()
        try:
            yield process
        except BaseException:
            process.close()
            raise
        if process.worn:
            process.end()
        else:
            pool.free.append(process)


def _begin_anew() -> None:
    """Have processes of our own after a fork."""
    global _pool
    before, _pool = _pool, _Pool()
    for process in before.free:
        process.forget()


atexit.register(lambda: _pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
