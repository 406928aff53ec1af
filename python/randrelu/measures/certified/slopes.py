"""The slopes of the lines below the ReLUs that make the bounds of linear relaxations best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.rounding import EPS

_Doubles = NDArray[np.float64]

_KEPT = 0.5  # of the directions so far, in a step
_LONGEST = 0.5  # step, the first; they fall to 0 evenly


@dataclass(frozen=True)
class Lines:
    """The lines between which the ReLUs of a layer lie, each (N, d_k).

    Attributes
    ----------
    below : ndarray
        The slopes of the lines below, through 0: 0 or 1.
    above, shift : ndarray
        The slopes of the lines above, and their values at 0.
    free : ndarray of bool
        Where the sign is not known: any slope from 0 to 1 is below the ReLU.
    """

    below: _Doubles
    above: _Doubles
    shift: _Doubles
    free: NDArray[np.bool_]

    @classmethod
    def between(cls, low: _Doubles, high: _Doubles) -> Lines:
        """Return those of preactivations between bounds; both are the ReLU where it is a line."""
        free = (low < 0) & (high > 0)
        width = np.where(free, high - low, 1)
        above = np.where(free, high / width, np.where(low >= 0, 1.0, 0.0))
        below = np.where(free, np.where(high > -low, 1.0, 0.0), above)
        # At both ends it is no less than the ReLU, whatever the rounding of the slope.
        ends = np.maximum(-above * low, (1 - above) * high) * (1 + 8 * EPS)
        return cls(below, above, np.where(free, ends, 0.0), free)


class Slopes:
    """Slopes of the lines below for every point and row, (N, rows, d_k), climbing to better bounds.

    A bound is the smallest value over the ball of a function that is linear in each slope, so its
    derivative by a slope is that at the point where the bound is attained: the coefficient of the
    unit, where it is positive, times the preactivation that the lines lead to there. The steps
    follow the signs of these, with some momentum.
    """

    def __init__(
        self, lines: dict[int, Lines], rows: int, product: Callable[..., _Doubles]
    ) -> None:
        self._lines, self._product = lines, product
        self.below = {
            k: np.repeat(line.below[:, np.newaxis], rows, axis=1) for k, line in lines.items()
        }
        self._ways = {k: np.zeros_like(below) for k, below in self.below.items()}

    def climb(
        self, of_units: dict[int, _Doubles], lowest: _Doubles, biases: list[_Doubles], left: float
    ) -> None:
        """Move the slopes to where the bounds grow, by a share `left` of a step.

        `of_units` are the coefficients of the f_k in the bounds, each (N, rows, d_k), and `lowest`
        the points of the balls at which these are attained, (N, rows, d).
        """
        inputs = lowest
        for k in sorted(self.below):
            lines, coefficients = self._lines[k], of_units[k]
            flat = inputs.reshape(-1, inputs.shape[-1])
            values = self._product(k, flat).reshape(coefficients.shape) + biases[k - 1]
            positive = coefficients > 0
            slope = np.where(positive, self.below[k], lines.above[:, np.newaxis])
            inputs = slope * values + np.where(positive, 0, lines.shift[:, np.newaxis])
            gradients = np.where(positive & lines.free[:, np.newaxis], coefficients * values, 0)
            largest = np.abs(gradients).max(axis=2, keepdims=True)
            way = self._ways[k]
            way *= _KEPT
            np.add(way, gradients / np.where(largest > 0, largest, 1), out=way)
            self.below[k] = np.clip(self.below[k] + _LONGEST * left * np.sign(way), 0, 1)
