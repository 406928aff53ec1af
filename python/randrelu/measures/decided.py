"""Points, what a network decides there, and its margins elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid
from randrelu._support.threads import thread_number
from randrelu.measures.certified.rounding import EPS
from randrelu.measures.trace import most_flips
from randrelu.network import Network

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_ROUNDINGS = 16  # beyond which an evaluation that sums in another order sees the same


class Decided:
    """Points, their decisions, and the margins of these elsewhere.

    Attributes
    ----------
    points : ndarray, shape (N, d)
        The points.
    tops : ndarray of int64, shape (N,), or None
        The largest outputs; None where there is one output.
    signs : ndarray, shape (N,)
        The sign of f, or 1 where there are several outputs.
    against : ndarray of int64, shape (N,), or None
        The outputs that are to be as large; None is any other.
    values : ndarray, shape (N,)
        The margins there.
    rivals : ndarray of int64, shape (N,), or None
        The other outputs of these margins.
    """

    def __init__(
        self, net: Network, points: _Doubles, against: _Ints | None, *, threads: int | None
    ) -> None:
        self.net, self.points, self.against = net, points, against
        self._threads = thread_number(threads)
        self._rough: np.dtype[Any] = net.dtype
        self.outputs = net._evaluate(points, value=True, threads=threads)[0].reshape(
            len(points), net.outputs
        )
        several = net.outputs > 1
        self.tops = self.outputs.argmax(axis=1) if several else None
        self.signs = np.ones(len(points)) if several else np.sign(self.outputs[:, 0])
        here = self.margins(np.arange(len(points)), points)
        self.values = self.signs * here.values
        self.rivals = here.rivals if several else None

    def margins(self, who: _Ints, y: _Doubles, against: _Ints | None = None) -> core.Margins:
        """Evaluate margins (without the signs) of the points `who` at y (n, d)."""
        return self._margins(who, y, against)

    def _margins(self, who: _Ints, y: NDArray[Any], against: _Ints | None) -> core.Margins:
        if against is None and self.against is not None:
            against = self.against[who]
        tops = None if self.tops is None else self.tops[who]
        return core.margins(
            self.net._core, np.ascontiguousarray(y), tops, against, threads=self._threads
        )

    def rough_margins(self, who: _Ints, y: _Doubles, against: _Ints | None) -> core.Margins:
        """Evaluate margins in the arithmetic of the network, or in float64 where they leave that.

        They show the way down, and nothing about the decision.
        """
        if self._rough == np.float32:
            try:
                with np.errstate(over="raise"):
                    return self._margins(who, y.astype(np.float32), against)
            except (FloatingPointError, OverflowError):
                self._rough = np.dtype(np.float64)
        return self.margins(who, y, against)

    def first_changes(self, who: _Ints, y: _Doubles) -> _Doubles:
        """Return which shares of the segments from the points `who` to y come first to a change."""
        return core.first_changes(
            self.net._core, self.points[who], np.ascontiguousarray(y),
            None if self.tops is None else self.tops[who],
            None if self.against is None else self.against[who],
            most_flips=most_flips(self.net), threads=self._threads,
        )  # fmt: skip

    def changed(self, who: _Ints, y: _Doubles, within: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where an evaluation shows another decision, whichever way it sums, (n,).

        A margin whose gradient is 0, as all units that tell are off, has no rounding, but theirs
        may turn them on. It counts where y is well `within`.
        """
        found = self.margins(who, y)
        clear = np.abs(found.values) >= _ROUNDINGS * found.roundings
        counts = found.gradients.any(axis=1) | within
        shown: NDArray[np.bool_] = clear & counts & self.beyond(who, found)
        return shown

    def beyond(
        self, who: _Ints, found: core.Margins, *, any_other: bool = True
    ) -> NDArray[np.bool_]:
        """Return where margins say that the decision is another, (n,).

        Of equal outputs the first decides, but one that `against` or a start is for need not.
        """
        margins = self.signs[who] * found.values
        equal = margins == 0
        if self.tops is not None and self.against is None and any_other:
            equal &= found.rivals < self.tops[who]
        other: NDArray[np.bool_] = (margins < 0) | equal
        return other


def sizes(vectors: _Doubles, norm: float) -> _Doubles:
    """Return the norms of vectors (N, d), of any size."""
    if norm == np.inf:
        largest: _Doubles = np.abs(vectors).max(axis=1, initial=0)
        return largest
    return euclid.norms(vectors)


def distances(x: _Doubles, y: _Doubles, norm: float) -> _Doubles:
    """Return no less than ‖y − x‖ of rows, by a few roundings more."""
    rounding = x.shape[1] + 8 if norm == 2 else 2
    return sizes(y - x, norm) * (1 + rounding * EPS)
