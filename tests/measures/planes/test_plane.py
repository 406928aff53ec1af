"""Every region of a plane: against polygons cut one by one, fine grids and plain evaluation."""

from itertools import pairwise

import numpy as np
import pytest
import reference
from exact_faces import exact_area, exact_faces
from randrelu import Network, Pattern, line, plane
from randrelu._support import memory
from randrelu.measures.planes.faces import Faces, polylines
from randrelu.measures.planes.slopes import slopes
from scipy import stats

EPS = np.finfo(float).eps
ALARM = 1e-6  # the false-alarm probability of each statistical test here
STORAGES = pytest.mark.parametrize("storage", ["stored", "streamed", "deferred"])
SHAPES = [(5, 12, 10, 8, 1), (5, 30, 20, 3), (2, 25, 1), (7, 1, 6, 2), (4, 1)]
CORNERS = [(-1, -1), (1, -1), (1, 1.5), (-1, 1.5)]
EXTENT = (-1, 1, -1, 1.5)


def network(shape, storage="stored", bias=0.3):
    bias = 0.0 if storage == "deferred" else bias
    return Network.random(shape, rng=1, bias=bias, storage=storage, dtype="float64")


def vectors(net, seed=0):
    return np.random.default_rng(seed).normal(size=(3, net.widths[0]))


def places(count, seed=1):
    low, high = np.array([(-1, -1), (1, 1.5)])
    return np.random.default_rng(seed).uniform(low, high, (count, 2)).T


def rounding(net, found, s, t):
    """Bounds on the rounding of every layer's preactivations, and of the outputs; each a number.

    They are those of the reference, for x + s u + t v that is rounded, too. What the plane says
    differs by as much again at its vertices, and by as much for what is computed from them.
    """
    a = found.point(s, t)
    size = abs(found.x) + np.abs(s)[:, np.newaxis] * abs(found.u)
    size += np.abs(t)[:, np.newaxis] * abs(found.v)
    error, bounds = 4 * EPS * size, []
    for w, b in reference.affine(*reference.layers(net)):
        g = reference.gamma(w.shape[1] + 1, "float64")
        error = error @ abs(w).T * (1 + g) + g * (abs(a) @ abs(w).T + abs(b))
        bounds.append(4 * error.max())
        a = np.maximum(a @ w.T + b, 0)
    return bounds


@pytest.mark.parametrize("shape", SHAPES)
def test_every_face_is_one_of_exact_arithmetic(shape):
    """The same patterns, each on one face, with the same areas."""
    net = network(shape)
    x, u, v = vectors(net)
    found = plane(net, x, u, v, EXTENT)
    layers = reference.affine(*reference.layers(net))
    expected = sorted(
        (tuple(sign > 0 for sign in signs), float(exact_area(outline)))
        for outline, signs in exact_faces(layers, x, u, v, CORNERS)
    )
    active = np.concatenate(
        [np.zeros((found.regions, 0), bool), *found.pattern(np.arange(found.regions)).unpack()],
        axis=1,
    )
    ours = sorted(zip(map(tuple, active.tolist()), found.area, strict=True))
    assert [mask for mask, _ in ours] == [mask for mask, _ in expected]
    assert [size for _, size in ours] == pytest.approx([a for _, a in expected], rel=0, abs=1e-12)
    assert found.area.sum() == pytest.approx(5.0, rel=1e-12)


@STORAGES
@pytest.mark.parametrize("shape", SHAPES[:3])
def test_places_have_the_pattern_and_the_value_of_their_face(shape, storage):
    net = network(shape, storage)
    x, u, v = vectors(net)
    found = plane(net, x, u, v, EXTENT)
    s, t = places(100_000)
    points = found.point(s, t)
    assert np.array_equal(points, x + s[:, np.newaxis] * u + t[:, np.newaxis] * v)
    face = found.locate(s, t)
    assert face.min() >= 0
    z, expected = net.preactivations(points), net.forward(points)
    if storage == "deferred":  # there are no weights
        bounds = [1e-13 * np.abs(a).max() for a in (*z, expected)]
    else:
        bounds = rounding(net, found, s, t)
    for ours, theirs, bound in zip(found.pattern(face).unpack(), z, bounds, strict=False):
        assert np.abs(theirs[ours != (theirs > 0)]).max(initial=0) <= bound
    assert found.value(s, t).shape == expected.shape
    assert np.abs(found.value(s, t) - expected).max() <= bounds[-1]


@STORAGES
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_the_network(shape, storage):
    net = network(shape, storage)
    found = plane(net, *vectors(net), EXTENT)
    columns = found.columns()
    whole = columns["area"] > 1e-9  # at whose centroids the network has the pattern of the face
    face = np.flatnonzero(whole)
    expected = net.jacobian(found.point(columns["s"], columns["t"])[face])
    ours = found.gradient(face)
    if net.outputs == 1:
        expected = expected[:, 0]
    assert ours.shape == expected.shape
    assert ours == pytest.approx(expected, rel=0, abs=1e-12 * np.abs(expected).max())
    pairs = np.stack([face, face[::-1]])
    assert np.array_equal(found.gradient(pairs), np.stack([ours, ours[::-1]]))
    assert np.array_equal(found.gradient(face[0]), ours[0])
    assert found.gradient(np.empty(0, int)).shape == (0, *ours.shape[1:])


def test_on_a_thin_face_the_value_is_no_worse():
    """Two units that bend 1e-9 apart: differences across it say little, f is as good."""
    w = np.array([[1.0, 0.3], [1.0, 0.3], [-0.2, 1.0]])
    net = Network.from_weights([w, np.array([1e3, -1e3, 1.0])], [[0.0, 1e-9, 0.1], None])
    found = plane(net, np.zeros(2), [1.0, 0], [0, 1.0])
    thin = np.flatnonzero(found.area < 1e-8)
    assert len(thin) >= 2
    weights, biases = reference.layers(net)
    for face in thin:
        ring = found.vertices[found.faces[face]]
        mix = np.random.default_rng(face).dirichlet(np.ones(len(ring)), 1000) @ ring
        exact = reference.forward(weights, mix, biases)
        bound = rounding(net, found, *mix.T)[-1]
        assert np.abs(found.value(*mix.T) - exact).max() <= bound
        masks = [mask[np.newaxis] for mask in found.pattern(face).unpack()]
        assert found.gradient(face) == pytest.approx(reference.gradient(weights, masks)[0])


@pytest.mark.parametrize("turn", range(4))
def test_slopes_do_not_depend_on_which_vertices_come_first(turn):
    """Two of them are 1e-9 apart, on a long edge; f is 1000 + 3 s + 2 t, rounded."""
    points = np.roll(np.array([(0.0, 0), (1e-9, 0), (1, 0), (1, 1e-3)]), turn, axis=0)
    square = Faces(points, np.array([0, 4]), np.arange(4))
    values = 1000 + points @ [3.0, 2.0]
    ((slope,),) = slopes(square, values[:, np.newaxis]).transpose(0, 2, 1)
    again = values[0] + (points - points[0]) @ slope
    assert np.abs(again - values).max() <= 16 * EPS * 1000


@pytest.mark.parametrize("shape", [(5, 12, 10, 8, 1), (2, 25, 1)])
def test_a_level_set_is_where_f_is_the_level(shape):
    net = network(shape)
    found = plane(net, *vectors(net), EXTENT)
    level = float(np.median(found.outputs))
    curves = found.level_set(level)
    assert curves
    at = np.concatenate(curves)
    assert at.min() >= -1 and at[:, 0].max() <= 1 and at[:, 1].max() <= 1.5
    bound = rounding(net, found, *at.T)[-1]
    assert np.abs(net.forward(found.point(*at.T)) - level).max() <= bound
    # Straight between its points, too, and across it the signs differ.
    starts = np.concatenate([c[:-1] for c in curves])
    ways = np.concatenate([np.diff(c, axis=0) for c in curves])
    length = np.hypot(*ways.T)
    middles = starts + ways / 2
    assert np.abs(net.forward(found.point(*middles.T)) - level).max() <= bound
    normal = np.stack([-ways[:, 1], ways[:, 0]], axis=1) / length[:, np.newaxis]
    face = found.locate(*middles.T)
    clear = (length > 1e-6) & (np.abs(middles) < [1 - 1e-5, 1.5 - 1e-5]).all(axis=1)
    sides = np.array([found.value(*(middles + d * normal)[clear].T) for d in (1e-7, -1e-7)]) - level
    slope = found.gradient(face) @ np.stack([found.u, found.v], axis=1)
    steep = np.linalg.norm(slope, axis=1)[clear] * 1e-7 > 2 * bound
    assert steep.sum() > 0.9 * clear.sum() and (sides[0] * sides[1] < 0)[steep].all()


def test_a_level_set_misses_nothing():
    """On every segment of a grid, f passes the level as often as the curves cross it."""
    shapely = pytest.importorskip("shapely")
    net = network((5, 30, 20, 1))
    found = plane(net, *vectors(net), EXTENT)
    level = float(np.quantile(found.outputs, 0.6))
    curves = shapely.MultiLineString(found.level_set(level))
    grid = np.stack(np.meshgrid(np.linspace(-0.99, 0.99, 60), np.linspace(-0.99, 1.49, 60)), -1)
    above = found.value(grid[..., 0], grid[..., 1]) > level
    for points, signs in ((grid, above), (grid.swapaxes(0, 1), above.T)):
        steps = shapely.linestrings(np.stack([points[:, :-1], points[:, 1:]], axis=2))
        hits = shapely.get_num_coordinates(shapely.intersection(steps, curves))
        assert np.array_equal(hits % 2 == 1, signs[:, 1:] != signs[:, :-1])


def test_a_level_that_f_has_on_whole_faces_has_its_border_with_larger_values():
    net = Network.from_weights([np.array([[1.0, 0], [0, 1]]), np.array([1.0, 1])])  # s₊ + t₊
    found = plane(net, np.zeros(2), [1.0, 0], [0, 1.0])
    curves = found.level_set(0.0)
    assert {tuple(p) for c in curves for p in c} == {(-1, 0), (0, 0), (0, -1)}
    assert found.decision(0.0).shares() == pytest.approx([0.25, 0.75], rel=8 * EPS)
    assert not found.level_set(-1.0) and not found.level_set(2.5)
    assert found.decision(-1.0).shares().tolist() == [0, 1]


def test_the_decision_is_the_largest_output_everywhere():
    net = Network.random((5, 30, 20, 6), rng=4, bias=0.3, dtype="float64")
    x, u, v = vectors(net)
    found = plane(net, 3 * x, 9 * u, 9 * v, EXTENT)
    parts = found.decision()
    taken = np.flatnonzero(parts.shares())
    assert len(taken) >= 3 and parts.shares().sum() == pytest.approx(1, rel=1e-12)
    per_face = np.bincount(parts.region, parts.area, found.regions)
    assert per_face == pytest.approx(found.area, rel=0, abs=1e-12)
    # Uniform points: shares are those seen, by an exact binomial interval for each output.
    s, t = places(40_000)
    top = net.forward(found.point(s, t)).argmax(axis=1)
    seen = np.bincount(top, minlength=6)
    for count, share in zip(seen, parts.shares(), strict=True):
        low, high = stats.binom.ppf([ALARM / 12, 1 - ALARM / 12], s.size, share)
        assert low <= count <= high
    # Inside each part it is what is said.
    _, centre = parts.faces.moments()
    large = parts.area > 1e-9
    assert np.array_equal(
        net.forward(found.point(*centre[large].T)).argmax(axis=1), parts.top[large]
    )
    at = np.concatenate(found.level_set())
    two = np.sort(net.forward(found.point(*at.T)), axis=1)[:, -2:]
    assert np.abs(two[:, 1] - two[:, 0]).max() <= 2 * rounding(net, found, *at.T)[-1]
    assert parts.values[: len(found.vertices)] == pytest.approx(found.outputs.max(axis=1))
    assert "6" not in repr(parts) and f"{len(parts.faces)} parts" in repr(parts)


def test_an_output_that_is_largest_only_inside_a_face():
    """f = (s, −s, 1/2): the third is largest around s = 0, at no vertex of the only face."""
    net = Network.from_weights([np.array([[1.0, 0], [-1, 0], [0, 0]])], [np.array([0, 0, 0.5])])
    found = plane(net, np.zeros(2), [1.0, 0], [0, 1.0])
    assert found.regions == 1
    assert found.decision().shares() == pytest.approx([0.25, 0.25, 0.5], rel=8 * EPS)
    curves = found.level_set()
    assert sorted(set(np.concatenate(curves)[:, 0])) == [-0.5, 0.5]
    two = found.plot("decision") if _drawn() else None
    assert two is None or len(two.axes[0].get_legend().get_texts()) == 4


def _drawn():
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def test_a_decision_that_changes_along_an_edge():
    """f = (t, −t, 10 + s₊, 10 + (−s)₊): the first two, never the largest, cross on that edge."""
    hidden = np.array([[1.0, 0], [-1, 0], [0, 1]])
    last = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [0, 1, 0]])
    net = Network.from_weights([hidden, last], [[0, 0, 5.0], [-5, 5, 10, 10]])
    found = plane(net, np.zeros(2), [1.0, 0], [0, 1.0])
    assert found.decision().shares().tolist() == [0, 0, 0.5, 0.5]
    (curve,) = found.level_set()
    assert (curve[:, 0] == 0).all() and sorted(curve[[0, -1], 1]) == [-1, 1]


def test_three_decisions_meet_in_a_point():
    w = np.array([[1.0, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
    net = Network.from_weights([w])
    found = plane(net, [0.0, 0], [1.0, 0], [0, 1.0], (-1, 1.1, -1, 1.2))
    curves = found.level_set()
    assert len(curves) == 3
    ends = np.array([min(c[[0, -1]], key=lambda p: np.hypot(*p)) for c in curves])
    assert np.abs(ends).max() <= 8 * EPS


@STORAGES
def test_a_line_in_the_plane_sees_the_same_crossings(storage):
    net = network((6, 20, 15, 10, 1), storage)
    x, u, v = vectors(net)
    found = plane(net, x, u, v)
    rng = np.random.default_rng(3)
    for _ in range(5):
        a, b = rng.uniform(-1, 1, (2, 2))
        start, stop = found.point(*a), found.point(*b)
        way = line(net, start, stop - start, np.linalg.norm(stop - start))
        ours = _crossings(found, a, b)
        # Where a layer dies, or comes to life, all units after it flip: the edge is of the first.
        t, layer = way.t / way.length, way.layer
        same = np.abs(t[:, np.newaxis] - t) <= 1e-12
        kept = ~(same & (layer < layer[:, np.newaxis])).any(axis=1)
        theirs = sorted(zip(layer[kept], way.unit[kept], t[kept], strict=True))
        assert [(i, j) for i, j, _ in ours] == [(i, j) for i, j, _ in theirs]
        for (_, _, p), (_, _, q) in zip(ours, theirs, strict=True):
            assert p == pytest.approx(q, abs=1e-9)


def _crossings(found, a, b):
    """Where a segment crosses the edges of the plane: (layer, unit, part of the way)."""
    ends = found.vertices[found.edges]
    way = ends[:, 1] - ends[:, 0]
    to = b - a
    across = to[0] * way[:, 1] - to[1] * way[:, 0]
    gap = ends[:, 0] - a
    part = (gap[:, 0] * way[:, 1] - gap[:, 1] * way[:, 0]) / across
    along = (gap[:, 0] * to[1] - gap[:, 1] * to[0]) / across
    hit = (part >= 0) & (part <= 1) & (along >= 0) & (along <= 1) & (found.edge_layer > 0)
    columns = (found.edge_layer[hit], found.edge_unit[hit], part[hit])
    return sorted(zip(*columns, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_faces_are_convex_and_cover_the_extent_once(shape):
    shapely = pytest.importorskip("shapely")
    net = network(shape)
    found = plane(net, *vectors(net), EXTENT)
    v, e, f = len(found.vertices), len(found.edges), found.regions
    assert v - e + f == 1
    polygons = [shapely.Polygon(found.vertices[ring]) for ring in found.faces]
    areas = np.array([p.area for p in polygons])
    assert found.area == pytest.approx(areas, rel=0, abs=1e-14)
    hulls = np.array([p.convex_hull.area for p in polygons])
    assert areas == pytest.approx(hulls, rel=0, abs=1e-13)
    assert shapely.union_all(polygons).area == pytest.approx(5, rel=1e-12)
    centroids = np.array([(p.centroid.x, p.centroid.y) for p in polygons])
    large = areas > 1e-6  # of others the triangles from the origin, as shapely's, lose digits
    ours = np.stack([found.columns()[n] for n in "st"], axis=1)
    assert ours[large] == pytest.approx(centroids[large], abs=1e-8)
    # An edge between two faces is in the rings of both, the other way around in one.
    rings = {}
    for k, (a, b) in enumerate(zip(found.faces.corners, found.faces.following, strict=True)):
        rings[a, b] = found.faces.owner[k]
    for (a, b), (left, right) in zip(found.edges, found.edge_faces, strict=True):
        assert rings.get((a, b), -1) == left and rings.get((b, a), -1) == right
    assert ((found.edge_faces < 0).any(axis=1) == (found.edge_layer == 0)).all()


def test_where_every_line_meets():
    """Through 0, a network without biases has sectors: f is f(cos φ, sin φ) times the distance."""
    net = network((6, 20, 15, 1), bias=0.0)
    x, u, v = vectors(net)
    found = plane(net, 0 * x, u, v)
    s, t = np.random.default_rng(0).uniform(-1, 1, (2, 5000))
    assert (
        np.abs(found.value(s, t) - net.forward(found.point(s, t))).max()
        <= rounding(net, found, s, t)[-1]
    )
    assert np.array_equal(found.locate(s, t), found.locate(s / 2, t / 2))
    at = np.concatenate(found.level_set())
    assert np.abs(net.forward(found.point(*at.T))).max() <= rounding(net, found, *at.T)[-1]


@pytest.mark.parametrize("seed", range(40))
def test_lines_that_coincide_and_units_that_are_0(seed):
    """Networks of small integers are exact, and nothing about them is in general position."""
    rng = np.random.default_rng(seed)
    widths = [2, *rng.integers(1, 6, rng.integers(1, 4)), rng.integers(1, 4)]
    weights = [rng.integers(-2, 3, (b, a)).astype(float) for a, b in pairwise(widths)]
    biases = [rng.integers(-1, 2, n).astype(float) for n in widths[1:]]
    net = Network.from_weights(weights, biases)
    found = plane(net, np.zeros(2), [1.0, 0], [0, 1.0])
    s, t = np.linspace(-1, 1, 33), np.linspace(-1, 1, 33)[:, np.newaxis]
    grid = np.stack(np.broadcast_arrays(s, t), axis=-1)
    values = found.value(s, t)
    assert found.locate(s, t).min() >= 0
    bound = rounding(net, found, *grid.reshape(-1, 2).T)[-1]
    expected = net.forward(grid.reshape(-1, 2)).reshape(values.shape)
    assert np.abs(values - expected).max() <= bound
    assert found.decision().shares().sum() == pytest.approx(1, rel=1e-12)
    assert found.decision().area.min() >= -8 * EPS
    assert found.gradient(np.arange(found.regions)).shape[0] == found.regions
    if net.outputs == 1:
        for level in (0.0, float(found.outputs.min()), float(found.outputs.max())):
            for curve in found.level_set(level):
                assert np.abs(found.value(*curve.T) - level).max() <= bound


def test_any_convex_polygon_in_either_direction():
    net = network((5, 12, 10, 1))
    x, u, v = vectors(net)
    angles = np.arange(7) * 2 * np.pi / 7
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    one, two = (plane(net, x, u, v, c) for c in (corners, corners[::-1]))
    assert one.area.sum() == pytest.approx(3.5 * np.sin(2 * np.pi / 7), rel=1e-12)
    assert np.sort(one.area) == pytest.approx(np.sort(two.area), rel=0, abs=1e-12)
    s, t = np.random.default_rng(0).uniform(-1, 1, (2, 5000))
    inside = one.locate(s, t) >= 0
    depth = np.max([np.cos(a + np.pi / 7) * s + np.sin(a + np.pi / 7) * t for a in angles], axis=0)
    clear = np.abs(depth - np.cos(np.pi / 7)) > 1e-12
    assert np.array_equal(inside[clear], (depth < np.cos(np.pi / 7))[clear])
    assert "a polygon in [-0.901, 1]" in repr(one)


def test_outside_there_is_nothing():
    net = network((5, 12, 10, 1))
    found = plane(net, *vectors(net))
    assert found.locate(2.0, 0.0) == -1 and found.locate(2.0, 0.0).shape == ()
    assert np.isnan(found.value([0, 1.5], 0)).tolist() == [False, True]
    assert (found.locate([-1, 1, 1, -1], [-1, -1, 1, 1]) >= 0).all()  # the corners belong to it
    assert found.locate(np.zeros((3, 1)), np.zeros(4)).shape == (3, 4)
    assert found.locate([], []).shape == (0,)
    several = plane(network((5, 8, 3)), *vectors(net))
    assert np.isnan(several.value(3, 3)).all() and several.value(3, 3).shape == (3,)


def test_what_users_see():
    net = network((5, 12, 10, 1))
    found = plane(net, *vectors(net), EXTENT)
    assert repr(found).startswith(f"Plane({found.regions} regions of [-1, 1] × [-1, 1.5], edges by")
    assert len(found.faces) == found.regions == len(list(found.faces)) == len(found.to_frame())
    assert np.array_equal(found.faces[-1], found.faces[found.regions - 1])
    assert len(found.faces[2:5]) == 3
    assert list(found.to_frame()) == ["area", "s", "t", "corners", "value"]
    c = found.columns()
    assert c["value"] == pytest.approx(net.forward(found.point(c["s"], c["t"])), abs=1e-13)
    assert isinstance(found.pattern(0), Pattern) and found.pattern(0)._points is None
    assert found.pattern([0, 2])._points == 2
    several = plane(network((5, 12, 3)), *vectors(net))
    assert list(several.columns())[-2:] == ["top", "margin"] and "3 outputs" in repr(several)
    out = np.sort(several.value(several.columns()["s"], several.columns()["t"]), axis=1)
    assert several.columns()["margin"] == pytest.approx(out[:, -1] - out[:, -2], abs=1e-13)


def test_threads_do_not_matter_and_progress_ends():
    net = network((30, 60, 50, 1))
    x, u, v = vectors(net)
    seen = []
    a = plane(net, x, u, v, threads=1)
    b = plane(net, x, u, v, threads=3, progress=lambda done, total: seen.append((done, total)))
    for name in ("vertices", "outputs", "edges", "edge_faces", "edge_layer", "edge_unit"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
    assert np.array_equal(a.faces.corners, b.faces.corners)
    assert np.array_equal(a.gradient([0, 5], threads=1), b.gradient([0, 5], threads=3))
    assert seen and seen[-1][0] == seen[-1][1]


def test_polylines_join_close_and_branch():
    points = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1), (2, 2), (3, 3), (3, 3), (4, 4), (5, 0)])
    ring = polylines(points, np.array([(0, 1), (2, 1), (3, 2), (0, 3)]))
    assert len(ring) == 1 and len(ring[0]) == 5 and np.array_equal(ring[0][0], ring[0][-1])
    way = polylines(points, np.array([(6, 7), (4, 5), (6, 5)]))
    assert len(way) == 1 and sorted(map(tuple, way[0])) == [(2, 2), (3, 3), (4, 4)]
    star = polylines(points, np.array([(0, 1), (0, 2), (0, 4), (4, 7)]))
    assert sorted(len(c) for c in star) == [2, 2, 3]
    assert polylines(points, np.empty((0, 2), int)) == []


def test_a_cut_of_a_square():
    square = Faces(np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)]), np.array([0, 4]), np.arange(4))
    cut = square.cut(np.array([-1.0, 1, 3, 1]))
    assert cut.positive.tolist() == [True, False] and cut.parent.tolist() == [0, 0]
    assert cut.faces.moments()[0].tolist() == [0.875, 0.125]
    assert cut.extended(np.array([0.0, 2, 4, 2])).tolist() == [0, 2, 4, 2, 1, 1]
    touched = square.cut(np.array([0.0, 1, 2, 0]))  # along an edge: nothing to cut
    assert len(touched.faces) == 1 and touched.positive.tolist() == [True]
    diagonal = square.cut(np.array([0.0, 1, 0, -1]))
    assert diagonal.faces.moments()[0].tolist() == [0.5, 0.5] and diagonal.low.size == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"net": None}, TypeError, "net must be a Network"),
        ({"x": np.ones(4)}, ValueError, r"x must have shape \(5,\)"),
        ({"x": np.ones((1, 5))}, ValueError, "x must be a single point"),
        ({"u": np.full(5, np.nan)}, ValueError, "u must be finite"),
        ({"u": np.zeros(5)}, ValueError, "u must not be 0"),
        ({"v": np.zeros(5)}, ValueError, "v must not be 0"),
        ({"v": -3e200 * np.arange(5)}, ValueError, "u and v must not be parallel"),
        ({"v": np.arange(5) * (1 + 1e-14)}, ValueError, "u and v must not be parallel"),
        ({"extent": (-1, 1, 1, 1)}, ValueError, "s0 < s1 and t0 < t1, which has an area"),
        ({"extent": (1, -1, 0, 1)}, ValueError, "s0 < s1 and t0 < t1"),
        ({"extent": 1.0}, ValueError, r"of shape \(M, 2\), got shape \(\)"),
        ({"extent": (-1, 1, np.inf, 2)}, ValueError, "extent must be finite"),
        ({"extent": [(0, 0), (1, 1)]}, ValueError, "at least 3 corners, got 2"),
        ({"extent": [(0, 0), (1, 1), (2, 2)]}, ValueError, "no three of them on a line"),
        ({"extent": [(0, 0), (2, 0), (0.5, 0.5), (0, 2)]}, ValueError, "a convex polygon in order"),
        ({"extent": [(0, 0), (1, 1), (1, 0), (0, 1)]}, ValueError, "a convex polygon in order"),
        (
            {"extent": [(np.cos(a), np.sin(a)) for a in np.arange(5) * 0.8 * np.pi]},
            ValueError,
            "a convex polygon in order",
        ),  # a pentagram turns left at every corner
        ({"most_faces": 0}, ValueError, "most_faces must be at least 1"),
        ({"most_faces": 2.5}, TypeError, "most_faces must be an integer"),
        ({"threads": 0}, ValueError, "threads must be"),
    ],
)
def test_bad_input(change, error, message):
    given = {"net": network((5, 8, 6, 1)), "x": np.ones(5), "u": np.arange(5.0), "v": np.ones(5)}
    with pytest.raises(error, match=message):
        plane(**{**given, **change})


def test_a_small_angle_is_one():
    net = network((5, 8, 6, 1))
    u, v = np.arange(5.0), np.ones(5)
    found = plane(net, np.ones(5), u, u + 1e-9 * v)
    assert found.area.sum() == pytest.approx(4, rel=1e-12)


def test_more_bad_input():
    net = network((5, 8, 6, 1))
    found = plane(net, np.ones(5), np.arange(5.0), np.ones(5))
    with pytest.raises(ValueError, match=r"s and t must have shapes .* got \(3,\) and \(2,\)"):
        found.locate(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="t must be finite"):
        found.value(0, np.nan)
    with pytest.raises(ValueError, match=f"from 0 to {found.regions - 1}, got -1; locate"):
        found.gradient(found.locate([0, 7], 0))
    with pytest.raises(TypeError, match="face must hold integers, got dtype float64"):
        found.pattern([0.0])
    with pytest.raises(ValueError, match=r"face must have shape \(\) or \(N,\), got \(1, 1\)"):
        found.pattern([[0]])
    with pytest.raises(TypeError, match="a face must be an integer, got 'a'"):
        found.faces["a"]
    with pytest.raises(IndexError):
        found.faces[found.regions]
    with pytest.raises(ValueError, match="level must be finite"):
        found.level_set(np.inf)
    several = plane(network((5, 8, 3)), np.ones(5), np.arange(5.0), np.ones(5))
    with pytest.raises(ValueError, match=r"level must be 0 where there are several outputs, got 1"):
        several.level_set(1.0)


def test_too_many_regions_and_too_little_memory(monkeypatch):
    net = network((5, 60, 60, 1))
    x, u, v = vectors(net)
    with pytest.raises(ValueError, match=r"most_faces=100 regions.*smaller extent"):
        plane(net, x, u, v, most_faces=100)
    monkeypatch.setattr(memory, "available_bytes", lambda: 100_000)
    with pytest.raises(MemoryError, match=r"more regions than the \d+ that .*smaller extent"):
        plane(net, x, u, v)


def test_gradients_of_more_faces_than_there_is_room_for(monkeypatch):
    net = network((5, 30, 30, 1))
    found = plane(net, *vectors(net))
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**7)
    with pytest.raises(MemoryError, match="returning the gradients on 1000000 faces"):
        found.gradient(np.zeros(10**6, int))


@pytest.mark.parametrize("seed", [1, 2, 6, 17, 21, 56])  # with faces of both kinds
def test_where_a_layer_is_silent_f_is_not_above_0(seed):
    # f is 0 exactly where the one unit of layer 2 is, and rounding must not say otherwise.
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((4, 3), (1, 4), (1, 1))]
    weights[2] = np.abs(weights[2])
    found = plane(Network.from_weights(weights), *rng.standard_normal((3, 3)))
    silent = ~found.pattern(np.arange(found.regions)).unpack()[1][:, 0]
    assert silent.any() and not silent.all()
    for face in np.flatnonzero(silent):
        assert (found.outputs[found.faces[face]] == 0).all()
    above = found.decision()
    assert not above.top[silent[above.region]].any()
    assert above.shares()[1] == pytest.approx(found.area[~silent].sum() / 4, rel=1e-12)


def test_after_a_silent_layer_f_is_what_the_biases_make():
    weights = [np.array([[1.0, 0]]), np.array([[2.0], [3]]), np.array([[1.0, -0.3], [0, 0.1]])]
    biases = [None, np.array([0.7, -1]), np.array([0.1, 0.2])]
    net = Network.from_weights(
        [w.astype(np.float32) for w in weights],
        biases=[None if b is None else b.astype(np.float32) for b in biases],
    )
    found = plane(net, [0, 0], [1, 0], [0, 1])
    silent = found.locate(-0.5, 0.2)
    constant = np.float64(np.float32(0.7)) + np.float64(np.float32(0.1)), np.float32(0.2)
    np.testing.assert_array_equal(found.outputs[found.faces[int(silent)]], [constant] * 4)


def test_extents_whose_areas_are_no_numbers_are_refused():
    net = Network.random((3, 9, 1), rng=0)
    x, u, v = np.eye(3)
    for extent in [(-1e-150, 1e-150, -1e-150, 1e-150), (-1e200, 1e200, 0, 1), (0, 1, 0, 1e-200)]:
        with pytest.raises(ValueError, match="scale u and v instead"):
            plane(net, x, u, v, extent)
    with pytest.raises(ValueError, match="scale u and v instead"):
        plane(net, x, u, v, [(0, 0), (1e160, 0), (1e160, 1e160)])
    found = plane(net, x, 1e130 * u, 1e130 * v, (-1e-130, 1e-130, -1e-130, 1e-130))
    assert found.regions == plane(net, x, u, v).regions


def test_where_tolerances_leave_the_range_no_region_is_lost_silently():
    net = Network.random((3, 9, 1), rng=0)
    x, u, v = np.eye(3)
    assert plane(net, 1e150 * x, 1e150 * u, 1e150 * v).regions == plane(net, x, u, v).regions
    with pytest.raises(OverflowError, match="smaller scale"):
        plane(net, 1e250 * x, 1e250 * u, 1e250 * v)


def test_faces_say_what_they_are():
    found = plane(Network.random((3, 9, 1), rng=0), *np.eye(3))
    count = found.regions
    assert repr(found.faces) == f"Faces({count} faces, {len(found.vertices)} points)"
    np.testing.assert_array_equal(found.faces[-1], found.faces[count - 1])
    for face in (count, -count - 1):
        with pytest.raises(IndexError, match=f"there are {count} faces, and no face {face}"):
            found.faces[face]


def test_what_was_given_may_change_afterwards():
    net, (x, u, v) = (
        Network.random((3, 9, 1), rng=0),
        np.random.default_rng(0).standard_normal((3, 3)),
    )
    extent = np.array([(0.0, 0), (1, 0), (0, 1)])
    found, along = plane(net, x, u, v, extent), line(net, x, u, 1.0)
    point, place, there = found.point(0.2, 0.3), found.locate(0.2, 0.3), along.point(0.5)
    for given in (x, u, v, extent):
        given[:] = 7
    np.testing.assert_array_equal(found.point(0.2, 0.3), point)
    np.testing.assert_array_equal(along.point(0.5), there)
    assert found.locate(0.2, 0.3) == place and found.extent.max() == 1


@pytest.mark.parametrize("depth", [1, 3, 12])
def test_vertices_on_a_slanted_border_lie_in_a_face(depth):
    rng = np.random.default_rng(depth)
    net = Network.random((5, *[12] * depth, 1), rng=depth, bias=0.1)
    angles = 0.4 + np.arange(5) * 0.4 * np.pi
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = plane(net, *rng.standard_normal((3, 5)), 3 * corners)
    assert (found.locate(*found.vertices.T) >= 0).all()
    largest = np.abs(found.outputs).max()
    np.testing.assert_allclose(
        found.value(*found.vertices.T), found.outputs, rtol=0, atol=1e-13 * largest
    )
    assert (found.locate(*(3 * (1 + 1e-12) * corners).T) == -1).all()


@pytest.mark.parametrize("extent", [(-1, 1, -1, 1), [[0, 0], [2, 1], [1, 2]]])
def test_places_far_outside_of_the_extent_overflow_nothing(extent):
    found = plane(Network.random((3, 4, 1), rng=0), np.ones(3), [1, 0, 0], [0, 1, 0], extent)
    ends = [np.finfo(float).max, -np.finfo(float).max]
    for s, t in [(a, b) for a in (*ends, 0.5) for b in (*ends, 0.5) if (a, b) != (0.5, 0.5)]:
        assert found.locate(s, t) == -1 and np.isnan(found.value(s, t))
    assert found.locate(0.5, 0.5) >= 0
