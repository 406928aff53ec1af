"""A network on a part of a plane, where it is piecewise linear: every region, and f on each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, extras, memory
from randrelu._support.shown import Shown
from randrelu.measures.masked_product import masked_product
from randrelu.measures.planes.decision_faces import DecisionFaces, by_level, by_output
from randrelu.measures.planes.faces import Faces
from randrelu.measures.planes.location import Location
from randrelu.measures.planes.slopes import slopes
from randrelu.network import Network
from randrelu.pattern import Pattern

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Plane(Shown):
    """f on the points x + s u + t v of a convex polygon of (s, t), affine on each of F regions.

    The regions are convex polygons, the faces, cut out by the bends of the hidden units. Everything
    is float64, whatever the network's dtype. Lengths and areas in the plane are in units of (s, t):
    an area in the space of the inputs is ‖u‖ ‖v‖ sin∠(u, v) times as large.

    Attributes
    ----------
    x, u, v : ndarray, shape (d,)
        The point, and the two directions, as given.
    extent : ndarray, shape (M, 2)
        The corners of the polygon of (s, t), counter-clockwise.
    vertices : ndarray, shape (V, 2)
        The corners of the faces, (s, t).
    outputs : ndarray, shape (V,), or (V, k) of k > 1 outputs
        f at the vertices.
    faces : Faces
        The faces: ``faces[i]`` are the vertices of the i-th, counter-clockwise, with those of its
        neighbours that lie on its edges; ``faces.corners`` are all of them and ``faces.start``,
        (F + 1,), is where those of each face begin.
    edges : ndarray of int64, shape (E, 2)
        The vertices at both ends of every edge.
    edge_faces : ndarray of int64, shape (E, 2)
        The faces to the left and to the right of it; −1 is outside.
    edge_layer, edge_unit : ndarray, shape (E,)
        Which unit bends there: the layer from 1, the unit from 0. On the border both are 0.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    """

    x: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    extent: NDArray[np.float64]
    vertices: NDArray[np.float64]
    outputs: NDArray[np.float64]
    faces: Faces
    edges: NDArray[np.int64]
    edge_faces: NDArray[np.int64]
    edge_layer: NDArray[np.int32]
    edge_unit: NDArray[np.int64]
    widths: tuple[int, ...]
    _bits: list[NDArray[np.uint8]]
    _net: Network

    @property
    def regions(self) -> int:
        """How many faces there are, F."""
        return len(self.faces)

    @property
    def area(self) -> NDArray[np.float64]:
        """The areas of the faces, (F,), in units of (s, t)."""
        return self._moments[0]

    @property
    def edges_by_layer(self) -> NDArray[np.int64]:
        """How many edges the units of each hidden layer make, (L,)."""
        counts: NDArray[np.int64] = np.bincount(self.edge_layer, minlength=len(self.widths) + 1)[1:]
        return counts

    def point(self, s: ArrayLike, t: ArrayLike) -> NDArray[np.float64]:
        """Return x + s u + t v, shape (..., d); s and t are broadcast, and may lie anywhere."""
        places = _places(s, t)
        result: NDArray[np.float64] = self.x + places[..., :1] * self.u + places[..., 1:] * self.v
        return result

    def locate(self, s: ArrayLike, t: ArrayLike) -> NDArray[np.int64]:
        """Return the face that each place lies in, from 0, or −1 outside of the extent.

        Parameters
        ----------
        s, t : array_like
            The places; they are broadcast to a shape (...).

        Returns
        -------
        ndarray of int64, shape (...)
            On an edge, or within rounding of one, it is one of the faces there.
        """
        places = _places(s, t)
        return self._location.of(places.reshape(-1, 2)).reshape(places.shape[:-1])

    def value(self, s: ArrayLike, t: ArrayLike) -> NDArray[np.float64]:
        """Return f(x + s u + t v), from the vertices of the face: no network is evaluated.

        Parameters
        ----------
        s, t : array_like
            The places; they are broadcast to a shape (...).

        Returns
        -------
        ndarray, shape (...), or (..., k) of k > 1 outputs
            NaN outside of the extent.
        """
        places = _places(s, t)
        face = self.locate(places[..., 0], places[..., 1])
        outside = face < 0
        values = self._extended(face, np.where(outside[..., np.newaxis], 0.0, places))
        values[outside] = np.nan
        result: NDArray[np.float64] = values if self.outputs.ndim > 1 else values[..., 0]
        return result

    def pattern(self, face: ArrayLike) -> Pattern:
        """Return the activation patterns of faces.

        They are made with the faces, not by an evaluation at a rounded point.

        Parameters
        ----------
        face : array_like of int, shape () or (N,)
            The faces, from 0.

        Returns
        -------
        Pattern
            Of one point for a single face, and otherwise of N.

        Raises
        ------
        TypeError, ValueError
            If the faces are not integers of shape () or (N,), or there is no such face.
        """
        chosen = self._checked(face)
        if chosen.ndim > 1:
            raise ValueError(f"face must have shape () or (N,), got {chosen.shape}")
        points = chosen.size if chosen.ndim else None
        return Pattern(tuple(bits[chosen] for bits in self._bits), self.widths, points)

    def gradient(self, face: ArrayLike, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return ∇f on faces, in the space of the inputs: from their patterns, however small.

        Parameters
        ----------
        face : array_like of int, shape (...)
            The faces, from 0.
        threads : int, optional
            The number of threads.

        Returns
        -------
        ndarray, shape (..., d), or (..., k, d) of k > 1 outputs

        Raises
        ------
        MemoryError
            If the gradients do not fit in the memory that is free.
        TypeError, ValueError
            If the faces are not integers, or there is no such face.
        """
        chosen = self._checked(face)
        k = self._net.outputs
        memory.require(
            8 * chosen.size * k * self.x.size,
            f"returning the gradients on {chosen.size} faces",
            "pass fewer faces at a time",
        )
        found = np.empty((chosen.size, k, self.x.size))
        size = max(1, core.MOST_POINTS // k)  # faces at once, k rows each
        for first in range(0, chosen.size, size):
            some = chosen.ravel()[first : first + size]
            rows = masked_product(
                self._net, [np.repeat(bits[some], k, axis=0) for bits in self._bits], 0,
                self._net.depth + 1, np.tile(np.eye(k), (some.size, 1)),
                transposed=True, threads=threads,
            )  # fmt: skip
            found[first : first + size] = rows.reshape(some.size, k, -1)
        shape = (*chosen.shape, k) if k > 1 else chosen.shape
        return found.reshape(*shape, self.x.size)

    def decision(self, level: float = 0.0) -> DecisionFaces:
        """Split the faces where the decision changes, which is on lines, as f is affine on each.

        Parameters
        ----------
        level : float, default 0
            Where the decision of a network with one output is: whether f is above it. Of several
            outputs it is the largest, and `level` must be 0.

        Returns
        -------
        DecisionFaces

        Raises
        ------
        TypeError, ValueError
            If the level is not a finite number, or not 0 and there are several outputs.
        """
        number = arguments.finite("level", level)
        if self.outputs.ndim == 1:
            return by_level(self.faces, self.outputs, number)
        if number:
            raise ValueError(
                f"level must be 0 where there are several outputs, got {level!r}: the decision "
                "changes where the two largest are equal; for another level take the plane of "
                "net.margin(top, other)"
            )
        return by_output(self.faces, self.outputs)

    def level_set(self, level: float = 0.0) -> list[NDArray[np.float64]]:
        """Return where f passes a level: the border of where it is larger, straight on each face.

        Of several outputs it is where the decision changes: where the two largest are equal.

        Parameters
        ----------
        level : float, default 0
            The level; see `decision`.

        Returns
        -------
        list of ndarray, shape (n, 2)
            Polylines of (s, t), straight on every face. One that is closed ends where it begins;
            the others end at the border of the extent, and where they meet at a vertex. Where f is
            the level on whole faces, only their border with larger values is in the set.

        Raises
        ------
        TypeError, ValueError
            If the level is not a finite number, or not 0 and there are several outputs.
        """
        return self.decision(level).boundary()

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the faces as columns, a row per face.

        They are its `area`, its centroid `s`, `t`, how many `corners` it has, and the `value` of f
        at the centroid; of several outputs `top`, the largest one there, and its `margin` over the
        next.
        """
        area, centroid = self._moments
        values = self._extended(np.arange(self.regions), centroid)
        table: dict[str, NDArray[Any]] = {
            "area": area, "s": centroid[:, 0], "t": centroid[:, 1], "corners": self.faces.sizes,
        }  # fmt: skip
        if self.outputs.ndim == 1:
            return {**table, "value": values[:, 0]}
        largest = np.sort(values, axis=1)
        return {**table, "top": values.argmax(axis=1), "margin": largest[:, -1] - largest[:, -2]}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame; needs pandas."""
        return extras.frame(self.columns())

    def plot(
        self, color: str = "value", level: float | None = 0.0, *, ax: Axes | None = None
    ) -> Any:
        """Draw the regions; needs Matplotlib.

        Parameters
        ----------
        color : {"value", "layer", "decision", "random"}
            What the colours say: f; the layer whose unit bends at an edge; the largest output (of
            one output, whether f is above the level), for which faces are split; or nothing but
            where one region ends and the next begins.
        level : float or None, default 0
            The level set to draw over it, see `level_set`; none where it is None.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            In an SVG or PDF file, 20 000 faces or more are an image, and so is the shading of
            "value"; the lines of fewer are lines.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        MemoryError
            If the picture does not fit in the memory that is free.
        ValueError, TypeError
            If an argument is not as described.
        """
        from randrelu.figures.plane import plane_figure

        return plane_figure(self, color, level, ax)

    def _shown_picture(self) -> Any:
        return self.plot("value" if self.outputs.ndim == 1 else "decision")

    def __repr__(self) -> str:
        low, high = self.extent.min(axis=0), self.extent.max(axis=0)
        place = " × ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(low, high, strict=True))
        if len(self.extent) != 4 or len(np.unique(self.extent[:, 0])) > 2:
            place = f"a polygon in {place}"
        by_layer = ", ".join(map(str, self.edges_by_layer)) or "none"
        rows = self._rows
        of = f"f from {rows.min():.4g} to {rows.max():.4g}"
        if rows.shape[1] > 1:
            of = f"{rows.shape[1]} outputs"
        return f"Plane({self.regions} regions of {place}, edges by layer: {by_layer}, {of})"

    @property
    def _rows(self) -> NDArray[np.float64]:
        """The outputs at the vertices, (V, k)."""
        return self.outputs.reshape(len(self.vertices), -1)

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.faces.moments()

    @cached_property
    def _location(self) -> Location:
        return Location(self.faces, self.extent)

    @cached_property
    def _slopes(self) -> NDArray[np.float64]:
        return slopes(self.faces, self._rows)

    def _extended(
        self, face: NDArray[np.int64], places: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the affine functions of faces (...) at places (..., 2), (..., k)."""
        origin = self.faces.first()[face]
        way = places - self.vertices[origin]
        result: NDArray[np.float64] = self._rows[origin] + np.einsum(
            "...i,...ij->...j", way, self._slopes[face]
        )
        return result

    def _checked(self, face: ArrayLike) -> NDArray[np.int64]:
        array = arguments.real_array("face", face)
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"face must hold integers, got dtype {array.dtype}")
        if array.size and not (array.min() >= 0 and array.max() < self.regions):
            odd = int(array.min() if array.min() < 0 else array.max())
            raise ValueError(
                f"face must be from 0 to {self.regions - 1}, got {odd}"
                + ("; locate gives −1 outside of the extent" if odd == -1 else "")
            )
        return array.astype(np.int64)


def _places(s: ArrayLike, t: ArrayLike) -> NDArray[np.float64]:
    """Return places as one array, (..., 2)."""
    one, two = (
        arguments.converted(name, arguments.real_array(name, value), np.dtype(np.float64))
        for name, value in (("s", s), ("t", t))
    )
    try:
        return np.stack(np.broadcast_arrays(one.reshape(np.shape(s)), two.reshape(np.shape(t))), -1)
    except ValueError:
        raise ValueError(
            f"s and t must have shapes that can be broadcast, got {np.shape(s)} and {np.shape(t)}"
        ) from None
