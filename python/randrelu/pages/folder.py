"""The folder of a page and of its files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path


def writable(folder: Path, parts: Sequence[str]) -> Path:
    """Return the folder, after a file could be written to it and to each of its folders."""
    try:
        for part in (folder, *(folder / name for name in parts)):
            part.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=part):
                pass
    except OSError as error:
        raise type(error)(
            error.errno,
            f"out must be a folder that can be written to ({error.strerror}); choose another",
            str(folder),
        ) from None
    return folder
