"""Writing a key's file: once, whole, and readable by this account only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_once(path: Path, data: bytes) -> bool:
    """Write a file that only this account reads where none is there; return whether it is new.

    The file is there with all of its bytes or not at all: of two servers that are started at once the second reads what
    the first has written. OSError where this account may not.
    """
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # of a file system without links
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True
