"""Intervals and linear relaxations of the layers of a network over balls, with their rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.scaled import Scaled

_Doubles = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)  # two roundings
_TINY = 1e-280  # more than what sums of numbers up to 1 lose by underflow
_ROWS = 2**25  # entries of the coefficients that are held at once


def _gamma(n: int) -> float:
    """Return more than the relative rounding of a sum of n products, however it is done."""
    return (n + 8) * _EPS


class Bounding:
    """Bounds of the first layers of a network over balls around points (N, d).

    All of it is in the units of the scaled network.

    Attributes
    ----------
    scaled : Scaled
        The layers.
    radii : ndarray, shape (N,)
        The radii.
    lower, upper : list of ndarray
        The bounds of the layers that were added, each (N, d_i).
    values, errors : list of ndarray
        The preactivations at the points, and how far rounding may have put them off.
    """

    def __init__(
        self, scaled: Scaled, points: _Doubles, radii: _Doubles, norm: float, iterations: int = 0
    ) -> None:
        self.scaled, self.norm, self.widths = scaled, norm, scaled.widths
        self.points, self.radii = points / scaled.scales[0], radii / scaled.scales[0]
        self.iterations = iterations
        self.lower: list[_Doubles] = []
        self.upper: list[_Doubles] = []
        self.values: list[_Doubles] = []
        self.errors: list[_Doubles] = []

    def add_layer(self, i: int) -> None:
        """Bound layer i, once those before it are bounded."""
        low, high = self._forward(i)
        linear_low, linear_high = self._backward(i)
        low, high = np.maximum(low, linear_low), np.minimum(high, linear_high)
        self.lower.append(low)
        self.upper.append(high)

    def unscaled(self) -> tuple[tuple[_Doubles, ...], tuple[_Doubles, ...]]:
        """Return the bounds in the units of the network."""
        scales = self.scaled.scales[1:]
        return (
            tuple(low * scale for low, scale in zip(self.lower, scales, strict=False)),
            tuple(high * scale for high, scale in zip(self.upper, scales, strict=False)),
        )

    def change(self, i: int) -> _Doubles:
        """Return how large ‖f_i(y) − f_i(x)‖ is at most by the bounds of each unit, (N,)."""
        low, high = self._activations(i)
        value = np.maximum(self.values[i - 1], 0)
        far = np.maximum(high - value, value - low) + self.errors[i - 1]
        norms: _Doubles = np.sqrt(np.einsum("pk,pk->p", far, far))
        return norms * (1 + _gamma(self.widths[i]))

    def margins(self, tops: NDArray[np.int64], others: NDArray[np.int64]) -> _Doubles:
        """Return what f_top − f_j is at least, for one top (N,) and outputs j (N, rows) of each.

        It is in the units of the network, and all hidden layers have been added.
        """
        i = len(self.scaled.weights)
        weights, biases = self.scaled.weights[-1], self.scaled.biases[-1]
        rows = weights[tops][:, np.newaxis] - weights[others]
        shifts = biases[tops][:, np.newaxis] - biases[others]
        least = self._least(i, rows, shifts)
        # The differences are rounded themselves.
        low, high = self._activations(i - 1)
        sums = _dots(np.abs(rows), np.maximum(np.abs(low), np.abs(high)))
        rounding = _EPS * (sums * (1 + _gamma(self.widths[i - 1])) + np.abs(shifts)) + _TINY
        found: _Doubles = (least - rounding) * self.scaled.scales[i]
        return found

    def _activations(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Return the smallest and largest f_i, the input for i = 0."""
        if i:
            return np.maximum(self.lower[i - 1], 0), np.maximum(self.upper[i - 1], 0)
        wider = (self.radii * (1 + _EPS))[:, np.newaxis]
        return self.points - wider - _EPS * np.abs(self.points), (
            self.points + wider + _EPS * np.abs(self.points)
        )

    def _forward(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Bound layer i by intervals, and by the norm of what the layer before can change."""
        gamma = _gamma(self.widths[i - 1])
        bias = self.scaled.biases[i - 1]
        low, high = self._activations(i - 1)
        middle, reach = (low + high) / 2, (high - low) / 2 * (1 + 2 * _EPS)
        reach = reach + 2 * _EPS * np.abs(middle)
        at_middle = self.scaled.product(i, middle) + bias
        spread = self.scaled.product(i, reach, absolute=True)
        size = self.scaled.product(i, np.abs(middle) + reach, absolute=True) + np.abs(bias)
        spread = spread + 2 * gamma * size + _TINY
        by_intervals = at_middle - spread, at_middle + spread

        before, off = self.points, np.zeros_like(self.points)
        if i > 1:
            before, off = np.maximum(self.values[i - 2], 0), self.errors[i - 2]
        value = self.scaled.product(i, before) + bias
        error = self.scaled.product(i, off, absolute=True) * (1 + gamma)
        rounding = self.scaled.product(i, np.abs(before), absolute=True) + np.abs(bias)
        error = error + 2 * gamma * rounding + _TINY
        norms = np.sqrt(
            np.einsum("jk,jk->j", self.scaled.weights[i - 1], self.scaled.weights[i - 1])
        )
        if i == 1:
            root = 1 if self.norm == 2 else np.sqrt(self.widths[0])
            change = self.radii * root
        else:
            change = self.change(i - 1)
        by_norm = norms * change[:, np.newaxis] * (1 + 4 * gamma) + error
        self.values.append(value)
        self.errors.append(error)
        return (
            np.maximum(by_intervals[0], value - by_norm),
            np.minimum(by_intervals[1], value + by_norm),
        )

    def _backward(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Bound layer i by linear functions of the input."""
        count, units = len(self.points), self.widths[i]
        low, high = np.empty((count, units)), np.empty((count, units))
        widest = max(self.widths[:i])
        at_once = max(1, _ROWS // max(1, 2 * count * widest))
        for first in range(0, units, at_once):
            some = slice(first, min(first + at_once, units))
            rows, bias = self.scaled.weights[i - 1][some], self.scaled.biases[i - 1][some]
            both = np.concatenate([rows, -rows])
            least = self._least(i, both, np.concatenate([bias, -bias]))
            half = len(rows)
            low[:, some], high[:, some] = least[:, :half], -least[:, half:]
        return low, high

    def _least(self, i: int, rows: _Doubles, shift: _Doubles) -> _Doubles:
        """Return what a·f_{i−1}(y) + c is at least, (N, rows).

        The rows a and shifts c are the same for all points, (rows, d_{i−1}) and (rows,), or each
        point's own, (N, rows, d_{i−1}) and (N, rows).
        """
        count, of_each = len(self.points), shift.shape[-1]
        a = np.broadcast_to(rows, (count, of_each, rows.shape[-1]))
        c = np.broadcast_to(shift, (count, of_each))
        error = np.zeros_like(c)  # how much too large it may be, by rounding
        for k in range(i - 1, 0, -1):
            gamma = _gamma(self.widths[k])
            below, above, shifted = self._lines(k)
            # f_k is at least `below` times f̃_k, and at most `above` times f̃_k plus `shifted`.
            negative = np.minimum(a, 0)
            moved = _dots(negative, shifted)
            a = np.maximum(a, 0) * below[:, np.newaxis] + negative * above[:, np.newaxis]
            moved = moved + _dots(a, np.broadcast_to(self.scaled.biases[k - 1], below.shape))
            size = np.abs(a)
            low, high = self._activations(k - 1)
            inputs = np.maximum(np.abs(low), np.abs(high))
            sums = self.scaled.product(k, inputs, absolute=True) * (1 + gamma) + np.abs(
                self.scaled.biases[k - 1]
            )
            error = error + 2 * _gamma(max(self.widths[k - 1 : k + 1])) * (
                _dots(size, sums) + _dots(np.abs(negative), shifted)
            )
            c = c + moved
            error = error + _EPS * np.abs(c)
            flat = a.reshape(-1, a.shape[-1])
            a = self.scaled.product(k, flat, transposed=True)
            a = a.reshape(count, of_each, self.widths[k - 1])
        gamma = _gamma(self.widths[0])
        dual = np.sqrt(np.einsum("prk,prk->pr", a, a)) if self.norm == 2 else np.abs(a).sum(axis=2)
        reach = self.radii[:, np.newaxis] * dual
        least = c + _dots(a, self.points)
        error = error + 2 * gamma * (_dots(np.abs(a), np.abs(self.points)) + reach)
        error = error * (1 + 4 * gamma) + 4 * _EPS * (np.abs(c) + np.abs(least) + reach) + _TINY
        found: _Doubles = least - reach - error
        return found

    def _lines(self, k: int) -> tuple[_Doubles, _Doubles, _Doubles]:
        """Return the slopes of the lines below and above the ReLUs of layer k, and the shift above.

        Where the sign is known both are the ReLU.
        """
        low, high = self.lower[k - 1], self.upper[k - 1]
        either = (low < 0) & (high > 0)
        width = np.where(either, high - low, 1)
        above = np.where(either, high / width, np.where(low >= 0, 1.0, 0.0))
        below = np.where(either, np.where(high > -low, 1.0, 0.0), above)
        # At both ends it is no less than the ReLU, whatever the rounding of the slope.
        ends = np.maximum(-above * low, (1 - above) * high) * (1 + 8 * _EPS)
        return below, above, np.where(either, ends, 0.0)


def _dots(rows: _Doubles, vectors: _Doubles) -> _Doubles:
    """Return the products of (N, rows, n) with (N, n), in one order: not by BLAS."""
    found: _Doubles = np.einsum("prk,pk->pr", rows, vectors)
    return found
