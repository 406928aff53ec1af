"""Largest eigenvalues and singular values, rounded up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_EPS = float(np.finfo(np.float64).eps)
_DIGITS = 10  # to which a norm is rounded up: the last digits depend on the threads of BLAS


def largest_singular_value(weights: NDArray[np.float64]) -> float:
    """Return a number that ‖W‖ does not exceed, by less than 10⁻⁹ of it for widths up to 10⁴.

    It is the root of the largest eigenvalue of the smaller of W Wᵀ and WᵀW. What these products
    round, at most γ_n ‖W‖_F² in norm, and what LAPACK's eigenvalue is off, a small multiple of n
    units in the last place of the norm, are added to it.
    """
    largest = float(np.abs(weights).max())
    if largest == 0:
        return 0.0
    scaled = weights / largest  # rounded in each entry, which counts among what follows
    wide = scaled.shape[0] <= scaled.shape[1]
    gram = scaled @ scaled.T if wide else scaled.T @ scaled
    summands = max(scaled.shape)
    frobenius = float(np.trace(gram)) * (1 + 2 * summands * _EPS)
    square = largest_eigenvalue(gram, frobenius) + (summands + 8) * _EPS * frobenius
    return rounded_up(math.sqrt(square) * largest * (1 + 4 * _EPS))


def largest_eigenvalue(symmetric: NDArray[np.float64], norm: float) -> float:
    """Return a number of at least 0 that no eigenvalue of a matrix of at most such a norm exceeds.

    What LAPACK's eigenvalue is off is added: a small multiple of n units in the last place of the
    norm.
    """
    eigenvalue = max(float(np.linalg.eigvalsh(symmetric)[-1]), 0.0)
    return eigenvalue + 32 * len(symmetric) * _EPS * norm


def rounded_up(number: float) -> float:
    """Return a number above one that is at least 0, of so many digits that no thread changes it."""
    if number == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(number)) + 1 - _DIGITS)
    return math.ceil(number / step * (1 + 4 * _EPS)) * step * (1 + 4 * _EPS)
