"""Numbers with their 95 % intervals, from the rows of a table; every row is of one network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu.studies.kind import Columns

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number, its 95 % interval, and from how many networks it is; NaN where there are none."""

    value: float
    low: float
    high: float
    count: int

    def __format__(self, spec: str) -> str:
        """Return "value (low … high)", every number in this format."""
        told = f"{self.value:{spec}} ({self.low:{spec}} … {self.high:{spec}})"
        return told.replace("inf", "∞").replace("-", "−")

    def through(self, increasing: Callable[[float], float]) -> Estimate:
        """Return the estimate of an increasing function of the number."""
        value, low, high = map(increasing, (self.value, self.low, self.high))
        return Estimate(value, low, high, self.count)

    @property
    def plain(self) -> dict[str, float | int]:
        """The numbers by their names."""
        return {"value": self.value, "low": self.low, "high": self.high, "networks": self.count}


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def numbers(table: Columns, name: str) -> _Floats:
    """Return a column as numbers; NaN where there is none, or no such column."""
    size = len(next(iter(table.values()), ()))
    if name not in table:
        return np.full(size, np.nan)
    return np.asarray(table[name], dtype=np.float64)


def rows(table: Columns, **equal: float | str) -> dict[str, NDArray[Any]]:
    """Return the rows where columns have these values; NaN is where a number is missing."""
    keep = np.ones(len(next(iter(table.values()), ())), bool)
    for name, value in equal.items():
        if isinstance(value, str):
            keep &= np.asarray(table[name], object) == value if name in table else False
        else:
            column = numbers(table, name)
            keep &= np.isnan(column) if math.isnan(value) else column == value
    return {name: np.asarray(column)[keep] for name, column in table.items()}


def values(table: Columns, name: str) -> list[float]:
    """Return which numbers a column has, ascending."""
    column = numbers(table, name)
    return [float(v) for v in np.unique(column[np.isfinite(column)])]


def share(held: NDArray[np.bool_]) -> Estimate:
    """Return the share that holds, with its exact interval."""
    if not held.size:
        return NOTHING
    count = int(held.sum())
    return Estimate(count / held.size, *laws.share_interval(count, held.size), held.size)


def median(sizes: _Floats) -> Estimate:
    """Return the median with its exact interval between two order statistics.

    A missing number counts as infinite: a size that was not found is above all that were tried.
    """
    if not sizes.size:
        return NOTHING
    from scipy.stats import binom

    ordered = np.sort(np.where(np.isnan(sizes), np.inf, sizes))
    n = ordered.size
    rank = int(binom.ppf(0.025, n, 0.5))  # P{fewer than `rank` below the median} < 2.5 %
    low = float(ordered[rank - 1]) if rank else -math.inf
    high = float(ordered[n - rank]) if rank else math.inf
    return Estimate(float(ordered[(n - 1) // 2]), low, high, n)


def mean(given: _Floats, weights: _Floats | None = None) -> Estimate:
    """Return the weighted mean of the numbers that are there, with Student's interval.

    It holds for few numbers, too, which a bootstrap's would be too narrow for.
    """
    heavy = np.ones(given.size) if weights is None else weights
    there = np.isfinite(given) & np.isfinite(heavy)
    given, heavy = given[there], heavy[there]
    n = given.size
    if n < 2 or not heavy.sum():
        return NOTHING
    from scipy.stats import t

    value = float(heavy @ given / heavy.sum())
    squares = float(np.sum((heavy * (given - value)) ** 2))
    error = math.sqrt(squares * n / (n - 1)) / float(heavy.sum())
    reach = float(t.ppf(0.975, n - 1)) * error
    return Estimate(value, value - reach, value + reach, n)


def text(values: Iterable[float], spec: str = "g") -> str:
    """Return numbers as a list in words."""
    *first, last = [f"{value:{spec}}" for value in values]
    return f"{', '.join(first)} and {last}" if first else last


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in plain values, every estimate by the names of its numbers."""
    return {k: v.plain if isinstance(v, Estimate) else v for k, v in row.items()}
