"""The faces of a plane, split where the decision changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.planes.faces import Faces, polylines

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DecisionFaces:
    """The linear regions of a plane, split along the changes of the decision.

    Attributes
    ----------
    faces : Faces
        The parts, and their vertices as ``faces.points``, in (s, t).
    region : ndarray of int64, shape (F′,)
        The face of the plane that each part belongs to.
    top : ndarray of int64, shape (F′,)
        The largest output there; of a network with one output, 1 where f is above the level, and 0
        elsewhere.
    values : ndarray, shape (V′,)
        The largest output at the vertices, or the only one; it is affine on each part.
    outputs : int
        How many decisions there can be.
    """

    faces: Faces
    region: Ints
    top: Ints
    values: Doubles
    outputs: int

    @property
    def area(self) -> Doubles:
        """The areas of the parts, (F′,), in units of (s, t)."""
        return self.faces.moments()[0]

    def shares(self) -> Doubles:
        """Return the share of the extent's area where each decision is taken, (k,), or (2,)."""
        area = self.area
        shares: Doubles = np.bincount(self.top, area, self.outputs) / area.sum()
        return shares

    def boundary(self) -> list[Doubles]:
        """Return where the decision changes, as polylines (n, 2) of (s, t).

        They end at the border, where they close, and where more than two of them meet.
        """
        return polylines(self.faces.points, self.faces.borders(self.top))

    def __repr__(self) -> str:
        taken = np.flatnonzero(np.bincount(self.top, minlength=self.outputs))
        return f"DecisionFaces({len(self.faces)} parts, {taken.size} decisions)"


def by_level(faces: Faces, values: Doubles, level: float) -> DecisionFaces:
    """Split faces where a function, (V,) at the vertices, passes a level."""
    heights = values - level
    sign = np.sign(heights)[faces.corners]
    clear = faces.every(sign > 0) | faces.every(sign < 0)
    cut = faces.some(~clear).cut(heights)
    region, top = np.flatnonzero(~clear)[cut.parent], cut.positive.astype(np.int64)
    parts = DecisionFaces(cut.faces, region, top, cut.extended(values), 2)
    return _with_whole(faces, clear, (heights[faces.first()] > 0).astype(np.int64), parts)


def by_output(faces: Faces, outputs: Doubles) -> DecisionFaces:
    """Split faces where the largest of k outputs, (V, k) at the vertices, is another.

    One output after the other: where it is larger than the largest so far, which is continuous, and
    affine on the parts so far.
    """
    top = outputs.argmax(axis=1)
    one = top[faces.first()]  # of the first vertex of every face: the only one, if it is clear
    second = np.sort(outputs, axis=1)[:, -2]
    alone = outputs[np.arange(len(outputs)), top] > second
    clear = faces.every(alone[faces.corners] & (top[faces.corners] == one[faces.owner]))
    parts, values = faces.some(~clear), outputs
    region = np.flatnonzero(~clear)
    decided = np.zeros(len(parts), np.int64)
    largest = values[:, 0]
    for output in range(1, outputs.shape[1]):
        cut = parts.cut(values[:, output] - largest)
        largest, values = cut.extended(largest), cut.extended(values)
        largest = np.maximum(largest, values[:, output])
        region = region[cut.parent]
        decided = np.where(cut.positive, output, decided[cut.parent])
        parts = cut.faces
    found = DecisionFaces(parts, region, decided, largest, outputs.shape[1])
    return _with_whole(faces, clear, one, found)


def _with_whole(
    faces: Faces, clear: NDArray[np.bool_], top: Ints, parts: DecisionFaces
) -> DecisionFaces:
    """Return the faces that were not split, before the parts of the others."""
    whole = faces.some(clear)
    start = np.concatenate([whole.start, whole.start[-1] + parts.faces.start[1:]])
    corners = np.concatenate([whole.corners, parts.faces.corners])
    return DecisionFaces(
        Faces(parts.faces.points, start, corners),
        np.concatenate([np.flatnonzero(clear), parts.region]),
        np.concatenate([top[clear], parts.top]),
        parts.values,
        parts.outputs,
    )
