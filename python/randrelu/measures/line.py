"""The network on a segment, where it is piecewise linear: every flip, and f between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, extras, memory
from randrelu._support.arguments import Progress
from randrelu.network import Network
from randrelu.pattern import Pattern

if TYPE_CHECKING:
    import pandas as pd

_FIRST_GUESS = 1.5  # times where a linear f would reach the level
_LONGER = 3.0  # from one try to the next
_NEAR_ORIGIN = 1e-12  # of the segment's farthest point


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
class Line:
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
        unit may be at exactly 0; it then has the state that it has behind t.

        Parameters
        ----------
        t : float
            A place in [0, length].

        Raises
        ------
        ValueError
            If it lies outside.
        """
        passed = int(np.searchsorted(self.t, float(self._checked(t)), side="right"))
        bits = [layer.copy() for layer in self._bits]
        for i, packed in enumerate(bits, start=1):
            own = self.layer[:passed] == i
            for unit, active in zip(
                self.unit[:passed][own], self.active[:passed][own], strict=True
            ):
                mask = np.uint8(1 << (unit % 8))
                packed[unit // 8] = (
                    packed[unit // 8] | mask if active else packed[unit // 8] & ~mask
                )
        return Pattern(tuple(bits), self.widths, None)

    def gradient(self, t: float, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return ∇f on the piece that begins at or before t, shape (d,)."""
        bits = list(self.pattern(t).bits)
        depth, number = self._net.depth, arguments.thread_number(threads)
        one = np.ones((1, 1))
        rows = core.segment(self._net._core, bits, 0, depth + 1, one, True, number)
        return rows.reshape(-1)

    def first_crossing(self, level: float) -> float:
        """Return the smallest t with f(t) = level, or NaN when f does not reach it."""
        return self._first_crossing(float(level))[0]

    def linearity(self) -> Linearity:
        """Compare f with its tangent at x, f(0) + t f′(0)."""
        ends = np.r_[self.t, self.length]
        values = np.r_[self.f, self.value(self.length)]
        gaps = np.abs(values - (self.f0 + ends * self.slope[0]))
        worst = int(np.argmax(gaps))
        variation = float(np.abs(np.diff(self.slope)).sum())
        return Linearity(float(gaps[worst]), float(ends[worst]), variation)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the flips as columns, a row per flip; `slope` is the one behind it."""
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

    def _first_crossing(self, level: float) -> tuple[float, int]:
        """Return the smallest t with f(t) = level, and its piece; NaN and K + 1 without one."""
        starts, ends = np.r_[0.0, self.t], np.r_[self.t, self.length]
        before = np.r_[self.f0, self.f] - level
        after = np.r_[self.f, self.value(self.length)] - level
        # Where a piece ends at the level up to rounding, as the last one of `until` does.
        close = np.abs(after) <= 1e-14 * (np.abs(self.f0) + abs(level))
        reached = np.flatnonzero((before == 0) | (np.sign(before) != np.sign(after)) | close)
        if not reached.size:
            return math.nan, len(starts)
        k = int(reached[0])
        if before[k] == 0:
            return float(starts[k]), k
        share = 1.0 if close[k] else before[k] / (before[k] - after[k])
        return float(min(starts[k] + share * (ends[k] - starts[k]), ends[k])), k

    def _until(self, level: float) -> Line | None:
        """Return the line up to where f first reaches the level, or None if it does not."""
        end, piece = self._first_crossing(level)
        if math.isnan(end):
            return None
        kept = {name: getattr(self, name)[:piece] for name in ("t", "layer", "unit", "active", "f")}
        return replace(self, length=end, slope=self.slope[: piece + 1], **kept)


def line(
    net: Network,
    x: ArrayLike,
    direction: ArrayLike,
    length: float,
    *,
    until: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Line:
    """Follow f along a segment exactly: every unit that flips, and f and its slope between them.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        Where the segment begins.
    direction : array_like, shape (d,)
        Where it goes; only its direction counts.
    length : float
        How long the segment is, in the units of x.
    until : float, optional
        Stop where f first reaches this level; the line then ends there. It is looked for in longer
        and longer parts of the segment, so a level that is reached early costs little.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`, in thousandths; it starts again for
        every part that `until` looks at.

    Returns
    -------
    Line

    Raises
    ------
    MemoryError
        If more units flip than fit in the memory that is free.
    OverflowError
        If a value inside the network leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or the segment passes through the origin: there every
        unit of every layer is 0, and flips at once. (A segment that begins at 0 has no flips.)

    Notes
    -----
    Between two flips of the layers in front, the preactivations of a layer are linear in t, and a
    walk along the pieces finds where each unit passes 0. A flip changes the slopes of the layer
    behind by a multiple of a column of its weights, and those of the layers farther behind by a row
    of one matrix product. With K_i flips in the first i layers, and a_i units of layer i active
    anywhere, that is 2 K_{i−1} a_i d_{i+1} operations for layer i + 1, and K_i d_{i+1} steps of the
    walk: less than evaluating f at every flip, whatever the length.
    Values are integrals of the slopes, with compensated sums, so f is continuous and rounding
    does not grow with the number of flips.
    """
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")
    float64 = np.dtype(np.float64)
    (base,), single = arguments.points("x", x, net.widths[0], float64)
    (way,), one_way = arguments.points("direction", direction, net.widths[0], float64)
    for name, one in (("x", single), ("direction", one_way)):
        if not one:
            raise ValueError(f"{name} must be a single vector of shape ({net.widths[0]},)")
    size = float(arguments.norms(way[np.newaxis])[0])
    if size == 0:
        raise ValueError("direction must not be 0")
    end = _length(length)
    unit = way / size
    unit /= float(np.linalg.norm(unit))
    if _origin(base, unit, end) is not None:
        raise ValueError(
            "the segment passes through the origin, where every unit is 0 and flips at once; take "
            "the part before it, and a segment that begins at 0"
        )
    if until is not None and not math.isfinite(until):
        raise ValueError(f"until must be finite, got {until}")
    number = arguments.thread_number(threads)
    if until is None:
        return _trace(net, base, unit, end, number, progress)
    value, slope = _start(net, base, unit, number)
    guess = _FIRST_GUESS * abs((until - value) / slope) if slope else end
    part = min(end, max(guess, 1e-6 * end))
    while True:
        traced = _trace(net, base, unit, part, number, progress)
        found = traced._until(until)
        if found is not None or part == end:
            return found or traced
        part = min(end, _LONGER * part)


def _trace(
    net: Network,
    base: NDArray[np.float64],
    unit: NDArray[np.float64],
    length: float,
    threads: int,
    progress: Progress | None,
) -> Line:
    t, layer, index, active, f0, f, slope, bits = core.trace_line(
        net._core, base, unit, length, _most_flips(net), threads, progress
    )
    return Line(
        base, unit, length, t, layer, index, active, f0, f, slope, net.widths[1:-1], bits, net
    )


def _start(
    net: Network, base: NDArray[np.float64], unit: NDArray[np.float64], threads: int
) -> tuple[float, float]:
    """Return f and df/dt at the beginning."""
    value, _, gradient = net._evaluate(
        base[np.newaxis], value=True, gradient=True, threads=threads or None
    )
    return float(value[0]), float(gradient[0] @ unit)


def _most_flips(net: Network) -> int:
    """Return how many flips the memory that is free has room for: two rows of slopes each."""
    free = memory.available_bytes()
    rows = 6 if net.storage == "deferred" else 3
    return 2**31 if free is None else max(1, free // (8 * rows * max(net.widths)))


def _length(length: float) -> float:
    value = arguments.real_array("length", length)
    if value.ndim or not value > 0:
        raise ValueError(f"length must be a positive number, got {length!r}")
    return float(value)


def _origin(x: NDArray[np.float64], u: NDArray[np.float64], length: float) -> float | None:
    """Return the t > 0 at which the segment passes through the origin, or None."""
    if not x.any():
        return None
    nearest = min(max(-float(x @ u), 0.0), length)
    distance = float(arguments.norms((x + nearest * u)[np.newaxis])[0])
    size = float(arguments.norms(x[np.newaxis])[0])
    return nearest if distance <= _NEAR_ORIGIN * (size + length) else None


def first_reach(
    net: Network,
    x: NDArray[np.float64],
    direction: NDArray[np.float64],
    length: float,
    level: float,
    *,
    threads: int | None,
) -> float:
    """Return the smallest t in [0, length] with f(x + t u) = level, NaN if there is none.

    Unlike `line` it goes through the origin, behind which f is linear.
    """
    unit = direction / float(arguments.norms(direction[np.newaxis])[0])
    origin = _origin(x, unit, length)
    if origin is None:
        traced = line(net, x, unit, length, until=level, threads=threads)
        return traced.first_crossing(level)
    before = line(net, x, unit, origin * (1 - 1e-9), until=level, threads=threads)
    t = before.first_crossing(level)
    if not math.isnan(t):
        return t
    value, _, _ = net._evaluate(unit[np.newaxis], value=True, threads=threads)
    behind = 0.0 if level == 0 else level / value[0] if value[0] else math.nan
    return origin + behind if behind >= 0 and origin + behind <= length else math.nan
