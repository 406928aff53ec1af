"""Independent pieces of work, side by side on threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar, cast

from randrelu._load import core
from randrelu._support import memory
from randrelu._support.arguments import Progress
from randrelu._support.threads import share_of_threads

T = TypeVar("T")
Step = Callable[[], object]

_REPORT_EVERY = 0.05  # seconds


def side_by_side(
    work: Callable[[int, Step], T],
    count: int,
    at_once: int,
    progress: Progress | None = None,
    steps: int = 1,
) -> list[T]:
    """Return what ``work(t, step)`` returns for every t below `count`, so many at once.

    What is called in `work` runs on one thread by default while others run beside it. `work`
    calls ``step()`` after each of its `steps` steps; `progress` is told of them, by the thread
    that made this call, and never after it. The first exception, Ctrl-C among them, ends
    everything: calls of the core within a moment, and no other work is begun. What finds too
    little memory beside the others runs again when they are done, so that it has all that is free.
    """
    if at_once <= 1:
        return _one_after_the_other(work, range(count), progress, steps, count)
    crew = _Crew(work, count, at_once)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            running = [pool.submit(crew.run, k) for k in range(at_once)]
            told = 0
            while running:
                running = list(wait(running, _REPORT_EVERY).not_done)
                if progress is not None and sum(crew.steps) > told and not crew.failed:
                    told = sum(crew.steps)
                    progress(told, count * steps)
        finally:
            crew.stop.set()
    if crew.failed:
        raise crew.failed
    again = sorted(crew.too_large)
    later = _one_after_the_other(work, again, progress, steps, count, told)
    for t, result in zip(again, later, strict=True):
        crew.results[t] = result
    return cast("list[T]", crew.results)


def _one_after_the_other(
    work: Callable[[int, Step], T],
    numbers: range | list[int],
    progress: Progress | None,
    steps: int,
    count: int,
    told: int = 0,
) -> list[T]:
    """Do the last of `count` pieces of work, in this thread; `told` steps were reported before."""
    done = (count - len(numbers)) * steps

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(max(told, done), count * steps)

    return [work(t, step) for t in numbers]


class _Crew:
    """Threads that take the next piece of work until none is left."""

    def __init__(self, work: Callable[[int, Step], Any], count: int, number: int) -> None:
        self.work = work
        self.waiting = deque(range(count))
        self.number = number
        self.stop = core.Stop()
        self.results: list[Any] = [None] * count
        self.steps = [0] * number  # that each thread has done
        self.failed: BaseException | None = None
        self.too_large: list[int] = []

    def run(self, k: int) -> None:
        """Work as thread k."""
        self.stop.heed()
        with share_of_threads(1), memory.shared(self.number):
            while self.waiting and not self.stop.is_set:
                try:
                    t = self.waiting.popleft()
                except IndexError:  # another thread was faster
                    return
                self._do(t, k)

    def _do(self, t: int, k: int) -> None:
        before = self.steps[k]

        def step() -> None:
            self.steps[k] += 1

        try:
            self.results[t] = self.work(t, step)
        except MemoryError:
            self.steps[k] = before
            self.too_large.append(t)
        except BaseException as raised:
            if not self.stop.is_set:
                self.failed = raised
            self.stop.set()
