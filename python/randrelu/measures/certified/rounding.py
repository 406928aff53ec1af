"""What the rounding of float64 is at most, for bounds that include it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid

EPS = float(np.finfo(np.float64).eps)  # two roundings
TINY = 1e-280  # more than what sums of numbers up to 1 lose by underflow


def gamma(n: int) -> float:
    """Return more than the relative rounding of a sum of n products, however it is done."""
    return (n + 8) * EPS


def norm_above(vector: NDArray[np.float64]) -> float:
    """Return no less than the Euclidean norm of a vector."""
    return euclid.norm(vector) * (1 + gamma(len(vector)))
