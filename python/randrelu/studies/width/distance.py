"""How far the law of f after the linear step is from that at infinite width, and at which rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws

_Floats = NDArray[np.float64]
_NODES = 600  # of the interpolation of the limit's CDF
NORMAL = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class Distance:
    """How far a sample is from the limit's law.

    Attributes
    ----------
    count : int
        The size of the sample.
    square, error : float
        The square of the distance ‖F_k − F_∞‖ = (∫(F_k − F_∞)² dF_∞)^½ between the two laws,
        without bias, so that it may be negative; and its standard error, by the jackknife, which is
        twice too large in variance where the laws agree. NaN for fewer than 3.
    largest : float
        The largest |F_n − F_∞| of the sample, its Kolmogorov–Smirnov statistic.
    floor : float
        What `largest` exceeds with a probability of 5 % where the laws agree.
    """

    count: int
    square: float
    error: float
    largest: float
    floor: float

    @property
    def seen(self) -> bool:
        """Whether the interval of `square` is above 0: the difference is not lost in noise."""
        return self.square - NORMAL * self.error > 0


@dataclass(frozen=True)
class Rate:
    """A fit of ‖F_k − F_∞‖ = level (1 + k/bend)^{−power}, a power of the width beyond the bend.

    Attributes
    ----------
    power, error : float
        b and its standard error; NaN where the difference is seen at fewer than four widths. The
        error is enlarged by the root of `misfit` where that is above 1.
    level, bend : float
        The other parameters.
    misfit : float
        The weighted sum of squares over its degrees of freedom, near 1 where the curve fits.
    """

    power: float
    error: float
    level: float
    bend: float
    misfit: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the power."""
        return self.power - NORMAL * self.error, self.power + NORMAL * self.error

    def at(self, width: ArrayLike) -> _Floats:
        """Return the fitted distance at widths."""
        widths = np.asarray(width, np.float64)
        return np.asarray(self.level * (1 + widths / self.bend) ** -self.power, np.float64)


NO_RATE = Rate(math.nan, math.nan, math.nan, math.nan, math.nan)


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
    from scipy.special import kolmogi

    u = np.sort(np.asarray(uniform, np.float64))
    n = u.size
    if n < 3:
        return Distance(n, math.nan, math.nan, math.nan, math.nan)
    # ∫(1{u ≤ t} − t)(1{v ≤ t} − t) dt = 1/3 − max(u, v) + (u² + v²)/2, summed over v for every u.
    above = np.cumsum(u[::-1])[::-1] - u
    squares = u**2
    others = (n - 1) / 3 - (np.arange(n) * u + above)
    others += ((n - 2) * squares + squares.sum()) / 2
    means = others / (n - 1)
    square = float(means.mean())
    error = 2 * float(means.std(ddof=1)) / math.sqrt(n) * (n - 1) / (n - 2)
    steps = np.arange(n + 1) / n
    largest = max(float((steps[1:] - u).max()), float((u - steps[:-1]).max()))
    return Distance(n, square, error, largest, float(kolmogi(0.05)) / math.sqrt(n))


def rate_of(widths: Sequence[float], distances: Sequence[Distance]) -> Rate:
    """Fit the squares of distances at some widths, weighted by their errors, noise around 0 too."""
    from scipy.optimize import least_squares

    used = [(k, d) for k, d in zip(widths, distances, strict=True) if d.error > 0]
    if sum(d.seen for _, d in used) < 4:
        return NO_RATE
    ks = np.array([k for k, _ in used], np.float64)
    squares = np.array([d.square for _, d in used])
    errors = np.array([d.error for _, d in used])

    def misses(found: _Floats) -> _Floats:
        log_level, log_bend, power = found
        fitted = np.exp(2 * log_level - 2 * power * np.log1p(ks / np.exp(log_bend)))
        return np.asarray((squares - fitted) / errors, np.float64)

    start = (math.log(max(squares.max(), 1e-12)) / 2, float(np.log(ks).mean()), 1.0)
    fit = least_squares(misses, start)
    misfit = float(2 * fit.cost) / max(1, ks.size - 3)
    try:
        covariance = np.linalg.inv(fit.jac.T @ fit.jac)
    except np.linalg.LinAlgError:
        return NO_RATE
    level, bend, power = fit.x
    return Rate(
        power=float(power),
        error=math.sqrt(max(0.0, float(covariance[2, 2])) * max(1.0, misfit)),
        level=math.exp(level),
        bend=math.exp(bend),
        misfit=misfit,
    )
