"""Folders that one process writes to at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from randrelu._support import extras

if TYPE_CHECKING:
    from filelock import FileLock

# The process that holds the lock writes its number into another file: Windows lets nobody read a
# locked one.
_LOCK, _WRITER = "_lock", "_writer"


def locked(folder: Path, name: str) -> FileLock:
    """Lock a folder, until the lock is released or the process ends, however it ends.

    Raises BlockingIOError, with what the folder is (`name`), where it is locked already.
    """
    extras.require("a sweep's store needs filelock", "filelock", "sweep")
    from filelock import FileLock, Timeout

    # The lock belongs to who has it, not to the thread that locked.
    lock = FileLock(folder / _LOCK, blocking=False, thread_local=False)
    try:
        lock.acquire()
        (folder / _WRITER).write_text(f"{os.getpid()}\n")
    except Timeout:
        raise BlockingIOError(
            f"{name} is being written to by process {_writer(folder)}; wait for it, or choose "
            "another folder"
        ) from None
    except BaseException:
        lock.release()
        raise
    return lock


def _writer(folder: Path) -> str:
    try:
        return (folder / _WRITER).read_text().strip()
    except FileNotFoundError:  # that process has only just locked the folder
        return "(unknown)"
