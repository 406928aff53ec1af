"""Which units of each layer can flip in a ball, and how much of a change they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.rounding import EPS


@dataclass(frozen=True, eq=False)
class Budget:
    """What limits the flips of one layer in a ball around one point, in scaled units.

    Attributes
    ----------
    able : ndarray of bool, shape (d_i,)
        The units whose bounds have 0 within: no other can flip.
    gaps : ndarray, shape (d_i,)
        What |f̃_i(x)_j| is at least.
    moved : float
        What ‖f̃_i(y) − f̃_i(x)‖ is at most. Each unit that flips passes 0, so that those which do at
        one point, a set S, have Σ_S gaps² ≤ moved².
    """

    able: NDArray[np.bool_]
    gaps: NDArray[np.float64]
    moved: float


def budgets(bounding: Bounding, norms: Sequence[float]) -> Iterator[Budget]:
    """Bound the first layers in the ball around the only point, and yield their budgets.

    The norms are what ‖W_1‖, ‖W_2‖, … are at most, in scaled units, for as many layers.

    f̃_i changes by no more than ‖W_i‖ times what f_{i−1} does, and f_{i−1} by no more than f̃_{i−1}
    does, nor than its bounds leave.
    """
    change = float(bounding.change(0)[0])
    for i, norm in enumerate(norms, start=1):
        bounding.add_layer(i)
        moved = norm * change * (1 + 4 * EPS)
        gaps = np.maximum(np.abs(bounding.values[-1][0]) - bounding.errors[-1][0], 0)
        yield Budget(bounding.able(i)[0], gaps, moved)
        change = min(moved, float(bounding.change(i)[0]))
