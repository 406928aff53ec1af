"""How many threads a call runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from randrelu._support import arguments

_MOST = 1024  # OpenMP ends the process when it cannot start as many threads as it is asked for

# The number of threads of a call without `threads=`, where it runs beside others.
_share: ContextVar[int] = ContextVar("_share", default=0)


@contextmanager
def share_of_threads(threads: int) -> Iterator[None]:
    """Let the calls of this block, in this thread, run on so many threads by default."""
    token = _share.set(threads)
    try:
        yield
    finally:
        _share.reset(token)


def thread_number(threads: int | None) -> int:
    """Return the number of threads that the core is asked for, 0 for the default of OpenMP."""
    if threads is None:
        return _share.get()
    return arguments.integer("threads", threads, at_least=1, at_most=_MOST)
