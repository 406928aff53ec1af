"""Maximum likelihood for shares of networks that fall with depth, and their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

RESAMPLES = 400
_SEED = 20_210_607


@dataclass(frozen=True)
class Counts:
    """How many of the independent networks had a success: arrays of one shape, a point each."""

    dim: _Floats
    depth: _Floats
    width: _Floats
    networks: _Floats
    successes: _Floats

    def where(self, chosen: NDArray[np.bool_]) -> Counts:
        """Return those of the points."""
        return Counts(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def ratio(self) -> _Floats:
        """λ = ℓ/√d."""
        return self.depth / np.sqrt(self.dim)

    @property
    def share(self) -> _Floats:
        """The shares of the networks."""
        return self.successes / self.networks


class Curve(NamedTuple):
    """How a share rises with what is linear in the logarithms of d and ℓ.

    Attributes
    ----------
    share, slope : callable
        The share at such numbers, and its derivative.
    half : float
        Where the share is ½.
    """

    share: Callable[[_Floats], _Floats]
    slope: Callable[[_Floats], _Floats]
    half: float


def share_below(log_level: _Floats) -> _Floats:
    """Return the probability that a half-normal number is below exp(log_level)."""
    from scipy.special import erf

    found: _Floats = erf(np.exp(np.minimum(log_level, 5.0)) / math.sqrt(2))
    return np.clip(found, 1e-12, 1 - 1e-12)


def slope_below(log_level: _Floats) -> _Floats:
    """Return the derivative of `share_below`."""
    level = np.exp(np.minimum(log_level, 5.0))
    found: _Floats = math.sqrt(2 / math.pi) * level * np.exp(-(level**2) / 2)
    return found


def _logistic(at: _Floats) -> _Floats:
    from scipy.special import expit

    found: _Floats = expit(at)
    return np.clip(found, 1e-12, 1 - 1e-12)


def _logistic_slope(at: _Floats) -> _Floats:
    share = _logistic(at)
    found: _Floats = share * (1 - share)
    return found


# A half-normal number, |f(x)| over its deviation, is below what f moves along the gradient. Its
# median is the square root of that of a χ² variable of one degree of freedom.
HALF_NORMAL = Curve(share_below, slope_below, math.log(0.6744897501960817))
LOGISTIC = Curve(_logistic, _logistic_slope, 0.0)


def log_likelihood(counts: Counts, share: _Floats) -> float:
    """Return the logarithm of the likelihood, up to binomial coefficients."""
    from scipy.special import xlogy

    misses = counts.networks - counts.successes
    return float(np.sum(xlogy(counts.successes, share) + xlogy(misses, 1 - share)))


def deviance(counts: Counts, share: _Floats) -> float:
    """Return twice how far the likelihood is from that of the observed shares."""
    return 2 * (log_likelihood(counts, counts.share) - log_likelihood(counts, share))


def resampled(counts: Counts) -> _Floats:
    """Return successes of networks drawn anew from those at every point, (RESAMPLES, m)."""
    generator = np.random.default_rng(_SEED)
    drawn = generator.binomial(
        counts.networks.astype(int), counts.share, (RESAMPLES, counts.dim.size)
    )
    return drawn.astype(np.float64)


def interval(values: _Floats) -> tuple[float, float]:
    """Return the 95 % interval of what was found in resamples; NaN where few have it."""
    finite = values[np.isfinite(values)]
    if finite.size < 0.9 * values.size or not finite.size:
        return math.nan, math.nan
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def fitted(design: _Floats, networks: _Floats, successes: _Floats, curve: Curve) -> _Floats:
    """Fit P{success} = curve.share(design @ β) to each row of successes, by Fisher's scoring.

    Parameters
    ----------
    design : ndarray, shape (m, p)
    networks : ndarray, shape (m,)
    successes : ndarray, shape (n, m)

    Returns
    -------
    ndarray, shape (n, p)
    """
    beta = np.zeros((len(successes), design.shape[1]))
    for _ in range(60):
        at = beta @ design.T
        share, slope = curve.share(at), curve.slope(at)
        per = slope / (share * (1 - share))
        score = ((successes - networks * share) * per) @ design
        weight = networks * slope * per
        information = np.einsum("nm,mp,mq->npq", weight, design, design)
        information += 1e-9 * networks.sum() * np.eye(design.shape[1])
        step = np.linalg.solve(information, score[..., np.newaxis])[..., 0]
        step /= np.maximum(1, np.abs(step @ design.T).max(axis=1, keepdims=True))
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    return beta


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
    slope: float
    slope_interval: tuple[float, float]
    constant: float
    p_value: float

    def at(self, dim: _Floats) -> _Floats:
        """Return C d^a."""
        found: _Floats = self.constant * dim**self.slope
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
        dims, np.exp(log_depth), np.exp(ends[0]), np.exp(ends[1]), slope, interval(slopes),
        math.exp(constant), chi_square(float(np.sum(off**2)), len(dims) - 2),
    )  # fmt: skip


def _line(x: _Floats, y: _Floats, error: _Floats) -> tuple[float, float]:
    weight = error**-2.0
    middle = np.average(x, weights=weight)
    slope = float(np.sum(weight * (x - middle) * y) / np.sum(weight * (x - middle) ** 2))
    return slope, float(np.average(y, weights=weight) - slope * middle)


def chi_square(value: float, freedom: int) -> float:
    """Return the probability of a larger χ² variable; NaN where nothing is left to be free."""
    from scipy.stats import chi2

    return float(chi2.sf(value, freedom)) if freedom > 0 else math.nan


@dataclass(frozen=True)
class Collapse:
    """Whether the shares of all d are one function of ℓ/√d: one fit against one for every d."""

    p_value: float
    freedom: int
    statistic: float
    largest_gap: float


def collapse(counts: Counts) -> Collapse | None:
    """Compare one half-normal fit in ℓ/√d with one for every d, by their likelihoods."""
    dims = [d for d in np.unique(counts.dim) if np.sum(counts.dim == d) > 2]
    if len(dims) < 2:
        return None
    counts = counts.where(np.isin(counts.dim, dims))

    def shares(some: Counts) -> _Floats:
        design = np.stack([np.ones_like(some.dim), -np.log(some.ratio)], axis=1)
        beta = fitted(design, some.networks, some.successes[np.newaxis], HALF_NORMAL)
        return share_below(design @ beta[0])

    one = shares(counts)
    each = np.empty_like(one)
    for dim in dims:
        here = counts.dim == dim
        each[here] = shares(counts.where(here))
    statistic = 2 * (log_likelihood(counts, each) - log_likelihood(counts, one))
    freedom = 2 * (len(dims) - 1)
    gap = float(np.abs(each - one).max())
    return Collapse(chi_square(statistic, freedom), freedom, statistic, gap)
