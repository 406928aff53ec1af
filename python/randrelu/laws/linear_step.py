"""The step that would reflect f if f were linear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
