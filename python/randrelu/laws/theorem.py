"""The sizes and widths that the theorem names. All logarithms are natural."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments


def size_bound(dim: int, delta: float) -> float:
    """Return √(log(1/δ)/d), the size bound of Theorem 1.1 without its constant c₃."""
    dim = arguments.integer("dim", dim, at_least=1)
    return math.sqrt(-math.log(arguments.probability("delta", delta)) / dim)


def narrowest(widths: tuple[int, ...]) -> int:
    """Return d_min, the smallest of d, d_1, …, d_ℓ."""
    return min(arguments.layer_widths(widths)[:-1])


def log_widest(widths: tuple[int, ...]) -> float:
    """Return log d_max, but at least 1: a smaller logarithm is not what the bounds mean."""
    return max(1.0, math.log(max(arguments.layer_widths(widths)[:-1])))


def base(widths: tuple[int, ...]) -> float:
    """Return ℓ log d_max, the base of section 2's powers, both factors at least 1."""
    widths = arguments.layer_widths(widths)
    return max(1, len(widths) - 2) * log_widest(widths)


def log10_required_width(widths: tuple[int, ...], delta: float) -> float:
    """Return log₁₀ of the d_min that section 2 of the paper asks for.

    (C ℓ log d_max)^{240ℓ} log(1/δ), with its absolute constant C taken to be 1. A logarithm,
    because the number itself does not fit in a double at any practical width.
    """
    widths = arguments.layer_widths(widths)
    delta = arguments.probability("delta", delta)
    power = 240 * (len(widths) - 2)
    return power * math.log10(base(widths)) + math.log10(-math.log(delta))


def paper_step_size(widths: tuple[int, ...], delta: float, norm: ArrayLike) -> NDArray[np.float64]:
    """Return |η| ‖∇f‖² of the step in the proof of Theorem 1.1, at points x of these norms.

    The proof has 2^ℓ log(d) √(log(1/δ)) where ‖x‖ = √d, which exceeds the size that the theorem
    states by the factor log d; f is homogeneous, so it is proportional to ‖x‖.
    """
    widths = arguments.layer_widths(widths)
    delta = arguments.probability("delta", delta)
    depth, dim = len(widths) - 2, widths[0]
    at_root = 2.0**depth * math.log(dim) * math.sqrt(-math.log(delta))
    result: NDArray[np.float64] = at_root / math.sqrt(dim) * arguments.within("norm", norm, 0)
    return result
