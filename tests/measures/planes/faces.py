"""A plane's faces as plain arrays, and what must be true of any subdivision."""

import numpy as np
from randrelu._load import core

SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))
ARRAYS = ("vertices", "outputs", "face_start", "face_vertices", "edges", "edge_faces")
ARRAYS += ("edge_layer", "edge_unit")


def subdivide(net, x, u, v, polygon=SQUARE, *, most=10**6, threads=1, progress=None, **kept):
    x, u, v, polygon = (np.ascontiguousarray(a, float) for a in (x, u, v, polygon))
    return core.subdivide(net._core, x, u, v, polygon, most, threads, progress, **kept)


def outlines(found):
    """The points of every face, counter-clockwise."""
    points = found.vertices[found.face_vertices]
    return np.split(points, found.face_start[1:-1])


def cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def area(outline):
    """The shoelace formula from the first point: small faces keep their digits."""
    p = outline - outline[0]
    return cross(p, np.roll(p, -1, axis=0)).sum() / 2


def middles(found):
    """A point inside every face: the mean of its corners."""
    return np.stack([outline.mean(axis=0) for outline in outlines(found)])


def bits(found):
    """The units that are active on every face, all layers in a row, (F, bytes)."""
    nothing = np.zeros((len(found.face_start) - 1, 0), np.uint8)
    return np.concatenate([nothing, *found.patterns], axis=1)


def check_topology(found):
    """Euler's formula; every edge has the two faces that it says, on the sides that it says."""
    v, e, f = len(found.vertices), len(found.edges), len(found.face_start) - 1
    assert v - e + f == 1
    inside = found.edge_faces[:, 1] >= 0
    assert (found.edge_faces[:, 0] >= 0).all()
    assert (inside == (found.edge_layer > 0)).all()
    sides = [
        (face, tuple(ends))
        for ends, (left, right) in zip(found.edges.tolist(), found.edge_faces, strict=True)
        for face, ends in ((left, ends), (right, ends[::-1]))
        if face >= 0
    ]
    around = [
        (face, (int(corners[k - 1]), int(corner)))
        for face, corners in enumerate(np.split(found.face_vertices, found.face_start[1:-1]))
        for k, corner in enumerate(corners)
    ]
    assert sorted(sides) == sorted(around)


def check_geometry(found, polygon=SQUARE):
    """Areas add up to the polygon's, and no corner is turned the wrong way, both to rounding."""
    whole = area(np.asarray(polygon, float))
    areas = [area(outline) for outline in outlines(found)]
    assert abs(sum(areas) - whole) <= 1e-12 * whole
    for outline in outlines(found):
        side = np.roll(outline, -1, axis=0) - outline
        assert cross(side, np.roll(side, -1, axis=0)).min() >= -1e-12 * whole
    return np.array(areas)


def same(a, b):
    """Whether two subdivisions are, bit for bit."""
    pairs = [(getattr(a, name), getattr(b, name)) for name in ARRAYS]
    pairs += zip(a.patterns, b.patterns, strict=True)
    return all(p.dtype == q.dtype and np.array_equal(p, q) for p, q in pairs)
