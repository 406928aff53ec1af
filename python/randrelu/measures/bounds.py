"""Bounds on every preactivation and output over a ball, which no point of it exceeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, extras
from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu._support.shown import Shown
from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.scaled import Scaled
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Bounds(Shown):
    """What the preactivations and outputs can be in a ball around x; *certified*.

    Attributes
    ----------
    lower, upper : tuple of ndarray
        For the layers 1, …, ℓ+1, shape (d_i,) or (N, d_i): no point of the ball has a preactivation
        f̃_i(y), or for i = ℓ+1 an output, outside of them, rounding included.
    radius : float or ndarray, shape (N,)
        The radius R.
    norm : float
        The norm of the ball, 2 or inf.
    """

    lower: tuple[_Doubles, ...]
    upper: tuple[_Doubles, ...]
    radius: Any
    norm: float

    def straddling(self) -> NDArray[np.int64]:
        """Count the units of each hidden layer whose bounds have 0 within, shape ([N,] L).

        No more units can be active at one point of the ball and not at another.
        """
        pairs = zip(self.lower[:-1], self.upper[:-1], strict=True)
        counts = [np.sum((low <= 0) & (high >= 0), axis=-1) for low, high in pairs]
        return (
            np.stack(counts, axis=-1) if counts else np.zeros((*self.lower[0].shape[:-1], 0), int)
        )

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a summary as columns, a row per layer (and point)."""
        layers = range(1, len(self.lower) + 1)
        rows = [np.atleast_2d(a) for a in self.lower], [np.atleast_2d(a) for a in self.upper]
        points = len(rows[0][0])
        pairs = list(zip(*rows, strict=True))
        columns = {
            "point": np.repeat(np.arange(points), len(layers)),
            "layer": np.tile(np.array(layers), points),
            "width": np.tile(np.array([low.shape[1] for low, _ in pairs]), points),
            "lowest": np.stack([low.min(axis=1) for low, _ in pairs], axis=1).ravel(),
            "highest": np.stack([high.max(axis=1) for _, high in pairs], axis=1).ravel(),
            "straddling": np.stack(
                [np.sum((low <= 0) & (high >= 0), axis=1) for low, high in pairs], axis=1
            ).ravel(),
        }
        if self.lower[0].ndim == 1:
            del columns["point"]
        return columns

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        norm = "∞" if self.norm == np.inf else "2"
        if self.lower[0].ndim > 1:
            return f"Bounds({len(self.lower[0])} balls in norm {norm})"
        pairs = zip(self.straddling(), self.lower, strict=False)
        units = ", ".join(f"{count} of {low.size}" for count, low in pairs)
        low, high = self.lower[-1], self.upper[-1]
        outputs = ", ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(low[:4], high[:4], strict=True))
        more = ", …" if low.size > 4 else ""
        return (
            f"Bounds(radius {self.radius:.4g} in norm {norm}, units with 0 within by layer: "
            f"{units or 'none'}, outputs in {outputs}{more})"
        )


def bounds(
    net: Network,
    x: ArrayLike,
    radius: ArrayLike,
    *,
    norm: float = 2,
    iterations: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Bounds:
    """Bound every preactivation and output over a ball around x.

    Parameters
    ----------
    net : Network
        The network, stored or streamed.
    x : array_like, shape (d,) or (N, d)
        The centres.
    radius : float or array_like, shape (N,)
        The radius R ≥ 0.
    norm : {2, inf}
        The norm of the ball.
    iterations : int, default 0
        Steps, at least 0, in which the slopes of the lines below the ReLUs climb, for each bound
        its own (α-CROWN; Xu et al. 2021). The bounds get closer; a step takes twice the time that
        they take without.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of units and outputs that are bounded.

    Returns
    -------
    Bounds

    Raises
    ------
    MemoryError
        If three copies of the weights in float64 do not fit in the memory that is free.
    OverflowError
        If a bound leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or the network is deferred: it has no rows to bound.

    Notes
    -----
    Every ReLU whose preactivation may have either sign lies between two lines: above, the one
    through its ends, below, 0 or the identity, whichever leaves the smaller area (CROWN; Zhang,
    Weng, Chen, Hsieh and Daniel 2018). With them each preactivation is bounded by a linear function
    of the input, layer by layer, one matrix product for all units and points. What intervals, and
    the norm of what the layer before can change, say is taken where it says more.

    Everything is float64, and the rounding of every sum, at most γ_n Σ|a_i b_i|, is taken off the
    bounds: they hold for the exact value of the network whose weights these are. (An evaluation
    in floating point may be off by its own rounding.)
    """
    require_network(net)
    if net.storage == "deferred":
        raise ValueError(
            "net must be stored or streamed: a deferred network has no rows whose sums could be "
            "bounded; draw one with storage='stored'"
        )
    points, single = arguments.points("x", x, net.widths[0], np.dtype(np.float64))
    norm = arguments.norm(norm)
    sizes = _sizes(radius, len(points))
    radii = np.broadcast_to(sizes, (len(points),))
    steps = arguments.integer("iterations", iterations, at_least=0, at_most=arguments.WIDEST)
    largest = max(np.abs(points).max(initial=0), radii.max(initial=0))
    scaled = Scaled(net, net.depth + 1, largest, threads=threads)
    count = counting(progress, sum(net.widths[1:]))
    found = Bounding(scaled, points, radii, norm, count)
    for i in range(1, net.depth + 2):
        found.add_layer(i, steps)
    lower, upper = found.unscaled()
    if not all(np.isfinite(a).all() for a in (*lower, *upper)):
        raise OverflowError("a bound leaves the range of float64")
    if single:
        lower, upper = tuple(a[0] for a in lower), tuple(a[0] for a in upper)
    given = float(radii[0]) if sizes.ndim == 0 and len(radii) else radii.copy()
    return Bounds(lower, upper, given, norm)


def _sizes(radius: ArrayLike, count: int) -> _Doubles:
    """Return the radius of all balls, shape (), or that of each, shape (N,)."""
    sizes = arguments.real_array("radius", radius)
    if sizes.ndim == 0:
        return np.asarray(arguments.number("radius", sizes.item()))
    if sizes.shape != (count,):
        raise ValueError(
            f"radius must be a number or have shape ({count},), got shape {sizes.shape}"
        )
    if (sizes < 0).any():
        raise ValueError(f"radius must be at least 0, got {sizes.min()}")
    return sizes.astype(np.float64)
