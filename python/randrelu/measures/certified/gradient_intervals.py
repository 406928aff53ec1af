"""What the backward vectors of a network can be in a ball, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.rounding import EPS
from randrelu.measures.certified.scaled import Scaled

_Doubles = NDArray[np.float64]
_Units = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Gates:
    """The units of a layer that are on, or off, for certain: in the ball, and at x.

    What is certain in the ball is certain at x.
    """

    on: _Units
    off: _Units
    on_at_x: _Units
    off_at_x: _Units

    @classmethod
    def unknown(cls, width: int) -> Gates:
        """Return those of a layer about which nothing is known."""
        none = np.zeros(width, bool)
        return cls(none, none, none, none)

    @property
    def able(self) -> _Units:
        """The units that may be on at one point of the ball and off at another."""
        able: _Units = ~(self.on | self.off)
        return able


@dataclass(frozen=True, eq=False)
class Backward:
    """Bounds of the vectors v that meet f̃_i, such that v W_i D_{i−1} … W_1 is the gradient.

    Each has a row of lower and a row of upper bounds, shape (2, d_i), in scaled units.

    Attributes
    ----------
    at_x, anywhere : ndarray
        Those of x, and of any point y of the ball.
    change : ndarray
        The vector of x less that of y.
    """

    at_x: _Doubles
    anywhere: _Doubles
    change: _Doubles

    def through_weights(self, scaled: Scaled, k: int) -> Backward:
        """Return the vectors times W_k."""
        low, high = np.stack([self.at_x, self.anywhere, self.change], axis=1)
        low, high = scaled.between(k, low, high, transposed=True)
        both = np.stack([low, high], axis=1)
        return Backward(both[0], both[1], _common(both[2], _less(both[0], both[1])))

    def through_gates(self, gates: Gates) -> Backward:
        """Return the vectors times D, of x and of y."""
        at_x = _gated(self.at_x, gates.on_at_x, gates.off_at_x)
        anywhere = _gated(self.anywhere, gates.on, gates.off)
        # A unit that is on at x gives what x has where it is off at y, and else the change. One
        # that is off at x gives 0 where it is off at y, and else the opposite of what y has.
        if_on = _hull(self.at_x, self.change)
        less = _common(_less(self.change, self.at_x), -self.anywhere[::-1])
        if_off = _hull(np.zeros_like(less), less)
        change = np.where(gates.off_at_x, if_off, if_on)
        unknown = ~(gates.on_at_x | gates.off_at_x)
        change = np.where(unknown, _hull(if_on, if_off), change)
        change = np.where(gates.on, self.change, np.where(gates.off, 0, change))
        return Backward(at_x, anywhere, _common(change, _less(at_x, anywhere)))


def backward_vectors(
    scaled: Scaled, gates: Sequence[Gates]
) -> tuple[list[Backward], list[Backward]]:
    """Return the vectors that meet f̃_1, …, f̃_ℓ and those that meet f_0, …, f_ℓ.

    The former are the latter after the gates of their layer. Those that meet f̃_{ℓ+1} are 1.
    """
    one = np.ones((2, 1))
    vectors = Backward(one, one, np.zeros((2, 1)))
    masked: list[Backward] = []
    met: list[Backward] = []
    for k in range(len(gates) + 1, 0, -1):
        vectors = vectors.through_weights(scaled, k)
        met.insert(0, vectors)
        if k > 1:
            vectors = vectors.through_gates(gates[k - 2])
            masked.insert(0, vectors)
    return masked, met


def farthest(bounds: _Doubles) -> _Doubles:
    """Return how far each entry between bounds can be from 0."""
    far: _Doubles = np.abs(bounds).max(axis=0)
    return far


def _gated(bounds: _Doubles, on: _Units, off: _Units) -> _Doubles:
    """Return bounds times gates that are anything in [0, 1] unless they are on or off."""
    able = _hull(bounds, np.zeros_like(bounds))
    gated: _Doubles = np.where(on, bounds, np.where(off, 0, able))
    return gated


def _hull(a: _Doubles, b: _Doubles) -> _Doubles:
    """Return the bounds of what is between either."""
    return np.stack([np.minimum(a[0], b[0]), np.maximum(a[1], b[1])])


def _common(a: _Doubles, b: _Doubles) -> _Doubles:
    """Return the bounds of what is between both."""
    return np.stack([np.maximum(a[0], b[0]), np.minimum(a[1], b[1])])


def _less(a: _Doubles, b: _Doubles) -> _Doubles:
    """Return the bounds of a − b."""
    found = np.stack([a[0] - b[1], a[1] - b[0]])
    off = 2 * EPS * np.abs(found)
    return np.stack([found[0] - off[0], found[1] + off[1]])
