"""Figures drawn in a process of its own, so that the checks go on meanwhile."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from randrelu.pages.draw import Drawn, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Ctrl-C is left to the parent. A process of multiprocessing would run the user's script again.
_CODE = """import sys
sys.path[:] = {path!r}
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from randrelu.pages import artist
artist.serve()
"""


class Artist:
    """Draws figures, one after the other; as a context it ends its process.

    The process ends by itself when this one dies, because nobody asks any more.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE.format(path=[str(path) for path in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Artist:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        self._process.communicate()

    def draw(self, make: Callable[[], Figure]) -> Future[Drawn | str]:
        """Begin to draw what `make` returns, which is called there; an error becomes its text."""
        return self._thread.submit(self._ask, make)

    def _ask(self, make: Callable[[], Figure]) -> Drawn | str:
        ask, answer = self._process.stdin, self._process.stdout
        assert ask is not None and answer is not None
        try:
            asked = pickle.dumps(pickle.dumps(make))
        except Exception as raised:
            return _told(raised)
        try:
            ask.write(asked)
            ask.flush()
            drawn: Drawn | str = pickle.load(answer)
        except (OSError, EOFError):
            return f"the process that draws the figures has ended, with {self._process.wait()}"
        except Exception as raised:
            # An answer that is none leaves the next one out of step.
            self._process.kill()
            return _told(raised)
        return drawn


def serve() -> None:
    """Draw what standard input asks for, until it ends."""
    ask, answer = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed is no answer
    while True:
        try:
            asked = pickle.load(ask)
        except EOFError:
            return
        drawn: Drawn | str
        try:
            drawn = draw(pickle.loads(asked))
        except Exception as raised:
            drawn = _told(raised)
        pickle.dump(drawn, answer)
        answer.flush()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
