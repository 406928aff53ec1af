"""Numbers of many networks with their 95 % intervals, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Interval = tuple[float, float, float]  # the number, and from where to where it may be

_RESAMPLES = 2000


def median(values: Any) -> float:
    """Return the median of what is not NaN; it may be infinite, and NaN where there is nothing."""
    known = np.sort(np.asarray(values, float)[~np.isnan(values)])
    if not known.size:
        return math.nan
    low, high = known[(known.size - 1) // 2], known[known.size // 2]
    return float(low) if low == high else float((low + high) / 2)


def median_interval(values: Doubles) -> tuple[float, float, float]:
    """Return the median over networks and a 95 % interval, by the bootstrap over networks."""
    known = values[~np.isnan(values)]
    if not known.size:
        return math.nan, math.nan, math.nan
    picks = np.random.default_rng(0).integers(known.size, size=(_RESAMPLES, known.size))
    medians = np.sort([median(sample) for sample in known[picks]])
    low, high = medians[round(0.025 * _RESAMPLES)], medians[round(0.975 * _RESAMPLES) - 1]
    return median(known), float(low), float(high)


def share_interval(shares: Doubles) -> tuple[float, float, float]:
    """Return the mean over networks of shares of their images, and a 95 % interval.

    It is that of Clopper and Pearson with a network for each trial, as if all of its images were
    one: no numbers in [0, 1] of this mean vary more than 0 and 1, so it is rather too wide.
    """
    from scipy.stats import beta

    known = shares[~np.isnan(shares)]
    if not known.size:
        return math.nan, math.nan, math.nan
    total, count = float(known.sum()), known.size
    low = float(beta.ppf(0.025, total, count - total + 1)) if total > 0 else 0.0
    high = float(beta.ppf(0.975, total + 1, count - total)) if total < count else 1.0
    return total / count, low, high


def number(found: Interval) -> str:
    """Return a number with its interval."""
    return _written(found, lambda value: f"{value:.2g}")


def percent(found: Interval) -> str:
    """Return a share with its interval."""

    def word(value: float) -> str:
        near = value < 0.1 or 0.9 < value < 0.9995  # where a percent is much
        return f"{100 * value:.{int(near)}f} %"

    return _written(found, word)


def _written(found: Interval, word: Callable[[float], str]) -> str:
    if math.isnan(found[0]):
        return "unknown"
    middle, low, high = ("more than was found" if math.isinf(v) else word(v) for v in found)
    return f"{middle} ({low} … {high})"
