"""How the progress of parts becomes that of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from randrelu._support.arguments import Progress, callback

Count: TypeAlias = Callable[[int], object]  # count(more): so much more is done


def counting(progress: Progress | None, total: int) -> Count:
    """Return what adds up how much is done, of a total, and reports it."""
    callback(progress)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    return count


def part(progress: Progress | None, k: int, of: int) -> Progress | None:
    """Return the progress of the k-th part (from 0) of equal ones as that of the whole."""
    if progress is None:
        return None
    callback(progress)
    return lambda done, total: progress(k * total + done, of * total)


def stretch(progress: Progress | None, first: int, last: int, whole: int) -> Progress | None:
    """Return the progress of what makes the steps from the first to the last of a whole."""
    if progress is None:
        return None
    callback(progress)
    return lambda done, total: progress(first + (last - first) * done // total, whole)
