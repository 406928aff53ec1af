"""A block: some trials of a point, run by one call in one worker."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from randrelu._support.threads import share_of_threads
from randrelu.sweeps.grid import Point, plain

Row = dict[str, Any]
Experiment = Callable[[Mapping[str, Any], np.random.Generator], "Row | list[Row]"]

# The names of the sweeps that this process has stopped. Blocks that run in threads of this process
# end after the trial that they are at.
STOPPED: set[str] = set()


@dataclass(frozen=True)
class Job:
    """What all blocks of a sweep share."""

    experiment: Experiment
    seed: int
    threads: int  # for every block; 0: as many as its process has
    name: str


@dataclass(frozen=True)
class Block:
    """Some trials of a point, to be run by one call."""

    point: Point
    trials: range
    attempt: int = 1
    alone: bool = False  # run it while no other block runs: a worker may have died of it


@dataclass(frozen=True)
class Ran:
    """What a worker returns: the rows of the trials before `stop`, and the error of that one."""

    rows: list[Row]
    stop: int
    error: str | None


@dataclass(frozen=True)
class Finished:
    """Trials of a point that are done."""

    point: Point
    trials: range
    rows: list[Row]


def run_block(job: Job, block: Block, seconds: float) -> Ran:
    """Run the trials of a block until one fails or the time is up, but at least one trial."""
    rows: list[Row] = []
    began = time.monotonic()
    with share_of_threads(job.threads):
        for trial in block.trials:
            try:
                rows += _rows(job, block.point, trial)
            except Exception:
                return Ran(rows, trial, traceback.format_exc())
            if time.monotonic() - began > seconds or job.name in STOPPED:
                return Ran(rows, trial + 1, None)
    return Ran(rows, block.trials.stop, None)


def missing(done: Iterable[range], trials: int) -> Iterator[range]:
    """Yield the ranges of the numbers below `trials` that are in none of the finished blocks."""
    have = np.zeros(trials, bool)
    for block in done:
        have[block.start : block.stop] = True
    edges = np.flatnonzero(np.diff(np.r_[True, have, True].astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        yield range(int(start), int(stop))


def pieces(trials: range, size: int) -> list[range]:
    """Return a range cut into pieces of at most `size`."""
    return [trials[i : i + size] for i in range(0, len(trials), size)]


def _rows(job: Job, point: Point, trial: int) -> list[Row]:
    """Run a trial; a row has the parameters, the trial's number and what was measured."""
    found = job.experiment(dict(point.params), point.generator(job.seed, trial))
    if isinstance(found, Mapping):
        return [{**point.params, "trial": trial, **_measured(found, point)}]
    if not isinstance(found, list):
        raise TypeError(f"an experiment must return a dict or a list of them, got {found!r}")
    return [
        {**point.params, "trial": trial, "row": i, **_measured(row, point)}
        for i, row in enumerate(found)
    ]


def _measured(row: Mapping[str, Any], point: Point) -> Row:
    measured: Row = plain(row)
    both = sorted(set(measured) & {*point.params, "trial", "row"})
    if both:
        raise ValueError(f"an experiment must not return {both}, which every row of a sweep has")
    return measured
