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
from randrelu._support.shown import Shown
from randrelu._support.threads import thread_number
from randrelu.measures.ball import visit
from randrelu.measures.certified.flips import certified_flips
from randrelu.measures.nested import best_within, least_around
from randrelu.measures.places import ascending, balls_in_words
from randrelu.network import Network, require_network

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class WorstFlips(Shown):
    """A bracket of the largest number of units of a layer that flip anywhere in a ball.

    For one layer the fields are scalars, and `point` has shape (d,); all of them have an axis L in
    front. A sequence of K radii puts an axis K before that, in the order of the radii.

    Attributes
    ----------
    layer : int or ndarray of int64, shape ([L])
        The layer, from 1.
    attained : int or ndarray of int64, shape ([K,] [L])
        The units that differ between x and `point`: the largest number is at least this.
    point : ndarray, shape ([K,] [L,] d)
        A point of the ball at which they do.
    certified : int or ndarray of int64, shape ([K,] [L]), or None
        The largest number is at most this, rounding included. None for deferred networks, whose
        rows do not exist, and where it was not asked for.
    radius : float or ndarray, shape ([K])
        The radius of the ball, or the K radii.
    """

    layer: Any
    attained: Any
    point: NDArray[np.float64]
    certified: Any
    radius: float | NDArray[np.float64]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `point` as columns.

        There is a row per layer, for every one of several radii, which are a column then.
        """
        layers = np.size(self.layer)
        columns = {"layer": self.layer, "attained": self.attained, "certified": self.certified}
        several = {}
        if np.ndim(self.radius):
            several["radius"] = np.repeat(np.asarray(self.radius), layers)
            columns["layer"] = np.tile(self.layer, np.size(self.radius))
        return several | {name: np.ravel(c) for name, c in columns.items() if c is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def _shown_picture(self) -> Any:
        from randrelu.figures.bracket import worst_figure

        columns = self.columns()
        layers, shape = np.atleast_1d(self.layer), (np.size(self.radius), np.size(self.layer))
        of = [f"layer {i}" for i in layers]
        return worst_figure(
            self.radius, "units that flip", of, columns["attained"].reshape(shape),
            columns.get("certified", np.full(shape, np.nan)).reshape(shape),
        )  # fmt: skip

    def __repr__(self) -> str:
        columns, balls = self.columns(), ""
        if np.ndim(self.radius):
            radii = np.asarray(self.radius)
            if not radii.size:
                return "WorstFlips(no radii)"
            largest = columns["radius"] == radii.max()
            some = np.flatnonzero(largest)[: np.size(self.layer)]
            columns = {name: column[some] for name, column in columns.items()}
            balls = f"{balls_in_words(radii)}at the largest "
        bounds = columns.get("certified", np.full(columns["layer"].size, -1))
        said = [
            f"layer {i}: attained {n}, " + ("no certified bound" if c < 0 else f"certified ≤ {c}")
            for i, n, c in zip(columns["layer"], columns["attained"], bounds, strict=True)
        ]
        return f"WorstFlips({balls}{'; '.join(said) or 'no layers'})"


def worst_flips(
    net: Network,
    x: ArrayLike,
    radius: ArrayLike,
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
    radius : float or sequence of float
        The radius R ≥ 0, or K radii in any order.
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

    Notes
    -----
    Of several radii each has ascents and bounds of its own, the smallest first; the copies of the
    weights and their norms are shared. What is attained in a ball is so in the larger ones, and
    what bounds a ball bounds the smaller ones: so neither number falls as the radius grows.
    """
    require_network(net)
    base = arguments.point("x", x, net.widths[0])
    given, radii, which = ascending(radius)
    steps = arguments.integer("steps", steps, at_least=1, at_most=arguments.WIDEST)
    asked = list(range(1, net.depth + 1))
    if layer is not None:
        asked = [arguments.integer("layer", layer)]
        if not 1 <= asked[0] <= net.depth:
            raise IndexError(f"layer must be a hidden layer from 1 to {net.depth}, got {layer}")
    if net.storage == "deferred":
        memory.require_revealing(
            net.widths,
            len(radii) * (steps + 1),
            net.dtype.itemsize,
            backward=len(radii) * steps,
            explored=True,
        )
    certify = arguments.flag("certify", certify) and net.storage != "deferred" and bool(asked)
    parts = 2 if certify else 1
    climbed = counting(part(progress, 0, parts), len(radii) * len(asked))
    points = np.empty((len(radii), len(asked), base.size))
    attained = np.empty((len(radii), len(asked)), np.int64)
    for k, size in enumerate(radii.tolist()):
        for n, i in enumerate(asked):
            points[k, n], attained[k, n] = _climbed(net, base, size, i, steps, threads)
            climbed(1)
    certified = None
    if certify:
        found = certified_flips(
            net, base, radii, asked[-1], threads=threads, progress=part(progress, 1, parts)
        )
        certified = least_around(found[:, np.array(asked) - 1])[which]
    best = best_within(attained)[which]
    layers = np.arange(len(asked))
    attained, points = attained[best, layers], points[best, layers]
    if layer is None:
        return WorstFlips(np.array(asked, np.int64), attained, points, certified, given)
    bound = None if certified is None else _only(certified)
    return WorstFlips(asked[0], _only(attained), points[..., 0, :], bound, given)


def _only(counts: NDArray[np.int64]) -> Any:
    """Return the counts ([K,] 1) of the only layer, an int for one radius."""
    of_layer = counts[..., 0]
    return of_layer if counts.ndim > 1 else int(of_layer)


def _climbed(
    net: Network, x: NDArray[np.float64], radius: float, layer: int, steps: int, threads: int | None
) -> tuple[NDArray[np.float64], int]:
    """Return the point of a ball where an ascent leads, and how many units of the layer flip."""
    _, point = core.ascend(
        net._core, x, radius=radius, layer=layer - 1, steps=steps, threads=thread_number(threads)
    )
    visited = visit(net, x, points=point[np.newaxis], flips=True, dtype=x.dtype, threads=threads)
    assert visited.flips is not None
    return point, int(visited.flips[0, layer - 1])
