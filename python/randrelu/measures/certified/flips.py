"""How many units can flip in a ball, at most."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.budgets import budgets
from randrelu.measures.certified.rounding import gamma
from randrelu.measures.certified.scaled import Scaled
from randrelu.measures.certified.spectral import largest_singular_value
from randrelu.network import Network


def certified_flips(
    net: Network,
    x: NDArray[np.float64],
    radii: NDArray[np.float64],
    top: int,
    *,
    threads: int | None,
    progress: Progress | None,
) -> NDArray[np.int64]:
    """Return the number of units that no point of each B(x, R) exceeds, for K radii, (K, top).

    They are those of the layers 1, …, top.

    Of the units that can flip no more do at once than the largest k whose k smallest f̃_i(x)_j² fit
    in the square of what f̃_i can change by.
    """
    scaled = Scaled(net, top, max(np.abs(x).max(), radii.max(initial=0)), threads=threads)
    widths = net.widths[: top + 1]
    of_norms = 2 * sum(min(pair) for pair in pairwise(widths))
    count = counting(progress, len(radii) * sum(widths[1:]) + of_norms)
    norms = [largest_singular_value(weights, count) for weights in scaled.weights]
    counts = np.empty((len(radii), top), np.int64)
    for k in range(len(radii)):
        bounding = Bounding(scaled, x[np.newaxis], radii[k : k + 1], 2.0, count)
        for i, budget in enumerate(budgets(bounding, norms)):
            gaps = budget.gaps[budget.able]
            shares = np.divide(gaps, budget.moved, out=np.zeros_like(gaps), where=gaps > 0)
            sums = np.cumsum(np.sort(shares) ** 2)
            counts[k, i] = np.searchsorted(sums, 1 + gamma(gaps.size), side="right")
    return counts
