"""How many units can flip in a ball, at most."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu.measures.bounding import Bounding
from randrelu.measures.budgets import budgets
from randrelu.measures.rounding import gamma
from randrelu.measures.scaled import Scaled
from randrelu.network import Network


def certified_flips(
    net: Network,
    x: NDArray[np.float64],
    radius: float,
    top: int,
    *,
    threads: int | None,
    progress: Progress | None,
) -> NDArray[np.int64]:
    """Return the number of units of the layers 1, …, top that no point of B(x, R) exceeds, (top,).

    Of the units that can flip no more do at once than the largest k whose k smallest f̃_i(x)_j² fit
    in the square of what f̃_i can change by.
    """
    scaled = Scaled(net, top, max(np.abs(x).max(), radius), threads=threads)
    widths = net.widths[: top + 1]
    of_norms = 2 * sum(min(pair) for pair in pairwise(widths))
    count = counting(progress, sum(widths[1:]) + of_norms)
    bounding = Bounding(scaled, x[np.newaxis], np.array([radius]), 2.0, count)
    counts = []
    for budget in budgets(bounding, top, count):
        gaps = budget.gaps[budget.able]
        shares = np.divide(gaps, budget.moved, out=np.zeros_like(gaps), where=gaps > 0)
        sums = np.cumsum(np.sort(shares) ** 2)
        counts.append(int(np.searchsorted(sums, 1 + gamma(gaps.size), side="right")))
    return np.array(counts, np.int64)
