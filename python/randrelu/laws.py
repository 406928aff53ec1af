"""Closed forms: what the paper and probability theory say before anything is measured.

All logarithms are natural.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def linear_step_norm_quantile(q: ArrayLike, dim: int) -> NDArray[Any] | float:
    """Return quantiles of ‖η∇f(x)‖/‖x‖ for the step η = −2f/‖∇f‖² that reflects f.

    The direction of ∇f(x) is uniform on the sphere, whatever the widths and the depth, so
    (f/(‖∇f‖‖x‖))² follows Beta(1/2, (d−1)/2) exactly, and the step has twice its square root.

    Parameters
    ----------
    q : array_like
        Probabilities in [0, 1].
    dim : int
        The input dimension d ≥ 2.

    Returns
    -------
    float or ndarray
    """
    from scipy.stats import beta

    result: NDArray[Any] | float = 2 * np.sqrt(beta.ppf(q, 0.5, (dim - 1) / 2))
    return result


def size_bound(dim: int, delta: float) -> float:
    """Return √(log(1/δ)/d), the size bound of Theorem 1.1 without its constant c₃."""
    return math.sqrt(-math.log(delta) / dim)


def narrowest(widths: tuple[int, ...]) -> int:
    """Return d_min, the smallest of d, d_1, …, d_ℓ."""
    return min(widths[:-1])


def log10_required_width(widths: tuple[int, ...], delta: float) -> float:
    """Return log₁₀ of the d_min that section 2 of the paper asks for.

    (C ℓ log d_max)^{240ℓ} log(1/δ), with its absolute constant C taken to be 1, and the base taken
    to be at least 1: a logarithm below that is not what the condition means. A logarithm, because
    the number itself does not fit in a double at any practical width.
    """
    depth, widest = len(widths) - 2, max(widths[:-1])
    base = max(1.0, depth * math.log(widest))
    return 240 * depth * math.log10(base) + math.log10(-math.log(delta))


def paper_step_size(widths: tuple[int, ...], delta: float) -> float:
    """Return 2^ℓ log(d) √(log(1/δ)), which |η| ‖∇f‖² is in the proof of Theorem 1.1 (‖x‖ = √d).

    It exceeds the size that the theorem states by the factor log d.
    """
    depth, dim = len(widths) - 2, widths[0]
    return 2.0**depth * math.log(dim) * math.sqrt(-math.log(delta))


def nn_def_scale(widths: tuple[int, ...], variances: list[float]) -> float:
    """Return how much larger f is than that of NN-DEF when W_i has the given variances."""
    factors = [math.sqrt(v * n) for v, n in zip(variances, widths[:-1], strict=True)]
    return math.prod(factors)
