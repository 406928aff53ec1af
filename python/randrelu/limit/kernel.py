"""The covariance of values and gradients of infinitely wide networks, biases included.

What a layer makes of an angle is in `randrelu.laws.kernel`; here that is carried through the layers
with what biases add between them, in the form that `answer` asks for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.laws.kernel import off_tangent, one_layer

_Floats = NDArray[np.float64]
_STEEPEST = 1 / (4 * math.pi * float(np.finfo(np.float64).eps))  # κ″; the sine is rounding beyond


@dataclass(frozen=True)
class Kernel:
    """The law of an infinitely wide network, as a function F of points X of its own scale.

    Attributes
    ----------
    depth : int
        The number ℓ of hidden layers.
    gain : float
        By how much the squared norm of what a layer gets grows before its bias: 1 keeps it.
    bias : float
        The standard deviation of the biases.
    """

    depth: int
    gain: float
    bias: float

    @property
    def slope(self) -> float:
        """The standard deviation of the derivative along a unit vector, at any point."""
        return math.sqrt(self.gain) ** self.depth

    def deviation(self, lengths: _Floats) -> _Floats:
        """Return the standard deviation of F(X) at points of these norms."""
        result = np.hypot(lengths, self.bias)
        for _ in range(self.depth if self.bias else 0):
            result = np.hypot(math.sqrt(self.gain) * result, self.bias)
        return result if self.bias else self.slope * result

    def remainder(self, angle: float) -> float:
        """Return Var(F(Y) − ⟨∇F(X), Y⟩) for unit vectors at this angle, where there are no biases.

        It keeps its digits where θ is small.
        """
        return float(off_tangent(angle, self.depth))

    def between(self, angle: _Floats, lengths: _Floats, length: float) -> Between:
        """Return the covariance between n points X and a point Y.

        Parameters
        ----------
        angle : ndarray, shape (n,)
            The angles between X and Y; not looked at where one of them is 0.
        lengths : ndarray, shape (n,)
            ‖X‖.
        length : float
            ‖Y‖.
        """
        pair = _Pair(angle, lengths, np.full_like(lengths, length))
        pair.add_bias(self.bias)
        # The gradients of this first ρ are what u_X and u_Y stand for.
        cosine, first, second = np.cos(pair.angle), pair.a, pair.b
        pair.slope_a, pair.slope_b, pair.turn = 1 / first, 1 / second, np.ones_like(first)
        for _ in range(self.depth):
            pair.apply_relu(self.gain)
            pair.add_bias(self.bias)
        inner, both = np.cos(pair.angle), pair.a * pair.b
        unit_x, unit_y = self.deviation(lengths), float(self.deviation(np.array(length)))
        turn = both * pair.turn
        to_y = np.stack([turn, both * pair.along_a + pair.b * inner * pair.slope_a])
        to_x = np.stack([turn, both * pair.along_b + pair.a * inner * pair.slope_b])
        return Between(
            value=both * inner / (unit_x * unit_y),
            slope_x=to_y / (self.slope * unit_y),
            slope_y=to_x / (self.slope * unit_x),
            shared=pair.shared,
            mixed=pair.mixed,
            across_x=np.stack([1 / (first * second), cosine / first**2]),
            across_y=np.stack([1 / (first * second), cosine / second**2]),
        )


@dataclass(frozen=True)
class Between:
    """The covariance between F(X), ∇F(X) at n points X, and F(Y), ∇F(Y) at one point Y.

    Values are in units of their standard deviations, gradients in units of `Kernel.slope`. With the
    vectors u_X = p Y − q X and u_Y = p X − q′ Y, which vanish where X and Y are parallel,

    Cov(F(X), F(Y)) = `value`, Cov(∇F(X), F(Y)) = s_0 u_X + s_1 X for s = `slope_x`,
    Cov(F(X), ∇F(Y)) = s_0 u_Y + s_1 Y for s = `slope_y`, and with m = `mixed`
    Cov(∇F(X), ∇F(Y)) = `shared` I + m_0 u_X u_Yᵀ + m_1 u_X Yᵀ + m_2 X u_Yᵀ + m_3 X Yᵀ.

    Attributes
    ----------
    value, shared : ndarray, shape (n,)
    slope_x, slope_y : ndarray, shape (2, n)
    mixed : ndarray, shape (4, n)
    across_x, across_y : ndarray, shape (2, n)
        p, q, and p, q′.
    """

    value: _Floats
    slope_x: _Floats
    slope_y: _Floats
    shared: _Floats
    mixed: _Floats
    across_x: _Floats
    across_y: _Floats

    def of(self, which: NDArray[np.intp]) -> Between:
        """Return the same of these points X, which may be there more than once."""
        return Between(**{name: array[..., which] for name, array in vars(self).items()})


class _Pair:
    """Two points on their way through the layers.

    Of their images the norms are a and b, and the cosine of the angle is ρ. Beside them go

    ∇_X ρ = `turn` u_X + `along_a` X, ∇_Y ρ = `turn` u_Y + `along_b` Y,
    ∇_X a = `slope_a` X, ∇_Y b = `slope_b` Y, and ∇_X∇_Y (a b ρ) in the terms of `Between`.
    """

    def __init__(self, angle: _Floats, a: _Floats, b: _Floats) -> None:
        n = len(a)
        self.angle, self.a, self.b = angle, a, b
        self.turn, self.along_a, self.along_b = np.zeros((3, n))
        self.slope_a, self.slope_b = np.zeros((2, n))
        self.shared, self.mixed, self._unit = np.ones(n), np.zeros((4, n)), 1.0

    def apply_relu(self, gain: float) -> None:
        """Pass a layer of infinitely many ReLUs: ρ becomes κ(ρ)."""
        layer = one_layer(self.angle)
        # κ″ is infinite where the points are parallel, and ∇ρ is 0 there.
        bend = np.where(layer.second < _STEEPEST, layer.second, 0)
        bend *= self.a * self.b / self._unit
        self.mixed *= layer.first
        self.mixed += bend * np.stack(
            [self.turn**2, self.turn * self.along_b,
             self.along_a * self.turn, self.along_a * self.along_b]
        )  # fmt: skip
        self.mixed[3] += layer.alone * self.slope_a * self.slope_b / self._unit
        self.shared = layer.first * self.shared
        self.angle = layer.angle
        root = math.sqrt(gain)
        self.a, self.b = root * self.a, root * self.b
        self.slope_a, self.slope_b = root * self.slope_a, root * self.slope_b
        self.turn, self.along_a, self.along_b = (
            layer.first * change for change in (self.turn, self.along_a, self.along_b)
        )
        self._unit *= gain

    def add_bias(self, bias: float) -> None:
        """Add a coordinate to both images that is `bias`."""
        if not bias:
            return
        a, b, apart = self.a, self.b, 2 * np.sin(self.angle / 2) ** 2  # 1 − ρ
        self.a, self.b = np.hypot(a, bias), np.hypot(b, bias)
        both = self.a * self.b
        ratio = a * b / both
        # ∇ρ′ = ratio ∇ρ + bias² (bρ − a) ∇a/(a′³ b′), and both terms are small where X is near Y.
        self.along_a = ratio * self.along_a + (
            bias**2 * (b - a - b * apart) * self.slope_a / (self.a**2 * both)
        )
        self.along_b = ratio * self.along_b + (
            bias**2 * (a - b - a * apart) * self.slope_b / (self.b**2 * both)
        )
        self.turn = ratio * self.turn
        self.slope_a, self.slope_b = self.slope_a * a / self.a, self.slope_b * b / self.b
        across = np.hypot(
            a * b * np.sin(self.angle), bias * np.sqrt((a - b) ** 2 + 2 * a * b * apart)
        )
        self.angle = np.arctan2(across, a * b * (1 - apart) + bias**2)
