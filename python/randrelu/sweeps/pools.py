"""What a sweep needs of the standard pool of processes and its public face does not offer.

Only this module uses private attributes of a pool. loky's pool would not do without them: when a
process dies while it sends a result, loky waits for the rest for ever, even in
``shutdown(kill_workers=True)``; and its processes outlive a parent that was killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess


def new(number: int) -> ProcessPoolExecutor:
    """Return a pool whose processes start anew: a forked child must not use threads."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(number, mp_context=context, initializer=_begin)


def like(pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """Return a pool as another one was before its processes died."""
    return ProcessPoolExecutor(
        pool._max_workers,  # type: ignore[attr-defined]
        mp_context=pool._mp_context,
        initializer=pool._initializer,
        initargs=pool._initargs,
    )


def size(executor: Executor) -> int | None:
    """Return how many workers an executor has, where it says so."""
    number: int | None = getattr(executor, "_max_workers", None)
    return number


def dead(pool: ProcessPoolExecutor) -> set[object]:
    """Return what stands for the processes that have died and that the pool still counts on."""
    return set(wait([process.sentinel for process in _processes(pool)], timeout=0))


def kill(pool: ProcessPoolExecutor) -> None:
    """Kill the processes of a pool, which breaks the pool."""
    for process in _processes(pool):
        process.kill()
    # The pool may be reading a result whose sender is dead. It reads on for as long as anybody
    # could write the rest, and after the processes that is this one alone.
    results = pool._result_queue
    if results is not None:  # the pool was not shut down meanwhile
        results._writer.close()  # type: ignore[attr-defined]


def _processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((pool._processes or {}).values())


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end when it does: nobody else would end this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
