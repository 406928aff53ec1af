"""Units that can be active somewhere in a ball, and what the weights between them can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu.measures.bounding import Bounding
from randrelu.measures.scaled import Scaled
from randrelu.measures.spectral import largest_singular_value
from randrelu.network import Network

_Doubles = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Live:
    """A layer i of a network in a ball, in scaled units.

    Attributes
    ----------
    weights : ndarray, shape (d_i, d_{i−1})
        W_i.
    before, units : ndarray of bool, shapes (d_{i−1},) and (d_i,)
        The units of layer i − 1 and of layer i that can be active; all coordinates of the input.
    """

    weights: _Doubles
    before: NDArray[np.bool_]
    units: NDArray[np.bool_]

    def norm(self, *, rows: bool = True, columns: bool = True) -> float:
        """Return what the norm of W_i is at most, restricted to live rows and columns, or all."""
        some = self.weights[:, self.before] if columns else self.weights
        some = some[self.units] if rows else some
        return largest_singular_value(some) if some.size else 0.0


def certified_changes(
    net: Network, x: _Doubles, radius: float, top: int, *, threads: int | None
) -> _Doubles:
    """Return what ‖f̃_i(x) − f̃_i(y)‖ does not exceed for y in B(x, R), for i = 1, …, top, (top,).

    f_{i−1} changes in units that can be active only, so f̃_i by no more than the norm of their
    columns of W_i times that change; and no more than the bounds of each unit leave (Lemma 2.3).
    """
    bounding = _bounding(net, x, radius, top, threads)
    change, changes = float(bounding.radii[0]) * (1 + 4 * _EPS), []
    for i, layer in enumerate(_layers(bounding, top), start=1):
        low, high = bounding.lower[-1][0], bounding.upper[-1][0]
        value, error = bounding.values[-1][0], bounding.errors[-1][0]
        far = np.maximum(high - value, value - low) + error
        left = euclid.norm(far) * (1 + (far.size + 8) * _EPS)
        moved = layer.norm(rows=False) * change * (1 + 4 * _EPS)
        changes.append(min(moved, left) * bounding.scaled.scales[i])
        of_units = layer.norm() * change * (1 + 4 * _EPS)
        change = min(of_units, float(bounding.change(i)[0]))
    return np.array(changes)


def certified_products(
    net: Network,
    x: _Doubles,
    radius: float,
    pairs: Sequence[tuple[int, int]],
    *,
    threads: int | None,
) -> list[float]:
    """Return what ‖M_{i,j}(y)‖ does not exceed for y in B(x, R), for pairs (i, j) with i > j.

    The masks of M_{i,j} = D_i W_i … D_{j+1} W_{j+1} (Lemma 2.6) leave rows and columns of units
    that can be active, but all columns of W_{j+1}.
    """
    top = max(i for i, _ in pairs)
    bounding = _bounding(net, x, radius, top, threads)
    layers, scales = list(_layers(bounding, top)), bounding.scaled.scales
    between = [layer.norm() for layer in layers]
    found = []
    for i, j in pairs:
        norms = [layers[j].norm(columns=False), *between[j + 1 : i]]
        found.append(float(np.prod(norms)) * (1 + 4 * (i - j) * _EPS) * (scales[i] / scales[j]))
    return found


def _bounding(net: Network, x: _Doubles, radius: float, top: int, threads: int | None) -> Bounding:
    scaled = Scaled(net, top, max(np.abs(x).max(), radius), threads=threads)
    return Bounding(scaled, x[np.newaxis], np.array([radius]), 2.0)


def _layers(bounding: Bounding, top: int) -> Iterator[Live]:
    """Bound the layers 1, …, top in the ball around the only point, and yield them."""
    before = np.ones(bounding.widths[0], bool)
    for i in range(1, top + 1):
        bounding.add_layer(i)
        units = bounding.upper[-1][0] >= 0  # one at 0 may be active by its coin
        yield Live(bounding.scaled.weights[i - 1], before, units)
        before = units
