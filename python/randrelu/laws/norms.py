"""Exact laws of norms, at any width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
