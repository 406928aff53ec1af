"""Numbers of many networks with their 95 % intervals, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.checks.result import quantile_interval

Doubles = NDArray[np.float64]
Interval = tuple[float, float, float]  # the number, and from where to where it may be

_RESAMPLES = 1000


def median(values: Any) -> float:
    """Return the median of what is not NaN; it may be infinite, and NaN where there is nothing."""
    known = np.sort(np.asarray(values, float)[~np.isnan(values)])
    if not known.size:
        return math.nan
    low, high = known[(known.size - 1) // 2], known[known.size // 2]
    return float(low) if low == high else float((low + high) / 2)


def median_interval(values: Doubles) -> Interval:
    """Return the median over networks and its exact 95 % interval between two order statistics.

    Fewer than 6 networks do not bound it: it is from −∞ to ∞.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return math.nan, math.nan, math.nan
    return median(known), *quantile_interval(known, 0.5)


def ratio_interval(above: Doubles, below: Doubles) -> Interval:
    """Return the ratio of the medians of two groups of networks, and its 95 % interval.

    It is by the bootstrap in each group. NaN where a median is missing, infinite or 0.
    """
    groups = [values[~np.isnan(values)] for values in (above, below)]
    if not all(0 < median(group) < math.inf for group in groups):
        return math.nan, math.nan, math.nan
    rng = np.random.default_rng(0)
    top, bottom = ([median(rng.choice(g, g.size)) for _ in range(_RESAMPLES)] for g in groups)
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may have infinite medians
        ratios = np.array(top) / np.array(bottom)
    low, high = np.nanquantile(ratios, (0.025, 0.975), method="inverted_cdf")
    return median(groups[0]) / median(groups[1]), float(low), float(high)


def share_interval(shares: Doubles) -> Interval:
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
    return _written(found, _two_digits, "")


def percent(found: Interval) -> str:
    """Return a share with its interval, to a tenth of a percent where the interval is short."""
    digits = int(found[2] - found[1] < 0.1)
    return _written(found, lambda value: f"{100 * value:.{digits}f}", " %")


def _two_digits(value: float) -> str:
    """Return a size with two digits, or the nearest integer."""
    return f"{value:.0f}" if abs(value) > 9.95 else f"{value:#.2g}"


def _written(found: Interval, word: Callable[[float], str], unit: str) -> str:
    if math.isnan(found[0]):
        return "unknown"
    middle = f"{word(found[0])}{unit}" if math.isfinite(found[0]) else "more than was found"
    if math.isinf(found[1]) and found[1] < 0:
        return f"{middle} (of too few networks for an interval)"
    if math.isinf(found[2]):
        return f"{middle} (from {word(found[1])}{unit} on)"
    return f"{middle} ({word(found[1])} … {word(found[2])}{unit})"
