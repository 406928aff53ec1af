"""The linear region of a point: how far its hyperplanes are, and which of them are its facets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._support import arguments, euclid, extras
from randrelu._support.arguments import Progress
from randrelu._support.shown import Shown
from randrelu._support.threads import thread_number
from randrelu.measures.cells.facets import Facets, find_facets
from randrelu.measures.cells.unit_gradients import unit_gradients
from randrelu.measures.masked_product import masked_product
from randrelu.network import Network, require_network
from randrelu.pattern import Pattern

if TYPE_CHECKING:
    import pandas as pd

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Cell(Shown):
    """The linear region of x: all points with the pattern of x, in which f is linear.

    It is a polytope, bounded or not: within it the preactivation f̃_i(y)_j of each hidden unit is an
    affine function of y, and has the sign that it has at x. So it is bounded by the hyperplanes on
    which these functions are 0, of which many may be out of reach.

    Attributes
    ----------
    x : ndarray, shape (d,)
        The point.
    distance : float
        The Euclidean distance from x to the nearest of the hyperplanes, which is the distance to
        the nearest facet: the open ball of this radius lies in the cell. 0 where a unit is at
        exactly 0, and inf where the cell is the whole space.
    layer, unit : int or None
        The unit whose hyperplane that is, the first of equally near ones: the layer from 1, the
        unit from 0. None where there is no hyperplane.
    point : ndarray, shape (d,), or None
        The point of that facet that is nearest to x.
    distances : tuple of ndarray, shapes (d_i,)
        The distance from x to the hyperplane of every unit, |f̃_i(x)_j| / ‖∇f̃_i(x)_j‖, layer by
        layer; inf where the gradient is 0, and the unit has one sign on all of the cell.
    pattern : Pattern
        The active units.
    """

    x: _Doubles
    distance: float
    layer: int | None
    unit: int | None
    point: _Doubles | None
    distances: tuple[_Doubles, ...]
    pattern: Pattern
    _net: Network

    def facets(self, *, threads: int | None = None, progress: Progress | None = None) -> Facets:
        """Find the hyperplanes that are facets, and how far these are from x.

        Parameters
        ----------
        threads : int, optional
            The number of threads.
        progress : callable, optional
            Called as ``progress(done, total)`` with numbers of units.

        Returns
        -------
        Facets

        Raises
        ------
        MemoryError
            If the gradients of all units, and their products with each other, do not fit in the
            memory that is free.
        ValueError
            If x lies on a hyperplane: then it is not within the cell.

        Notes
        -----
        Everything is float64. A hyperplane is a facet where a ray from x is seen to meet it first,
        before all others by more than rounding. Such rays go to the foot of a perpendicular, or to
        the nearest point on a hyperplane that is moved outward a little, which a dual active-set
        method finds (Goldfarb and Idnani 1983). It is no facet where its normal is seen to be a sum
        of multiples ≥ 0 of other normals, whose hyperplanes keep the cell within it, to a relative
        10⁻⁹: a search that finds no point has such multiples. Where rounding hides both, a linear
        program is asked for a point and for multiples (HiGHS), which are examined in the same way.
        So a facet may be left out where the cell without it would reach less than 10⁻⁹ farther,
        relative to its distance.

        It takes a few milliseconds for each unit, and memory for the products of the gradients of
        all units with each other.
        """
        if self.distance == 0:
            raise ValueError(
                f"x lies on the hyperplane of unit {self.unit} of layer {self.layer}, so it is not "
                "within a cell; take a point beside it"
            )
        return find_facets(
            self._net, self.x, self.pattern, self.distances, threads=threads, progress=progress
        )

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the units as columns, a row for each."""
        sizes = [gaps.size for gaps in self.distances]
        ints = np.empty(0, np.int64)
        return {
            "layer": np.repeat(np.arange(1, len(sizes) + 1), sizes),
            "unit": np.concatenate([ints, *map(np.arange, sizes)]),
            "active": np.concatenate([np.empty(0, bool), *self.pattern.unpack()]),
            "distance": np.concatenate([np.empty(0), *self.distances]),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per unit; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        units = sum(gaps.size for gaps in self.distances)
        if self.layer is None:
            return f"Cell(the whole space, of {units} units)"
        return (
            f"Cell(distance {self.distance:.4g}, to unit {self.unit} of layer {self.layer}, of "
            f"{units} units)"
        )


def cell(
    net: Network,
    x: ArrayLike,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Cell:
    """Find how far the borders of the linear region of x are.

    Parameters
    ----------
    net : Network
        The network, stored or streamed, with any number of outputs.
    x : array_like, shape (d,)
        The point.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`; in units, or in coordinates times
        layers, whose gradients are known.

    Returns
    -------
    Cell

    Raises
    ------
    OverflowError
        If a value or a gradient leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or the network is deferred.

    Notes
    -----
    On the cell f̃_i(y)_j = f̃_i(x)_j + ⟨∇f̃_i(x)_j, y − x⟩, so the distances are exact up to the
    rounding of float64, in which the values and gradients are computed, whatever the network's
    dtype: nothing is sampled. (A preactivation or a gradient that is 0 but for its rounding is
    taken as it was computed.)

    The gradients of all units are products with the weights, taken forward from the input or back
    from each layer, whichever costs less, in blocks of bounded memory: no more than 200 MB, unless
    a layer has more than half a million units. Where x is on the hyperplane of a unit, the cell is
    that of `Network.pattern`, whose coin says on which side.
    """
    require_network(net)
    if net.storage == "deferred":
        raise ValueError(
            "net must be stored or streamed: the gradients of all units would reveal all of a "
            "deferred network; draw one with storage='stored' or 'streamed'"
        )
    base = arguments.point("x", x, net.widths[0])
    rows = base[np.newaxis]
    _, bits, _ = net._evaluate(rows, bits=True, threads=threads)
    pattern = Pattern(tuple(layer[0] for layer in bits), net.widths[1:-1], None)
    values = net._core.preactivations(rows, threads=thread_number(threads), progress=None)
    norms = [np.zeros(width) for width in net.widths[1:-1]]
    for block in unit_gradients(net, pattern, threads=threads, progress=progress):
        part = norms[block.layer - 1][block.units]
        np.hypot(part, euclid.norms(block.entries), out=part)
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = tuple(
            np.where(norm > 0, np.abs(z[0]) / norm, np.inf)
            for z, norm in zip(values, norms, strict=True)
        )
    nearest = [gaps.min(initial=np.inf) for gaps in distances]
    distance = float(min(nearest, default=np.inf))
    if not np.isfinite(distance):
        return Cell(base.copy(), np.inf, None, None, None, distances, pattern, net)
    i = nearest.index(distance)
    unit = int(np.argmin(distances[i]))
    outward = _gradient(net, pattern, i, unit, threads) * -np.sign(values[i][0, unit])
    point = base + distance * (outward / euclid.norm(outward)) if distance else base.copy()
    return Cell(base.copy(), distance, i + 1, unit, point, distances, pattern, net)


def _gradient(net: Network, pattern: Pattern, i: int, unit: int, threads: int | None) -> _Doubles:
    """Return the gradient of one preactivation of a layer (from 0) on the cell."""
    own = np.zeros((1, net.widths[i + 1]))
    own[0, unit] = 1
    every = [*pattern.bits]
    every[i] = np.full_like(every[i], 255)  # active or not
    rows = masked_product(net, every, 0, i + 1, own, transposed=True, threads=threads)
    gradient: _Doubles = rows[0]
    return gradient
