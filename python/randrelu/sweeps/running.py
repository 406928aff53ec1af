"""Run the trials of a sweep that are missing, and keep them as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from randrelu._support import bars
from randrelu._support.arguments import Progress
from randrelu.sweeps import tables
from randrelu.sweeps.blocks import Block, Finished, Job, missing, pieces
from randrelu.sweeps.drive import drive
from randrelu.sweeps.failures import Failure, merged
from randrelu.sweeps.grid import Point

if TYPE_CHECKING:
    from randrelu.sweeps.memory import Memory
    from randrelu.sweeps.store import Store
    from randrelu.sweeps.workers import Workers


def run_missing(
    job: Job,
    workers: Workers,
    kept: Memory | Store,
    points: Sequence[Point],
    trials: int,
    progress: Progress | None,
) -> tuple[Failure, ...]:
    """Run the trials that are missing and keep them; return those that failed twice."""
    finished = kept.finished()
    remaining = [(p, rest) for p in points for rest in missing(finished.get(p.key, ()), trials)]
    count = sum(len(rest) for _, rest in remaining)
    total = len(points) * trials
    failures: list[Failure] = []
    if not count:
        return ()
    workers.require(job.experiment)
    size = -(-count // (2 * workers.ahead))  # so that every worker has something to do
    blocks = [Block(p, piece) for p, rest in remaining for piece in pieces(rest, size)]
    with bars.shown(progress, "trials") as show:
        done = total - count
        show(done, total)
        due = time.monotonic()
        try:
            for result in drive(blocks, job, workers):
                if isinstance(result, Failure):
                    failures.append(result)
                else:
                    failures += _keep(kept, result)
                done += len(result.trials)
                show(done, total)
                # Failures are written so seldom that it takes at most a twentieth of the time.
                if failures and (began := time.monotonic()) >= due:
                    kept.fail(merged(failures))
                    due = began + max(1.0, 20 * (time.monotonic() - began))
        finally:
            if failures:
                kept.fail(merged(failures))
    return merged(failures)


def _keep(kept: Memory | Store, done: Finished) -> Iterator[Failure]:
    """Keep finished trials; yield those whose columns do not fit the columns of the others."""
    try:
        kept.write(done.point.key, done.trials, tables.table(done.rows))
    except ValueError as error:
        if len(done.trials) == 1:
            yield Failure(done.point.params, done.trials, f"ValueError: {error}")
            return
        for part in pieces(done.trials, (len(done.trials) + 1) // 2):
            rows = [row for row in done.rows if row["trial"] in part]
            yield from _keep(kept, Finished(done.point, part, rows))
