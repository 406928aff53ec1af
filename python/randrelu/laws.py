"""Closed forms: what the paper and probability theory say before anything is measured.

All logarithms are natural.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95  # of the intervals that checks and figures show


def share_interval(count: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact (Clopper–Pearson) confidence interval of a probability.

    `count` is how many of the independent `trials` succeeded.
    """
    from scipy.stats import binomtest

    interval = binomtest(count, trials).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def linear_step_norm_quantile(q: ArrayLike, dim: int) -> NDArray[Any] | float:
    """Return quantiles of ‖η∇f(x)‖/‖x‖ for the step η = −2f/‖∇f‖² that reflects f.

    Where ∇f(x) is not 0, its direction is uniform on the sphere, whatever the widths and the depth,
    so (f/(‖∇f‖‖x‖))² follows Beta(1/2, (d−1)/2) exactly, and the step has twice its square root.

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


def sample_gradient(
    widths: tuple[int, ...], n: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw ‖∇f(x)‖ and f(x), for ‖x‖ = √d and NN-DEF, from their exact joint law.

    By Lemma 2.1 the masks are fair coins, so ‖∇f‖² is the product of χ²_d/d and χ²_{k_i}/d_i over
    the hidden layers, with k_i ~ Binomial(d_i, 1/2) active units, all independent; and the
    direction of ∇f is uniform.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    n : int
        The number of draws.
    generator : Generator
        Where they come from.

    Returns
    -------
    grad_norm, f : ndarray, shape (n,)
    """
    dim = widths[0]
    later = np.ones(n)  # ‖W_{ℓ+1} D_ℓ W_ℓ … D_1‖²
    for width in widths[1:-1]:
        active = generator.binomial(width, 0.5, n)
        later *= 2 * generator.standard_gamma(active / 2) / width
    along = generator.standard_normal(n)  # of √d W_1's image, the component along x, and the rest
    across = 2 * generator.standard_gamma((dim - 1) / 2, n)
    return np.sqrt(later * (along**2 + across) / dim), np.sqrt(later) * along


def size_bound(dim: int, delta: float) -> float:
    """Return √(log(1/δ)/d), the size bound of Theorem 1.1 without its constant c₃."""
    return math.sqrt(-math.log(delta) / dim)


def narrowest(widths: tuple[int, ...]) -> int:
    """Return d_min, the smallest of d, d_1, …, d_ℓ."""
    return min(widths[:-1])


def log_widest(widths: tuple[int, ...]) -> float:
    """Return log d_max, but at least 1: a smaller logarithm is not what the bounds mean."""
    return max(1.0, math.log(max(widths[:-1])))


def log10_required_width(widths: tuple[int, ...], delta: float) -> float:
    """Return log₁₀ of the d_min that section 2 of the paper asks for.

    (C ℓ log d_max)^{240ℓ} log(1/δ), with its absolute constant C taken to be 1, and the base taken
    to be at least 1: a logarithm below that is not what the condition means. A logarithm, because
    the number itself does not fit in a double at any practical width.
    """
    depth, widest = len(widths) - 2, max(widths[:-1])
    base = max(1.0, depth * math.log(widest))
    return 240 * depth * math.log10(base) + math.log10(-math.log(delta))


def paper_step_size(widths: tuple[int, ...], delta: float, norm: ArrayLike) -> NDArray[np.float64]:
    """Return |η| ‖∇f‖² of the step in the proof of Theorem 1.1, at points x of these norms.

    The proof has 2^ℓ log(d) √(log(1/δ)) where ‖x‖ = √d, which exceeds the size that the theorem
    states by the factor log d; f is homogeneous, so it is proportional to ‖x‖.
    """
    depth, dim = len(widths) - 2, widths[0]
    at_root = 2.0**depth * math.log(dim) * math.sqrt(-math.log(delta))
    result: NDArray[np.float64] = at_root / math.sqrt(dim) * np.asarray(norm, np.float64)
    return result


# The variance of a weight, given its layer's fan-in.
VARIANCES: dict[str, Callable[[int], float]] = {
    "paper": lambda fan_in: 1.0 / fan_in,
    "he": lambda fan_in: 2.0 / fan_in,
    "unit": lambda fan_in: 1.0,
}


def weight_variances(widths: tuple[int, ...], init: str) -> list[float]:
    """Return the variance of the entries of W_1, …, W_{ℓ+1}."""
    return [VARIANCES[init](fan_in) for fan_in in widths[:-1]]


def nn_def_scale(widths: tuple[int, ...], variances: list[float]) -> float:
    """Return how much larger f is than that of NN-DEF when W_i has the given variances."""
    factors = [math.sqrt(v * n) for v, n in zip(variances, widths[:-1], strict=True)]
    return math.prod(factors)


def sine_excess(x: ArrayLike) -> NDArray[np.float64]:
    """Return sin x − x cos x for x ≥ 0, by its series where the terms would cancel."""
    x = np.asarray(x, np.float64)
    series = x**3 / 3 - x**5 / 30 + x**7 / 840
    return np.where(x < 0.05, series, np.sin(x) - x * np.cos(x))


def next_angle(angle: ArrayLike) -> NDArray[np.float64]:
    """Return the angle between the images of two points after a wide ReLU layer.

    With many independent normal weights the angle θ becomes θ′ with
    cos θ′ = (sin θ + (π − θ) cos θ)/π, the arc-cosine map.

    Parameters
    ----------
    angle : array_like
        θ in [0, π].

    Returns
    -------
    ndarray
        θ′ in [0, π/2], without loss of digits where θ is small.
    """
    theta = np.asarray(angle, np.float64)
    # 1 − cos θ′ = 2 sin²(θ′/2) = 2 sin²(θ/2) − (sin θ − θ cos θ)/π.
    half_versine = np.sin(theta / 2) ** 2 - sine_excess(theta) / (2 * math.pi)
    result: NDArray[np.float64] = 2 * np.arcsin(np.sqrt(np.clip(half_versine, 0, 1)))
    return result


def flip_fractions(angle: ArrayLike, depth: int) -> NDArray[np.float64]:
    """Return the share of each layer's units that differ between two points, at infinite width.

    The first layer's flips follow Binomial(d_1, θ/π) exactly at any width; after it `next_angle`
    holds in the limit.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π].
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    ndarray, shape (..., ℓ)
    """
    theta = np.asarray(angle, np.float64)
    fractions = np.empty((*theta.shape, depth))
    for layer in range(depth):
        fractions[..., layer] = theta / math.pi
        theta = next_angle(theta)
    return fractions


def projected_length_law(rank: int, dim: int) -> Any:
    """Return the law of ‖W⁺Wx‖²/‖x‖², Beta(k/2, (d−k)/2), for k × d Gaussian W and k < d.

    The row space of W is a uniformly random subspace of dimension k.

    Parameters
    ----------
    rank : int
        The number k of rows.
    dim : int
        The dimension d > k.

    Returns
    -------
    scipy.stats.rv_frozen
    """
    from scipy.stats import beta

    return beta(rank / 2, (dim - rank) / 2)


def mean_projected_length(rank: int, dim: int) -> float:
    """Return the mean of ‖W⁺Wx‖/‖x‖ for k × d Gaussian W, near √(k/d); 1 for k ≥ d.

    Γ((k+1)/2) Γ(d/2) / (Γ(k/2) Γ((d+1)/2)), the mean of the square root of the law above.
    """
    from scipy.special import poch

    return 1.0 if rank >= dim else float(poch(rank / 2, 0.5) / poch(dim / 2, 0.5))


def draw_projected_length(rank: int, dim: int, generator: np.random.Generator) -> float:
    """Draw ‖W⁺Wx‖/‖x‖ for k × d Gaussian W from its law."""
    return 1.0 if rank >= dim else math.sqrt(generator.beta(rank / 2, (dim - rank) / 2))
