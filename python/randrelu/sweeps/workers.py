"""Where a sweep runs its blocks: in this process, in processes of its own, or on an executor."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from typing import Any

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.threads import thread_number
from randrelu.sweeps import pools

_MANY = 1024  # blocks in the queue of an executor whose number of workers nobody knows


class Workers:
    """An executor, replaced when its processes have died; as a context it ends those it started.

    Attributes
    ----------
    ahead : int
        How many blocks are handed over at a time, so that no worker waits.
    threads : int
        How many threads every block has, or 0 where the executor's own machines decide.
    """

    def __init__(self, executor: Executor | int | None, threads: int | None) -> None:
        total = core.thread_count(thread_number(threads))
        self._own = not isinstance(executor, Executor)
        self._dead: set[object] = set()
        self._make: Callable[[], Executor] | None = None  # another executor like this one
        number: int | None
        if executor is None:
            self._executor: Executor = _Serial()
            number, self.ahead = 1, 1
        elif isinstance(executor, Executor):
            self._executor = executor
            if isinstance(executor, ProcessPoolExecutor):
                self._make = lambda: pools.like(executor)
            number = pools.size(executor)
            self.ahead = 2 * number if number else _MANY
        else:
            number = arguments.integer("executor", executor, at_least=1)
            self._make = lambda: pools.new(number)
            self._executor = self._make()
            self.ahead = 2 * number
        self._number = number or 1
        self.threads = max(1, total // number) if number else threads or 0

    def __enter__(self) -> None:
        """Begin; there is nothing to do."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """End the sweep's own processes, at once after an error; after Ctrl-C those of any pool."""
        if isinstance(self._executor, ProcessPoolExecutor) and (
            isinstance(error, KeyboardInterrupt) or (self._own and error is not None)
        ):
            pools.kill(self._executor)
        if self._own:
            with suppress(RuntimeError):  # Ctrl-C came while the pool's thread was starting
                self._executor.shutdown(cancel_futures=True)

    def require(self, experiment: object) -> None:
        """Raise TypeError or RuntimeError unless workers start and can load the experiment."""
        if isinstance(self._executor, _Serial):
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
            # One call for each worker, so that they start together.
            for loaded in [self.submit(callable, experiment) for _ in range(self._number)]:
                loaded.result()
        except BrokenExecutor:
            raise RuntimeError(
                "the workers did not start: call sweep under `if __name__ == '__main__':`, and "
                "keep your experiment in a module or script, which other processes can import; an "
                "executor that was stopped before needs a new one"
            ) from None
        except Exception as error:
            raise RuntimeError(f"the workers cannot load the experiment: {error}") from error

    def submit(self, *call: Any) -> Future[Any]:
        """Hand over a call."""
        return self._executor.submit(*call)

    def cancel(self, futures: Iterable[Future[Any]]) -> None:
        """Let no call begin that was handed over and is still waiting."""
        if not isinstance(self._executor, ProcessPoolExecutor):  # whose calls have all begun
            for future in futures:
                future.cancel()

    def replace(self) -> None:
        """Go on with other processes after some have died."""
        if self._make is None:
            raise RuntimeError("the executor is broken; what was finished is kept")
        self._executor.shutdown(wait=False)
        self._executor, self._own, self._dead = self._make(), True, set()

    def unblock(self) -> None:
        """Break a pool that waits for the rest of a result; call this from time to time.

        A pool notices a process that has died, but not while it reads a result whose sender died
        after the first half of it; nor can the other processes then send theirs.
        """
        if isinstance(self._executor, ProcessPoolExecutor):
            dead = pools.dead(self._executor)
            if dead & self._dead:  # the pool has not noticed since the last call
                pools.kill(self._executor)
            self._dead = dead


class _Serial(Executor):
    """Runs a call when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
