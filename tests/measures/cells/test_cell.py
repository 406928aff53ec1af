"""The cell of a point: against fractions, patterns on spheres, and lines."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import randrelu as rr
from randrelu import Network, cell
from randrelu._support import memory
from randrelu.measures.cells import unit_gradients
from randrelu.measures.cells.unit_gradients import Block

EPS = np.finfo(float).eps
SHAPES = [(20, 30, 40, 25, 1), (5, 13, 1), (50, 1, 7, 3), (4, 60, 9, 60, 2), (90, 11, 70, 1)]
BIASES = [0.0, 0.3]


def network(shape, seed=1, bias=0.0, **options):
    return Network.random(shape, rng=seed, bias=bias, **options)


def point_of(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def layers_of(net):
    """Weights and biases of the hidden layers in float64."""
    for i in range(1, net.depth + 1):
        bias = net.bias(i)
        yield net.weights(i).astype(float), np.zeros(net.widths[i]) if bias is None else bias


def in_fractions(net, x):
    """z and ∇z of every hidden unit, exactly, and what their terms are in absolute value."""
    exact = np.vectorize(Fraction, otypes=[object])
    value, jacobian = exact(x), exact(np.eye(x.size))
    size, sizes = np.abs(x), np.eye(x.size)
    for w, b in layers_of(net):
        z, rows = exact(w) @ value + exact(np.asarray(b, float)), exact(w) @ jacobian
        size, sizes = np.abs(w) @ size + np.abs(b), np.abs(w) @ sizes
        yield z, rows, size, sizes
        active = np.array([v > 0 for v in z])
        value, jacobian = np.where(active, z, Fraction(0)), active[:, np.newaxis] * rows
        size, sizes = active * size, active[:, np.newaxis] * sizes


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", [(4, 7, 9, 5, 1), (3, 12, 2), (6, 2, 8, 1), (1, 9, 4, 1)])
def test_distances_are_those_in_fractions(shape, bias):
    """Within what the rounding of all sums can make of z and of the gradient."""
    net = network(shape, bias=bias)
    x = point_of(net)
    found = cell(net, x)
    n = 2 * sum(w + 2 for w in shape)  # roundings of a value, at most
    smallest = []
    layers = zip(in_fractions(net, x), found.distances, strict=True)
    for (z, rows, size, sizes), distances in layers:
        for j, own in enumerate(rows):
            square = sum(g * g for g in own)
            if square == 0:
                assert distances[j] == np.inf
                continue
            norm = np.sqrt(float(square))
            exact = np.sqrt(float(z[j] * z[j] / square))
            off = n * EPS * (size[j] + exact * np.linalg.norm(sizes[j])) / norm
            assert abs(distances[j] - exact) <= off + 4 * n * EPS * exact
        smallest.append(distances.min())
    assert found.distance == min(smallest)
    assert found.distances[found.layer - 1][found.unit] == found.distance
    assert np.linalg.norm(found.point - x) == pytest.approx(found.distance, rel=1e-9)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_ball_has_one_pattern_and_the_unit_flips_beyond(shape, bias):
    net = network(shape, bias=bias, dtype="float64")
    x = point_of(net)
    found = cell(net, x)
    ways = np.random.default_rng(1).normal(size=(10_000, x.size))
    ways *= (1 - 1e-9) * found.distance / np.linalg.norm(ways, axis=1)[:, np.newaxis]
    assert not found.pattern.flips(net.pattern(x + ways)).any()
    step = found.point - x
    assert not found.pattern.flips(net.pattern(x + (1 - 1e-6) * step)).any()
    beyond = x + (1 + 1e-6) * step
    before, after = found.pattern.unpack(), net.pattern(beyond).unpack()
    for i, gaps in enumerate(found.distances):
        # Units after a layer that is off are at exactly 0, and have coins for states.
        moved = np.isfinite(gaps) & (net.preactivations(beyond)[i] != 0)
        flipped = (before[i] != after[i]) & moved
        assert np.flatnonzero(flipped).tolist() == ([found.unit] if i + 1 == found.layer else [])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_line_to_the_point_flips_that_unit_first(shape, bias):
    net = network(shape, bias=bias)
    one = net if net.outputs == 1 else net.margin(0)  # the same hidden layers
    x = point_of(net)
    found = cell(net, x)
    line = rr.line(one, x, found.point - x, 2 * found.distance)
    assert (line.layer[0], line.unit[0]) == (found.layer, found.unit)
    assert line.t[0] == pytest.approx(found.distance, rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_ray_leaves_the_cell_nearer(shape):
    net = network(shape, bias=0.3)
    one = net if net.outputs == 1 else net.margin(0)
    x = point_of(net)
    found = cell(net, x)
    for seed in range(20):
        line = rr.line(one, x, point_of(net, 10 + seed), 20 * found.distance)
        assert line.t.min(initial=np.inf) >= found.distance * (1 - 1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_both_ways(shape, monkeypatch):
    """From the input, and from the layers, in blocks that do not fit: each entry once."""
    monkeypatch.setattr(unit_gradients, "_MOST_AT_ONCE", 3)
    net = network(shape, bias=0.3)
    x = point_of(net)
    exact = list(in_fractions(net, x)) if sum(shape) < 80 else None
    found = {}
    for forward in (True, False):
        costs = (0, 1) if forward else (1, 0)
        monkeypatch.setattr(unit_gradients, "_operations", lambda *_, costs=costs: costs)
        rows = [np.full((width, shape[0]), np.nan) for width in shape[1:-1]]
        blocks = unit_gradients.unit_gradients(net, net.pattern(x), threads=1, progress=None)
        for block in blocks:
            assert isinstance(block, Block) and min(block.entries.shape) <= 3
            place = rows[block.layer - 1][block.units, block.coordinates]
            assert np.isnan(place).all()
            place[:] = block.entries
        found[forward] = rows
    for i, (a, b) in enumerate(zip(found[True], found[False], strict=True)):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13 * np.abs(a).max(initial=1))
        if exact:
            np.testing.assert_allclose(a, exact[i][1].astype(float), rtol=0, atol=1e-13)


def test_the_cheaper_way_is_taken():
    """Few inputs are sent forward; few units before and after a wide layer back."""
    for widths, ahead in (((20, 500, 500, 1), True), ((3000, 20, 20, 1), False)):
        forward, backward = unit_gradients._operations(widths)
        assert (forward < backward) is ahead
        assert forward == widths[0] * sum(a * b for a, b in pairwise(widths[:-1]))


def test_the_same_bits_for_any_storage_and_number_of_threads():
    shape = (30, 300, 200, 250, 2)
    x = np.random.default_rng(0).normal(size=30)
    first = cell(network(shape, storage="stored"), x, threads=1)
    for storage in ("stored", "streamed"):
        for threads in (1, 3):
            other = cell(network(shape, storage=storage), x, threads=threads)
            assert first.distance == other.distance
            assert (first.layer, first.unit) == (other.layer, other.unit)
            assert np.array_equal(first.point, other.point)
            for a, b in zip(first.distances, other.distances, strict=True):
                assert np.array_equal(a, b)


def test_float32_networks_are_measured_in_float64():
    x = np.random.default_rng(0).normal(size=20)
    found = [cell(network(SHAPES[0], dtype=dtype), x) for dtype in ("float32", "float64")]
    assert found[0].distance == found[1].distance


@pytest.mark.parametrize("scale", [2.0**-300, 2.0**300])
def test_scales_of_layers_do_not_matter(scale):
    """Where the squares of gradients under- or overflow."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=size) for size in [(7, 5), (9, 7), (1, 9)]]
    x = rng.normal(size=5)
    plain, scaled = (cell(Network.from_weights([s * weights[0], *weights[1:]]), x)
                     for s in (1.0, scale))  # fmt: skip
    for a, b in zip(plain.distances, scaled.distances, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(plain.point, scaled.point, rtol=1e-12)


class TestBorders:
    def test_units_that_have_no_hyperplane(self):
        """A dead layer: the next is its bias everywhere on the cell, and so out of play."""
        w = [-np.eye(3), np.ones((2, 3)), np.ones((1, 2))]
        net = Network.from_weights(w, [None, [1.0, 0.0], None])
        found = cell(net, [1.0, 2.0, 3.0])
        assert found.distances[0].tolist() == [1, 2, 3]
        assert found.distances[1].tolist() == [np.inf, np.inf]
        assert (found.distance, found.layer, found.unit) == (1, 1, 0)
        assert found.point.tolist() == [0, 2, 3]
        assert repr(found) == "Cell(distance 1, to unit 0 of layer 1, of 5 units)"

    @pytest.mark.parametrize("widths", [(3, 1), (3, 2)])
    def test_a_linear_network_has_one_cell(self, widths):
        found = cell(network(widths), np.ones(3))
        assert found.distance == np.inf and found.distances == ()
        assert (found.layer, found.unit, found.point) == (None, None, None)
        assert len(found.facets()) == 0
        assert repr(found) == "Cell(the whole space, of 0 units)"
        assert all(len(column) == 0 for column in found.columns().values())

    def test_weights_of_0(self):
        net = Network.from_weights([np.zeros((4, 3)), np.ones((1, 4))], [np.ones(4), None])
        found = cell(net, np.ones(3))
        assert found.distance == np.inf and found.layer is None
        assert found.facets().points.shape == (0, 3)

    def test_a_point_on_a_hyperplane(self):
        net = Network.from_weights([np.array([[3.0, 1], [1, -1]]), np.ones((1, 2))])
        x = np.array([2.0, 2.0])
        found = cell(net, x)
        assert (found.distance, found.layer, found.unit) == (0, 1, 1)
        assert np.array_equal(found.point, x)
        with pytest.raises(ValueError, match="x lies on the hyperplane of unit 1 of layer 1"):
            found.facets()

    def test_the_first_of_several_units_counts(self):
        row = np.array([[1.0, 2], [-1, -2], [1, 2]])
        found = cell(Network.from_weights([row, np.ones((1, 3))]), [1.0, 1])
        assert found.unit == 0 and np.ptp(found.distances[0]) == 0

    def test_what_is_returned_is_the_callers(self):
        x = np.ones(5)
        found = cell(network((5, 4, 1)), x)
        x[:] = 0
        assert (found.x == 1).all()


def test_columns():
    found = cell(network((5, 6, 3, 2)), point_of(network((5, 6, 3, 2))))
    frame = found.to_frame()
    assert frame.layer.tolist() == [1] * 6 + [2] * 3
    assert frame.unit.tolist() == [*range(6), *range(3)]
    assert np.array_equal(frame.distance, np.concatenate(found.distances))
    assert np.array_equal(frame.active, np.concatenate(found.pattern.unpack()))


def test_progress():
    for shape in ((9, 500, 20, 1), (500, 9, 20, 1)):
        calls = []
        net = network(shape)
        cell(net, point_of(net), progress=lambda *a, calls=calls: calls.append(a))
        assert calls[-1][0] == calls[-1][1] and calls == sorted(calls)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cell(net, point_of(net), progress=stop)


class TestRefused:
    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (np.ones(4), r"x must have shape \(5,\)"),
            (np.ones((2, 5)), r"x must be a single point of shape \(5,\), got \(2, 5\)"),
            ([1, 2, 3, 4, np.nan], "x must be finite"),
        ],
    )
    def test_points(self, x, message):
        with pytest.raises(ValueError, match=message):
            cell(network((5, 6, 1)), x)

    def test_deferred_networks(self):
        with pytest.raises(ValueError, match="net must be stored or streamed: the gradients of al"):
            cell(network((5, 6, 1), storage="deferred"), np.ones(5))

    def test_no_network(self):
        with pytest.raises(TypeError, match="net must be a Network, got list"):
            cell([], np.ones(5))

    def test_values_out_of_range(self):
        big = Network.from_weights([np.full((2, 2), 1e200), np.full((2, 2), 1e200), np.ones(2)])
        with pytest.raises(OverflowError):
            cell(big, np.ones(2))

    def test_facets_without_memory(self, monkeypatch):
        found = cell(network((3, 1000, 1)), np.ones(3))
        monkeypatch.setattr(memory, "available_bytes", lambda: 2**20)
        with pytest.raises(MemoryError, match=r"of 1000 units takes 24\.\d MB, and 1\.0 MB"):
            found.facets()
