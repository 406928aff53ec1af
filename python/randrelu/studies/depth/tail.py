"""How the share of networks falls with depth, far beyond the crossover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from randrelu.studies.depth.fits import (
    HALF_NORMAL,
    Counts,
    chi_square,
    deviance,
    fitted,
    interval,
    resampled,
)
from randrelu.studies.estimates import Estimate

START = 4  # from ℓ = 4√d on
_FEWEST = 10  # networks with a success


@dataclass(frozen=True)
class Tail:
    """Where P{success} = 2Φ(m) − 1, with m a power of ℓ: nearly the share, where that is small.

    Attributes
    ----------
    common : Estimate
        The power of 1/ℓ, if it is one for all d; at every d there is a factor.
    each : dict
        By d, where there is enough.
    p_value : float
        Of that one power holds for all of these d; NaN where there is only one.
    """

    common: Estimate
    each: dict[float, Estimate]
    p_value: float


def tail(counts: Counts) -> Tail | None:
    """Fit the shares from ℓ = 4√d on; None where too little was seen."""
    counts = counts.where(counts.ratio >= START)
    each = {}
    for dim in np.unique(counts.dim):
        own = counts.where(counts.dim == dim)
        if np.unique(own.depth).size > 2 and own.successes.sum() >= _FEWEST:
            each[float(dim)] = _fit(own)
    if not each:
        return None
    together = counts.where(np.isin(counts.dim, list(each)))
    common, short = _fit(together)
    statistic = short - sum(apart for _, apart in each.values())
    powers = {dim: power for dim, (power, _) in each.items()}
    return Tail(common, powers, chi_square(statistic, len(each) - 1))


def _fit(counts: Counts) -> tuple[Estimate, float]:
    """Return the power, and the deviance of the fit."""
    dims = np.unique(counts.dim)
    level = (counts.dim[:, np.newaxis] == dims).astype(np.float64)  # one for each d
    design = np.column_stack([level, -np.log(counts.ratio)])
    successes = np.concatenate([counts.successes[np.newaxis], resampled(counts)])
    beta = fitted(design, counts.networks, successes, HALF_NORMAL)
    share = HALF_NORMAL.share(design @ beta[0])
    power = Estimate(float(beta[0, -1]), *interval(beta[1:, -1]), int(counts.networks.sum()))
    return power, float(deviance(counts.networks, counts.successes, share))
