"""Where depth begins to matter: at ℓ = λ√d, with infinitely wide layers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments

_Floats = NDArray[np.float64]
_LARGEST_DROP = 4 * math.pi / 9


def limit_crossover(ratio: ArrayLike) -> tuple[_Floats, _Floats]:
    """Return P{f changes its sign along ∇f} and P{it reaches −f} for ℓ = λ√d, as d → ∞.

    2Φ(4π/(9λ)) − 1 and 2Φ(2π/(9λ)) − 1, for infinitely wide layers and *any* step along the
    gradient.

    Parameters
    ----------
    ratio : array_like, shape (...)
        λ = ℓ/√d > 0.

    Returns
    -------
    flips, reaches : ndarray, shape (...)
        The two probabilities.

    Raises
    ------
    TypeError, ValueError
        If a ratio is not a positive number.

    Notes
    -----
    At the angle θ = a/ℓ from x against the sign of f, κ′ → (1 + a/(3π))^{−3}, so f has moved from
    f(x) by √d θ κ′ = (a/λ)(1 + a/(3π))^{−3} of its standard deviations, up to terms that vanish. Of
    all a the most is 4π/(9λ), for a = 3π/2; then the gradient has turned away. A network changes
    its sign where |f(x)|, a half-normal number of those deviations, is less than that, and reaches
    −f where twice as much is.

    This is an argument, not a proof. It agrees with `limit_step`, whose law of the one step to
    a = 3π/2 is exact, as d grows (0.774, 0.834 and 0.837 flip at d = 10², 10⁴ and 10⁶ for λ = 1,
    where 0.837 is the limit), and with draws of f along the whole line: for λ = ½, 1 and 2 these
    are within 0.02 of both limits at d = 400, and within 0.14 at d = 16. Finite widths k flip
    fewer, and k ≫ ℓ is not enough for the limit: with d = 256 and ℓ = 16, of 150 networks each 20,
    39, 55 and 77 % changed their sign at one of five steps for k = 64, 256, 1024 and 4096. That
    fits a correction that ℓd/k governs, which is not shown.
    """
    from scipy.special import erf

    given = arguments.real_array("ratio", ratio).astype(np.float64)
    if not (given > 0).all():
        raise ValueError(f"ratio must be positive, got {ratio!r}")
    with np.errstate(over="ignore"):
        most = _LARGEST_DROP / given
    return erf(most / math.sqrt(2)), erf(most / math.sqrt(8))
