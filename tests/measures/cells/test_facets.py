"""The facets of a cell: against vertices, all subsets, linear programs, and rays."""

from itertools import combinations

import numpy as np
import pytest
import randrelu as rr
from randrelu import Network, cell
from randrelu.measures.cells import polytope
from randrelu.measures.cells.face_search import Polytope, is_needed, nearest_point
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection

SHAPES = [(2, 30, 20, 1), (2, 12, 3), (3, 25, 15, 20, 1), (5, 20, 20, 2), (12, 6, 30, 20, 1)]
BIASES = [0.0, 0.3]
FAR = 1e6  # a box around cells that may be unbounded


def network(shape, seed=1, bias=0.3, **options):
    return Network.random(shape, rng=seed, bias=bias, **options)


def point_of(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def half_spaces(net, x):
    """(layer, unit), a and b of a·(y − x) ≤ b for every hidden unit that bends, in plain NumPy."""
    names, rows, gaps = [], [], []
    value, jacobian = x, np.eye(x.size)
    for i in range(1, net.depth + 1):
        w = net.weights(i).astype(float)
        bias = net.bias(i)
        z = w @ value + (0 if bias is None else bias)
        jacobian = w @ jacobian
        for j, row in enumerate(jacobian):
            if row.any():
                names.append((i, j))
                rows.append(-np.sign(z[j]) * row / np.linalg.norm(row))
                gaps.append(abs(z[j]) / np.linalg.norm(row))
        value, jacobian = np.maximum(z, 0), (z > 0)[:, np.newaxis] * jacobian
    return names, np.array(rows), np.array(gaps)


def named(found):
    return set(zip(found.layer.tolist(), found.unit.tolist(), strict=True))


def vertices(normals, gaps):
    """The vertices within a box, and which half-spaces are tight at each."""
    dim = normals.shape[1]
    box = np.vstack([np.eye(dim), -np.eye(dim)])
    rows = np.vstack([np.c_[normals, -gaps], np.c_[box, np.full(2 * dim, -FAR)]])
    points = HalfspaceIntersection(rows, np.zeros(dim)).intersections
    points = points[np.isfinite(points).all(axis=1)]
    away = np.abs(points @ normals.T - gaps)
    return points, away <= 1e-8 * (1 + np.linalg.norm(points, axis=1)[:, np.newaxis])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [s for s in SHAPES if s[0] <= 3])
def test_facets_have_as_many_vertices_as_dimensions(shape, seed, bias):
    """In the plane they are edges, whose distance is that of a segment."""
    net = network(shape, seed=seed, bias=bias)
    x = point_of(net, seed)
    found = cell(net, x).facets()
    names, normals, gaps = half_spaces(net, x)
    points, tight = vertices(normals, gaps)
    expected = {}
    for k, name in enumerate(names):
        own = points[tight[:, k]]
        if len(own) and np.linalg.matrix_rank(own - own[0], tol=1e-7) == shape[0] - 1:
            expected[name] = own
    assert named(found) == set(expected)
    if shape[0] == 2:
        for layer, unit, distance in zip(found.layer, found.unit, found.distance, strict=True):
            own = expected[layer, unit]
            a, b = own[0], own[np.argmax(np.linalg.norm(own - own[0], axis=1))]
            share = np.clip(-(a @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
            assert distance == pytest.approx(np.linalg.norm(a + share * (b - a)), rel=1e-6)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(3, 8, 5, 1), (4, 6, 5, 1), (2, 9, 1)])
def test_distances_are_the_smallest_of_all_subsets(shape, bias):
    """The nearest point is the foot on some of the hyperplanes, and lies within all others."""
    net = network(shape, bias=bias)
    x = point_of(net)
    found = cell(net, x).facets()
    names, normals, gaps = half_spaces(net, x)
    for layer, unit, distance, point in zip(
        found.layer, found.unit, found.distance, found.points, strict=True
    ):
        k = names.index((layer, unit))
        others = [j for j in range(len(names)) if j != k]
        best = np.inf
        for size in range(shape[0]):
            for some in combinations(others, size):
                rows = normals[[k, *some]]
                foot = np.linalg.lstsq(rows, gaps[[k, *some]], rcond=None)[0]
                if (
                    np.allclose(rows @ foot, gaps[[k, *some]], rtol=0, atol=1e-12 * 10)
                    and (normals @ foot <= gaps + 1e-10).all()
                ):
                    best = min(best, np.linalg.norm(foot))
        assert distance == pytest.approx(best, rel=1e-8)
        assert np.linalg.norm(point - x) == pytest.approx(distance, rel=1e-9)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_facets_are_those_of_linear_programs(shape, seed, bias):
    """Without a hyperplane that is a facet the cell reaches beyond it; HiGHS is asked for each."""
    net = network(shape, seed=seed, bias=bias)
    x = point_of(net, seed)
    found = cell(net, x).facets()
    names, normals, gaps = half_spaces(net, x)
    expected = set()
    table = np.c_[normals, gaps]
    for k, name in enumerate(names):
        if (np.abs(table[:k] - table[k]).max(axis=1, initial=0) < 1e-12).any():
            continue  # of units with one hyperplane the first counts
        bounds = gaps / gaps[k]
        bounds[np.abs(table - table[k]).max(axis=1) < 1e-12] = 2
        reached = -linprog(-normals[k], normals, bounds, bounds=(None, None)).fun
        assert abs(reached - 1) < 1e-9 or abs(reached - 1) > 1e-6  # no facet is nearly out of reach
        if reached > 1 + 1e-7:
            expected.add(name)
    assert named(found) == expected
    assert (np.diff(found.distance) >= 0).all()
    assert (found.hyperplane <= found.distance).all()


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_points_are_nearest_on_their_facets(shape, bias):
    """Feasible, and a sum of normals of what they touch, with signs that no nearer point allows."""
    net = network(shape, bias=bias)
    x = point_of(net)
    found = cell(net, x).facets()
    names, normals, gaps = half_spaces(net, x)
    for layer, unit, point in zip(found.layer, found.unit, found.points, strict=True):
        k, u = names.index((layer, unit)), point - x
        size = np.linalg.norm(u)
        left = gaps - normals @ u
        assert left.min() >= -1e-9 * size and abs(left[k]) <= 1e-9 * size
        touched = [j for j in np.flatnonzero(left <= 1e-8 * size) if j != k]
        rows = np.vstack([normals[k], -normals[k], *(-normals[j] for j in touched)])
        sums = linprog(np.ones(len(rows)), A_eq=rows.T, b_eq=u / size, bounds=(0, None))
        assert sums.status == 0  # to HiGHS's tolerance, 1e-7


@pytest.mark.parametrize("shape", SHAPES)
def test_rays_leave_by_facets(shape):
    """The first flip on a line from x is that of a facet, no nearer than the facet is."""
    net = network(shape)
    one = net if net.outputs == 1 else net.margin(0)
    x = point_of(net)
    found = cell(net, x)
    facets = found.facets()
    nearest = dict(zip(zip(facets.layer.tolist(), facets.unit.tolist(), strict=True),
                       facets.distance, strict=True))  # fmt: skip
    seen = set()
    for way in np.random.default_rng(3).normal(size=(200, x.size)):
        line = rr.line(one, x, way, 100.0)
        if line.t.size:
            first = (int(line.layer[0]), int(line.unit[0]))
            assert line.t[0] >= nearest[first] * (1 - 1e-9)
            seen.add(first)
    assert len(seen) > 1 and facets.distance[0] == found.distance
    assert (facets.layer[0], facets.unit[0]) == (found.layer, found.unit)


def test_independent_hyperplanes_are_all_facets():
    """One layer that is narrower than the input; most feet are outside of the cell."""
    net = network((50, 40, 1))
    found = cell(net, point_of(net)).facets()
    assert named(found) == {(1, j) for j in range(40)}
    assert np.mean(found.distance > found.hyperplane) > 0.5


def some_polytope(seed, dim, number):
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(number, dim))
    normals /= np.linalg.norm(normals, axis=1)[:, np.newaxis]
    return Polytope(normals, rng.uniform(0.01, 1, number), normals @ normals.T)


class TestSearch:
    @pytest.mark.parametrize("seed", range(3))
    def test_programs_and_least_squares_say_the_same(self, seed):
        """What decides where rounding hides it, on polytopes where it does not."""
        shape = some_polytope(seed, 6, 60)
        needed = [is_needed(shape, k) for k in range(60)]
        assert needed == [polytope.is_needed_by_program(shape, k) for k in range(60)]
        assert 10 < sum(needed) < 60
        for k in np.flatnonzero(needed):
            np.testing.assert_allclose(
                nearest_point(shape, k), polytope.nearest_by_least_squares(shape, k), atol=1e-9
            )

    def test_hyperplanes_that_are_out_of_reach_have_no_nearest_point(self):
        shape = some_polytope(0, 2, 50)
        missed = [k for k in range(50) if not is_needed(shape, k)]
        assert len(missed) > 30
        assert all(nearest_point(shape, k) is None for k in missed)

    @pytest.mark.parametrize("shape", [(5, 20, 20, 2), (2, 30, 20, 1)])
    def test_facets_where_the_search_decides_nothing(self, shape, monkeypatch):
        net = network(shape)
        found = cell(net, point_of(net))
        usual = found.facets()
        monkeypatch.setattr(polytope, "is_needed", lambda *_: None)
        monkeypatch.setattr(polytope, "nearest_point", lambda *_: None)
        slow = found.facets()
        assert named(usual) == named(slow) and not len(slow.unclear)
        np.testing.assert_allclose(usual.distance, slow.distance, rtol=1e-8)

    def test_what_nothing_shows_is_unclear(self, monkeypatch):
        net = network((5, 20, 20, 2))
        found = cell(net, point_of(net))
        usual = found.facets()
        for name in ("is_needed", "is_needed_by_program", "nearest_point"):
            monkeypatch.setattr(polytope, name, lambda *_: None)
        monkeypatch.setattr(polytope, "nearest_by_least_squares", lambda *_: None)
        some = found.facets()
        assert named(some) < named(usual)
        assert named(usual) <= named(some) | set(map(tuple, some.unclear.tolist()))
        assert repr(some).endswith(f", and {len(some.unclear)} unclear)")
        known = ~np.isnan(some.distance)
        assert known[0] and np.array_equal(known, ~np.isnan(some.points).any(axis=1))
        assert (some.distance == some.hyperplane)[known].all()

    def test_touching_at_a_vertex_is_no_facet(self):
        """A line through a corner of a square, and one that is parallel to a side, but farther."""
        diagonal = np.sqrt(0.5)
        normals = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [diagonal, diagonal], [1, 0]])
        gaps = np.array([1, 1, 1, 1, 2 * diagonal, 3])
        which, steps, unclear = polytope.facets_around_0(normals, gaps, threads=1, progress=None)
        assert (
            not len(unclear)
            and which.tolist() == [0, 1, 2, 3]
            and np.array_equal(steps, normals[:4])
        )


def test_units_with_one_hyperplane_are_one_facet():
    """Copies of units, and multiples of them."""
    plain = network((4, 10, 1), bias=0.0)
    w, x = plain.weights(1).astype(float), point_of(plain)
    rows = np.vstack([w, w[:5], 3 * w[5], -w[6]])
    biases = np.zeros(len(rows))
    twice = Network.from_weights([rows, np.ones(len(rows))], [biases, None])
    expected, found = cell(plain, x).facets(), cell(twice, x).facets()
    assert named(found) == named(expected)
    np.testing.assert_allclose(found.distance, expected.distance, rtol=1e-12)


def test_the_same_bits_for_any_storage_and_number_of_threads():
    shape = (20, 100, 70, 1)
    x = np.random.default_rng(0).normal(size=20)
    first = cell(network(shape, storage="stored"), x).facets(threads=1)
    for storage in ("stored", "streamed"):
        other = cell(network(shape, storage=storage), x).facets(threads=3)
        for name in ("layer", "unit", "distance", "hyperplane", "points"):
            assert np.array_equal(getattr(first, name), getattr(other, name))


def test_columns_and_progress():
    calls = []
    net = network((5, 20, 20, 2))
    found = cell(net, point_of(net)).facets(progress=lambda *a: calls.append(a))
    assert calls[-1][0] == calls[-1][1] and calls == sorted(calls)
    frame = found.to_frame()
    assert len(frame) == len(found) and list(frame) == ["layer", "unit", "distance", "hyperplane"]
    assert repr(found).startswith(f"Facets({len(found)}, at distances from ")

    def stop(done, total):
        if 2 * done > total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cell(net, point_of(net)).facets(progress=stop)


@pytest.mark.parametrize("scale", [1e-250, 1e200, 1e300])
def test_facets_do_not_depend_on_the_scale(scale):
    net = Network.random((5, 20, 20, 1), rng=0)
    x = np.random.default_rng(0).standard_normal(5)
    found, scaled = cell(net, x).facets(), cell(net, scale * x).facets()
    assert set(zip(found.layer, found.unit, strict=True)) == set(
        zip(scaled.layer, scaled.unit, strict=True)
    )
    np.testing.assert_allclose(scaled.distance / scale, found.distance, rtol=1e-9)
