"""The linear step η = −2f/‖∇f‖², which reflects x in the plane across ∇f(x): y has x's norm.

Where ∇f(x) is not 0, its direction is uniform on the sphere, whatever the widths and the depth. So
the cosine ρ of its angle to x has ρ² ~ Beta(1/2, (d − 1)/2), y lies at the angle 2 arcsin|ρ| from
x, and ‖y − x‖ = 2|ρ| ‖x‖.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, memory

_Floats = NDArray[np.float64]
_BLOCK = 2**20  # units at a time


def linear_step_norm_quantile(q: ArrayLike, dim: int) -> NDArray[Any] | float:
    """Return quantiles of ‖η∇f(x)‖/‖x‖ for the linear step, exact at any widths.

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

    q = arguments.within("q", q, 0, 1)
    dim = arguments.integer("dim", dim, at_least=2, at_most=arguments.WIDEST)
    result: NDArray[Any] | float = 2 * np.sqrt(beta.ppf(q, 0.5, (dim - 1) / 2))
    return result


def sample_linear_step(
    dim: int, width: int, n: int, generator: np.random.Generator
) -> tuple[_Floats, _Floats, _Floats]:
    """Draw f(x), ‖∇f(x)‖ and f(y) after the linear step, for widths (d, d_1, 1) and ‖x‖ = √d.

    The weights are those of NN-DEF. The joint law is exact, at a cost of O(d_1) a draw whatever d
    is: beside the preactivations at x only their derivatives across x, along ∇f, matter.

    Parameters
    ----------
    dim, width : int
        d and d_1.
    n : int
        The number of draws.
    generator : Generator
        Where they come from.

    Returns
    -------
    f, grad_norm, f_after : ndarray, shape (n,)
        All 0 where ∇f(x) = 0.
    """
    dim = arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST)
    width = arguments.integer("width", width, at_least=1, at_most=arguments.WIDEST)
    n = arguments.integer("n", n, at_least=0)
    arguments.generator("generator", generator)
    memory.require(
        8 * (8 * max(width, min(n * width, _BLOCK)) + 3 * n),
        f"drawing {n} steps of networks of width {width}",
        "draw fewer at a time",
    )
    rows = max(1, _BLOCK // width)
    parts = [_linear_steps(dim, width, min(rows, n - i), generator) for i in range(0, n, rows)]
    f, grad_norm, after = np.concatenate([np.empty((3, 0)), *parts], axis=1)
    return f, grad_norm, after


def _linear_steps(dim: int, width: int, n: int, generator: np.random.Generator) -> _Floats:
    v = generator.standard_normal((n, width)) / math.sqrt(width)
    p, q = generator.standard_normal((2, n, width))  # W_1's images of x, and of a vector across it
    c = v * (p > 0)
    f, squares = (c * p).sum(axis=1), (c**2).sum(axis=1)
    across = np.sqrt(squares * 2 * generator.standard_gamma((dim - 1) / 2, n) / dim)
    grad_norm = np.hypot(f / math.sqrt(dim), across)
    alive = grad_norm > 0
    # Across x, W_1's image along ∇f is normal but for its component along c, which is known.
    known = math.sqrt(dim) * across - (c * q).sum(axis=1)
    q += c * (known / np.where(alive, squares, 1))[:, np.newaxis]
    cosine = f / (math.sqrt(dim) * np.where(alive, grad_norm, 1))
    turn = -2 * np.arcsin(np.clip(cosine, -1, 1))[:, np.newaxis]
    after = (v * np.maximum(p * np.cos(turn) + q * np.sin(turn), 0)).sum(axis=1)
    return np.stack([f, grad_norm, np.where(alive, after, 0)])
