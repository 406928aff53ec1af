"""Euclidean norms that hold where squares over- or underflow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import F

_TINY, _HUGE = 1e-140, 1e140


def norms(rows: NDArray[F]) -> NDArray[F]:
    """Return the norm of every row, shape (N,)."""
    if rows.dtype != np.float64:
        return _scaled(rows)
    with np.errstate(over="ignore", under="ignore"):
        plain: NDArray[F] = np.sqrt(np.einsum("pk,pk->p", rows, rows))
    unsure = ~((plain > _TINY) & (plain < _HUGE))  # a square may have left the range
    if unsure.any():
        plain[unsure] = _scaled(rows[unsure])
    return plain


def _scaled(rows: NDArray[F]) -> NDArray[F]:
    """Return the norm of every row, in units of its largest entry."""
    largest = np.abs(rows).max(axis=1, initial=0)
    scale = np.where(largest > 0, largest, 1)
    result: NDArray[F] = scale * np.linalg.norm(rows / scale[:, np.newaxis], axis=1)
    return result


def angles(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles (...) between vectors (..., d) that broadcast; NaN where one of them is 0.

    They are found from the differences and sums of the unit vectors, so that angles near 0 and π
    keep their digits, up to the rounding of the unit vectors.
    """
    with np.errstate(invalid="ignore"):
        u, v = (vectors / _along_last(vectors)[..., np.newaxis] for vectors in (x, y))
    result: NDArray[np.float64] = 2 * np.arctan2(_along_last(v - u), _along_last(v + u))
    return result


def _along_last(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = vectors.reshape(math.prod(vectors.shape[:-1]), vectors.shape[-1])
    return norms(rows).reshape(vectors.shape[:-1])


def norm(vector: NDArray[F]) -> float:
    """Return the norm of one vector."""
    if vector.dtype == np.float64:
        # Not a product of BLAS, which sums in another order on other numbers of threads.
        with np.errstate(over="ignore", under="ignore"):
            plain = math.sqrt(np.add.reduce(vector * vector))
        if _TINY < plain < _HUGE:
            return plain  # no square that matters left the range
    return float(norms(vector[np.newaxis])[0])
