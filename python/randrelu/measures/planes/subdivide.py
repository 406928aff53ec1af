"""Find every linear region of a network on a part of a plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, euclid, memory
from randrelu._support.arguments import Progress
from randrelu._support.threads import thread_number
from randrelu.measures.planes.faces import Faces
from randrelu.measures.planes.plane import Plane
from randrelu.measures.planes.silent import exact_where_silent
from randrelu.network import Network, require_network

MOST_FACES = 10**7  # nobody looks at more, and their arrays take gigabytes
_PARALLEL = 1e-12  # the sine of an angle that float64 does not tell from 0
_SHORTEST, _LONGEST = 1e-140, 1e140  # sides whose squares, and parts of these, are float64 numbers


def plane(
    net: Network,
    x: ArrayLike,
    u: ArrayLike,
    v: ArrayLike,
    extent: ArrayLike = (-1, 1, -1, 1),
    *,
    most_faces: int = MOST_FACES,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Plane:
    """Find every linear region of f on the points x + s u + t v, up to the rounding of float64.

    Parameters
    ----------
    net : Network
        The network, of one output or several.
    x : array_like, shape (d,)
        The point where s = t = 0.
    u, v : array_like, shape (d,)
        The directions of s and t, of any length, not parallel.
    extent : array_like, shape (4,) or (M, 2), default (-1, 1, -1, 1)
        Which part of the plane: the rectangle of s from s₀ to s₁ and t from t₀ to t₁, as
        ``(s0, s1, t0, t1)``; or the corners (s, t) of a convex polygon, in either direction.
    most_faces : int, default 10_000_000
        How many regions it may have; with more it is refused.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)``, see `Network`; in thousandths of the work.

    Returns
    -------
    Plane

    Raises
    ------
    MemoryError
        If there are more regions than fit in the memory that is free.
    OverflowError
        If a value inside the network leaves the range of float64.
    TypeError, ValueError
        If an argument is not as described, or there are more regions than `most_faces`.

    Notes
    -----
    The polygon is one region of a network without hidden layers. Layer by layer, the preactivations
    at all vertices are one product; in between they are affine, and a region is cut where a unit
    changes sign. A vertex is within rounding of where that is in exact arithmetic. One whose
    preactivation is so near 0 that rounding may have given its sign counts as on the line: so what
    would be a region as thin as rounding may be left out. How far rounding reaches is estimated
    from its variance, with ample room, and is not certified.
    """
    require_network(net)
    arguments.callback(progress)
    dim = net.widths[0]
    base = arguments.point("x", x, dim)
    one, two = (arguments.point(n, w, dim, noun="vector") for n, w in (("u", u), ("v", v)))
    _require_plane(one, two)
    polygon = polygon_of(extent)
    most = arguments.integer("most_faces", most_faces, at_least=1)
    room = _room(net)
    try:
        found = core.subdivide(
            net._core, base, one, two, polygon, most_faces=min(most, room),
            threads=thread_number(threads), progress=progress,
        )  # fmt: skip
    except core.TooManyFaces as error:
        _, layer = error.args
        if room < most:
            raise MemoryError(
                f"the plane has more regions than the {room} that the free memory has room for, "
                f"already after layer {layer} of {net.depth}; take a smaller extent"
            ) from None
        raise ValueError(
            f"the plane has more than most_faces={most} regions, already after layer {layer} of "
            f"{net.depth}; take a smaller extent, or a larger most_faces"
        ) from None
    faces = Faces(found.vertices, found.face_start, found.face_vertices)
    patterns = list(found.patterns)
    outputs = exact_where_silent(net, faces, patterns, found.outputs, threads=threads)
    return Plane(
        base.copy(), one.copy(), two.copy(), polygon, found.vertices,
        outputs if net.outputs > 1 else outputs[:, 0], faces, found.edges, found.edge_faces,
        found.edge_layer, found.edge_unit, net.widths[1:-1], patterns, net,
    )  # fmt: skip


def polygon_of(extent: ArrayLike) -> NDArray[np.float64]:
    """Return the corners of an extent, counter-clockwise, (M, 2)."""
    given = arguments.real_array("extent", extent)
    array = arguments.converted("extent", given, np.dtype(np.float64))
    if array.shape == (4,):
        low, high, bottom, top = array
        if not (low < high and bottom < top):
            raise ValueError(
                "extent must be (s0, s1, t0, t1) with s0 < s1 and t0 < t1, which has an area, got "
                f"{tuple(map(float, array))}"
            )
        rectangle = np.array([(low, bottom), (high, bottom), (high, top), (low, top)])
        _require_sides(rectangle)
        return rectangle
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            "extent must be (s0, s1, t0, t1), or the corners of a convex polygon, of shape (M, 2), "
            f"got shape {given.shape}"
        )
    if len(array) < 3:
        raise ValueError(f"extent must have at least 3 corners, got {len(array)}")
    _require_sides(array)
    ways = np.roll(array, -1, axis=0) - array
    if (array[:, 0] @ np.roll(array[:, 1], -1) - array[:, 1] @ np.roll(array[:, 0], -1)) < 0:
        return polygon_of(array[::-1])
    # Every other corner is to the left of every edge: also where the border goes around twice.
    for k, (corner, way) in enumerate(zip(array, ways, strict=True)):
        to = np.delete(array, [k, (k + 1) % len(array)], axis=0) - corner
        left = way[0] * to[:, 1] - way[1] * to[:, 0]
        if not (left > 0).all():
            raise ValueError(
                "extent must be the corners of a convex polygon in order, no three of them on a "
                f"line; others lie on or beyond the edge from {tuple(map(float, corner))} to "
                f"{tuple(map(float, corner + way))}"
            )
    return array.copy()


def _require_sides(corners: NDArray[np.float64]) -> None:
    """Raise ValueError where areas and squares of lengths would not be float64 numbers."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    if np.abs(corners).max() > _LONGEST or 0 < (high / 2 - low / 2).min() < _SHORTEST / 2:
        raise ValueError(
            f"extent must have sides of at least {_SHORTEST:g} and corners of at most "
            f"{_LONGEST:g}, got corners from {tuple(map(float, low))} to "
            f"{tuple(map(float, high))}; scale u and v instead"
        )


def _require_plane(u: NDArray[np.float64], v: NDArray[np.float64]) -> None:
    """Raise ValueError unless two vectors span a plane."""
    units = []
    for name, vector in (("u", u), ("v", v)):
        if not vector.any():
            raise ValueError(f"{name} must not be 0")
        unit = vector / euclid.norm(vector)
        units.append(unit / euclid.norm(unit))
    one, two = units
    if euclid.norm(two - float(np.add.reduce(one * two)) * one) <= _PARALLEL:
        raise ValueError("u and v must not be parallel: they span a line, see randrelu.line")


def _room(net: Network) -> int:
    """Return for how many regions there is memory.

    Nearly every vertex is where two lines cross, so a region has about one vertex, two edges and
    four corners, and as many more while it is made. Beside them are the patterns, and two bits for
    each unit of a layer at a vertex. The core cuts large planes into parts, and holds the
    preactivations of the layers after the first on the borders of all parts: at fewer than a
    quarter of the vertices, and in a deferred network, whose parts are few vertices of many units
    each, at up to half of them. The directions that it reveals, one for each line, are fewer.
    """
    free = memory.available_bytes()
    numbers = (2 + net.outputs) + 2 * 6 + 4 + 1
    bits = sum(-(-width // 8) for width in net.widths[1:-1])
    on_borders = 8 * sum(net.widths[2:-1]) // (2 if net.storage == "deferred" else 4)
    each = 2 * (8 * numbers + bits) + max(net.widths[1:]) // 4 + on_borders
    return MOST_FACES if free is None else max(1, free // each)
