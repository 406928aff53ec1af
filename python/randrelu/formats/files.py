"""Files that are read whole, and errors that name them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from randrelu._support import memory

MOST_TENSORS = 10_000  # that a file may list: what lists more is read slowly, and is no network
LIST_BYTES = 100 * MOST_TENSORS
_LONGEST = 600  # characters of an error


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the name of a file before what is said of its content."""
    try:
        yield
    except ValueError as error:
        said = str(error)
        if len(said) > _LONGEST:  # it may quote what is no text
            said = f"{said[:_LONGEST]} …"
        raise ValueError(f"{os.fspath(path)}: {said}") from None


def require_file(path: str | os.PathLike[str]) -> int:
    """Return the bytes that a file has; OSError unless there is one."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(found.st_mode):  # a pipe or a device may never end
        raise OSError(errno.EINVAL, "expected a regular file", os.fspath(path))
    return found.st_size


def require_memory(bytes_: int, what: str) -> None:
    """Raise ValueError when so many bytes, which a file says it holds, are not free."""
    if not memory.fits(bytes_, 1.0):
        raise ValueError(
            f"expected {what} that fit in the memory that is free, got {memory.in_words(bytes_)}"
        )


def require_few(tensors: int) -> None:
    """Raise ValueError for more tensors than one file may list."""
    if tensors > MOST_TENSORS:
        raise ValueError(f"expected at most {MOST_TENSORS} matrices and biases, got {tensors}")


def content(path: str | os.PathLike[str]) -> bytes:
    """Return all bytes of a file."""
    require_memory(require_file(path), "bytes")
    return Path(path).read_bytes()
