"""How far the layers can move in a ball, and how large products of their Jacobians can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.rounding import EPS
from randrelu.measures.certified.scaled import Scaled
from randrelu.measures.certified.spectral import largest_singular_value
from randrelu.network import Network

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer i of a network in a ball, in scaled units.

    Attributes
    ----------
    weights : ndarray, shape (d_i, d_{i−1})
        W_i.
    before, active : ndarray of bool, shapes (d_{i−1},) and (d_i,)
        The units of layer i − 1 and of layer i that can be active; all coordinates of the input.
    """

    weights: _Doubles
    before: NDArray[np.bool_]
    active: NDArray[np.bool_]

    def norm(self, *, rows: bool = True, columns: bool = True) -> float:
        """Return what ‖W_i‖ is at most in the rows and columns of units that can be active.

        Without `rows`, or `columns`, it is of all of them.
        """
        some = self.weights[:, self.before] if columns else self.weights
        some = some[self.active] if rows else some
        return largest_singular_value(some) if some.size else 0.0


def certified_changes(
    net: Network, x: _Doubles, radius: float, top: int, *, threads: int | None
) -> _Doubles:
    """Return what ‖f̃_i(x) − f̃_i(y)‖ does not exceed for y in B(x, R), for i = 1, …, top, (top,).

    f_{i−1} changes in units that can be active only, so f̃_i by no more than the norm of their
    columns of W_i times that change; and no more than the bounds of each unit leave (Lemma 2.3).
    """
    bounding = _bounding(net, x, radius, top, threads)
    change, changes = float(bounding.change(0)[0]), []
    for i, layer in enumerate(_layers(bounding, top), start=1):
        moved = layer.norm(rows=False) * change * (1 + 4 * EPS)
        left = float(bounding.change_before(i)[0])
        changes.append(min(moved, left) * bounding.scaled.scales[i])
        of_units = layer.norm() * change * (1 + 4 * EPS)
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
        found.append(float(np.prod(norms)) * (1 + 4 * (i - j) * EPS) * (scales[i] / scales[j]))
    return found


def _bounding(net: Network, x: _Doubles, radius: float, top: int, threads: int | None) -> Bounding:
    scaled = Scaled(net, top, max(np.abs(x).max(), radius), threads=threads)
    return Bounding(scaled, x[np.newaxis], np.array([radius]), 2.0)


def _layers(bounding: Bounding, top: int) -> Iterator[_Layer]:
    """Bound the layers 1, …, top in the ball around the only point, and yield them."""
    before = np.ones(bounding.widths[0], bool)
    for i in range(1, top + 1):
        bounding.add_layer(i)
        active = bounding.active(i)[0]
        yield _Layer(bounding.scaled.weights[i - 1], before, active)
        before = active
