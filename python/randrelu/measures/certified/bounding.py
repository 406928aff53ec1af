"""Intervals and linear relaxations of the layers of a network over balls, with their rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu._support.progress import Count, counting
from randrelu.measures.certified.rounding import EPS, TINY, gamma
from randrelu.measures.certified.scaled import Scaled
from randrelu.measures.certified.slopes import Lines, Slopes

_Doubles = NDArray[np.float64]

_ENTRIES = 2**23  # of coefficients that are held at once


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
        self,
        scaled: Scaled,
        points: _Doubles,
        radii: _Doubles,
        norm: float,
        count: Count | None = None,
    ) -> None:
        """Take balls to bound the layers in; `count` hears of the units that have been bounded."""
        self._count = count or counting(None, 0)
        self.scaled, self.norm, self.widths = scaled, norm, scaled.widths
        self.points, self.radii = points / scaled.scales[0], radii / scaled.scales[0]
        sizes = euclid.norms(self.points) if norm == 2 else np.abs(self.points).max(axis=1)
        self._sizes = sizes * (1 + gamma(self.widths[0]))
        self.lower: list[_Doubles] = []
        self.upper: list[_Doubles] = []
        self.values: list[_Doubles] = []
        self.errors: list[_Doubles] = []

    def add_layer(self, i: int, iterations: int = 0) -> None:
        """Bound layer i, once those before it are bounded.

        The slopes of the relaxations climb for `iterations` steps.
        """
        low, high = self._forward(i)
        if i == 1:  # nothing bends before it, and these are its bounds
            self._count(self.widths[1])
        else:
            linear_low, linear_high = self._backward(i, iterations)
            low, high = np.maximum(low, linear_low), np.minimum(high, linear_high)
        self.lower.append(low)
        self.upper.append(high)

    def unscaled(self) -> tuple[tuple[_Doubles, ...], tuple[_Doubles, ...]]:
        """Return the bounds in the units of the network."""
        scales = self.scaled.scales[1:]
        return (
            tuple(
                _times(low, scale, -np.inf) for low, scale in zip(self.lower, scales, strict=False)
            ),
            tuple(
                _times(high, scale, np.inf) for high, scale in zip(self.upper, scales, strict=False)
            ),
        )

    def able(self, i: int) -> NDArray[np.bool_]:
        """Return which units of layer i have 0 within their bounds, (N, d_i): no other can flip."""
        able: NDArray[np.bool_] = (self.lower[i - 1] <= 0) & (self.upper[i - 1] >= 0)
        return able

    def active(self, i: int) -> NDArray[np.bool_]:
        """Return which units of layer i can be active, (N, d_i): one at 0 may be, by its coin."""
        active: NDArray[np.bool_] = self.upper[i - 1] >= 0
        return active

    def change(self, i: int) -> _Doubles:
        """Return how large ‖f_i(y) − f_i(x)‖ is at most by the bounds of each unit, (N,).

        For i = 0 it is ‖y − x‖.
        """
        if i == 0:
            root = 1 if self.norm == 2 else np.sqrt(self.widths[0])
            change: _Doubles = self.radii * root * (1 + 4 * EPS)
            return change
        low, high = self._activations(i)
        return self._farthest(i, low, high, np.maximum(self.values[i - 1], 0))

    def change_before(self, i: int) -> _Doubles:
        """Return how large ‖f̃_i(y) − f̃_i(x)‖ is at most by the bounds of each unit, (N,)."""
        return self._farthest(i, self.lower[i - 1], self.upper[i - 1], self.values[i - 1])

    def _farthest(self, i: int, low: _Doubles, high: _Doubles, value: _Doubles) -> _Doubles:
        """Return the largest distance from values of layer i, as they were evaluated, (N,)."""
        far = np.maximum(high - value, value - low) + self.errors[i - 1]
        return euclid.norms(far) * (1 + gamma(self.widths[i]))

    def margins(
        self, tops: NDArray[np.int64], others: NDArray[np.int64], iterations: int = 0
    ) -> _Doubles:
        """Return what f_top − f_j is at least, for one top (N,) and outputs j (N, rows) of each.

        It is in the units of the network, and all hidden layers have been added.
        """
        i = len(self.scaled.weights)
        weights, biases = self.scaled.weights[-1], self.scaled.biases[-1]
        rows = weights[tops][:, np.newaxis] - weights[others]
        shifts = biases[tops][:, np.newaxis] - biases[others]
        least = self._least(i, rows, shifts, iterations)
        # The differences are rounded themselves.
        low, high = self._activations(i - 1)
        sums = _dots(np.abs(rows), np.maximum(np.abs(low), np.abs(high)))
        rounding = EPS * (sums * (1 + gamma(self.widths[i - 1])) + np.abs(shifts)) + TINY
        found: _Doubles = (least - rounding) * self.scaled.scales[i]
        return found

    def _activations(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Return the smallest and largest f_i, the input for i = 0."""
        if i:
            return np.maximum(self.lower[i - 1], 0), np.maximum(self.upper[i - 1], 0)
        wider = (self.radii * (1 + EPS))[:, np.newaxis]
        return self.points - wider - EPS * np.abs(self.points), (
            self.points + wider + EPS * np.abs(self.points)
        )

    def _forward(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Bound layer i by intervals, and by the norm of what the layer before can change."""
        low, high = self.scaled.between(i, *self._activations(i - 1))
        value, error = self._evaluated(i)
        self.values.append(value)
        self.errors.append(error)
        norms = euclid.norms(self.scaled.weights[i - 1])
        by_norm = norms * self.change(i - 1)[:, np.newaxis] * (1 + 4 * gamma(self.widths[i - 1]))
        by_norm = by_norm + error
        return np.maximum(low, value - by_norm), np.minimum(high, value + by_norm)

    def _evaluated(self, i: int) -> tuple[_Doubles, _Doubles]:
        """Return f̃_i(x), and how far rounding may have put it off."""
        n, bias = self.widths[i - 1], self.scaled.biases[i - 1]
        before, off = self.points, np.zeros_like(self.points)
        if i > 1:
            before, off = np.maximum(self.values[i - 2], 0), self.errors[i - 2]
        value = self.scaled.product(i, before) + bias
        error = self.scaled.product(i, off, absolute=True) * (1 + gamma(n))
        rounding = self.scaled.product(i, np.abs(before), absolute=True) + np.abs(bias)
        return value, error + 2 * gamma(n) * rounding + TINY

    def _backward(self, i: int, iterations: int) -> tuple[_Doubles, _Doubles]:
        """Bound layer i by linear functions of the input."""
        count, units = len(self.points), self.widths[i]
        low, high = np.empty((count, units)), np.empty((count, units))
        # Of each row there are coefficients of every layer before, and slopes that climb.
        entries = 2 * count * sum(self.widths[:i]) * (4 if iterations else 1)
        at_once = max(1, _ENTRIES // max(1, entries))
        for first in range(0, units, at_once):
            some = slice(first, min(first + at_once, units))
            rows, bias = self.scaled.weights[i - 1][some], self.scaled.biases[i - 1][some]
            half = len(rows)
            both = np.concatenate([rows, rows])
            np.negative(both[half:], out=both[half:])
            least = self._least(i, both, np.concatenate([bias, -bias]), iterations)
            low[:, some], high[:, some] = least[:, :half], -least[:, half:]
            self._count(half)
        return low, high

    def _least(self, i: int, rows: _Doubles, shift: _Doubles, iterations: int) -> _Doubles:
        """Return what a·f_{i−1}(y) + c is at least, (N, rows).

        The rows a and shifts c are the same for all points, (rows, d_{i−1}) and (rows,), or each
        point's own, (N, rows, d_{i−1}) and (N, rows).
        """
        lines = {k: Lines.between(self.lower[k - 1], self.upper[k - 1]) for k in range(1, i)}
        least, coefficients = self._relaxed(i, rows, shift, lines, None)
        if not iterations or i == 1:
            return least
        slopes = Slopes(lines, shift.shape[-1], self.scaled.product)
        for step in range(iterations):
            lowest = self._lowest(coefficients[0])
            slopes.climb(coefficients, lowest, self.scaled.biases, 1 - step / iterations)
            found, coefficients = self._relaxed(i, rows, shift, lines, slopes.below)
            least = np.maximum(least, found)
        return least

    def _lowest(self, coefficients: _Doubles) -> _Doubles:
        """Return where in the balls linear functions of the input are lowest, (N, rows, d)."""
        if self.norm == 2:
            lengths = np.sqrt(np.einsum("prk,prk->pr", coefficients, coefficients))
            ways = coefficients / np.where(lengths > 0, lengths, 1)[:, :, np.newaxis]
        else:
            ways = np.sign(coefficients)
        lowest: _Doubles = self.points[:, np.newaxis] - self.radii[:, np.newaxis, np.newaxis] * ways
        return lowest

    def _relaxed(
        self, i: int, rows: _Doubles, shift: _Doubles, lines: dict[int, Lines],
        slopes: dict[int, _Doubles] | None,
    ) -> tuple[_Doubles, dict[int, _Doubles]]:  # fmt: skip
        """Return lower bounds of a·f_{i−1}(y) + c, by linear functions of every f_k before.

        Their coefficients are returned, too. `slopes` are those of the lines below, if not theirs.
        """
        count, of_each = len(self.points), shift.shape[-1]
        a = np.broadcast_to(rows, (count, of_each, rows.shape[-1]))
        c = np.broadcast_to(shift, (count, of_each))
        error = np.zeros_like(c)  # how much too large it may be, by rounding
        coefficients: dict[int, _Doubles] = {}
        for k in range(i - 1, 0, -1):
            n, bias = self.widths[k - 1], self.scaled.biases[k - 1]
            below = lines[k].below[:, np.newaxis] if slopes is None else slopes[k]
            # f_k is at least `below` times f̃_k, and at most `above` times f̃_k plus `shift`.
            coefficients[k] = a
            # In place, where it can be: new memory takes longer than the arithmetic.
            negative, a = np.minimum(a, 0), np.maximum(a, 0)
            shifted = _dots(negative, lines[k].shift)
            a *= below
            negative *= lines[k].above[:, np.newaxis]
            a += negative
            absolute = np.abs(a, out=negative)
            moved = shifted + _dots(a, np.broadcast_to(bias, lines[k].below.shape))
            low, high = self._activations(k - 1)
            inputs = np.maximum(np.abs(low), np.abs(high))
            sums = self.scaled.product(k, inputs, absolute=True) * (1 + gamma(n)) + np.abs(bias)
            error = error + 2 * gamma(max(n, self.widths[k])) * (_dots(absolute, sums) - shifted)
            c = c + moved
            error = error + EPS * np.abs(c)
            flat = a.reshape(-1, a.shape[-1])
            a = self.scaled.product(k, flat, transposed=True)
            a = a.reshape(count, of_each, self.widths[k - 1])
        relative = gamma(self.widths[0])
        flat = a.reshape(-1, a.shape[-1])
        dual = euclid.norms(flat) if self.norm == 2 else np.abs(flat).sum(axis=1)
        dual = dual.reshape(count, of_each)
        reach = self.radii[:, np.newaxis] * dual
        least = c + _dots(a, self.points)
        # |a|·|x| is no more than the dual norm of a times the norm of x.
        error = error + 2 * relative * (dual * self._sizes[:, np.newaxis] + reach)
        error = error * (1 + 4 * relative) + 4 * EPS * (np.abs(c) + np.abs(least) + reach) + TINY
        coefficients[0] = a
        return least - reach - error, coefficients


def _times(bounds: _Doubles, scale: float, outward: float) -> _Doubles:
    """Return bounds times a power of two, which rounds only what is not a normal number."""
    found = bounds * scale
    exact = (np.abs(found) >= np.finfo(np.float64).tiny) | (bounds == 0)
    return np.where(exact, found, np.nextafter(found, outward))


def _dots(rows: _Doubles, vectors: _Doubles) -> _Doubles:
    """Return the products of (N, rows, n) with (N, n), in one order: not by BLAS."""
    found: _Doubles = np.einsum("prk,pk->pr", rows, vectors)
    return found
