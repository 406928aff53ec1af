"""A network on a segment of a line, where it is piecewise linear: every flip, f between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, extras, memory
from randrelu._support.shown import Shown
from randrelu.measures.masked_product import masked_product
from randrelu.network import Network
from randrelu.pattern import Pattern

if TYPE_CHECKING:
    import pandas as pd


class Linearity(NamedTuple):
    """How far f on a line is from its tangent at x.

    Attributes
    ----------
    deviation : float
        max |f(t) − (f(0) + t f′(0))|.
    at : float
        The t where it is attained.
    slope_variation : float
        The total variation of the slope.
    """

    deviation: float
    at: float
    slope_variation: float


@dataclass(frozen=True, eq=False, repr=False)
class Line(Shown):
    """f on the segment x + t u, t in [0, length], ‖u‖ = 1: K flips cut it into K + 1 linear pieces.

    Everything is float64, whatever the network's dtype.

    Attributes
    ----------
    x, direction : ndarray, shape (d,)
        The point, and the unit vector u.
    length : float
        Where the segment ends.
    t : ndarray, shape (K,)
        Where a unit flips, ascending, in [0, length]. Several may flip at the same t.
    layer, unit : ndarray of int64, shape (K,)
        Which one: the layer from 1, the unit from 0.
    active : ndarray of bool, shape (K,)
        Whether it is active from there on.
    f0 : float
        f(x).
    f : ndarray, shape (K,)
        f at the flips.
    slope : ndarray, shape (K + 1,)
        df/dt on the pieces.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    """

    x: NDArray[np.float64]
    direction: NDArray[np.float64]
    length: float
    t: NDArray[np.float64]
    layer: NDArray[np.int64]
    unit: NDArray[np.int64]
    active: NDArray[np.bool_]
    f0: float
    f: NDArray[np.float64]
    slope: NDArray[np.float64]
    widths: tuple[int, ...]
    _bits: list[NDArray[np.uint8]]
    _net: Network

    @property
    def flips(self) -> NDArray[np.int64]:
        """How many flips there are in each layer, shape (L,); a unit may flip twice."""
        counts: NDArray[np.int64] = np.bincount(self.layer, minlength=len(self.widths) + 1)[1:]
        return counts

    @property
    def regions(self) -> int:
        """How many linear pieces of positive length the segment has: units may flip together."""
        return int(np.count_nonzero(self._lengths()))

    def length_ratio(self) -> float:
        """Return how long the way of f along the segment is, over the length of the segment.

        It is ∫|df/dt| dt / length, the mean of |slope| along the segment, by which the network
        stretches it (the length distortion of Hanin, Jeong and Rolnick 2022). It is at least
        |f(length) − f(0)| / length, and that where f does not turn back.
        """
        way = math.fsum(np.abs(self.slope) * self._lengths())
        return way / self.length

    def _lengths(self) -> NDArray[np.float64]:
        """Return the lengths of the K + 1 pieces."""
        return np.diff(np.r_[0.0, self.t, self.length])

    def point(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return x + t u, shape (..., d)."""
        at = self._checked(t)
        result: NDArray[np.float64] = self.x + at[..., np.newaxis] * self.direction
        return result

    def value(self, t: ArrayLike) -> Any:
        """Return f(x + t u), shape (...).

        Parameters
        ----------
        t : array_like, shape (...)
            Places in [0, length].

        Raises
        ------
        ValueError
            If one lies outside.
        """
        at = self._checked(t)
        starts, values = np.r_[0.0, self.t], np.r_[self.f0, self.f]
        piece = np.searchsorted(self.t, at, side="right")
        return values[piece] + (at - starts[piece]) * self.slope[piece]

    def pattern(self, t: float) -> Pattern:
        """Return the activation pattern on the piece that begins at or before t.

        It is made of the flips, not of an evaluation at the rounded point x + t u. At t itself a
        unit may be at exactly 0; it then has the state that it has after t.

        Parameters
        ----------
        t : float
            A place in [0, length].

        Raises
        ------
        ValueError
            If it lies outside.
        """
        at = self._checked(t)
        if at.ndim:
            raise ValueError(f"t must be a single number, got an array of shape {at.shape}")
        bits = self._bits_at(at.reshape(1))
        return Pattern(tuple(packed[0] for packed in bits), self.widths, None)

    def gradient(self, t: ArrayLike, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return ∇f on the piece that begins at or before t, shape (..., d).

        Parameters
        ----------
        t : array_like, shape (...)
            Places in [0, length].
        threads : int, optional
            The number of threads.

        Raises
        ------
        MemoryError
            If the gradients do not fit in the memory that is free.
        ValueError
            If a place lies outside.
        """
        at = self._checked(t)
        packed = sum(bits.size for bits in self._bits)  # while bits are made, four arrays of them
        memory.require(
            at.size * (8 * self.x.size + 4 * packed),
            f"returning the gradients at {at.size} places",
            "pass fewer places at a time",
        )
        one = np.ones((at.size, 1))
        rows = masked_product(
            self._net, self._bits_at(at.ravel()), 0, self._net.depth + 1, one,
            transposed=True, threads=threads,
        )  # fmt: skip
        return rows.reshape(*at.shape, self.x.size)

    def first_crossing(self, level: float) -> float:
        """Return the smallest t with f(t) = level, or NaN when f does not reach it."""
        knots = np.r_[0.0, self.t, self.length]
        values = np.r_[self.f0, self.f, self.value(self.length)]
        return core.first_crossing(knots, values, arguments.finite("level", level))

    def linearity(self) -> Linearity:
        """Compare f with its tangent at x, f(0) + t f′(0)."""
        ends = np.r_[self.t, self.length]
        values = np.r_[self.f, self.value(self.length)]
        gaps = np.abs(values - (self.f0 + ends * self.slope[0]))
        worst = int(np.argmax(gaps))
        variation = float(np.abs(np.diff(self.slope)).sum())
        return Linearity(float(gaps[worst]), float(ends[worst]), variation)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the flips as columns, a row per flip; `slope` is the one after it."""
        return {
            "t": self.t, "layer": self.layer, "unit": self.unit, "active": self.active,
            "f": self.f, "slope": self.slope[1:],
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def plot(self) -> Any:
        """Draw f, its tangent at x and the flips, coloured by layer; needs Matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from randrelu.figures.line import line_figure

        return line_figure(self)

    def _shown_picture(self) -> Any:
        return self.plot()

    def __repr__(self) -> str:
        by_layer = ", ".join(map(str, self.flips)) or "none"
        return (
            f"Line(length {self.length:.4g}, {self.t.size} flips (by layer: {by_layer}), "
            f"f from {self.f0:.4g} to {self.value(self.length):.4g})"
        )

    def _checked(self, t: ArrayLike) -> NDArray[np.float64]:
        at = arguments.real_array("t", t).astype(np.float64)
        if not ((at >= 0) & (at <= self.length)).all():
            raise ValueError(f"t must lie in [0, {self.length:.6g}], got {t!r}")
        return at

    def _bits_at(self, t: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
        """Return the bits of every layer at the places t, (T,), a row of bytes per place.

        Every flip toggles the bit of its unit, whatever the order.
        """
        passed = np.searchsorted(self.t, t, side="right")
        order = np.argsort(passed)
        row = np.searchsorted(passed[order], np.arange(self.t.size), side="right")
        within = row < t.size  # the others come after every place
        layers = []
        for i, bits in enumerate(self._bits, start=1):
            own = within & (self.layer == i)
            byte, bit = np.divmod(self.unit[own], 8)
            toggled = np.zeros((t.size, bits.size), np.uint8)
            np.bitwise_xor.at(toggled, (row[own], byte), (1 << bit).astype(np.uint8))
            here = np.empty_like(toggled)
            here[order] = bits ^ np.bitwise_xor.accumulate(toggled, axis=0)
            layers.append(here)
        return layers
