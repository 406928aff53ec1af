"""Files that are written whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, *, within: Path | None = None) -> None:
    """Write a file that is, at any moment, either the old one or all of the new one.

    Until it is whole it lies in another folder, if one is given, of the same file system.
    """
    part = (within or path.parent) / f".{path.name}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a machine that crashes may have a name without content
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
