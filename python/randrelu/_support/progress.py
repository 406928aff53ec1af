"""What reports how far a part has come as how far the whole has."""

from __future__ import annotations

from randrelu._support.arguments import Progress


def part(progress: Progress | None, k: int, of: int) -> Progress | None:
    """Return the progress of the k-th part (from 0) of equal ones as that of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(k * total + done, of * total)


def stretch(progress: Progress | None, first: int, last: int, whole: int) -> Progress | None:
    """Return the progress of what makes the steps from the first to the last of a whole."""
    if progress is None:
        return None
    return lambda done, total: progress(first + (last - first) * done // total, whole)
