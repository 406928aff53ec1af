"""How many units can flip in a ball, at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.bounding import Bounding
from randrelu.measures.budgets import budgets
from randrelu.measures.scaled import Scaled
from randrelu.network import Network

_EPS = float(np.finfo(np.float64).eps)


def certified_flips(
    net: Network, x: NDArray[np.float64], radius: float, top: int, *, threads: int | None
) -> NDArray[np.int64]:
    """Return the number of units of the layers 1, …, top that no point of B(x, R) exceeds, (top,).

    Of the units that can flip no more do at once than the largest k whose k smallest f̃_i(x)_j² fit
    in the square of what f̃_i can change by.
    """
    scaled = Scaled(net, top, max(np.abs(x).max(), radius), threads=threads)
    bounding = Bounding(scaled, x[np.newaxis], np.array([radius]), 2.0)
    counts = []
    for budget in budgets(bounding, top):
        gaps = budget.gaps[budget.able]
        shares = np.divide(gaps, budget.moved, out=np.zeros_like(gaps), where=gaps > 0)
        sums = np.cumsum(np.sort(shares) ** 2)
        counts.append(int(np.searchsorted(sums, 1 + (gaps.size + 8) * _EPS, side="right")))
    return np.array(counts, np.int64)
