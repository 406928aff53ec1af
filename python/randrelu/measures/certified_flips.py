"""How many units can flip in a ball, at most."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.bounding import Bounding
from randrelu.measures.scaled import Scaled
from randrelu.network import Network

_EPS = float(np.finfo(np.float64).eps)
_DIGITS = 10  # to which a norm is rounded up: the last digits depend on the threads of BLAS


def certified_flips(
    net: Network, x: NDArray[np.float64], radius: float, top: int, *, threads: int | None
) -> NDArray[np.int64]:
    """Return the number of units of the layers 1, …, top that no point of B(x, R) exceeds, (top,).

    Only units whose bounds have 0 within can flip. Those that do, a set S, change by Δz with
    Σ_S z_j(x)² ≤ ‖W_i Δf_{i−1}‖² ≤ ‖W_i‖² ‖Δf_{i−1}‖², since each passes 0: so no more than the
    largest k whose k smallest z_j(x)² fit. What f_{i−1} changes by is at most ‖W_{i−1}‖ times what
    f_{i−2} does, and at most what its bounds leave.
    """
    scaled = Scaled(net, top, max(np.abs(x).max(), radius), threads=threads)
    bounding = Bounding(scaled, x[np.newaxis], np.array([radius]), 2.0)
    counts = []
    change = float(bounding.radii[0]) * (1 + _EPS)
    for i in range(1, top + 1):
        bounding.add_layer(i)
        able = (bounding.lower[-1][0] <= 0) & (bounding.upper[-1][0] >= 0)
        moved = largest_singular_value(scaled.weights[i - 1]) * change * (1 + 4 * _EPS)
        gaps = np.maximum(np.abs(bounding.values[-1][0]) - bounding.errors[-1][0], 0)[able]
        shares = np.divide(gaps, moved, out=np.zeros_like(gaps), where=gaps > 0)
        sums = np.cumsum(np.sort(shares) ** 2)
        counts.append(int(np.searchsorted(sums, 1 + (gaps.size + 8) * _EPS, side="right")))
        change = min(moved, float(bounding.change(i)[0]))
    return np.array(counts, np.int64)


def largest_singular_value(weights: NDArray[np.float64]) -> float:
    """Return a number that ‖W‖ does not exceed, by less than 10⁻⁹ of it for widths up to 10⁴.

    It is the root of the largest eigenvalue of the smaller of W Wᵀ and WᵀW. What these products
    round, at most γ_n ‖W‖_F² in norm, and what LAPACK's eigenvalue is off, a small multiple of n
    units in the last place of the norm, are added to it.
    """
    largest = float(np.abs(weights).max())
    if largest == 0:
        return 0.0
    scaled = weights / largest  # rounded in each entry, which counts among what follows
    wide = scaled.shape[0] <= scaled.shape[1]
    gram = scaled @ scaled.T if wide else scaled.T @ scaled
    size, summands = len(gram), max(scaled.shape)
    frobenius = float(np.trace(gram)) * (1 + 2 * summands * _EPS)
    eigenvalue = max(float(np.linalg.eigvalsh(gram)[-1]), 0.0)
    square = eigenvalue + (summands + 8) * _EPS * frobenius + 32 * size * _EPS * frobenius
    norm = math.sqrt(square) * largest * (1 + 4 * _EPS)
    step = 10.0 ** (math.floor(math.log10(norm)) + 1 - _DIGITS)
    return math.ceil(norm / step * (1 + 4 * _EPS)) * step * (1 + 4 * _EPS)
