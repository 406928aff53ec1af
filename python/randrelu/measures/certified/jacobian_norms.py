"""How large the Jacobians of the layers can be, whatever their ReLUs do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.rounding import EPS, gamma
from randrelu.measures.certified.scaled import power_of_two
from randrelu.measures.certified.spectral import largest_eigenvalue, rounded_up

_Doubles = NDArray[np.float64]
_Units = NDArray[np.bool_]

_TINY = float(np.finfo(np.float64).tiny)  # what underflows is no more


def jacobian_norms(
    weights: Sequence[_Doubles], dead: Sequence[_Units], able: Sequence[_Units]
) -> list[tuple[float, float]]:
    """Return bounds of ‖W_i D_{i−1} W_{i−1} … D_1 W_1‖ for all D_k with entries in [0, 1].

    The first of each pair is that of the rows which are not dead, the second that of those which
    are able. The D_k are 0 for units that are dead.

    These are ECLipsE-Fast (Xu and Sivaranjani 2024), in units in which no matrix is far from I:
    with N_0 = I, B_i = W_i N_{i−1}⁻¹ W_iᵀ, t_i its largest eigenvalue and N_i = 2I − B_i/t_i, the
    square of the norm is at most t_1 ⋯ t_i. As I ⪯ N_i ⪯ 2I, it is at most the product of the
    ‖W_k‖², too. Any I ⪯ N ⪯ N_i may take the place of N_i, so that rounding is taken off N_i.
    """
    norms = []
    before, inverse = 1.0, _Between(None)
    rows: _Units = np.ones(weights[0].shape[1], bool)
    for matrix, off, some in zip(weights, dead, able, strict=True):
        rows, columns = ~off, rows
        restricted = matrix[np.ix_(rows, columns)]
        largest = float(np.abs(restricted).max(initial=0))
        if largest == 0:
            before = 0.0
        if before == 0:
            norms.append((0.0, 0.0))
            continue
        scale = power_of_two(largest)  # a division by it rounds nothing
        square, error = inverse.sandwiched(restricted / scale)
        top = rounded_up((largest_eigenvalue(square) + error) * (1 + 4 * EPS))
        chosen = square[np.ix_(some[rows], some[rows])]
        of_able = 0.0
        if len(chosen):
            eigenvalue = top if chosen.size == square.size else largest_eigenvalue(chosen)
            of_able = min(top, rounded_up((eigenvalue + error) * (1 + 4 * EPS)))
        grown = scale * before * (1 + 8 * EPS)
        before = max(math.sqrt(top) * grown, _TINY)
        norms.append((before, max(math.sqrt(of_able) * grown, _TINY if len(chosen) else 0)))
        inverse = _Between.less(square, error, top)
    return norms


class _Between:
    """A matrix N with cI ⪯ N ⪯ 2I, for a c close to 1."""

    def __init__(self, matrix: _Doubles | None, least: float = 1.0) -> None:
        self._matrix, self._least = matrix, least  # None is I

    @classmethod
    def less(cls, square: _Doubles, error: float, top: float) -> _Between:
        """Return what is no more than 2I − B/t, for B within `error` of the square, and t."""
        matrix = square / -top
        size = float(np.linalg.norm(matrix))
        off = (error / top + 4 * EPS * (size + 2 * math.sqrt(len(matrix)))) * (1 + 8 * EPS)
        if off > 0.1:  # rounding is too much for such a matrix, but I is no more than it
            return cls(None)
        matrix[np.diag_indices(len(matrix))] += 2 - off
        return cls(matrix, 1 - 2 * off)

    def sandwiched(self, rows: _Doubles) -> tuple[_Doubles, float]:
        """Return A N⁻¹ Aᵀ, and how far it may be off, in norm, for rows A."""
        norm_rows = float(np.linalg.norm(rows))
        relative = gamma(max(rows.shape))
        if self._matrix is None:
            return rows @ rows.T, 2 * relative * norm_rows**2
        # Whatever solves N Z = Aᵀ: what it leaves, N⁻¹ makes no larger than 1/c times that.
        solved = np.linalg.solve(self._matrix, rows.T)
        left = float(np.linalg.norm(rows.T - self._matrix @ solved))
        norm_solved = float(np.linalg.norm(solved))
        left += relative * (float(np.linalg.norm(self._matrix)) * norm_solved + norm_rows)
        square = rows @ solved
        error = norm_rows * left / self._least + relative * norm_rows * norm_solved
        return (square + square.T) / 2, 2 * error
