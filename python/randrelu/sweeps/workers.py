"""What a sweep runs on: nothing, processes of its own, or an executor that the user has."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Any

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.threads import thread_number

_MANY = 1024  # blocks in the queue of an executor whose number of workers nobody knows


class Workers:
    """An executor, replaced when its processes have died.

    Attributes
    ----------
    ahead : int
        How many blocks are handed over at a time, so that no worker waits.
    threads : int
        The share of every block, or 0 where the executor's own machines decide.
    """

    def __init__(self, executor: Executor | int | None, threads: int | None) -> None:
        total = core.thread_count(thread_number(threads))
        self._own = not isinstance(executor, Executor)
        self._dead: set[Any] = set()
        self._executor: Executor
        self._make: Callable[[], Executor] | None = None
        if executor is None:
            self._executor, self.ahead, self.threads, self._number = _Serial(), 1, total, 1
            return
        if isinstance(executor, Executor):
            self._executor = executor
            if isinstance(executor, ProcessPoolExecutor):
                self._make = lambda: _like(executor)
            number: int | None = getattr(executor, "_max_workers", None)
        else:
            number = arguments.integer("executor", executor, at_least=1)
            self._make = lambda: _processes(number)
            self._executor = self._make()
        self._number = number or 1
        self.ahead = 2 * number if number else _MANY
        self.threads = max(1, total // number) if number else threads or 0

    @property
    def serial(self) -> bool:
        """Whether blocks run where they are submitted."""
        return isinstance(self._executor, _Serial)

    def submit(self, *call: Any) -> Future[Any]:
        """Hand over a call."""
        return self._executor.submit(*call)

    def cancel(self, futures: Iterable[Future[Any]]) -> None:
        """Let nothing more begin that was handed over."""
        if not isinstance(self._executor, ProcessPoolExecutor):  # these have begun all of it
            for future in futures:
                future.cancel()

    def replace(self) -> None:
        """Go on with other processes after some have died."""
        if self._make is None:
            raise RuntimeError("the executor is broken; what was finished is kept")
        self._executor.shutdown(wait=False)
        self._executor, self._own, self._dead = self._make(), True, set()

    def unblock(self) -> None:
        """Break a pool that waits for the rest of a result, call after call.

        A pool notices a process that has died, but not while it reads the half of a result that
        the process had sent; nor can the other processes then send theirs.
        """
        if isinstance(self._executor, ProcessPoolExecutor):
            from multiprocessing.connection import wait

            dead = set(wait([p.sentinel for p in _processes_of(self._executor)], timeout=0))
            if dead & self._dead:  # it had the time since the last call to notice
                _kill(self._executor)
            self._dead = dead

    def require(self, experiment: object) -> None:
        """Raise RuntimeError unless workers start and can load the experiment."""
        if self.serial:
            return
        if isinstance(self._executor, ProcessPoolExecutor):
            try:
                pickle.dumps(experiment)
            except Exception as error:
                raise TypeError(
                    f"other processes cannot be sent the experiment ({error}); define it with def "
                    "in a module or script, outside of any function"
                ) from None
        try:
            # One for each, so that they start together.
            for loaded in [self.submit(_loaded, experiment) for _ in range(self._number)]:
                loaded.result()
        except BrokenExecutor:
            raise RuntimeError(
                "the workers did not start: call sweep under `if __name__ == '__main__':`, and "
                "keep your experiment in a module or script, which other processes can import; an "
                "executor that was stopped before needs a new one"
            ) from None
        except Exception as error:
            raise RuntimeError(f"the workers cannot load the experiment: {error}") from error

    def close(self, after: BaseException | None = None) -> None:
        """End processes of one's own, at once after an error; after Ctrl-C those of any pool."""
        if isinstance(self._executor, ProcessPoolExecutor) and (
            isinstance(after, KeyboardInterrupt) or (self._own and after is not None)
        ):
            _kill(self._executor)
        if self._own:
            with suppress(RuntimeError):  # Ctrl-C came while its thread was starting
                self._executor.shutdown(cancel_futures=True)


class _Serial(Executor):
    """Runs a call when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _processes_of(pool: ProcessPoolExecutor) -> list[Any]:
    return list((pool._processes or {}).values())


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool, and the pool with them."""
    for process in _processes_of(pool):
        process.kill()
    # The last writer of the pipe of results, whose reader would wait for the rest of one.
    results = pool._result_queue
    if results is not None:  # the pool was not shut down meanwhile
        results._writer.close()  # type: ignore[attr-defined]


def _processes(number: int) -> ProcessPoolExecutor:
    """Return a pool whose processes start anew: a forked child must not use threads."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(number, mp_context=context, initializer=_begin)


def _like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """Return a pool as another one was before its processes died."""
    return ProcessPoolExecutor(
        pool._max_workers,  # type: ignore[attr-defined]
        mp_context=pool._mp_context,
        initializer=pool._initializer,
        initargs=pool._initargs,
    )


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when it does: nobody else would end this process."""
    import multiprocessing
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _loaded(experiment: object) -> bool:
    return callable(experiment)
