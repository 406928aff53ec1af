"""How far long work has come, as a bar where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from randrelu._support import notebook
from randrelu._support.arguments import Progress


@contextmanager
def shown(progress: Progress | None, words: str) -> Iterator[Progress]:
    """Yield what is told the progress: the caller's function, or else a bar.

    The bar counts so many `words`, such as trials. It is on standard error where that is a
    terminal, or in the notebook that this runs in; elsewhere there is none.
    """
    if progress is not None:
        yield progress
    elif notebook.is_running():
        with notebook.bar(words) as show:
            yield show
    elif sys.stderr.isatty():
        from randrelu._support import terminal  # slow to import

        with terminal.bar(words) as show:
            yield show
    else:
        yield lambda done, total: None
