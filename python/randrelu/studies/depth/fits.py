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


def deviance(networks: _Floats, successes: _Floats, share: _Floats) -> _Floats:
    """Return twice how far the log-likelihood is below that of the observed shares.

    The arrays are of shape (..., m), and the sum is over the last axis.
    """
    from scipy.special import rel_entr

    misses = networks - successes
    per = rel_entr(successes, networks * share) + rel_entr(misses, networks * (1 - share))
    found: _Floats = 2 * np.sum(per, axis=-1)
    return found


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


def chi_square(value: float, freedom: int) -> float:
    """Return the probability of a larger χ² variable; NaN where nothing is left to be free."""
    from scipy.stats import chi2

    return float(chi2.sf(value, freedom)) if freedom > 0 else math.nan
