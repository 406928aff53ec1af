"""Rows of a sweep's table, and a power of d through them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from randrelu.studies import columns
from randrelu.studies.estimates import Estimate, middle
from randrelu.studies.kind import Columns

_FEWEST = 3  # networks at each x


class Rows:
    """Some of the rows of a table; a column that the table lacks is all NaN."""

    def __init__(self, table: Columns) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(next(iter(self._table.values()), ()))

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return columns.numbers(self._table, name)

    def where(self, **values: float | str) -> Rows:
        """Return the rows with these values; NaN is one that is missing."""
        return Rows(columns.rows(self._table, **values))

    def of(self, kept: NDArray[np.bool_]) -> Rows:
        """Return the rows where a mask is true."""
        return Rows(columns.masked(self._table, kept))

    def values_of(self, name: str) -> list[float]:
        """Return what is in a column of numbers, in order, once each."""
        return columns.values(self._table, name)

    def median(self, name: str) -> float | None:
        """Return the median of a column; what is missing counts as infinite."""
        value = middle(self[name])
        return value if math.isfinite(value) else None


def power(x: ArrayLike, y: ArrayLike) -> Estimate | None:
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
        return Estimate(fitted, fitted, fitted, int(counts.sum()))
    freedom = float(parts.sum() ** 2 / np.sum(parts**2 / (counts - 1)))
    reach = float(t.ppf(0.975, freedom)) * math.sqrt(float(parts.sum()))
    return Estimate(fitted, fitted - reach, fitted + reach, int(counts.sum()))
