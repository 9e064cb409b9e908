"""The process in which strangers' files are unpacked: one after the other, with limits on its memory and time.

`apart` begins it and talks to it over its standard input and output. A request is a line of JSON and the file; an
answer is a line of JSON, and the pixels where memory cannot be handed over. Whatever a file does to this process, it
does to one picture.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

import cv2

from smear.imaging import memory
from smear.imaging.formats import unpack
from smear.imaging.memory import rooms
from smear.imaging.picture import MEMORY, ImageError, too_much_memory

SECONDS = 15  # of computing
STORED = 600 * 2**20  # bytes that a file, its pixels and their PNG may take together, when it is kept
_PACKED = 9  # times a photograph's file: the most that its PNG was seen to have
_WORN = 64 * 2**20  # bytes that a process may keep of what it did; with more it is replaced


def main() -> None:
    """Serve until the other side closes; libraries may print meanwhile."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    rooms.share()
    cv2.setNumThreads(1)
    requests, rest = sys.stdin.buffer, memory.resident()
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        limit(2 * len(data))
        answer, pixels = _answer(request, data)
        del data
        answer["worn"] = memory.resident() - rest - len(pixels or b"") > _WORN
        answers.write(json.dumps(answer).encode() + b"\n")
        if pixels is not None:
            answers.write(pixels)
        answers.flush()
        if "descriptor" in answer:
            requests.readline()  # it has been taken over
        rooms.close()


def _answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], memoryview | None]:
    try:
        if request["count"]:
            return {"count": unpack.count(data, request["kind"])}, None
        picture = unpack.unpack(data, request["kind"], request["page"])
        size = picture.rgb.nbytes
        if len(data) + size + min(size, _PACKED * len(data)) > STORED:
            raise too_much_memory()
    except ImageError as error:
        return {"code": error.code, "text": error.text}, None
    answer = {"shape": picture.rgb.shape, "format": picture.format, "notes": picture.notes}
    descriptor = rooms.descriptor(picture.rgb)
    if descriptor is not None:
        return answer | {"descriptor": descriptor}, None
    return answer, picture.rgb.data.cast("B")


def limit(picture_bytes: int) -> None:
    """Bound what this process may take from now on; picture_bytes: bytes of its picture that are there already."""
    memory.bound(MEMORY - picture_bytes)
    with suppress(ImportError):  # where there is no such thing, the other side looks at the clock
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        most = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    main()
