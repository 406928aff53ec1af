"""How far the law of f after the linear step is from that at infinite width, and at which rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws

_Floats = NDArray[np.float64]
_NODES = 600  # of the interpolation of the limit's CDF
PAIR = 1 / 90  # the variance of what a pair of uniform numbers adds to a squared distance
SLOPE = 4 / math.pi**2  # 1/π² is the largest eigenvalue of that, as a kernel
BOWS = (1.0, 0.5)  # of the fit of a rate
_POWERS = np.arange(1, 161) / 40  # that are tried
NORMAL = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class Distance:
    """How far a sample is from the limit's law.

    Attributes
    ----------
    count : int
        The size of the sample.
    square : float
        The square of the distance ‖F_k − F_∞‖ = (∫(F_k − F_∞)² dF_∞)^½ between the two laws,
        without bias, so that it may be negative. NaN for fewer than 2.
    """

    count: int
    square: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the distance: those whose `variance` allows for `square`."""
        n, z = self.count, NORMAL**2
        if n < 2:
            return math.nan, math.nan
        middle, fixed = self.square + z * SLOPE / n / 2, z * PAIR * 2 / (n * (n - 1))
        half = math.sqrt(max(0.0, middle**2 - self.square**2 + fixed))
        return math.sqrt(max(0.0, middle - half)), math.sqrt(max(0.0, middle + half))

    @property
    def seen(self) -> bool:
        """Whether the interval is above 0: the Cramér–von Mises test rejects at 5 %."""
        return self.interval[0] > 0


def variance(square: ArrayLike, count: ArrayLike) -> _Floats:
    """Return the variance of `Distance.square` where the squared distance is this.

    It is exact for samples of the limit's law, and to first order at most that for laws near it:
    the mean of a number's pairs varies by at most 1/π² of the squared distance.
    """
    n = np.asarray(count, np.float64)
    return np.asarray(SLOPE * np.asarray(square) / n + 2 * PAIR / (n * (n - 1)), np.float64)


@dataclass(frozen=True)
class Rate:
    """A fit of ‖F_k − F_∞‖ = level (1 + (k/bend)^bow)^{−power/bow}, a power beyond the bend.

    How a distance bends into a power decides which power a fit has, and is not known. So both of
    `BOWS` are fitted: what misses a power is a constant over k in one, and over √k in the other.

    Attributes
    ----------
    power : float
        b, of the better fit; NaN where the difference is seen at fewer than four widths.
    low, high : float
        The smallest and the largest b that one of the two allows, by its profile likelihood at
        95 %, made wider by its misfit where that is above 1; ∞ where no power is too large.
    level, bend, bow : float
        The other parameters of the better fit.
    misfit : float
        Its weighted sum of squares over its degrees of freedom, near 1 where the curve fits.
    """

    power: float
    low: float
    high: float
    level: float
    bend: float
    bow: float
    misfit: float

    def at(self, width: ArrayLike) -> _Floats:
        """Return the fitted distance at widths."""
        widths = np.asarray(width, np.float64)
        return self.level * np.sqrt(_shapes(widths, self.bend, self.power, self.bow))


NO_RATE = Rate(*[math.nan] * 7)


def uniform_at_limit(ratio: ArrayLike, dim: int, depth: int) -> _Floats:
    """Return F_∞(ratio), which is uniform for draws from the limit; NaN stays NaN."""
    from scipy.interpolate import PchipInterpolator

    given = np.asarray(ratio, np.float64)
    # Dense where the law is, and as far as any number; the nodes carry the exact CDF.
    nodes = -1 + np.sinh(np.linspace(-14, 14, _NODES)) / 100
    with np.errstate(over="ignore"):  # where two nodes carry the same number
        cdf = PchipInterpolator(nodes, laws.limit_step(dim, depth).cdf(nodes))
    found: _Floats = np.clip(cdf(np.clip(given, nodes[0], nodes[-1])), 0.0, 1.0)
    return found


def distance_of(uniform: ArrayLike) -> Distance:
    """Return how far numbers in [0, 1] are from uniform ones."""
    u = np.sort(np.asarray(uniform, np.float64))
    n = u.size
    if n < 2:
        return Distance(n, math.nan)
    # ∫(1{u ≤ t} − t)(1{v ≤ t} − t) dt = 1/3 − max(u, v) + (u² + v²)/2, summed over all pairs.
    pairs = n * (n - 1) / 2
    return Distance(n, 1 / 3 - float(np.arange(n) @ u) / pairs + float(u @ u) / n)


def rate_of(widths: Sequence[float], distances: Sequence[Distance]) -> Rate:
    """Fit the squares of distances at some widths, weighted by their errors, noise around 0 too."""
    if sum(d.seen for d in distances) < 4:
        return NO_RATE
    ks = np.array(widths, np.float64)
    squares = np.array([d.square for d in distances])
    counts = np.array([d.count for d in distances])
    fits = [_fitted(ks, squares, counts, bow) for bow in BOWS]
    best = min(fits, key=lambda fit: fit.misfit)
    return replace(best, low=min(f.low for f in fits), high=max(f.high for f in fits))


def _fitted(ks: _Floats, squares: _Floats, counts: NDArray[np.int64], bow: float) -> Rate:
    """Fit one curve: every power and bend of a grid is tried, and the level solved for."""
    bends = np.geomspace(ks[0] / 30, 10 * ks[-1], 800)[:, np.newaxis]
    shapes = _shapes(ks, bends, _POWERS[:, np.newaxis, np.newaxis], bow)
    fitted = np.maximum(squares, 0)
    for _ in range(4):  # the errors are those of the fit before
        weights = 1 / variance(fitted, counts)
        level = np.maximum((shapes * squares) @ weights / (shapes**2 @ weights), 0)
        misses = ((squares - level[..., np.newaxis] * shapes) ** 2) @ weights
        i, j = np.unravel_index(np.argmin(misses), misses.shape)
        fitted = level[i, j] * shapes[i, j]
    misfit = float(misses[i, j]) / max(1, ks.size - 3)
    reach = misses[i, j] + NORMAL**2 * max(1.0, misfit)
    allowed = _POWERS[misses.min(axis=1) <= reach]
    return Rate(
        power=float(_POWERS[i]),
        low=float(allowed[0]),
        high=float(allowed[-1]) if allowed[-1] < _POWERS[-1] else math.inf,
        level=math.sqrt(float(level[i, j])),
        bend=float(bends[j, 0]),
        bow=bow,
        misfit=misfit,
    )


def _shapes(widths: _Floats, bend: float | _Floats, power: float | _Floats, bow: float) -> _Floats:
    """Return the squares of curves of level 1."""
    shapes: _Floats = (1 + (widths / bend) ** bow) ** (-2 * power / bow)
    return shapes
