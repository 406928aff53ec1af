"""Convex faces that share their vertices: areas, cuts along lines, borders between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Faces(Sequence[Ints]):
    """F convex polygons over V points of the plane; ``faces[i]`` are the vertices of the i-th.

    Attributes
    ----------
    points : ndarray, shape (V, 2)
        Where the vertices are.
    start : ndarray of int64, shape (F + 1,)
        Where the vertices of every face begin in `corners`, and where the last ones end.
    corners : ndarray of int64, shape (C,)
        The vertices of all faces, one face after the other, each counter-clockwise.
    """

    points: Doubles
    start: Ints
    corners: Ints

    def __len__(self) -> int:
        return self.start.size - 1

    def __getitem__(self, face: Any) -> Any:
        if isinstance(face, slice):
            return [self[i] for i in range(*face.indices(len(self)))]
        i = _index(face)
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} faces, and no face {i}")
        i %= len(self)
        return self.corners[self.start[i] : self.start[i + 1]]

    @cached_property
    def sizes(self) -> Ints:
        """How many vertices every face has, (F,)."""
        return np.diff(self.start)

    @cached_property
    def owner(self) -> Ints:
        """The face that every one of `corners` belongs to, (C,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def following(self) -> Ints:
        """The vertex that comes after every one of `corners` in its face, (C,)."""
        after = np.empty_like(self.corners)
        after[:-1] = self.corners[1:]
        after[self.start[1:] - 1] = self.corners[self.start[:-1]]
        return after

    def __repr__(self) -> str:
        return f"Faces({len(self)} faces, {len(self.points)} points)"

    def first(self) -> Ints:
        """Return a vertex of every face, (F,)."""
        result: Ints = self.corners[self.start[:-1]]
        return result

    def moments(self) -> tuple[Doubles, Doubles]:
        """Return the areas (F,), and the centroids (F, 2).

        The triangles of a face are taken from its first vertex, so a small face loses no digits to
        where it lies. A face without an area has the mean of its vertices for a centroid.
        """
        origin = self.points[self.first()]
        at = self.points[self.corners] - origin[self.owner]
        after = self.points[self.following] - origin[self.owner]
        double = at[:, 0] * after[:, 1] - at[:, 1] * after[:, 0]
        sums = self.sum_over(np.column_stack([double, double[:, np.newaxis] * (at + after)]))
        means = self.sum_over(at) / self.sizes[:, np.newaxis]
        flat = sums[:, 0] <= 0
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside = sums[:, 1:] / (3 * sums[:, :1])
        return sums[:, 0] / 2, origin + np.where(flat[:, np.newaxis], means, inside)

    def sum_over(self, rows: Doubles) -> Doubles:
        """Return the sum over every face of what each of `corners` has a row of."""
        result: Doubles = np.add.reduceat(rows, self.start[:-1], axis=0)
        return result

    def every(self, corners: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether something holds at every vertex of a face, (F,), from all `corners`."""
        result: NDArray[np.bool_] = np.logical_and.reduceat(corners, self.start[:-1])
        return result

    def some(self, which: NDArray[np.bool_]) -> Faces:
        """Return these of the faces, over the same points."""
        sizes = self.sizes[which]
        return Faces(self.points, _starts(sizes), self.corners[which[self.owner]])

    def cut(self, heights: Doubles) -> Cut:
        """Cut the faces where a function is 0 that is affine on each, and continuous.

        Parameters
        ----------
        heights : ndarray, shape (V,)
            The function at the vertices.

        Returns
        -------
        Cut
            A face with vertices on both sides becomes two, the positive one first.
        """
        side = np.sign(heights)
        crossed = side[self.corners] * side[self.following] < 0
        low, high, new = self._new_vertices(crossed)
        part = heights[low] / (heights[low] - heights[high])
        here = self.points[low]
        points = np.concatenate(
            [self.points, here + part[:, np.newaxis] * (self.points[high] - here)]
        )
        # The rings with their new vertices, which are on neither side.
        place = np.arange(self.corners.size) + np.cumsum(crossed) - crossed
        ring = np.empty(self.corners.size + new.size, np.int64)
        ring[place], ring[place[crossed] + 1] = self.corners, len(self.points) + new
        owner = np.repeat(self.owner, 1 + crossed)
        side = np.concatenate([side, np.zeros(low.size)])[ring]
        count = len(self)
        above = np.bincount(owner[side > 0], minlength=count) > 0
        both = above & (np.bincount(owner[side < 0], minlength=count) > 0)
        one, two = ~both[owner] | (side >= 0), both[owner] & (side <= 0)
        sizes = [
            np.bincount(owner[one], minlength=count), np.bincount(owner[two], minlength=count)[both]
        ]  # fmt: skip
        faces = Faces(
            points, _starts(np.concatenate(sizes)), np.concatenate([ring[one], ring[two]])
        )
        parent = np.concatenate([np.arange(count), np.flatnonzero(both)])
        positive = np.concatenate([above, np.zeros(parent.size - count, bool)])
        return Cut(faces, parent, positive, low, high, part)

    def _new_vertices(self, crossed: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """Return the two ends of every edge that is crossed, and which of these edges is where."""
        a, b = self.corners[crossed], self.following[crossed]
        codes, new = np.unique(
            np.minimum(a, b) * len(self.points) + np.maximum(a, b), return_inverse=True
        )
        low, high = np.divmod(codes, len(self.points))
        return low, high, new.reshape(-1)

    def borders(self, label: Ints) -> Ints:
        """Return the edges between two faces that differ in their label (F,), as pairs (M, 2)."""
        a, b = self.corners, self.following
        codes = np.minimum(a, b) * len(self.points) + np.maximum(a, b)
        order = np.argsort(codes, kind="stable")
        codes, labels = codes[order], label[self.owner][order]
        differ = (codes[1:] == codes[:-1]) & (labels[1:] != labels[:-1])
        return np.stack(np.divmod(codes[1:][differ], len(self.points)), axis=1)


class Cut(NamedTuple):
    """Faces that were cut, into F′ parts, with N new vertices.

    Attributes
    ----------
    faces : Faces
        The parts; the new vertices come after the old ones.
    parent : ndarray of int64, shape (F′,)
        The face that each part was.
    positive : ndarray of bool, shape (F′,)
        Whether the function is positive inside.
    low, high, part : ndarray, shape (N,)
        The new vertices: that part of the way from the old vertex `low` to `high`.
    """

    faces: Faces
    parent: Ints
    positive: NDArray[np.bool_]
    low: Ints
    high: Ints
    part: Doubles

    def extended(self, values: Doubles) -> Doubles:
        """Return what is affine on edges, given at the old vertices (V, …), at all of them."""
        part = self.part.reshape(-1, *[1] * (values.ndim - 1))
        here = values[self.low]
        return np.concatenate([values, here + part * (values[self.high] - here)])


def polylines(points: Doubles, edges: Ints) -> list[Doubles]:
    """Join edges (M, 2) between vertices to polylines (n, 2), as long as they do not branch.

    One that is closed ends where it begins. Vertices at one place are one vertex of it.
    """
    nodes, ends = np.unique(edges, return_inverse=True)
    ends = ends.reshape(-1, 2)
    degree = np.bincount(ends.ravel(), minlength=nodes.size)
    halves = np.argsort(ends.ravel(), kind="stable")  # half 2 e + i is the i-th end of edge e
    first = np.concatenate([[0], np.cumsum(degree)])
    begins = halves[np.repeat(degree != 2, degree)]
    used = np.zeros(len(edges), bool)
    lines = []
    for half in map(int, np.concatenate([begins, np.arange(0, 2 * len(edges), 2)])):
        if used[half // 2]:
            continue
        way = [ends[half // 2, half % 2]]
        while not used[half // 2]:
            used[half // 2] = True
            node = ends[half // 2, 1 - half % 2]
            way.append(node)
            if degree[node] == 2:
                one, two = halves[first[node] : first[node] + 2]
                half = int(two if one // 2 == half // 2 else one)
        line = points[nodes[way]]
        moves = np.concatenate([[True], (np.diff(line, axis=0) != 0).any(axis=1)])
        if moves.sum() > 1:
            lines.append(line[moves])
    return lines


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _index(face: SupportsIndex) -> int:
    try:
        return face.__index__()
    except AttributeError:
        raise TypeError(
            f"a face must be an integer, got {face!r} of type {type(face).__name__}"
        ) from None
