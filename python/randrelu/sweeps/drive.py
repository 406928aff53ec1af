"""Run blocks until the result of every trial has come, whatever happens to the workers."""

from __future__ import annotations

import queue
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace

from randrelu.sweeps.blocks import (
    STOPPED,
    Block,
    Finished,
    Job,
    Ran,
    pieces,
    run_block,
)
from randrelu.sweeps.failures import Failure
from randrelu.sweeps.workers import Workers

# A block runs for a twentieth of the time that the sweep has taken so far, in seconds within these
# bounds: a sweep that is killed loses little, and a long one does not write millions of files.
_SHORTEST, _LONGEST = 1.0, 60.0


def drive(blocks: Iterable[Block], job: Job, workers: Workers) -> Iterator[Finished | Failure]:
    """Run blocks and yield the result of their trials, every trial once.

    A trial that raised an error is tried once more, after the others. When a worker of a pool dies,
    nobody knows which of the running blocks it died of: they are run again, one at a time. A block
    whose worker dies again is halved until the trial is found. Callbacks report which futures are
    done, because the futures of every executor have them, Dask's too.
    """
    waiting, suspects = deque(blocks), deque[Block]()
    running: dict[Future[Ran], Block] = {}
    done: queue.SimpleQueue[Future[Ran]] = queue.SimpleQueue()
    began, broken = time.monotonic(), False

    def start(some: deque[Block]) -> bool:
        seconds = min(max(_SHORTEST, (time.monotonic() - began) / 20), _LONGEST)
        try:
            future = workers.submit(run_block, job, some[0], seconds)
        except BrokenExecutor:
            return False
        running[future] = some.popleft()
        future.add_done_callback(done.put)
        return True

    try:
        while waiting or suspects or running:
            if broken and not running:
                workers.replace()
                broken = False
            if suspects:
                broken |= not running and not start(suspects)
            else:
                while waiting and not broken and len(running) < workers.ahead:
                    broken = not start(waiting)
            if not running:
                continue
            try:
                future = done.get(timeout=1.0)
            except queue.Empty:
                workers.unblock()
                continue
            block = running.pop(future)
            error = _error(future)
            if isinstance(error, BrokenExecutor):
                broken = True
                if not block.alone:
                    suspects.append(replace(block, alone=True))
                    continue
            if error is None:
                yield from _results(future.result(), block, waiting, workers.ahead)
            elif (failure := _lost(block, error, suspects if block.alone else waiting)) is not None:
                yield failure
    except BaseException:
        STOPPED.add(job.name)
        workers.cancel(running)
        raise


def _error(future: Future[Ran]) -> BaseException | None:
    if future.cancelled():
        return RuntimeError("the executor cancelled the block")
    error = future.exception()
    if isinstance(error, KeyboardInterrupt):  # Ctrl-C reached a worker before this process
        raise error
    return error


def _results(
    ran: Ran, block: Block, waiting: deque[Block], ahead: int
) -> Iterator[Finished | Failure]:
    """Yield the results of a block, and let the trials that it has not run wait."""
    finished = range(block.trials.start, ran.stop)
    rest = range(ran.stop, block.trials.stop)
    if finished:
        yield Finished(block.point, finished, ran.rows)
    if ran.error is not None:
        bad, rest = rest[:1], rest[1:]
        if block.attempt == 1:
            waiting.append(replace(block, trials=bad, attempt=2, alone=False))
        else:
            yield Failure(block.point.params, bad, ran.error)
    # The time was up: the rest becomes a block for every worker, none shorter than what was done.
    parts = pieces(rest, max(1, len(finished), -(-len(rest) // ahead)))
    remaining = replace(block, attempt=1, alone=False)
    waiting.extendleft(replace(remaining, trials=part) for part in parts[::-1])


def _lost(block: Block, error: BaseException, where: deque[Block]) -> Failure | None:
    """Let the halves of a block without a result wait; a single trial fails the second time."""
    if len(block.trials) > 1:
        half = (len(block.trials) + 1) // 2
        where.extendleft(replace(block, trials=part) for part in pieces(block.trials, half)[::-1])
    elif block.attempt == 1:
        where.append(replace(block, attempt=2))
    else:
        text = "".join(traceback.format_exception(error))
        return Failure(block.point.params, block.trials, text)
    return None
