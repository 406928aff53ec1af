"""Exact laws of norms at any widths: of ∇f, of f, of the layers, and of a masked difference.

By Lemma 2.1 the masks at a point are fair coins, independent of the weights, so every masked layer
multiplies the squared norm of what passes it by χ²_k times the variance of its weights, with
k ~ Binomial(d_i, 1/2) active units, independently of the layers before.
"""

from __future__ import annotations

import math

from randrelu._support import arguments
from randrelu.laws.products import Chi2, NormLaw
from randrelu.laws.scales import weight_variances


def gradient_norm_law(widths: tuple[int, ...], *, init: str = "paper") -> NormLaw:
    """Return the law of ‖∇f(x)‖ at any x ≠ 0 (Lemma 2.2), exact at any widths.

    ‖∇f‖² is the product of χ²_d/d and χ²_{k_i}/d_i over the hidden layers, for NN-DEF. So
    E‖∇f‖² = 2^{−ℓ}, E‖∇f‖⁴/(E‖∇f‖²)² = (1 + 2/d) ∏(1 + 5/d_i), and ∇f is 0 with probability
    1 − ∏(1 − 2^{−d_i}).

    The direction of ∇f is uniform and independent of ‖∇f‖, so f²/(‖∇f‖ ‖x‖)² follows
    Beta(1/2, (d − 1)/2) and is independent of ‖∇f‖, too.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    init : str
        The variances of the weights, a key of `VARIANCES`.

    Returns
    -------
    NormLaw
    """
    widths = arguments.widths_tuple(widths)
    return NormLaw((Chi2(widths[0]), *_masks(widths[1:-1])), _log_variance(widths, init))


def output_size_law(widths: tuple[int, ...], norm: float, *, init: str = "paper") -> NormLaw:
    """Return the law of |f(x)| at a point of this norm (Lemma 2.2), exact at any widths.

    f² is the product of ‖x‖² χ²_1/d and χ²_{k_i}/d_i over the hidden layers, for NN-DEF. The sign
    of f is fair and independent of |f|.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    norm : float
        ‖x‖ > 0.
    init : str
        The variances of the weights, a key of `VARIANCES`.

    Returns
    -------
    NormLaw
    """
    widths = arguments.widths_tuple(widths)
    norm = arguments.number("norm", norm, positive=True)
    square = 2 * math.log(norm) + _log_variance(widths, init)
    return NormLaw((Chi2(1), *_masks(widths[1:-1])), square)


def limit_gradient_norm_law(dim: int, depth: int) -> NormLaw:
    """Return the law of ‖∇f(x)‖ at infinite width, in the scale of NN-DEF: ‖∇f‖² ~ 2^{−ℓ} χ²_d/d.

    Parameters
    ----------
    dim, depth : int
        d ≥ 1 and the number ℓ ≥ 0 of hidden layers.

    Returns
    -------
    NormLaw

    Raises
    ------
    TypeError, ValueError
        If a number is not as described.
    """
    arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    arguments.integer("depth", depth, at_least=0, at_most=arguments.WIDEST)
    return NormLaw((Chi2(dim),), -math.log(dim) - depth * math.log(2))


def limit_output_size_law(dim: int, depth: int, norm: float) -> NormLaw:
    """Return the law of |f(x)| at infinite width, in the scale of NN-DEF: f² ~ 2^{−ℓ} ‖x‖² χ²_1/d.

    Parameters
    ----------
    dim, depth : int
        d ≥ 1 and the number ℓ ≥ 0 of hidden layers.
    norm : float
        ‖x‖ > 0.

    Returns
    -------
    NormLaw

    Raises
    ------
    TypeError, ValueError
        If a number is not as described.
    """
    arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    arguments.integer("depth", depth, at_least=0, at_most=arguments.WIDEST)
    norm = arguments.number("norm", norm, positive=True)
    return NormLaw((Chi2(1),), 2 * math.log(norm) - math.log(dim) - depth * math.log(2))


def layer_norm_law(widths: tuple[int, ...], layer: int, *, init: str = "paper") -> NormLaw:
    """Return the law of ‖f_i(x)‖/‖x‖ at any x ≠ 0 (Lemma 2.3, Eq. (10)), exact at any widths.

    Its square is the product of χ²_{k_j}/d_{j−1} over the layers j ≤ i, for NN-DEF.

    Parameters
    ----------
    widths : tuple of int
        (d, d_1, …, d_ℓ, 1).
    layer : int
        The hidden layer i, from 1 to ℓ.
    init : str
        The variances of the weights, a key of `VARIANCES`.

    Returns
    -------
    NormLaw
    """
    widths = arguments.layer_widths(widths)
    layer = arguments.integer("layer", layer, at_least=1, at_most=len(widths) - 2)
    return NormLaw(_masks(widths[1 : layer + 1]), _log_variance(widths[: layer + 1], init))


def masked_difference_law(angle: float, k: int, m: int, n: int) -> NormLaw:
    """Return the law of ‖HᵀDWM‖/L of Lemma A.4 for M orthogonal to x and y, exact at any widths.

    Where M has n orthonormal columns that are orthogonal to x and y, WM is independent of D, so the
    square is Beta(N/2, (k − N)/2) χ²_n/m with N ~ Binomial(k, θ/π) units that differ.

    Parameters
    ----------
    angle : float
        The angle θ between x and y, in (0, π].
    k, m, n : int
        W has the shape (k, m), M (m, n), with n ≤ m − 2.

    Returns
    -------
    NormLaw
    """
    theta = arguments.number("angle", angle, positive=True)
    if theta > math.pi:
        raise ValueError(f"angle must lie in (0, π], got {angle!r}")
    k, m, n = (
        arguments.integer(name, size, at_least=1, at_most=arguments.WIDEST)
        for name, size in (("k", k), ("m", m), ("n", n))
    )
    factors = (Chi2(k, theta / math.pi), Chi2(k, reciprocal=True), Chi2(n))
    return NormLaw(factors, -math.log(m))


def _masks(hidden: tuple[int, ...]) -> tuple[Chi2, ...]:
    return tuple(Chi2(width, 0.5) for width in hidden)


def _log_variance(widths: tuple[int, ...], init: str) -> float:
    """Return the logarithm of the product of the variances of all weight matrices."""
    return sum(math.log(variance) for variance in weight_variances(widths, init))
