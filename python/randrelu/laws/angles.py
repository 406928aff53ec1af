"""What becomes of the angle between two points, and what it says of their masks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
