"""Estimates from networks of which something may be unknown, and those of shares and ratios."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu.studies import estimates
from randrelu.studies.estimates import NOTHING, Estimate

Doubles = NDArray[np.float64]

_RESAMPLES = 1000


def middle(values: Doubles) -> float:
    """Return the median of what is known; it may be infinite, and NaN where nothing is known."""
    return estimates.middle(_known(values))


def median(values: Doubles) -> Estimate:
    """Return the median over the networks where it is known."""
    return estimates.median(_known(values))


def ratio(above: Doubles, below: Doubles) -> Estimate:
    """Return the ratio of the medians of two groups of networks, and its 95 % interval.

    It is by the bootstrap in each group. NaN where a median is missing, infinite or 0.
    """
    groups = [_known(values) for values in (above, below)]
    if not all(0 < middle(group) < math.inf for group in groups):
        return NOTHING
    rng = np.random.default_rng(0)
    top, bottom = ([middle(rng.choice(g, g.size)) for _ in range(_RESAMPLES)] for g in groups)
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may have infinite medians
        ratios = np.array(top) / np.array(bottom)
    low, high = np.nanquantile(ratios, (0.025, 0.975), method="inverted_cdf")
    found = middle(groups[0]) / middle(groups[1])
    return Estimate(found, float(low), float(high), sum(group.size for group in groups))


def mean_share(shares: Doubles) -> Estimate:
    """Return the mean over networks of shares of their images, and a 95 % interval.

    It is that of Clopper and Pearson with a network for each trial, as if all of its images were
    one: no numbers in [0, 1] of this mean vary more than 0 and 1, so it is rather too wide.
    """
    from scipy.stats import beta

    shares = _known(shares)
    if not shares.size:
        return NOTHING
    total, count = float(shares.sum()), shares.size
    low = float(beta.ppf(0.025, total, count - total + 1)) if total > 0 else 0.0
    high = float(beta.ppf(0.975, total + 1, count - total)) if total < count else 1.0
    return Estimate(total / count, low, high, count)


def _known(values: Doubles) -> Doubles:
    """Return what is not NaN: here NaN is what was not measured, and ∞ what was not found."""
    kept: Doubles = values[~np.isnan(values)]
    return kept
