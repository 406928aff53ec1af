"""Activation patterns: which units of which layer are active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Pattern(Shown):
    """The active units of every hidden layer, a bit per unit (the paper's D_i).

    Attributes
    ----------
    bits : tuple of ndarray of uint8
        One array per hidden layer, shape (N, ⌈d_i / 8⌉), or (⌈d_i / 8⌉,) for a single point. The
        least significant bit comes first, so ``numpy.unpackbits(..., bitorder="little")`` reads
        them; the padding bits are 0.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.

    Notes
    -----
    A unit is active where its preactivation is positive. One at exactly 0 is active by a fair coin
    that depends on (seed, layer, unit) alone, as in section 2 of the paper.
    """

    bits: tuple[NDArray[np.uint8], ...]
    widths: tuple[int, ...]
    _points: int | None  # None for a single point

    def flips(self, other: Pattern) -> NDArray[np.int64]:
        """Count the units of each layer whose bit differs, Tr‖D_j(x) − D_j(y)‖.

        Parameters
        ----------
        other : Pattern
            A pattern of the same hidden widths, with as many points; a single point on either side
            is compared with every point of the other.

        Returns
        -------
        ndarray of int64
            Shape (N, L), or (L,) when both are single points.

        Raises
        ------
        TypeError
            If `other` is not a Pattern.
        ValueError
            If the widths or the numbers of points differ.
        """
        if not isinstance(other, Pattern):
            raise TypeError(f"other must be a Pattern, got {type(other).__name__}")
        if self.widths != other.widths:
            raise ValueError(f"other must have the hidden widths {self.widths}, got {other.widths}")
        points = self._points if other._points is None else other._points
        if self._points not in (None, points):
            raise ValueError(f"other must have {self._points} points or one, got {other._points}")
        return _by_layer(
            [core.flips(_rows(a), _rows(b)) for a, b in zip(self.bits, other.bits, strict=True)],
            points,
        )

    def active(self) -> NDArray[np.int64]:
        """Count the active units of each layer, Tr D_j, shape (N, L) or (L,)."""
        return _by_layer([core.active(_rows(a)) for a in self.bits], self._points)

    def unpack(self) -> list[NDArray[np.bool_]]:
        """Return one boolean array per hidden layer, shape (N, d_i) or (d_i,)."""
        return [
            np.unpackbits(a, axis=-1, count=width, bitorder="little").astype(bool)
            for a, width in zip(self.bits, self.widths, strict=True)
        ]

    def _shown_columns(self) -> dict[str, NDArray[Any]]:
        columns = {"layer": np.arange(1, len(self.widths) + 1), "width": np.array(self.widths, int)}
        active = self.active()
        if self._points is None:
            return {**columns, "active": active}
        if not self._points:
            return columns
        least, most = active.min(axis=0), active.max(axis=0)
        return {**columns, "fewest": least, "mean": active.mean(axis=0), "most": most}

    def __repr__(self) -> str:
        points = "one point" if self._points is None else f"{self._points} points"
        return f"Pattern({points}, widths={self.widths})"


def _rows(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return bits.reshape(-1, bits.shape[-1])


def _by_layer(counts: list[NDArray[np.int64]], points: int | None) -> NDArray[np.int64]:
    shape = (1 if points is None else points, len(counts))
    table = np.stack(counts, axis=1) if counts else np.zeros(shape, np.int64)
    return table[0] if points is None else table
