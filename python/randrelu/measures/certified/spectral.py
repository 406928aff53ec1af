"""Largest eigenvalues and singular values, from above: estimated first, then certified."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support.progress import Count, counting
from randrelu._support.threads import thread_number
from randrelu.measures.certified.rounding import EPS, gamma
from randrelu.measures.certified.scaled import only_layer

_Doubles = NDArray[np.float64]

_DIGITS = 10  # to which a norm is rounded up
_ABOVE = 2e-5  # of the square, that the first bound which is tried lies above the estimate
_SLACK = 1e-6  # of the square, for what the proof leaves: rounding, as a rule far less
_ROWS = 128  # whose products with all the others take well under a second


def largest_singular_value(weights: _Doubles, count: Count | None = None) -> float:
    """Return a number that ‖W‖ does not exceed, by less than 10⁻⁴ of it as a rule.

    Lanczos iteration estimates ‖W‖ from below. What lies a little above is then certified: t is no
    less than the largest eigenvalue of the smaller of W Wᵀ and WᵀW if the difference from tI has a
    Cholesky factor, see `_distance_from_factors`. What the product rounds is at most γ_n ‖W‖_F² in
    norm. If there is no factor, the next number is a little larger, and so on.

    Nothing takes long in one piece. `count` hears of the rows of the product as they are found, and
    of all of them once more at last. The estimate is the same on any number of threads, and so is
    the bound, unless an eigenvalue lies within rounding of a number that is tried.
    """
    count = count or counting(None, 0)
    largest = _largest_entry(weights)
    if largest == 0:
        count(2 * min(weights.shape))
        return 0.0
    scale = _power_of_two(largest)
    scaled = weights if scale == 1 else weights / scale
    estimate = _estimate(scaled) ** 2
    wide = scaled.shape[0] <= scaled.shape[1]
    gram = _gram(scaled if wide else scaled.T, count)
    summands = max(scaled.shape)
    frobenius = float(np.trace(gram)) * (1 + 2 * summands * EPS)
    square = _certified(gram, estimate, gamma(summands) * frobenius)
    count(len(gram))
    return rounded_up(math.sqrt(square) * (1 + 4 * EPS)) * scale


def largest_eigenvalue(symmetric: _Doubles) -> float:
    """Return a number of at least 0 that no eigenvalue of a symmetric matrix exceeds.

    It is as close as that of `largest_singular_value` if no eigenvalue is as far below 0.
    """
    largest = _largest_entry(symmetric)
    if largest == 0:
        return 0.0
    scale = _power_of_two(largest)
    scaled = symmetric if scale == 1 else symmetric / scale
    return _certified(scaled, _estimate(scaled)) * scale


def rounded_up(number: float) -> float:
    """Return a number above one that is at least 0, of so many digits that no thread changes it."""
    if number == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(number)) + 1 - _DIGITS)
    return math.ceil(number / step * (1 + 4 * EPS)) * step * (1 + 4 * EPS)


def _largest_entry(matrix: _Doubles) -> float:
    """Return the largest |w|, without a copy."""
    return max(float(matrix.max(initial=0)), -float(matrix.min(initial=0)))


def _power_of_two(number: float) -> float:
    """Return 1 for a number near 1, else the power of two just below.

    A division by it rounds nothing, and leaves numbers whose squares are in range.
    """
    return 1.0 if 2.0**-40 < number < 2.0**40 else 2.0 ** (math.frexp(number)[1] - 1)


def _estimate(matrix: _Doubles) -> float:
    """Return about the norm of a matrix, rounded up to powers of 1 + 10⁻⁷ or so.

    Some matrices differ by what their products round on other threads, and this number does not.
    The powers are odd ones: no norm that is an integer, or a root of one, is next to any.
    """
    layer = only_layer(np.ascontiguousarray(matrix, np.float32))  # close enough, and half the size
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))
    found = core.masked_product_norms(
        layer, [], 1, start, j=0, i=1, threads=thread_number(None)
    )[0]  # fmt: skip
    return math.exp((math.ceil(math.log(found) * 1e7 + 0.382) - 0.382) / 1e7)


def _gram(rows: _Doubles, count: Count) -> _Doubles:
    """Return the products of rows with those before, and a few after, in place of all."""
    gram = np.zeros((len(rows), len(rows)))
    for first in range(0, len(rows), _ROWS):
        end = min(first + _ROWS, len(rows))
        gram[first:end, :end] = rows[first:end] @ rows[:end].T
        count(end - first)
    return gram


def _certified(symmetric: _Doubles, estimate: float, rounding: float = 0.0) -> float:
    """Return a number that no eigenvalue exceeds of what may be so far from a matrix in norm."""
    above = _ABOVE
    while True:
        bound = estimate * (1 + above)
        shift = bound * (1 - _SLACK)
        if shift + (_distance_from_factors(symmetric, shift) + rounding) * (1 + 4 * EPS) <= bound:
            return bound * (1 + 4 * EPS)
        above *= 4


def _distance_from_factors(symmetric: _Doubles, shift: float) -> float:
    """Return how far tI − A is from a product L Lᵀ at most, in norm; inf if L is not found.

    Of A only the blocks on and below the diagonal are looked at. Let E be tI − A − L Lᵀ, for
    whatever L. As xᵀLLᵀx is not negative, xᵀAx = t‖x‖² − xᵀLLᵀx − xᵀEx is at most (t + ‖E‖)‖x‖²:
    no eigenvalue of A is larger than t + ‖E‖. L is a Cholesky factor, found in blocks of columns,
    with which E is found, too: of each block, E is what is left after the products with L. These
    are sums of no more than n products each, rounded by γ_n |L||Lᵀ| in any order, and the norm of
    |L||Lᵀ| is at most ‖L‖_F². Subtracting rounds no more than an eps of |L||Lᵀ| and of E.
    """
    n = len(symmetric)
    lower = np.zeros((n, n))
    left = size = 0.0
    for first in range(0, n, _ROWS):
        block = slice(first, min(first + _ROWS, n))
        panel = -symmetric[first:, block]
        own = np.arange(block.stop - first)
        panel[own, own] += shift
        panel -= lower[first:, :first] @ lower[block, :first].T
        try:
            corner = np.linalg.cholesky(panel[: own.size])
        except np.linalg.LinAlgError:
            return math.inf
        found = panel @ np.linalg.inv(corner).T
        found[: own.size] = corner
        lower[first:, block] = found
        panel -= found @ corner.T
        left += 2 * float(np.einsum("jk,jk->", panel, panel))  # the block above is as large
        size += float(np.einsum("jk,jk->", found, found))
    factor = 1 + gamma(n * n)  # of the sums of squares
    return factor * (math.sqrt(left) + gamma(n) * size)
