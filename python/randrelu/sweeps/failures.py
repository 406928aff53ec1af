"""Trials that failed twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from randrelu.sweeps.grid import Point


@dataclass(frozen=True)
class Failure:
    """Trials that failed twice.

    Attributes
    ----------
    params : mapping
        The point of the grid.
    trials : range
        The numbers of the trials.
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
        first, last = self.trials[0], self.trials[-1]
        numbers = f"{first}" if first == last else f"{first} … {last}"
        return f"Failure({dict(self.params)}, trials {numbers}: {self.error})"


def merged(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Return failures by point and trial; neighbours with the same traceback become one."""
    by_point: dict[str, list[Failure]] = {}
    for failure in failures:
        by_point.setdefault(Point(failure.params).key, []).append(failure)
    return tuple(failure for group in by_point.values() for failure in _merged(group))


def to_json(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Return failures as JSON has them."""
    return [
        {"params": f.params, "trials": [f.trials.start, f.trials.stop], "traceback": f.traceback}
        for f in failures
    ]


def from_json(failures: Iterable[Mapping[str, Any]]) -> tuple[Failure, ...]:
    """Return the failures that `to_json` wrote."""
    return tuple(Failure(f["params"], range(*f["trials"]), f["traceback"]) for f in failures)


def _merged(failures: list[Failure]) -> Iterator[Failure]:
    """Yield the failures of one point."""
    first, *others = sorted(failures, key=lambda failure: failure.trials.start)
    for failure in others:
        if first.trials.stop == failure.trials.start and first.traceback == failure.traceback:
            trials = range(first.trials.start, failure.trials.stop)
            first = Failure(first.params, trials, first.traceback)
        else:
            yield first
            first = failure
    yield first
