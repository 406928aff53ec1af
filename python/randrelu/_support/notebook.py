"""A bar in a notebook; see `bars`.

It needs nothing but the IPython that runs the notebook: no widgets, which another package brings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from randrelu._support.arguments import Progress

_PAUSE = 0.1  # seconds between two pictures of the bar


def is_running() -> bool:
    """Return whether this is the process of a notebook, an IPython kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


@contextmanager
def bar(words: str) -> Iterator[Progress]:
    """Show a bar of so many `words` with the time that remains; it is gone in the end."""
    display = sys.modules["IPython"].display.display
    handle = display({"text/plain": ""}, raw=True, display_id=True)
    first: tuple[float, int] | None = None  # when it was told first, and how much was done then
    due = 0.0

    def show(done: int, total: int) -> None:
        nonlocal first, due
        now = time.monotonic()
        if first is None:
            first = now, done
        if now < due and done < total:
            return
        due = now + _PAUSE
        handle.update(_picture(words, done, total, _left(now, first, done, total)), raw=True)

    try:
        yield show
    finally:
        handle.update({"text/plain": "", "text/html": ""}, raw=True)


def _left(now: float, first: tuple[float, int], done: int, total: int) -> float | None:
    """Return the seconds that remain at the speed so far, or None where nothing tells."""
    began, before = first
    return None if done <= before else (now - began) * (total - done) / (done - before)


def _picture(words: str, done: int, total: int, left: float | None) -> dict[str, str]:
    remains = ""
    if left is not None:
        minutes, seconds = divmod(round(left), 60)
        remains = f", {minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"
    text = escape(f"{done} of {total} {words}{remains}")
    html = f'<progress value="{done}" max="{max(total, 1)}"></progress> {text}'
    return {"text/plain": "", "text/html": html}
