"""What is found in balls around one point says something of the smaller, or larger, ones, too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def best_within(attained: NDArray[Any]) -> NDArray[np.intp]:
    """Return where, for each of K balls, most is attained in it and in the smaller ones.

    The numbers, (K, ...), are in the order of the balls, the smallest first, and so are the
    indices, of the same shape. Of equal numbers the largest ball's counts.
    """
    own = np.arange(len(attained)).reshape(-1, *[1] * (attained.ndim - 1))
    most = np.maximum.accumulate(attained, axis=0)
    found: NDArray[np.intp] = np.maximum.accumulate(np.where(attained == most, own, 0), axis=0)
    return found


def least_around(certified: NDArray[Any]) -> NDArray[Any]:
    """Return the smallest of the bounds (K, ...) of each of K balls and of the larger ones.

    They are in the order of the balls, the smallest first.
    """
    found: NDArray[Any] = np.minimum.accumulate(certified[::-1], axis=0)[::-1]
    return found
