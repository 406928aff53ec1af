"""What becomes of the angle between two points, and what it says of their masks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments


def sine_excess(x: ArrayLike) -> NDArray[np.float64]:
    """Return sin x − x cos x for x ≥ 0, by its series where the terms would cancel."""
    return excess_of(arguments.within("x", x, 0))


def excess_of(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `sine_excess` of what is known to be valid."""
    with np.errstate(over="ignore", invalid="ignore"):  # far from where the series is taken
        series = x**3 / 3 - x**5 / 30 + x**7 / 840
    return np.where(x < 0.05, series, np.sin(x) - x * np.cos(x))


def next_angle(angle: ArrayLike) -> NDArray[np.float64]:
    """Return the angle between the images of two points after a wide ReLU layer.

    With many independent normal weights the angle θ becomes θ′ with
    cos θ′ = (sin θ + (π − θ) cos θ)/π, the arc-cosine map.

    Parameters
    ----------
    angle : array_like
        θ in [0, π]; NaN where there is none.

    Returns
    -------
    ndarray
        θ′ in [0, π/2], without loss of digits where θ is small.
    """
    return angle_after(_angles("angle", angle))


def angle_after(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `next_angle` of what is known to be valid."""
    # 1 − cos θ′ = 2 sin²(θ′/2) = 2 sin²(θ/2) − (sin θ − θ cos θ)/π.
    half_versine = np.sin(theta / 2) ** 2 - excess_of(theta) / (2 * math.pi)
    result: NDArray[np.float64] = 2 * np.arcsin(np.sqrt(np.clip(half_versine, 0, 1)))
    return result


def flip_fractions(angle: ArrayLike, depth: int) -> NDArray[np.float64]:
    """Return the share of each layer's units that differ between two points, at infinite width.

    The first layer's flips follow Binomial(d_1, θ/π) exactly at any width; after it `next_angle`
    holds in the limit.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π]; NaN where there is none.
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    ndarray, shape (..., ℓ)
    """
    theta = _angles("angle", angle)
    depth = arguments.integer("depth", depth, at_least=0, at_most=arguments.WIDEST)
    fractions = np.empty((*theta.shape, depth))
    for layer in range(depth):
        fractions[..., layer] = theta / math.pi
        theta = angle_after(theta)
    return fractions


def flips_given_images(image_angles: ArrayLike) -> NDArray[np.float64]:
    """Return the share of a layer's units that differ, given the images in the layer before.

    The number is Binomial(d_i, share) exactly, at any widths, because the rows of W_i are
    independent of the layers before. The share is θ/π for images at the angle θ.

    Parameters
    ----------
    image_angles : array_like
        The angles between f_{i−1}(x) and f_{i−1}(y), in [0, π]; NaN where there is none. For
        exactly one image that is 0 say π/2, as the coins make the share 1/2; for two say 0, as both
        have the same coins.

    Returns
    -------
    ndarray
    """
    result: NDArray[np.float64] = _angles("image_angles", image_angles) / math.pi
    return result


def gradient_terms(angle: ArrayLike, depth: int) -> NDArray[np.float64]:
    """Return E‖Δ_j‖²/E‖∇f‖² of the terms of (GD-DECOMP): 2θ_{j−1}/π, θ_j after j layers.

    Exact for Δ_1 at any widths, where it says E‖Δ_1‖² = 2^{1−ℓ} θ/π for NN-DEF; for the others the
    limit of infinite width.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π]; NaN where there is none.
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    ndarray, shape (..., ℓ)
    """
    return 2 * flip_fractions(angle, depth)


def gradient_deviation(angle: ArrayLike, depth: int) -> NDArray[np.float64]:
    """Return E‖∇f(x) − ∇f(y)‖²/E‖∇f‖² (Lemma 2.8): 2(1 − ∏_{i<ℓ}(1 − θ_i/π)), θ_i after i layers.

    Exact for ℓ ≤ 1 at any widths; for deeper networks the limit of infinite width.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π]; NaN where there is none.
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    ndarray, shape (...)
    """
    with np.errstate(divide="ignore"):  # opposite points share no unit
        shared = np.log1p(-flip_fractions(angle, depth)).sum(axis=-1)
    result: NDArray[np.float64] = -2 * np.expm1(shared)
    return result


def _angles(name: str, angle: ArrayLike) -> NDArray[np.float64]:
    return arguments.within(name, angle, 0, math.pi, undefined=True)
