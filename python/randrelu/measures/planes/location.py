"""Which face of the plane a point lies in."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.planes.faces import Faces

_FAN = 4  # boxes that one larger box holds
_AT_ONCE = 2**14  # points
_GRID = 2**16 - 1  # the boxes are ordered along a curve through so many cells each way

Doubles: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


class Location:
    """Finds the faces of points of a convex polygon, `extent` (M, 2), in a tree of boxes.

    The faces are ordered along a Z-shaped curve, and each box holds the next four of those below
    it. So neither many small faces in one corner nor long thin ones make it slow.
    """

    def __init__(self, faces: Faces, extent: Doubles) -> None:
        corners = faces.points[faces.corners]
        low = np.minimum.reduceat(corners, faces.start[:-1], axis=0)
        high = np.maximum.reduceat(corners, faces.start[:-1], axis=0)
        slack = 16 * np.finfo(float).eps * np.abs(faces.points).max()
        self._faces, self._extent, self._slack = faces, extent, slack
        self._order = np.argsort(_along_the_curve(low + high), kind="stable")
        level = np.concatenate([low - slack, -high - slack], axis=1)[self._order]
        levels = [level]
        while len(level) > _FAN:
            level = np.concatenate([level, np.full((-len(level) % _FAN, 4), np.inf)])
            levels[-1] = level
            level = level.reshape(-1, _FAN, 4).min(axis=1)
            levels.append(level)
        self._levels = [np.ascontiguousarray(level.T) for level in reversed(levels)]

    def of(self, places: Doubles) -> Ints:
        """Return the faces of places (N, 2), or −1 outside of the extent.

        Of faces that share an edge, a place within rounding of it is in the one that it lies
        deepest in, or in the first.
        """
        found = np.full(len(places), -1)
        inside = np.flatnonzero(self._inside(places))
        for first in range(0, inside.size, _AT_ONCE):
            some = inside[first : first + _AT_ONCE]
            point, face = self._candidates(places[some])
            if point.size:
                depth = self._depth(places[some[point]], face)
                order = np.lexsort((-face, depth, point))
                last = np.append(np.diff(point[order]) != 0, True)
                found[some[point[order][last]]] = face[order][last]
        return found

    def _inside(self, places: Doubles) -> NDArray[np.bool_]:
        inside = np.ones(len(places), bool)
        low, high = self._extent.min(axis=0), self._extent.max(axis=0)
        places = np.clip(places, 2 * low - high, 2 * high - low)  # so far out no product overflows
        for a, b in zip(self._extent, np.roll(self._extent, -1, axis=0), strict=True):
            way, to = b - a, places - a
            # Of a border along an axis it is certain which places are beyond it. To another one the
            # faces themselves are as close as rounding.
            beyond = self._slack * np.hypot(*way) if way.all() else 0.0
            inside &= way[0] * to[:, 1] >= way[1] * to[:, 0] - beyond
        return inside

    def _candidates(self, places: Doubles) -> tuple[Ints, Ints]:
        """Return the pairs of a place and a face whose box it lies in."""
        keys = (*places.T, *-places.T)  # in a box where each is at least the bound
        top = self._levels[0].shape[1]
        point, box = np.repeat(np.arange(len(places)), top), np.tile(np.arange(top), len(places))
        for k, level in enumerate(self._levels):
            if k:
                point = np.repeat(point, _FAN)
                box = (_FAN * box[:, np.newaxis] + np.arange(_FAN)).ravel()
            for key, bounds in zip(keys, level, strict=True):
                inside = np.flatnonzero(key[point] >= bounds[box])
                point, box = point[inside], box[inside]
        return point, self._order[box]

    def _depth(self, places: Doubles, face: Ints) -> Doubles:
        """Return how far each place is inside its face: the distance to the line of an edge."""
        faces = self._faces
        sizes = faces.sizes[face]
        start = np.cumsum(sizes) - sizes
        corner = np.arange(sizes.sum()) + np.repeat(faces.start[face] - start, sizes)
        a = faces.points[faces.corners[corner]]
        way = faces.points[faces.following[corner]] - a
        to = np.repeat(places, sizes, axis=0) - a
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (way[:, 0] * to[:, 1] - way[:, 1] * to[:, 0]) / np.hypot(*way.T)
        result: Doubles = np.minimum.reduceat(np.where(np.isnan(inside), np.inf, inside), start)
        return result


def _along_the_curve(places: Doubles) -> NDArray[np.uint64]:
    """Return the place of points (N, 2) along the Z-shaped curve through a fine grid."""
    low = places.min(axis=0)
    size = np.maximum(places.max(axis=0) - low, np.finfo(float).tiny)
    cells = ((places - low) / size * _GRID).astype(np.uint64)
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        cells = (cells | cells << np.uint64(shift)) & np.uint64(mask)
    result: NDArray[np.uint64] = cells[:, 0] << np.uint64(1) | cells[:, 1]
    return result
