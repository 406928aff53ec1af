"""Where shares of networks pass ½, and the power of d through that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.depth.fits import (
    HALF_NORMAL,
    Counts,
    Curve,
    chi_square,
    fitted,
    interval,
    resampled,
)
from randrelu.studies.estimates import Estimate

_Floats = NDArray[np.float64]


def crossovers(counts: Counts, successes: _Floats, curve: Curve) -> _Floats:
    """Return log ℓ* of one d, where half of the networks have a success, for rows of successes.

    The curve is fitted to all depths, and then to those within a factor of 4 of the ℓ* of the first
    row, as far from there the form of the curve would matter. NaN where the shares at these depths
    are on one side of ½: no crossover was seen.
    """
    first = _half_way(counts, successes[:1], curve)[0]
    if math.isnan(first):
        return np.full(len(successes), np.nan)
    near = np.abs(np.log(counts.depth) - first) <= math.log(4)
    return _half_way(counts.where(near), successes[:, near], curve)


def _half_way(counts: Counts, successes: _Floats, curve: Curve) -> _Floats:
    share = successes / counts.networks
    if counts.dim.size < 2:
        return np.full(len(share), np.nan)
    log_depth = np.log(counts.depth)
    middle = log_depth.mean()
    design = np.stack([np.ones_like(log_depth), middle - log_depth], axis=1)
    seen = (share.max(axis=1) > 0.5) & (share.min(axis=1) < 0.5)
    beta = fitted(design, counts.networks, successes, curve)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: _Floats = middle + (beta[:, 0] - curve.half) / beta[:, 1]
    return np.where(seen, found, np.nan)


@dataclass(frozen=True)
class PowerLaw:
    """ℓ* ~ C d^a: the crossovers of every d and the fit through them, with 95 % intervals."""

    dims: _Floats
    depths: _Floats
    low: _Floats
    high: _Floats
    slope: Estimate
    constant: float
    p_value: float

    def at(self, dim: _Floats) -> _Floats:
        """Return C d^a."""
        found: _Floats = self.constant * dim**self.slope.value
        return found


def power_law(counts: Counts, curve: Curve = HALF_NORMAL) -> PowerLaw | None:
    """Fit the crossovers of at least two d by a power of d; None where fewer were seen.

    A crossover weighs by the inverse of the variance that it has in resamples of the networks.
    """
    drawn = resampled(counts)
    logs, several = [], []
    dims = np.unique(counts.dim)
    for dim in dims:
        here = counts.dim == dim
        rows = np.concatenate([counts.successes[np.newaxis, here], drawn[:, here]])
        found, *others = crossovers(counts.where(here), rows, curve)
        logs.append(found)
        several.append(others)
    log_depth, samples = np.array(logs), np.array(several)
    seen = np.isfinite(log_depth) & (np.isfinite(samples).mean(axis=1) > 0.9)
    if seen.sum() < 2:
        return None
    dims, log_depth, samples = dims[seen], log_depth[seen], samples[seen]
    error = np.maximum(np.nanstd(samples, axis=1), 1e-6)
    slope, constant = _line(np.log(dims), log_depth, error)
    whole = samples[:, np.isfinite(samples).all(axis=0)]
    slopes = np.array([_line(np.log(dims), column, error)[0] for column in whole.T])
    ends = np.nanquantile(samples, (0.025, 0.975), axis=1)
    off = (log_depth - constant - slope * np.log(dims)) / error
    return PowerLaw(
        dims, np.exp(log_depth), np.exp(ends[0]), np.exp(ends[1]),
        Estimate(slope, *interval(slopes), int(counts.networks.sum())), math.exp(constant),
        chi_square(float(np.sum(off**2)), len(dims) - 2),
    )  # fmt: skip


def _line(x: _Floats, y: _Floats, error: _Floats) -> tuple[float, float]:
    weight = error**-2.0
    middle = np.average(x, weights=weight)
    slope = float(np.sum(weight * (x - middle) * y) / np.sum(weight * (x - middle) ** 2))
    return slope, float(np.average(y, weights=weight) - slope * middle)
