"""Networks of infinite width: Gaussian processes, in the scale of NN-DEF, for any fixed d."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu.laws.angles import flip_fractions, next_angle

_Floats = NDArray[np.float64]
_NODES = 400  # of the Gauss–Legendre rule


def limit_kernel(angle: ArrayLike, depth: int) -> tuple[_Floats, _Floats]:
    """Return κ and κ′ of the limit's covariance E f(x)f(y) = 2^{−ℓ} ‖x‖ ‖y‖ κ(cos θ)/d.

    κ = cos θ_ℓ and κ′ = ∏_{i<ℓ}(1 − θ_i/π), its derivative by cos θ, where θ_i is the angle after i
    layers (`next_angle`). E⟨∇f(x), ∇f(y)⟩ → 2^{−ℓ} κ′ as d → ∞.

    Parameters
    ----------
    angle : array_like, shape (...)
        The angle θ between the points, in [0, π].
    depth : int
        The number ℓ of hidden layers.

    Returns
    -------
    kernel, derivative : ndarray, shape (...)
    """
    last, shared, _ = _image(np.asarray(angle, np.float64), depth)
    return np.cos(last), shared


def limit_step(
    eta: ArrayLike, f: ArrayLike, grad_norm: ArrayLike, dim: int, depth: int, norm: float
) -> tuple[_Floats, _Floats]:
    """Return mean and standard deviation of f(x + η∇f(x)), given f(x) and ‖∇f(x)‖.

    In the limit of infinite width it is normal, given ∇f(x), with

    mean ‖y‖(κ − cκ′)f/‖x‖ + κ′(f + η‖∇f‖²), variance 2^{−ℓ} ‖y‖²(1 − κ² − κ′²(1 − c²))/d,

    with c the cosine of the angle between x and y, see `limit_kernel`.

    Parameters
    ----------
    eta, f, grad_norm : array_like
        Numbers that broadcast, in the scale of NN-DEF; |f| ≤ ‖∇f‖ ‖x‖.
    dim, depth : int
        d and the number ℓ of hidden layers.
    norm : float
        ‖x‖ > 0.

    Returns
    -------
    mean, deviation : ndarray
    """
    eta, f, slope = (np.asarray(given, np.float64) for given in (eta, f, grad_norm))
    along = norm + eta * f / norm  # of y, along x, and what is across it
    across = np.abs(eta) * np.sqrt(np.maximum(slope**2 - (f / norm) ** 2, 0))
    size, angle = np.hypot(along, across), np.arctan2(across, along)
    last, shared, spread = _image(angle, depth)
    mean = size * (np.cos(last) - np.cos(angle) * shared) * f / norm
    return mean + shared * (f + eta * slope**2), size * spread / math.sqrt(2.0**depth * dim)


def limit_linear_step(dim: int, depth: int) -> tuple[float, float]:
    """Return P{the linear step flips the sign of f} and P{and |f| is no smaller after it}.

    In the limit of infinite width, to 10⁻⁸: the means over the angle θ = 2 arcsin|ρ| of the step
    (see `linear_step_norm_quantile`) of P{T ≤ √d |ρ| a/s}, T of Student's law with d degrees of
    freedom, s² = sin²θ_ℓ − sin²θ κ′², a = (1 + cos θ)κ′ − cos θ_ℓ, and a − 1 for the second. The
    second is about √(2π)/(3ℓ√d) for large d. At finite width no unit flips with a small
    probability, and then f is reflected exactly.

    Parameters
    ----------
    dim : int
        The input dimension d.
    depth : int
        The number ℓ of hidden layers. Without any, f is linear, and both are 1.

    Returns
    -------
    flips, succeeds : float
    """
    from scipy.special import roots_legendre, stdtr

    if depth == 0:
        return 1.0, 1.0
    if dim == 1:  # y is −x
        half, weights = np.array([math.pi / 2]), np.ones(1)
    else:
        # Half the angle has a density like cos^{d−2}, and the integrands a root at 0.
        end = math.sqrt(min(math.pi / 2, 10 / math.sqrt(dim)))
        nodes, weights = roots_legendre(_NODES)
        root = end * (nodes + 1) / 2
        half = root**2
        weights = weights * root * np.cos(half) ** (dim - 2)
        weights /= weights.sum()
    last, shared, spread = _image(2 * half, depth)
    drop = (1 + np.cos(2 * half)) * shared - np.cos(last)
    unit = math.sqrt(dim) * np.sin(half) / spread
    return float(weights @ stdtr(dim, unit * drop)), float(weights @ stdtr(dim, unit * (drop - 1)))


def _image(angle: _Floats, depth: int) -> tuple[_Floats, _Floats, _Floats]:
    """Return θ_ℓ, κ′ and √(1 − κ² − κ′² sin²θ), from factors that do not cancel."""
    shared = np.prod(1 - flip_fractions(angle, depth), axis=-1)
    last = angle
    for _ in range(depth):
        last = next_angle(last)
    far, near = np.sin(last), np.sin(angle) * shared
    return last, shared, np.sqrt(np.maximum((far - near) * (far + near), 0))
