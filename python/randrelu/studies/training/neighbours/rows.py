"""Rows of a sweep's table, and a power of d through them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, t

from randrelu.studies.kind import Columns

_FEWEST = 3  # networks at each x


class Rows:
    """Some of the rows of a table; a column that the table lacks is all NaN."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._size = len(next(iter(columns.values()), ()))

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self._columns:
            return np.full(self._size, np.nan)
        return np.asarray(self._columns[name], np.float64)

    def where(self, **values: float | str) -> Rows:
        """Return the rows with these values; NaN is one that is missing."""
        kept = np.ones(self._size, bool)
        for name, value in values.items():
            if isinstance(value, str):
                kept &= np.asarray(self._columns.get(name, np.full(self._size, ""))) == value
            else:
                column = self[name]
                kept &= np.isnan(column) if math.isnan(value) else column == value
        return self.of(kept)

    def of(self, kept: NDArray[np.bool_]) -> Rows:
        """Return the rows where a mask is true."""
        return Rows({name: np.asarray(column)[kept] for name, column in self._columns.items()})

    def values_of(self, name: str) -> list[float]:
        """Return what is in a column of numbers, in order, once each."""
        column = self[name]
        return [float(value) for value in np.unique(column[np.isfinite(column)])]

    def median(self, name: str) -> float | None:
        """Return the median of a column; what is missing counts as infinite."""
        column = self[name]
        if not column.size:
            return None
        value = float(np.median(np.where(np.isnan(column), np.inf, column)))
        return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Power:
    """An exponent, with its 95 % interval, and how many networks it is from."""

    exponent: float
    low: float
    high: float
    networks: int

    def __str__(self) -> str:
        return f"{_signed(self.exponent)} [{_signed(self.low)}, {_signed(self.high)}]"

    def holds(self, value: float) -> bool:
        """Return whether a value is in the interval."""
        return self.low <= value <= self.high

    def to_dict(self) -> Mapping[str, Any]:
        """Return plain values."""
        return {
            "exponent": self.exponent,
            "low": self.low,
            "high": self.high,
            "networks": self.networks,
        }


def power(x: ArrayLike, y: ArrayLike) -> Power | None:
    """Fit log y over log x by least squares; None where there is too little to fit.

    Each y is of a network of its own. The interval is Student's, with a spread of its own at each
    x and Welch's degrees of freedom: for so few networks a bootstrap's is too narrow. A missing y
    is a large one, and leaving it out would bend the fit: there is none then.
    """
    places, values = np.log(np.asarray(x, float)), np.asarray(y, float)
    at = np.unique(places)
    if at.size < 2 or not np.all(np.isfinite(values) & (values > 0)):
        return None
    groups = [np.log(values[places == place]) for place in at]
    counts = np.array([group.size for group in groups])
    if counts.min() < _FEWEST:
        return None
    away = at - np.average(at, weights=counts)
    weights = counts * away / np.sum(counts * away**2)
    fitted = float(weights @ [group.mean() for group in groups])
    parts = weights**2 * [group.var(ddof=1) / group.size for group in groups]
    if not parts.any():
        return Power(fitted, fitted, fitted, int(counts.sum()))
    freedom = float(parts.sum() ** 2 / np.sum(parts**2 / (counts - 1)))
    reach = float(t.ppf(0.975, freedom)) * math.sqrt(float(parts.sum()))
    return Power(fitted, fitted - reach, fitted + reach, int(counts.sum()))


def median_interval(group: NDArray[np.float64]) -> tuple[float, float]:
    """Return the order statistics that the median is between at 95 %; NaN where it has none.

    What is missing counts as infinite, and the interval is NaN where it reaches that.
    """
    skipped = int(binom.ppf(0.025, group.size, 0.5)) - 1 if group.size else -1
    if skipped < 0:
        return math.nan, math.nan
    ordered = np.sort(np.where(np.isnan(group), np.inf, group))
    low, high = float(ordered[skipped]), float(ordered[-1 - skipped])
    return (low, high) if math.isfinite(high) else (math.nan, math.nan)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
