"""Laws of norms whose squares are products of independent χ² factors, from their Mellin transform.

A masked Gaussian layer multiplies a squared norm by χ²_k with a binomial k, whatever came before.
The logarithm of such a product has a characteristic function in closed form, and its CDF is a
Fourier series (Davies' form of the inversion formula), so nothing is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments

_TAIL = 1e-13  # the probability outside the interval that the Fourier series covers, on each side
_NEGLIGIBLE = 1e-18  # the probability of the values of k that are left out, on each side
_NEVER = 1e-12  # a probability of what no test will see
_LARGE = 20.0  # from here on Stirling's series below is exact to the last digit


@dataclass(frozen=True)
class Chi2:
    """The factor χ²_k, where k is `count`, or follows Binomial(count, share) if a share is given.

    With `reciprocal`, its transform divides instead: Beta(N/2, (k − N)/2) has that of χ²_N over
    that of χ²_k. Only a fixed k > 0 can be meant so.
    """

    count: int
    share: float | None = None
    reciprocal: bool = False

    @cached_property
    def freedom(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The values of k > 0 that matter, and their probabilities given k > 0."""
        from scipy.stats import binom

        if self.share is None:
            return np.array([float(self.count)]), np.ones(1)
        low = int(binom.ppf(_NEGLIGIBLE, self.count, self.share))
        high = self.count - int(binom.ppf(_NEGLIGIBLE, self.count, 1 - self.share))
        k = np.arange(max(1, low), max(1, high) + 1)
        chance = binom.pmf(k, self.count, self.share)
        return k.astype(np.float64), chance / chance.sum()

    @property
    def log_positive(self) -> float:
        """The logarithm of P{k > 0}, which may be so small that P{k = 0} rounds to 1."""
        share = 1.0 if self.share is None else self.share
        if self.count == 0 or share == 0:
            return -math.inf
        if share == 1:
            return 0.0
        none = self.count * math.log1p(-share)
        rare = none > -math.log(2)  # either way without cancellation
        return math.log(-math.expm1(none)) if rare else math.log1p(-math.exp(none))

    @property
    def size(self) -> float:
        """The typical value that the transform is relative to, so that it keeps its digits."""
        k, chance = self.freedom
        return float(k @ chance)

    def log_transform(self, s: NDArray[Any]) -> NDArray[Any]:
        """Return log E[(χ²_k/size)^s] given k > 0, for s of shape (n,)."""
        k, chance = self.freedom
        log_k = np.log(k / self.size)
        terms = _log_gamma_ratio(k / 2, s[:, np.newaxis]) + np.outer(s, log_k)
        top = terms.real.max(axis=1)
        total: NDArray[Any] = np.log(np.exp(terms - top[:, np.newaxis]) @ chance) + top
        return -total if self.reciprocal else total


def _log_gamma_ratio(a: NDArray[np.float64], s: NDArray[Any]) -> NDArray[Any]:
    """Return log Γ(a + s) − log Γ(a) − s log a for ascending a (k,) and s (n, 1), shape (n, k).

    Nothing cancels.
    """
    from scipy.special import log1p, loggamma  # NumPy's complex log1p loses digits

    def rest(x: NDArray[Any]) -> NDArray[Any]:
        y = 1 / x**2
        result: NDArray[Any] = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / x
        return result

    split = int(np.searchsorted(a, _LARGE))
    few, many = a[:split], a[split:]
    direct = loggamma(few + s) - loggamma(few) - s * np.log(few)
    stirling = (many + s - 0.5) * log1p(s / many) - s + rest(many + s) - rest(many)
    return np.concatenate([direct, stirling], axis=1)


@dataclass(frozen=True)
class NormLaw:
    """The exact law of the square root of a product, with the methods of a frozen scipy law.

    `scipy.stats.kstest` takes `cdf` where `zero` is 0. Where it is not, the CDF jumps at 0, which
    that test does not allow; `p_value` does.

    Attributes
    ----------
    factors : tuple of Chi2
        The independent factors.
    log_square : float
        The logarithm of what their product is multiplied with, before the root.
    given_positive : bool
        Whether it is the law given that the norm is not 0.
    """

    factors: tuple[Chi2, ...]
    log_square: float
    given_positive: bool = False

    @property
    def zero(self) -> float:
        """The probability that the norm is 0."""
        return abs(math.expm1(self._log_positive))

    @cached_property
    def positive(self) -> NormLaw:
        """The law given that the norm is not 0."""
        return replace(self, given_positive=True)

    def moment(self, order: float) -> float:
        """Return E[norm^order] for order > 0, in closed form."""
        order = arguments.number("order", order, positive=True)
        log = float(self._log_transform(np.array([order / 2]))[0])
        return math.exp(self._log_positive + order / 2 * self._log_size + log)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return P{norm ≤ x}, with an error of at most 10⁻¹⁰."""
        norm = arguments.real_array("x", x, infinite=True).astype(np.float64)
        with np.errstate(divide="ignore"):
            inside = self._continuous(2 * np.log(np.maximum(norm, 0)) - self._log_size)
        return np.where(norm < 0, 0.0, self.zero + (1 - self.zero) * inside)

    def ppf(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return the quantiles for probabilities q in [0, 1]."""
        given = arguments.within("q", q, 0, 1)
        share = (given - self.zero) / math.exp(self._log_positive)
        low, high = (np.full(share.shape, end) for end in self._series[:2])
        for _ in range(60):
            middle = (low + high) / 2
            below = self._continuous(middle) < share
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        norm = np.exp((low + high + 2 * self._log_size) / 4)
        return np.where(given >= 1, np.inf, np.where(share <= 0, 0.0, norm))

    def p_value(self, norms: ArrayLike) -> float:
        """Return the p-value of these independent norms, against any other law.

        The number of zeros and the law of the others are tested apart, with Bonferroni's
        correction, where among so many norms there may be a zero.
        """
        from scipy.stats import binomtest, kstest

        given = arguments.within("norms", norms, 0).reshape(-1)
        if not given.size:
            raise ValueError("norms must hold at least one norm, got none")
        others = given[given != 0]
        rest = float(kstest(others, self.positive.cdf).pvalue) if others.size else 1.0
        expected = given.size * self.zero
        if expected < _NEVER:
            return rest if others.size == given.size else expected
        zeros = float(binomtest(given.size - others.size, given.size, self.zero).pvalue)
        return min(1.0, 2 * min(zeros, rest))

    @property
    def _log_positive(self) -> float:
        """The logarithm of the probability that the norm is not 0, 0 where that is given."""
        return 0.0 if self.given_positive else sum(f.log_positive for f in self.factors)

    @cached_property
    def _log_size(self) -> float:
        """The logarithm of the squared norm that the transform is relative to."""
        sizes = (-math.log(f.size) if f.reciprocal else math.log(f.size) for f in self.factors)
        return self.log_square + sum(sizes)

    def _log_transform(self, s: NDArray[Any]) -> NDArray[Any]:
        """Return log E[exp(sY)] given that the norm is not 0, Y = log norm² − _log_size."""
        result = np.zeros_like(s)
        for factor in set(self.factors):
            result = result + self.factors.count(factor) * factor.log_transform(s)
        return result

    @cached_property
    def _series(self) -> tuple[float, float, NDArray[np.complex128]]:
        """The interval where Y lies but for `_TAIL`, and the coefficients of its CDF's series.

        Markov's inequality with the best power bounds the tails, and these bound the error of the
        series with the period high − low.
        """
        smallest = min(f.freedom[0][0] for f in self.factors if not f.reciprocal) / 2
        up = np.geomspace(1e-3, 1e6, 60)
        down = 0.9 * smallest * np.geomspace(1e-5, 1, 60)
        high = float(np.min((self._log_transform(up) - math.log(_TAIL)) / up))
        low = -float(np.min((self._log_transform(-down) - math.log(_TAIL)) / down))
        found: list[NDArray[np.complex128]] = []
        while not found or np.abs(found[-1]).max() > _TAIL:
            j = 0.5 + np.arange(32 * len(found), 32 * len(found) + 32)
            characteristic = np.exp(self._log_transform(2j * math.pi / (high - low) * j))
            found.append(characteristic / (math.pi * j))
        return low, high, np.concatenate(found)

    def _continuous(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P{Y ≤ y}, by Davies' series ½ − Σ_j Im(φ(t_j) e^{−i t_j y})/(π(j + ½))."""
        low, high, coefficients = self._series
        half = np.exp(-1j * math.pi / (high - low) * np.clip(y, low, high))
        total = half * np.polynomial.polynomial.polyval(half**2, coefficients)
        result: NDArray[np.float64] = np.clip(0.5 - total.imag, 0, 1)
        return result
