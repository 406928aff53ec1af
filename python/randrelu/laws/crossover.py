"""Where depth begins to matter: at ℓ = λ√d, with infinitely wide layers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]
_LARGEST_DROP = 4 * math.pi / 9


def limit_crossover(ratio: ArrayLike) -> tuple[_Floats, _Floats]:
    """Return P{f changes its sign along ∇f} and P{it reaches −f} for ℓ = λ√d, as d → ∞.

    2Φ(4π/(9λ)) − 1 and 2Φ(2π/(9λ)) − 1, for infinitely wide layers and *any* step along the
    gradient.

    Parameters
    ----------
    ratio : array_like
        λ = ℓ/√d > 0.

    Returns
    -------
    flips, reaches : ndarray

    Notes
    -----
    At the angle θ = a/ℓ from x towards the gradient κ′ → (1 + a/(3π))^{−3}, so f has fallen from
    f(x) by √d θ κ′ = (a/λ)(1 + a/(3π))^{−3} of its standard deviations, up to terms that vanish. Of
    all a the most is 4π/(9λ), for a = 3π/2; then the gradient has turned away. A network changes
    its sign where |f(x)|, a half-normal number of those deviations, is less than that, and reaches
    −f where twice as much is.
    """
    most = _LARGEST_DROP / np.asarray(ratio, np.float64)
    from scipy.special import erf

    return erf(most / math.sqrt(2)), erf(most / math.sqrt(8))
