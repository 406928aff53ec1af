"""How much of a point a Gaussian matrix sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from randrelu._support import arguments


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

    rank, dim = _sizes(rank, dim)
    if rank >= dim:
        raise ValueError(f"rank must be less than dim, got {rank} and {dim}: the length is kept")
    return beta(rank / 2, (dim - rank) / 2)


def mean_projected_length(rank: int, dim: int) -> float:
    """Return the mean of ‖W⁺Wx‖/‖x‖ for k × d Gaussian W, near √(k/d); 1 for k ≥ d.

    Γ((k+1)/2) Γ(d/2) / (Γ(k/2) Γ((d+1)/2)), the mean of the square root of the law above.
    """
    from scipy.special import poch

    rank, dim = _sizes(rank, dim)
    return 1.0 if rank >= dim else float(poch(rank / 2, 0.5) / poch(dim / 2, 0.5))


def draw_projected_length(rank: int, dim: int, generator: np.random.Generator) -> float:
    """Draw ‖W⁺Wx‖/‖x‖ for k × d Gaussian W from its law."""
    rank, dim = _sizes(rank, dim)
    arguments.generator("generator", generator)
    return 1.0 if rank >= dim else math.sqrt(generator.beta(rank / 2, (dim - rank) / 2))


def _sizes(rank: int, dim: int) -> tuple[int, int]:
    return (
        arguments.integer("rank", rank, at_least=1, at_most=arguments.WIDEST),
        arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST),
    )
