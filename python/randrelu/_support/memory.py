"""How much memory is free, and what needs how much: asked before anything large is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path

from randrelu._load import core

_CGROUP = Path("/sys/fs/cgroup")
_NEVER_MIND = 2**24  # bytes that are not worth asking for

# How many calls that need as much run side by side.
_sharing: ContextVar[int] = ContextVar("_sharing", default=1)


@contextmanager
def shared(number: int) -> Iterator[None]:
    """Let the calls of this block, in this thread, have one of so many shares of what is free."""
    token = _sharing.set(number)
    try:
        yield
    finally:
        _sharing.reset(token)


def available_bytes() -> int | None:
    """Return the bytes that can still be allocated without swapping; None where nothing says.

    On Linux the smaller of the kernel's estimate and what is left of a container's limit, elsewhere
    the whole physical memory.
    """
    free = [bytes_ for bytes_ in (_kernel_estimate(), _container_rest()) if bytes_ is not None]
    return min(free) if free else None


def _kernel_estimate() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _container_rest() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        cache = next(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        return None if limit == "max" else max(0, int(limit) - used + cache)
    except (OSError, ValueError, StopIteration):
        return None


def in_words(bytes_: int) -> str:
    """Return a number of bytes in a unit that reads well, such as '67.1 MB'."""
    if bytes_ < 1000:
        return f"{bytes_} bytes"
    units = ("kB", "MB", "GB", "TB", "PB")
    power = next((p for p in range(1, len(units)) if bytes_ < 1000 ** (p + 1)), len(units))
    tenths = bytes_ * 10 // 1000**power  # an integer: what nobody has may not fit in a float
    return f"{tenths // 10}.{tenths % 10} {units[power - 1]}"


def fits(bytes_: int, share: float) -> bool:
    """Return whether `bytes_` are at most this share of the memory that is free."""
    free = _free(bytes_)
    return free is None or bytes_ <= share * free


def _free(bytes_: int) -> int | None:
    """Return what is free for a call that needs so many bytes; None where nobody need know."""
    sharing = _sharing.get()
    free = available_bytes() if bytes_ * sharing > _NEVER_MIND else None
    return None if free is None else free // sharing


def require(bytes_: int, purpose: str, way_out: str) -> None:
    """Raise MemoryError, with the numbers, when `bytes_` are not free."""
    free = _free(bytes_)
    if free is not None and bytes_ > free:
        raise MemoryError(
            f"{purpose} takes {in_words(bytes_)}, and {in_words(free)} of memory are free; "
            f"{way_out}"
        )


def require_hidden(widths: tuple[int, ...], points: int, itemsize: int) -> None:
    """Ask for the memory of every hidden layer at so many points."""
    require(
        itemsize * points * sum(widths[1:-1]),
        f"returning the hidden layers of {points} points",
        "pass fewer points at a time",
    )


def require_revealing(
    widths: tuple[int, ...],
    points: int,
    itemsize: int,
    *,
    backward: int = 0,
    remember: bool = True,
    explored: bool = False,
    way_out: str | None = None,
) -> None:
    """Ask for the memory of what so many questions to each layer of a deferred network reveal.

    `backward` is the number of questions that gradients ask on top. While a ball around a base
    point is `explored`, what is kept of that point takes memory as well.
    """
    layers = list(pairwise(widths))
    # No matrix has more directions than its smaller side has units.
    forward = [(a + b) * min(points, a, b) for a, b in layers]
    numbers = sum(forward) if remember else max(forward)
    numbers += sum((a + b) * min(backward, a, b) for a, b in layers)
    at_once = min(points, core.MOST_POINTS) if remember else points
    numbers += 2 * at_once * max(widths)
    base = 100 * sum(widths) if explored else 0
    fewer = "pass fewer points, or remember=False" if remember else "pass fewer points"
    require(
        itemsize * numbers + base,
        f"revealing a network of widths {in_short(widths)} along {points} directions",
        way_out or fewer,
    )


def in_short(widths: tuple[int, ...]) -> str:
    """Return widths as a tuple is written, with the middle of a very long one left out."""
    if len(widths) <= 12:
        return str(widths)
    first, last = (", ".join(map(str, part)) for part in (widths[:4], widths[-3:]))
    return f"({first}, … {len(widths) - 7} more …, {last})"
