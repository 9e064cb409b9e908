"""Decoders that a damaged file can crash, or keep for hours: each runs in a process of its own, with limits.

JPEG XR, JPEG 2000, JPEG-LS and lossless JPEG are rare, and their libraries do not expect the files of strangers.
What happens to the process happens to this one picture and not to the server.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from smear.arrays import Array

SECONDS = 60  # for one picture
_MEMORY, _PER_SAMPLE = 3 * 2**29, 24  # bytes that a process may take: for itself, and for each sample of its picture
_ROOT = Path(__file__).resolve().parents[3]
_TIFF, _STREAM = "tiff", "stream"


class ApartError(Exception):
    """The process did not come back with a picture."""


def page_of_tiff(data: bytes, place: Sequence[int], samples: int) -> Array:
    """Return the values of a TIFF's page as tifffile shapes them, (planes, 1, H, W, samples).

    place: of the page in the tree of directories; samples: how many values it is to have. ApartError where it has none.
    """
    return _run(data, samples, _TIFF, *map(str, place))


def stream(data: bytes, codec: str, samples: int) -> Array:
    """Return what a decoder of imagecodecs, by its name, makes of a stream; ApartError where it makes nothing."""
    return _run(data, samples, _STREAM, codec)


def _run(data: bytes, samples: int, *words: str) -> Array:
    command = [sys.executable, "-m", __name__, str(_MEMORY + _PER_SAMPLE * samples), *words]
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
        )
        values: Array = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    except (subprocess.SubprocessError, ValueError, EOFError, OSError) as error:
        raise ApartError(str(error)) from error
    return values


def _limit(memory: int) -> None:
    with suppress(ImportError):  # where there is no such thing the timeout has to do
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(memory: str, kind: str, *words: str) -> None:
    """Read bytes from the standard input and write an array to the standard output; libraries may print meanwhile."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(int(memory))
    data = sys.stdin.buffer.read()
    if kind == _TIFF:
        from tifffile import TiffFile, TiffPage

        with TiffFile(io.BytesIO(data), _multifile=False) as tif:
            page = tif.pages.get(int(words[0]), aspage=True)
            for below in words[1:]:
                page = list(page.pages or [])[int(below)]
            if not isinstance(page, TiffPage):
                raise ValueError("no such page")
            values = page.asarray(squeeze=False, maxworkers=1)
    else:
        import imagecodecs

        values = getattr(imagecodecs, f"{words[0]}_decode")(data)
    values = np.ascontiguousarray(values)  # and not np.save, which wants to know where it is in a file
    np.lib.format.write_array_header_1_0(answer, np.lib.format.header_data_from_array_1_0(values))
    answer.write(values.data)
    answer.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
