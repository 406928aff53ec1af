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

# The sweeps of this process that were stopped: their blocks in its threads end with their trial.
STOPPED: set[str] = set()


@dataclass(frozen=True)
class Job:
    """What all blocks of a sweep share."""

    experiment: Experiment
    seed: int
    threads: int  # of every block; 0: as many as its process has
    name: str


@dataclass(frozen=True)
class Block:
    """Some trials of a point."""

    point: Point
    trials: range
    attempt: int = 1
    alone: bool = False  # because it may be what a worker died of


@dataclass(frozen=True)
class Ran:
    """What came of a block: the rows of its trials before `stop`, and the error of that one."""

    rows: list[Row]
    stop: int
    error: str | None


@dataclass(frozen=True)
class Finished:
    """Trials of a point that are done."""

    point: Point
    trials: range
    rows: list[Row]


@dataclass(frozen=True)
class Failure:
    """Trials that failed twice.

    Attributes
    ----------
    params : mapping
        The point of the grid.
    trials : range
        Their numbers.
    traceback : str
        How the last of them ended.
    """

    params: Mapping[str, Any]
    trials: range
    traceback: str

    @property
    def error(self) -> str:
        """The last line of the traceback."""
        return self.traceback.strip().splitlines()[-1]

    def __repr__(self) -> str:
        return f"Failure({dict(self.params)}, trials {words(self.trials)}: {self.error})"


def words(trials: range) -> str:
    """Return the first and the last of some trials."""
    return f"{trials[0]}" if len(trials) == 1 else f"{trials[0]} … {trials[-1]}"


def run_block(job: Job, block: Block, seconds: float) -> Ran:
    """Run the trials of a block, until one fails or the time is up; at least one."""
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
    """Yield the ranges of trials below `trials` that no finished block has."""
    have = np.zeros(trials, bool)
    for block in done:
        have[block.start : block.stop] = True
    edges = np.flatnonzero(np.diff(np.r_[True, have, True].astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        yield range(int(start), int(stop))


def pieces(trials: range, size: int) -> list[range]:
    """Return a range in pieces of at most `size`."""
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
        raise ValueError(f"an experiment must not return {both}, which the sweep's rows have")
    return measured
