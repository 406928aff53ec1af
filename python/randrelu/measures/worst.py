"""The largest number of units that flip anywhere in a ball, from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, euclid, memory
from randrelu._support.threads import thread_number
from randrelu.measures.ball import visit
from randrelu.network import Network, require_network

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, repr=False)
class WorstFlips:
    """A bracket of the largest number of units of a layer that flip anywhere in a ball.

    Attributes
    ----------
    layer : int
        The layer, from 1.
    attained : int
        The units that differ between x and `point`: the largest number is at least this.
    point : ndarray, shape (d,)
        A point of the ball at which they do.
    certified : int or None
        For layer 1: the units whose boundary meets the ball, #{j : |w_j·x| ≤ R‖w_j‖}, with room
        for rounding: the largest number is at most this. None for later layers, and for deferred
        networks, whose w_j do not exist.
    """

    layer: int
    attained: int
    point: NDArray[np.float64]
    certified: int | None

    def __repr__(self) -> str:
        bound = "no certified bound" if self.certified is None else f"certified ≤ {self.certified}"
        return f"WorstFlips(layer {self.layer}: attained {self.attained}, {bound})"


def worst_flips(
    net: Network,
    x: ArrayLike,
    radius: float,
    *,
    layer: int,
    steps: int = 60,
    threads: int | None = None,
) -> WorstFlips:
    """Bracket the largest number of units of a layer that flip anywhere in B(x, radius).

    From below the number is attained by ascent: a point of the sphere is moved towards the
    boundaries that are nearest (by gradient steps on a smoothed count, whose width shrinks), and
    the best place on its way is kept. From above it is certified, for layer 1, by the units whose
    boundary meets the ball at all. (A deferred network knows no boundaries, so `certified` is None,
    and it remembers the points of the ascent.)

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0.
    layer : int
        The hidden layer, from 1 to ℓ.
    steps : int
        The steps of the ascent; fewer find a few flips less.
    threads : int, optional
        The number of threads.

    Returns
    -------
    WorstFlips

    Raises
    ------
    IndexError
        If there is no such hidden layer.
    TypeError, ValueError
        If an argument is not as described.
    """
    require_network(net)
    base = arguments.point("x", x, net.widths[0])
    size = arguments.number("radius", radius)
    steps = arguments.integer("steps", steps, at_least=1)
    index = arguments.integer("layer", layer) - 1
    if not 0 <= index < net.depth:
        raise IndexError(f"layer must be a hidden layer from 1 to {net.depth}, got {layer}")
    number = thread_number(threads)
    if net.storage == "deferred":
        memory.require_revealing(
            net.widths, steps + 1, net.dtype.itemsize, backward=steps, explored=True
        )
    z, point = core.ascend(net._core, base, radius=size, layer=index, steps=steps, threads=number)
    visited = visit(
        net, base, points=point[np.newaxis], flips=True, dtype=base.dtype, threads=threads
    )
    assert visited.flips is not None
    certified = None
    if index == 0 and net.storage != "deferred":  # a deferred network has no w_j
        # |w·x| ≤ R‖w‖, and what rounding may have taken from either side.
        norms = net._core.row_norms(0, threads=number)
        slack = (base.size + 4) * _EPS * (euclid.norm(base) + size)
        certified = int(np.sum(np.abs(z) <= (size + slack) * norms))
    return WorstFlips(index + 1, int(visited.flips[0, index]), point, certified)
