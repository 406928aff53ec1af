"""Follow a network along a segment of a line."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, euclid, memory
from randrelu._support.arguments import Progress
from randrelu._support.threads import thread_number
from randrelu.measures.line import Line
from randrelu.network import Network, require_one_output

_NEAR_ORIGIN = 1e-12  # of the segment's farthest point


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
        The network, of one output; of several, take ``net.margin(top, other)``.
    x : array_like, shape (d,)
        Where the segment begins.
    direction : array_like, shape (d,)
        Where it goes; only its direction counts.
    length : float
        How long the segment is, in the units of x.
    until : float, optional
        Stop where f first reaches this level; the line then ends there. The level is looked for
        in longer and longer parts of the segment, so one that is reached early costs little.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`, in thousandths, once it is known where
        the line ends.

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
        If an argument is not as described, or the network has no biases and the segment passes
        through the origin: there every unit of every layer is 0, and flips at once. (A segment that
        begins at 0 has no flips then.)

    Notes
    -----
    Between two flips of the earlier layers, the preactivations of a layer are linear in t, and each
    unit is followed along the pieces to where it passes 0. A flip changes the slopes of the next
    layer by a multiple of a column of its weights, and those of the layers after that by a row of
    one matrix product. With K_i flips in the first i layers, and a_i units of layer i active
    anywhere, that is 2 K_{i−1} a_i d_{i+1} operations for layer i + 1, and K_i d_{i+1} to follow
    its units: less than evaluating f at every flip, whatever the length.
    Values are integrals of the slopes, with compensated sums, so f is continuous and rounding
    does not grow with the number of flips.
    """
    require_one_output(net, "a line")
    arguments.callback(progress)
    base = arguments.point("x", x, net.widths[0])
    way = arguments.point("direction", direction, net.widths[0], noun="vector")
    if not way.any():
        raise ValueError("direction must not be 0")
    end = arguments.number("length", length, positive=True)
    unit = _unit_vector(way)
    if not net.has_biases and _meets_origin(base, unit, end):
        raise ValueError(
            "the segment passes through the origin, where every unit is 0 and flips at once; take "
            "the part before it, and a segment that begins at 0"
        )
    if until is None:
        return _trace(net, base, unit, end, threads, progress)
    level = arguments.finite("until", until)
    value, _, gradient = net._evaluate(base[np.newaxis], value=True, gradient=True, threads=threads)
    reached = core.first_reach(
        net._core, base, unit, length=end, level=level, f=float(value[0]),
        slope=float(gradient[0] @ unit), most_flips=most_flips(net),
        threads=thread_number(threads),
    )  # fmt: skip
    return _trace(net, base, unit, end if math.isnan(reached) else reached, threads, progress)


def _trace(
    net: Network,
    x: NDArray[np.float64],
    unit: NDArray[np.float64],
    length: float,
    threads: int | None,
    progress: Progress | None,
) -> Line:
    found = core.trace_line(
        net._core, x, unit, length=length, most_flips=most_flips(net),
        threads=thread_number(threads), progress=progress,
    )  # fmt: skip
    return Line(
        x.copy(), unit, length, found.t, found.layer, found.unit, found.active, float(found.f0[0]),
        found.f[:, 0], found.slopes[:, 0], net.widths[1:-1], found.bits, net,
    )  # fmt: skip


def most_flips(net: Network) -> int:
    """Return how many flips the memory that is free has room for: two rows of slopes each.

    What becomes of the outputs takes four rows of them.
    """
    free = memory.available_bytes()
    rows = 6 if net.storage == "deferred" else 3
    each = 8 * (rows * max(net.widths) + 4 * net.outputs)
    return 2**31 if free is None else max(1, free // each)


def _unit_vector(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vector of a direction that is not 0."""
    unit = direction / euclid.norm(direction)
    unit /= float(np.linalg.norm(unit))
    return unit


def _meets_origin(x: NDArray[np.float64], unit: NDArray[np.float64], length: float) -> bool:
    """Return whether a segment that does not begin at the origin passes through it."""
    nearest = min(max(-float(x @ unit), 0.0), length)
    distance = euclid.norm(x + nearest * unit)
    return bool(x.any()) and distance <= _NEAR_ORIGIN * (euclid.norm(x) + length)
