"""How much of a point a Gaussian matrix sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


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
