"""The covariance of f at infinite width, and its derivatives: functions of the angle alone.

Networks of infinite width are Gaussian processes. In the scale of NN-DEF
E f(x)f(y) = 2^{−ℓ} ‖x‖ ‖y‖ κ_ℓ(ρ)/d, with ρ the cosine of the angle θ between x and y. Everything
here is a sum or product over the layers of positive terms of their angles θ_i, see `next_angle`, so
nothing cancels, however close two points are and however deep the network. `LimitNetwork` draws
from this law, jointly over all it is asked; it takes its layers from `one_layer`, with biases
between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, euclid
from randrelu.laws.angles import angle_after, excess_of

_Floats = NDArray[np.float64]


class LimitKernel(NamedTuple):
    """κ_ℓ and its first two derivatives by ρ = cos θ: arrays of one shape.

    Attributes
    ----------
    value : ndarray
        κ_ℓ(ρ) = cos θ_ℓ, in [0, 1] for ℓ ≥ 1.
    first : ndarray
        κ_ℓ′(ρ) = ∏_{i<ℓ}(1 − θ_i/π), in [0, 1].
    second : ndarray
        κ_ℓ″(ρ), infinite at ρ = ±1 for ℓ ≥ 1: near there it grows as 1/sin θ, and κ_ℓ″ sin²θ, with
        which it comes in covariances of gradients, tends to 0 there.
    """

    value: _Floats
    first: _Floats
    second: _Floats


def limit_kernel(x: ArrayLike, y: ArrayLike, depth: int) -> LimitKernel:
    """Return κ_ℓ, κ_ℓ′ and κ_ℓ″ of the covariance of networks of infinite width at two points.

    With x̂ and ŷ of norm 1, ρ = ⟨x̂, ŷ⟩ and σ² = 2^{−ℓ}/d for NN-DEF, f and ∇f are jointly normal
    with E f(x)f(y) = σ² ‖x‖ ‖y‖ κ, E f(y)∇f(x) = σ² ‖y‖ (κ x̂ + κ′ (ŷ − ρx̂)) and
    E ∇f(x)∇f(y)ᵀ = σ² (κ′ I + (κ − ρκ′) x̂ŷᵀ + κ″ (ŷ − ρx̂)(x̂ − ρŷ)ᵀ).

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points other than 0; their shapes broadcast.
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    LimitKernel
        Arrays of shape (...). The angle between the points, of which they are functions, has an
        error of a few 10⁻¹⁶, also where it is tiny; `limit_kernel_at` takes one that is known.

    Raises
    ------
    TypeError, ValueError
        If a point is 0, which is at no angle to others, the shapes do not broadcast, or an argument
        is not as described.
    """
    first, second = _points("x", x), _points("y", y)
    try:
        np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        raise ValueError(
            f"x and y must have shapes that broadcast, got {first.shape} and {second.shape}"
        ) from None
    return limit_kernel_at(euclid.angles(first, second), depth)


def limit_kernel_at(angle: ArrayLike, depth: int) -> LimitKernel:
    """Return κ_ℓ, κ_ℓ′ and κ_ℓ″ of points at an angle, see `limit_kernel`.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π].
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    LimitKernel
        Arrays of shape (...).

    Raises
    ------
    TypeError, ValueError
        If an angle or the depth is not as described.
    """
    arguments.integer("depth", depth, at_least=0, at_most=arguments.WIDEST)
    theta = arguments.real_array("angle", angle) + 0.0  # not −0, at which κ″ is −inf
    if not ((theta >= 0) & (theta <= math.pi)).all():
        raise ValueError(f"angle must lie in [0, π], got {angle!r}")
    passed = through_layers(theta, depth)
    return LimitKernel(np.cos(passed.angle), passed.first, passed.second)


class Layer(NamedTuple):
    """What a layer of infinitely many ReLUs makes of two points at an angle θ, of cosine ρ.

    Attributes
    ----------
    angle : ndarray
        θ′ of their images, see `next_angle`; κ(ρ) = cos θ′.
    first : ndarray
        κ′ = 1 − θ/π.
    second : ndarray
        κ″ = 1/(π sin θ), infinite at both ends.
    alone : ndarray
        κ − ρκ′ = sin θ/π.
    """

    angle: _Floats
    first: _Floats
    second: _Floats
    alone: _Floats


def one_layer(angle: _Floats) -> Layer:
    """Return what a layer of infinitely many ReLUs makes of points at these angles."""
    # The sine of what stands for π is not 0.
    alone = np.where(angle == math.pi, 0, np.sin(angle)) / math.pi
    with np.errstate(divide="ignore", over="ignore"):
        second = 1 / (math.pi**2 * alone)
    return Layer(angle_after(angle), 1 - angle / math.pi, second, alone)


@dataclass(frozen=True)
class Passed:
    """What ℓ layers make of two points at an angle: θ_ℓ, κ′, κ″ and 1 − κ² − κ′² sin²θ."""

    angle: _Floats
    first: _Floats
    second: _Floats
    unexplained: _Floats


def through_layers(angle: ArrayLike, depth: int) -> Passed:
    """Return what is left after `depth` layers of two points at an angle.

    `unexplained` is the share of the variance of f(y) that f(x) and ∇f(x) leave open: that of a
    layer is added to what the layers before left open times (1 − θ_i/π)².
    """
    theta = np.asarray(angle, np.float64)
    first, second, unexplained = np.ones_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    for _ in range(depth):
        layer = one_layer(theta)
        second = layer.second * first**2 + layer.first * second
        unexplained = _unexplained(theta) + layer.first**2 * unexplained
        theta, first = layer.angle, first * layer.first
    return Passed(theta, first, second, unexplained)


def off_tangent(angle: ArrayLike, depth: int) -> _Floats:
    """Return E(f(y) − ⟨∇f(x), y⟩)² for points of norm 1 at an angle, in units of E f².

    About 4ℓθ³/(3π), ℓ the depth, for small θ: to what f(x) and ∇f(x) leave open of f(y) comes how
    far its mean given these is from the tangent.
    """
    theta = np.asarray(angle, np.float64)
    passed = through_layers(theta, depth)
    risen = 2 * np.sin((theta + passed.angle) / 2) * np.sin((theta - passed.angle) / 2)  # κ − cos θ
    result: _Floats = passed.unexplained + risen**2 + (np.sin(theta) * (1 - passed.first)) ** 2
    return result


def _unexplained(theta: _Floats) -> _Floats:
    """Return sin²θ′ − (1 − θ/π)² sin²θ, of one layer: near 4θ³/(3π) for small θ.

    From cos θ′ = cos θ + e/π, e = sin θ − θ cos θ: it is 2(θ − sin θ cos θ)/π less a term that is
    at most half of that.
    """
    twice = 2 * theta
    series = twice**3 / 6 - twice**5 / 120 + twice**7 / 5040
    bent = np.where(twice < 0.05, series, twice - np.sin(twice)) / 2
    squares = (theta * np.sin(theta)) ** 2 + excess_of(theta) ** 2
    result: _Floats = 2 * bent / math.pi - squares / math.pi**2
    return result


def _points(name: str, points: ArrayLike) -> _Floats:
    array = arguments.real_array(name, points)
    given: _Floats = arguments.converted(name, array, np.dtype(np.float64)).reshape(array.shape)
    if not array.shape or not array.shape[-1]:
        raise ValueError(f"{name} must have shape (..., d), got {given.shape}")
    if not given.any(axis=-1).all():
        raise ValueError(f"{name} must not be 0: there is no angle between 0 and another point")
    return given
