"""The faces of a plane: against exact fractions, arrangements, grids and plain evaluation."""

import numpy as np
import pytest
import reference
from exact_faces import exact_area, exact_faces
from faces import (
    SQUARE,
    area,
    bits,
    check_geometry,
    check_topology,
    middles,
    outlines,
    same,
    subdivide,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from randrelu import Network
from randrelu._load import core

SHAPES = [(20, 30, 40, 25, 1), (50, 1, 7, 1), (9, 1), (7, 64, 3), (10, 30, 20, 30, 20, 2)]


def plane(net, seed=0):
    return np.random.default_rng(seed).normal(size=(3, net.widths[0]))


def points(x, u, v, places):
    return x + places @ np.stack([u, v])


def unpacked(packed, units):
    return np.unpackbits(packed, axis=1, bitorder="little")[:, :units]


def check_values(net, weights, biases, found, x, u, v):
    """Outputs at vertices and patterns in faces, where rounding leaves them no choice."""
    y = points(x, u, v, found.vertices)
    # Two evaluations, and a vertex is where it is to a rounding of its coordinates.
    bounds = reference.preactivation_bounds(weights, y, "float64", biases)
    assert (np.abs(found.outputs - net.forward(y).reshape(len(y), -1)) <= 4 * bounds[-1]).all()
    y = points(x, u, v, middles(found))
    bounds = reference.preactivation_bounds(weights, y, "float64", biases)
    unsure = 0
    for z, own, packed, bound in zip(
        net.preactivations(y), net.pattern(y).bits, found.patterns, bounds, strict=False
    ):
        clear = np.abs(z) > 4 * bound
        active = unpacked(packed, z.shape[1])
        assert np.array_equal(active[clear] != 0, z[clear] > 0)
        unsure += (~clear & (z != 0)).sum()  # a unit after a dead layer is exactly 0
        assert packed.shape == own.shape
    return unsure


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("bias", [0, 0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_faces_agree_with_plain_evaluation(shape, bias, storage):
    net = Network.random(shape, rng=1, storage=storage, dtype="float64", bias=bias)
    x, u, v = plane(net)
    found = subdivide(net, x, u, v)
    check_topology(found)
    check_geometry(found)
    units = len(found.face_start[1:]) * sum(net.widths[1:-1])
    assert check_values(net, *reference.layers(net), found, x, u, v) <= 0.01 * units
    assert found.outputs.shape == (len(found.vertices), net.outputs)
    # Every face has a pattern of its own: regions are convex, so that none comes in two faces.
    assert len(np.unique(bits(found), axis=0)) == len(found.face_start) - 1


def test_a_margin_network_has_the_faces_of_its_network():
    net = Network.random((7, 64, 30, 3), rng=1, dtype="float64", bias=0.1)
    x, u, v = plane(net)
    whole, margin = subdivide(net, x, u, v), subdivide(net.margin(2, 0), x, u, v)
    assert np.array_equal(whole.face_vertices, margin.face_vertices)
    assert np.array_equal(whole.vertices, margin.vertices)
    difference = whole.outputs[:, [2]] - whole.outputs[:, [0]]
    scale = np.abs(whole.outputs).max()
    assert np.abs(margin.outputs - difference).max() <= 16 * 2**-53 * scale


def test_one_hidden_layer_is_an_arrangement_of_lines():
    """1 + lines + crossings, of those that meet the polygon, and inside it."""
    net = Network.random((5, 60, 1), rng=3, dtype="float64", bias=0.5)
    x, u, v = plane(net)
    w, b = (a[0] for a in reference.layers(net))
    c, s, t = w @ x + b, w @ u, w @ v
    corners = c[:, None] + np.stack([s, t], 1) @ np.array(SQUARE).T
    meets = np.flatnonzero((corners > 0).any(axis=1) & (corners < 0).any(axis=1))
    i, j = np.triu_indices(meets.size, 1)
    lines = np.stack([s, t], 1)[meets]
    places = np.linalg.solve(
        np.stack([lines[i], lines[j]], 1), -np.stack([c[meets][i], c[meets][j]], 1)[..., None]
    )
    crossings = (np.abs(places[..., 0]) < 1).all(axis=1).sum()
    found = subdivide(net, x, u, v)
    assert len(found.face_start) - 1 == 1 + meets.size + crossings > 500
    assert set(np.unique(found.edge_unit[found.edge_layer == 1])) == set(meets)


def test_edges_lie_where_their_unit_is_zero():
    net = Network.random((6, 20, 30, 1), rng=4, dtype="float64", bias=0.2)
    x, u, v = plane(net)
    found = subdivide(net, x, u, v)
    weights, biases = reference.layers(net)
    for layer in (1, 2):
        some = found.edge_layer == layer
        for end in (0, 1):
            y = points(x, u, v, found.vertices[found.edges[some, end]])
            z = net.preactivations(y)[layer - 1]
            bound = reference.preactivation_bounds(weights, y, "float64", biases)[layer - 1]
            chosen = np.arange(some.sum()), found.edge_unit[some]
            assert (np.abs(z[chosen]) <= 4 * bound[chosen]).all()
    assert set(found.edge_layer.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("shape", [(4, 8, 1), (4, 7, 6, 1), (3, 5, 5, 5, 2)])
def test_every_pattern_of_a_fine_grid_is_a_face(shape):
    net = Network.random(shape, rng=5, dtype="float64", bias=0.4)
    x, u, v = plane(net)
    found = subdivide(net, x, u, v)
    grid = np.linspace(-1, 1, 401)
    places = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    seen = np.unique(np.concatenate(net.pattern(points(x, u, v, places)).bits, axis=1), axis=0)
    faces = {bytes(row) for row in bits(found)}
    assert {bytes(row) for row in seen} <= faces
    # What the grid misses is smaller than a few of its cells in one direction.
    assert len(seen) >= 0.8 * len(faces)


def test_areas_by_shapely():
    shapely = pytest.importorskip("shapely")
    net = Network.random((6, 20, 20, 20, 1), rng=6, dtype="float64", bias=0.2)
    hexagon = [(np.cos(k * np.pi / 3), np.sin(k * np.pi / 3)) for k in range(6)]
    found = subdivide(net, *plane(net), hexagon)
    check_topology(found)
    polygons = [shapely.Polygon(outline) for outline in outlines(found)]
    assert all(polygon.exterior.is_ccw for polygon in polygons if polygon.area > 1e-12)
    assert sum(p.area for p in polygons) == pytest.approx(1.5 * 3**0.5, rel=1e-12)
    large = [p for p in polygons if p.area > 1e-9]
    assert shapely.union_all(large).area == pytest.approx(sum(p.area for p in large), rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_storages_threads_and_memory_do_not_change_a_bit(shape):
    nets = [
        Network.random(shape, rng=7, storage=storage, dtype="float64", bias=0.1)
        for storage in ("stored", "streamed")
    ]
    x, u, v = plane(nets[0])
    first = subdivide(nets[0], x, u, v)
    assert same(first, subdivide(nets[1], x, u, v))
    assert same(first, subdivide(nets[0], x, u, v, threads=3))
    # In parts of a face each: other numbers, and values that are rounded in other places.
    parts = subdivide(nets[0], x, u, v, most_held=0)
    assert same(parts, subdivide(nets[0], x, u, v, most_held=0, threads=2))
    assert same(parts, subdivide(nets[1], x, u, v, most_held=0))
    assert len(parts.vertices) == len(first.vertices)
    assert len(np.unique(parts.vertices, axis=0)) == len(np.unique(first.vertices, axis=0))
    assert sorted(map(bytes, bits(parts))) == sorted(map(bytes, bits(first)))
    check_topology(parts)
    check_geometry(parts)
    check_values(nets[0], *reference.layers(nets[0]), parts, x, u, v)


@pytest.mark.parametrize("kept", [{}, {"most_held": 0}, {"most_held": 2**20}])
@pytest.mark.parametrize("extent", [1.0, 1e-6])
def test_a_deferred_network_agrees_with_itself_afterwards(extent, kept):
    net = Network.random((300, 200, 200, 2), rng=8, storage="deferred", dtype="float64")
    x, u, v = plane(net)
    u, v = extent * u / 10, extent * v / 10
    found = subdivide(net, x, u, v, **kept)
    check_topology(found)
    check_geometry(found)
    y = points(x, u, v, middles(found))
    own = np.concatenate(net.pattern(y).bits, axis=1)
    sizes = np.array([area(outline) for outline in outlines(found)])
    large = sizes > 1e-6
    assert np.array_equal(bits(found)[large], own[large])
    values = net.forward(points(x, u, v, found.vertices))
    assert np.abs(found.outputs - values).max() <= 1e-12 * np.abs(values).max()


def test_a_wide_deferred_network_reveals_little():
    net = Network.random((10**5,) * 3 + (1,), rng=9, storage="deferred", dtype="float64")
    x, u, v = plane(net)
    found = subdivide(net, x, 1e-4 * u, 1e-4 * v)
    bends = len(np.unique(np.stack([found.edge_layer, found.edge_unit], 1), axis=0)) - 1
    assert bends > 5
    # Three directions of each layer, a direction for each bend before it, both sides of each.
    assert net.nbytes <= 2 * 8 * 10**5 * 3 * (3 + bends)


def test_too_many_faces():
    net = Network.random((5, 40, 40, 1), rng=10, dtype="float64", bias=0.3)
    x, u, v = plane(net)
    count = len(subdivide(net, x, u, v).face_start) - 1
    first = len(subdivide(Network.random((5, 40, 1), rng=10, bias=0.3), x, u, v).face_start) - 1
    assert len(subdivide(net, x, u, v, most=count).face_start) - 1 == count
    for most, layer in ((count - 1, 2), (first - 1, 1)):
        with pytest.raises(core.TooManyFaces) as raised:
            subdivide(net, x, u, v, most=most, threads=2)
        assert raised.value.args == (most, layer)
    assert issubclass(core.TooManyFaces, MemoryError)


def test_progress_goes_up_to_the_end():
    net = Network.random((20, 100, 100, 100, 1), rng=11, dtype="float64")
    seen = []
    subdivide(net, *plane(net), progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (1000, 1000)
    assert len(seen) > 1

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        subdivide(net, *plane(net), progress=stop)


small = st.integers(-2, 2)


@st.composite
def integer_cases(draw):
    """A network of a few small integers, in which ties and coincident lines are common."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    row = lambda n: st.lists(small, min_size=n, max_size=n)  # noqa: E731
    layers = [
        (draw(st.lists(row(n), min_size=m, max_size=m)), draw(row(m)))
        for n, m in zip(widths, [*widths[1:], 1], strict=True)
    ]
    x, u, v = (draw(row(widths[0])) for _ in range(3))
    return layers, x, u, v


@settings(max_examples=3 * settings().max_examples)
@given(integer_cases(), st.sampled_from([0, 2**29]), st.sampled_from(["zero", "one"]))
def test_small_integers_against_exact_fractions(case, most_held, ties):
    layers, x, u, v = case
    net = Network.from_weights(
        [np.array(w, float) for w, _ in layers], [np.array(b, float) for _, b in layers], ties=ties
    )
    exact = exact_faces(layers, x, u, v, SQUARE)
    found = subdivide(net, x, u, v, most_held=most_held)
    check_topology(found)
    areas = check_geometry(found)
    units = [unpacked(*pair) for pair in zip(found.patterns, net.widths[1:], strict=False)]
    masks = np.concatenate(units, axis=1)
    expected = sorted(
        (tuple(sign > 0 if sign else ties == "one" for sign in signs), float(exact_area(outline)))
        for outline, signs in exact
    )
    ours = sorted((tuple(map(bool, mask)), size) for mask, size in zip(masks, areas, strict=True))
    assert [mask for mask, _ in ours] == [mask for mask, _ in expected]
    assert [size for _, size in ours] == pytest.approx([size for _, size in expected], abs=1e-12)
