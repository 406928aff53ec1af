"""Which steps along the gradient are looked at, and the first of them past a level."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

LONGEST = 200.0  # times 1/√d: the largest relative size of a step, where sizes are censored
APART = 1.15  # the ratio of neighbouring angles up to 1 radian; above, they are 0.1 apart


def angles(dim: int, depth: int) -> _Floats:
    """Return the angles between x and where the steps lead, ascending, shape (m,).

    The first is small beside 1/√d, where the tangent is 0, and beside 1/ℓ, where f bends: it is
    the lowest around 3π/(2ℓ).
    """
    first = min(0.1 / math.sqrt(dim), 0.5 / depth)
    count = math.ceil(-math.log(first) / math.log(APART))
    far = np.linspace(1.0, 3.0, 21)
    return np.concatenate([np.geomspace(first, 1.0, count, endpoint=False), far])


def sizes_at(angle: _Floats, tangent: _Floats) -> _Floats:
    """Return the relative sizes of the steps against the sign of f that end at these angles.

    Parameters
    ----------
    angle : ndarray, shape (m,)
        Between x and x + η∇f(x).
    tangent : ndarray, shape (...)
        |f|/(‖∇f‖‖x‖), the cosine of the angle between x and ∇f(x), up to the sign.

    Returns
    -------
    ndarray, shape (..., m)
        ‖η∇f(x)‖/‖x‖, infinite where no step leads as far around.
    """
    cosine = tangent[..., np.newaxis]
    below = np.sqrt(np.maximum(1 - cosine**2, 0)) * np.cos(angle) + cosine * np.sin(angle)
    found: _Floats = np.full(below.shape, np.inf)
    np.divide(np.sin(angle), below, out=found, where=below > 0)
    return found


def first_size(sizes: _Floats, values: _Floats, level: _Floats) -> _Floats:
    """Return the size at which f, from above, first reaches a level.

    Between neighbouring steps f is taken as linear; what it does there is not seen.

    Parameters
    ----------
    sizes, values : ndarray, shape (n, m)
        Sizes of steps, ascending from 0, and f after them; infinite ones are after all others.
    level : ndarray, shape (n,)
        Below the first of the values.

    Returns
    -------
    ndarray, shape (n,)
        NaN where no step reaches it.
    """
    seen = (values <= level[:, np.newaxis]) & np.isfinite(sizes)
    after = np.maximum(np.argmax(seen, axis=1), 1)
    row = np.arange(len(sizes))
    s0, s1 = sizes[row, after - 1], sizes[row, after]
    v0, v1 = values[row, after - 1], values[row, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        size = s0 + (s1 - s0) * ((v0 - level) / (v0 - v1))
    return np.where(seen.any(axis=1), size, np.nan)
