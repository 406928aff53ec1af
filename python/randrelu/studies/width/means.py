"""Weighted means over networks, with their 95 % intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.estimates import NOTHING, Estimate

_Floats = NDArray[np.float64]


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
