"""The facets of the linear region of a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid, extras, memory
from randrelu._support.arguments import Progress
from randrelu._support.progress import stretch
from randrelu._support.shown import Shown
from randrelu.measures.cells.polytope import facets_around_0
from randrelu.measures.cells.unit_gradients import unit_gradients
from randrelu.measures.certified.rounding import EPS
from randrelu.network import Network
from randrelu.pattern import Pattern

if TYPE_CHECKING:
    import pandas as pd

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Facets(Shown):
    """The facets of a cell, the nearest first: K of its hyperplanes, without which it is larger.

    Attributes
    ----------
    layer, unit : ndarray of int64, shape (K,)
        The unit that bends there: the layer from 1, the unit from 0. Of several units with one
        hyperplane it is the first.
    distance : ndarray, shape (K,)
        The Euclidean distance from x to the facet; NaN where rounding hides its nearest point.
    hyperplane : ndarray, shape (K,)
        That from x to the hyperplane in which the facet lies, which is no larger.
    points : ndarray, shape (K, d)
        The point of each facet that is nearest to x.
    unclear : ndarray of int64, shape (U, 2)
        Layer and unit of hyperplanes of which rounding hides whether they are facets: hardly ever
        one. They are not among the K.
    """

    layer: _Ints
    unit: _Ints
    distance: _Doubles
    hyperplane: _Doubles
    points: _Doubles
    unclear: _Ints

    def __len__(self) -> int:
        """Return the number of facets."""
        return len(self.layer)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything but `points` and `unclear` as columns, a row per facet."""
        names = ("layer", "unit", "distance", "hyperplane")
        return {name: getattr(self, name) for name in names}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per facet; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        unclear = f", and {len(self.unclear)} unclear" if len(self.unclear) else ""
        if not len(self):
            return f"Facets(none{unclear})"
        return (
            f"Facets({len(self)}, at distances from {self.distance[0]:.4g} to "
            f"{np.nanmax(self.distance):.4g}{unclear})"
        )


def find_facets(
    net: Network,
    x: _Doubles,
    pattern: Pattern,
    distances: tuple[_Doubles, ...],
    *,
    threads: int | None,
    progress: Progress | None,
) -> Facets:
    """Find which of the hyperplanes at these distances are facets; see `Cell.facets`."""
    bounding = [np.flatnonzero(np.isfinite(gaps)) for gaps in distances]
    number, units = sum(map(len, bounding)), sum(net.widths[1:-1])
    memory.require(
        8 * (3 * number * number + 4 * units * x.size),
        f"comparing the hyperplanes of {number} units",
        "take a narrower network; the nearest facet is known without",
    )
    half = stretch(progress, 0, units, 2 * units)
    outward = _outward(net, pattern, bounding, threads, half)
    gaps = np.concatenate(
        [np.empty(0), *(d[some] for d, some in zip(distances, bounding, strict=True))]
    )
    layers = np.repeat(np.arange(1, len(bounding) + 1), [len(some) for some in bounding])
    unit = np.concatenate([np.empty(0, np.int64), *bounding])
    rest = stretch(progress, units, 2 * units, 2 * units)
    which, steps, unclear = facets_around_0(outward, gaps, threads=threads, progress=rest)
    lengths = euclid.norms(steps)
    feet = lengths <= gaps[which] * (1 + 4 * EPS)  # of perpendiculars
    lengths[feet] = gaps[which][feet]
    order = np.argsort(lengths, kind="stable")
    which = which[order]
    return Facets(
        layers[which], unit[which], lengths[order], gaps[which], x + steps[order],
        np.stack([layers[unclear], unit[unclear]], axis=1),
    )  # fmt: skip


def _outward(
    net: Network,
    pattern: Pattern,
    bounding: list[_Ints],
    threads: int | None,
    progress: Progress | None,
) -> _Doubles:
    """Return the unit normals of the hyperplanes of some units of each layer, out of the cell."""
    rows = [np.empty((width, net.widths[0])) for width in net.widths[1:-1]]
    for block in unit_gradients(net, pattern, threads=threads, progress=progress):
        rows[block.layer - 1][block.units, block.coordinates] = block.entries
    # Beyond its hyperplane an active unit is negative, and another one positive.
    outward = [
        (gradients * np.where(active, -1.0, 1.0)[:, np.newaxis])[some]
        for gradients, active, some in zip(rows, pattern.unpack(), bounding, strict=True)
    ]
    normals: _Doubles = np.concatenate([np.empty((0, net.widths[0])), *outward])
    normals /= euclid.norms(normals)[:, np.newaxis]
    return normals
