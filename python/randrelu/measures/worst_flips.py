"""The largest number of units that flip anywhere in a ball, from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, extras, memory
from randrelu._support.arguments import Progress
from randrelu._support.progress import counting, part
from randrelu._support.threads import thread_number
from randrelu.measures.ball import visit
from randrelu.measures.certified_flips import certified_flips
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class WorstFlips:
    """A bracket of the largest number of units of a layer that flip anywhere in a ball.

    For one layer the fields are scalars, and `point` has shape (d,); all of them have an axis L in
    front.

    Attributes
    ----------
    layer : int or ndarray of int64, shape ([L])
        The layer, from 1.
    attained : int or ndarray of int64, shape ([L])
        The units that differ between x and `point`: the largest number is at least this.
    point : ndarray, shape ([L,] d)
        A point of the ball at which they do.
    certified : int or ndarray of int64, shape ([L]), or None
        The largest number is at most this, rounding included. None for deferred networks, whose
        rows do not exist, and where it was not asked for.
    """

    layer: Any
    attained: Any
    point: NDArray[np.float64]
    certified: Any

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `point` as columns, a row per layer."""
        columns = {"layer": self.layer, "attained": self.attained, "certified": self.certified}
        return {name: np.atleast_1d(c) for name, c in columns.items() if c is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per layer; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        columns = self.columns()
        bounds = columns.get("certified", np.full(columns["layer"].size, -1))
        said = [
            f"layer {i}: attained {n}, " + ("no certified bound" if c < 0 else f"certified ≤ {c}")
            for i, n, c in zip(columns["layer"], columns["attained"], bounds, strict=True)
        ]
        return f"WorstFlips({'; '.join(said) or 'no layers'})"


def worst_flips(
    net: Network,
    x: ArrayLike,
    radius: float,
    *,
    layer: int | None = None,
    steps: int = 60,
    certify: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> WorstFlips:
    """Bracket the largest number of units of a layer that flip anywhere in B(x, radius).

    From below the number is attained by ascent: a point of the sphere is moved towards the
    boundaries that are nearest (by gradient steps on a smoothed count, whose width shrinks), and
    the best place on its way is kept. From above it is certified: only units whose `bounds` have 0
    within can flip, and no more of these than the largest k whose k smallest f̃_i(x)_j² sum to no
    more than ‖W_i‖² times the square of what f_{i−1} can change by.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0.
    layer : int, optional
        The hidden layer, from 1 to ℓ; by default each of them.
    steps : int, default 60
        The steps of the ascent, at least 1; fewer find a few flips less.
    certify : bool, default True
        Whether to bound the number from above, too: it takes the singular values of W_1, …, W_i
        and a copy of these in float64. Deferred networks know no rows, so there is no bound, and
        they remember the points of the ascent.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``: after the ascent in each layer, and while it certifies.

    Returns
    -------
    WorstFlips

    Raises
    ------
    IndexError
        If there is no such hidden layer.
    MemoryError
        If what the ascent or the certificate needs does not fit in the memory that is free.
    OverflowError
        If a bound leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described.
    """
    require_network(net)
    base = arguments.point("x", x, net.widths[0])
    size = arguments.number("radius", radius)
    steps = arguments.integer("steps", steps, at_least=1)
    asked = list(range(1, net.depth + 1))
    if layer is not None:
        asked = [arguments.integer("layer", layer)]
        if not 1 <= asked[0] <= net.depth:
            raise IndexError(f"layer must be a hidden layer from 1 to {net.depth}, got {layer}")
    if net.storage == "deferred":
        memory.require_revealing(
            net.widths, steps + 1, net.dtype.itemsize, backward=steps, explored=True
        )
    certify = certify and net.storage != "deferred" and bool(asked)
    parts = 2 if certify else 1
    climbed = counting(part(progress, 0, parts), len(asked))
    points = np.empty((len(asked), base.size))
    attained = np.empty(len(asked), np.int64)
    for n, i in enumerate(asked):
        _, points[n] = core.ascend(
            net._core, base, radius=size, layer=i - 1, steps=steps, threads=thread_number(threads)
        )
        visited = visit(
            net, base, points=points[n : n + 1], flips=True, dtype=base.dtype, threads=threads
        )
        assert visited.flips is not None
        attained[n] = visited.flips[0, i - 1]
        climbed(1)
    certified = None
    if certify:
        found = certified_flips(
            net, base, size, asked[-1], threads=threads, progress=part(progress, 1, parts)
        )
        certified = found[np.array(asked) - 1]
    if layer is None:
        return WorstFlips(np.array(asked, np.int64), attained, points, certified)
    bound = None if certified is None else int(certified[0])
    return WorstFlips(asked[0], int(attained[0]), points[0], bound)
