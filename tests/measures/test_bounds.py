"""Bounds over a ball: no point exceeds them, in exact arithmetic."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
from randrelu.measures.certified import bounding

NORMS = (2, np.inf)
EXAMPLES = Path(__file__).parents[2] / "examples"
SHAPES = [(3, 1), (4, 9, 3), (6, 10, 8, 2), (5, 7, 6, 5, 1), (2, 30, 30, 4)]


def exact_layers(net, y):
    """Preactivations and outputs at a point of floats, in rational numbers."""
    a, layers = [Fraction(float(v)) for v in y], []
    for i in range(1, net.depth + 2):
        bias = net.bias(i)
        z = [
            sum((Fraction(float(w)) * v for w, v in zip(row, a, strict=True)), Fraction(0))
            + (Fraction(float(bias[j])) if bias is not None else 0)
            for j, row in enumerate(net.weights(i))
        ]
        layers.append(z)
        a = [max(v, Fraction(0)) for v in z]
    return layers


def within(x, y, radius, norm):
    """Whether y is in the ball, exactly."""
    gaps = [Fraction(float(b)) - Fraction(float(a)) for a, b in zip(x, y, strict=True)]
    size = Fraction(float(radius))
    if norm == 2:
        return sum(g * g for g in gaps) <= size * size
    return max(abs(g) for g in gaps) <= size


def points_of(x, radius, norm, count, rng):
    """Points of the surface of the ball, or a rounding inside of it."""
    u = rng.normal(size=(count, x.size))
    u /= np.linalg.norm(u, axis=1, keepdims=True) if norm == 2 else np.abs(u).max(1, keepdims=True)
    if norm == np.inf:
        u[::2] = np.sign(u[::2])  # corners
    return x + radius * (1 - 1e-14) * u


def holds(found, layers):
    return all(
        Fraction(float(low[j])) <= z[j] <= Fraction(float(high[j]))
        for low, high, z in zip(found.lower, found.upper, layers, strict=True)
        for j in range(len(z))
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bias", [0, 0.5])
@pytest.mark.parametrize("widths", SHAPES)
@pytest.mark.parametrize("radius", [0, 1e-9, 0.1, 3.0])
@pytest.mark.parametrize("iterations", [0, 4])
def test_no_point_of_the_ball_exceeds_them_exactly(widths, bias, radius, norm, iterations):
    rng = np.random.default_rng(0)
    net = rr.Network.random(widths, rng=1, bias=bias, dtype="float64")
    x = rng.normal(size=widths[0])
    found = rr.bounds(net, x, radius, norm=norm, iterations=iterations)
    for y in [x, *points_of(x, radius, norm, 6, rng)]:
        if within(x, y, radius, norm):
            assert holds(found, exact_layers(net, y))


@pytest.mark.parametrize("norm", NORMS)
def test_sums_that_cancel_are_within_them(norm):
    """Large weights of both signs, whose sums lose all of their digits."""
    rng = np.random.default_rng(2)
    first = np.repeat(rng.normal(size=(20, 4)) * 1e8, 2, axis=0)
    second = np.tile([[1e8, -1e8]], (5, 20)) + rng.normal(size=(5, 40))
    net = rr.Network.from_weights([first, second, rng.normal(size=(2, 5))], dtype="float64")
    x = rng.normal(size=4)
    for radius in (0.0, 1e-12, 1e-3):
        found = rr.bounds(net, x, radius, norm=norm)
        for y in [x, *points_of(x, radius, norm, 4, rng)]:
            if within(x, y, radius, norm):
                assert holds(found, exact_layers(net, y))


def crown(net, x, radius, norm):
    """The plain textbook version, one row at a time, without a thought of rounding."""
    weights = [net.weights(i).astype(float) for i in range(1, net.depth + 2)]
    biases = [np.zeros(len(w)) if net.bias(i) is None else net.bias(i).astype(float)
              for i, w in enumerate(weights, start=1)]  # fmt: skip
    layers = []

    def least(row, shift, i):
        for k in range(i - 1, -1, -1):
            low, high = layers[k]
            for j, coefficient in enumerate(row.copy()):
                if low[j] >= 0:
                    continue
                if high[j] <= 0:
                    row[j] = 0
                elif coefficient >= 0:
                    row[j] = coefficient if high[j] > -low[j] else 0
                else:
                    slope = high[j] / (high[j] - low[j])
                    row[j], shift = coefficient * slope, shift - coefficient * slope * low[j]
            row, shift = row @ weights[k], shift + row @ biases[k]
        dual = np.linalg.norm(row) if norm == 2 else np.abs(row).sum()
        return row @ x + shift - radius * dual

    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        low = np.array([least(row.copy(), c, i) for row, c in zip(w, b, strict=True)])
        high = -np.array([least(-row, -c, i) for row, c in zip(w, b, strict=True)])
        layers.append((low, high))
    return layers


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("radius", [0.05, 0.5])
def test_they_say_no_less_than_plain_linear_bounds(radius, norm):
    net = rr.Network.random((6, 20, 15, 10, 3), rng=7, bias=0.2, dtype="float64", init="he")
    x = np.random.default_rng(4).normal(size=6)
    found = rr.bounds(net, x, radius, norm=norm)
    plain = crown(net, x, radius, norm)
    np.testing.assert_allclose(found.upper[0], plain[0][1], rtol=1e-12, atol=1e-12)
    for low, high, (plain_low, plain_high) in zip(found.lower, found.upper, plain, strict=True):
        rounding = 1e-10 * (plain_high - plain_low)
        assert (low >= plain_low - rounding).all() and (high <= plain_high + rounding).all()


def test_slopes_that_climb_reach_the_best_one():
    """σ(y) − y/2 is least at 0. The line below with slope a says −|a − 1/2| of the ball |y| ≤ 1."""
    weights = [np.array([[1.0], [1.0]]), np.array([[1.0, -0.5]])]
    net = rr.Network.from_weights(weights, [np.array([0.0, 10.0]), np.array([5.0])])
    for norm in NORMS:
        plain = rr.bounds(net, [0.0], 1, norm=norm).lower[1]
        best = rr.bounds(net, [0.0], 1, norm=norm, iterations=1).lower[1]
        np.testing.assert_allclose([plain[0], best[0]], [-0.5, 0], atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_slopes_that_climb_say_no_less_and_more_of_the_outputs(norm):
    net = rr.Network.random((6, 20, 15, 10, 3), rng=7, bias=0.2, init="he")
    x = np.random.default_rng(4).normal(size=(3, 6))
    plain = rr.bounds(net, x, [0.1, 0.3, 0.5], norm=norm)
    best = rr.bounds(net, x, [0.1, 0.3, 0.5], norm=norm, iterations=10)
    for i in range(4):
        assert (best.lower[i] >= plain.lower[i]).all() and (best.upper[i] <= plain.upper[i]).all()
    assert (best.upper[3] - best.lower[3] < plain.upper[3] - plain.lower[3]).all()


def followed(layers, x, radius, norm, unit):
    """A point of the ball where ±z_j of a layer, unit = (layer, j, sign), is large.

    As plain NumPy follows its gradient, to where a linear function with it would be largest.
    """
    last, j, sign = unit
    y = x
    for _ in range(30):
        masks, a = [], y
        for w, b in layers[:last]:
            z = w @ a + b
            masks.append(z > 0)
            a = np.maximum(z, 0)
        g = sign * layers[last][0][j]
        for (w, _), mask in zip(layers[:last][::-1], masks[::-1], strict=True):
            g = (g * mask) @ w
        size = np.linalg.norm(g) if norm == 2 else 1
        if not g.any():
            break
        y = x + radius * (1 - 1e-14) * (g / size if norm == 2 else np.sign(g))
    return y


def random_network():
    net = rr.Network.random((8, 40, 30, 20, 3), rng=2, bias=0.2, dtype="float64", init="he")
    return net, np.random.default_rng(3).normal(size=8)


def trained_network():
    image = np.loadtxt(EXAMPLES / "digits.csv", delimiter=",")[0, 1:]
    return rr.load(EXAMPLES / "digits.npz"), image / 16


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("case", [random_network, trained_network])
def test_many_sampled_and_followed_points_are_within_them(case, norm):
    rng = np.random.default_rng(4)
    net, x = case()
    layers = [
        (net.weights(i).astype(float), net.bias(i).astype(float)) for i in range(1, net.depth + 2)
    ]
    radius = 0.5 if norm == 2 else 0.1
    found = rr.bounds(net, x, radius, norm=norm)
    units = [
        (i, j, sign)
        for i, (w, _) in enumerate(layers)
        for j in range(min(len(w), 10))
        for sign in (1, -1)
    ]
    points = np.array(
        [
            *points_of(x, radius, norm, 100_000, rng),
            *(followed(layers, x, radius, norm, unit) for unit in units),
        ]
    )
    a = points
    for (w, b), low, high in zip(layers, found.lower, found.upper, strict=True):
        z = a @ w.T + b
        # A product is off by its own rounding, of which the bounds have more.
        assert (z >= low).all() and (z <= high).all()
        a = np.maximum(z, 0)


def test_the_first_layer_is_exact():
    net = rr.Network.random((30, 50, 1), rng=0, bias=0.1, dtype="float64")
    x = np.random.default_rng(0).normal(size=30)
    z = net.preactivations(x)[0]
    w = net.weights(1).astype(float)
    for norm, size in ((2, np.linalg.norm(w, axis=1)), (np.inf, np.abs(w).sum(1))):
        found = rr.bounds(net, x, 0.3, norm=norm)
        np.testing.assert_allclose(found.lower[0], z - 0.3 * size, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.upper[0], z + 0.3 * size, rtol=1e-12, atol=1e-12)


def test_where_no_unit_can_flip_they_are_those_of_the_gradient():
    net = rr.Network.random((20, 15, 10, 2), rng=3, bias=0.3, dtype="float64")
    x = np.random.default_rng(1).normal(size=20)
    radius = 1e-3
    found = rr.bounds(net, x, radius)
    assert found.straddling().sum() == 0
    reach = radius * np.linalg.norm(net.jacobian(x), axis=1)
    np.testing.assert_allclose(found.upper[-1], net.forward(x) + reach, rtol=1e-12)
    np.testing.assert_allclose(found.lower[-1], net.forward(x) - reach, rtol=1e-12)


def test_batches_threads_and_storages_bound_the_same():
    net = rr.Network.random((12, 40, 30, 3), rng=5, bias=0.1, storage="stored")
    x = np.random.default_rng(2).normal(size=(7, 12))
    radii = np.linspace(0, 1, 7)
    found = rr.bounds(net, x, radii, threads=1)
    again = rr.bounds(net, x, radii, threads=3)
    streamed = rr.Network.random((12, 40, 30, 3), rng=5, bias=0.1, storage="streamed")
    held = rr.bounds(streamed, x, radii)
    for i in range(3):
        assert np.array_equal(found.lower[i], again.lower[i])
        assert np.array_equal(found.upper[i], held.upper[i])
    alone = rr.bounds(net, x[4], radii[4])
    for i in range(3):
        np.testing.assert_allclose(alone.upper[i], found.upper[i][4], rtol=1e-9, atol=1e-9)
    assert alone.straddling().tolist() == found.straddling()[4].tolist()


def test_what_it_says_in_short_and_as_a_frame():
    net = rr.Network.random((12, 40, 30, 3), rng=5, bias=0.1)
    one = rr.bounds(net, np.ones(12), 0.5)
    assert repr(one).startswith("Bounds(radius 0.5 in norm 2, units with 0 within by layer: ")
    assert list(one.to_frame().layer) == [1, 2, 3]
    two = rr.bounds(net, np.ones((2, 12)), 0.5, norm=np.inf)
    assert repr(two) == "Bounds(2 balls in norm ∞)"
    assert two.to_frame().point.tolist() == [0, 0, 0, 1, 1, 1]
    assert two.straddling().shape == (2, 2)
    none = rr.bounds(net, np.empty((0, 12)), 0.5)
    assert none.lower[0].shape == (0, 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": 1}, "norm must be 2 or inf, got 1"),
        ({"iterations": -1}, "iterations must be at least 0, got -1"),
        ({"radius": -1}, "radius must be a finite number of at least 0, got -1"),
        ({"radius": [1, 2]}, "radius must be a number or have shape (1,), got shape (2,)"),
        ({"radius": [-1]}, "radius must be at least 0, got -1"),
        ({"radius": np.nan}, "radius must be finite"),
        ({"x": np.ones(3)}, "x must have shape (4,) or (N, 4), got (3,)"),
    ],
)
def test_bad_arguments(change, message):
    net = rr.Network.random((4, 3, 1), rng=0)
    with pytest.raises(ValueError, match=re.escape(message)):
        rr.bounds(**{"net": net, "x": np.ones(4), "radius": 1, **change})


def test_deferred_networks_have_no_rows():
    net = rr.Network.random((4, 3, 1), rng=0, storage="deferred")
    with pytest.raises(ValueError, match="no rows"):
        rr.bounds(net, np.ones(4), 1)


def test_what_leaves_the_range_is_told():
    net = rr.Network.from_weights([np.full((3, 2), 1e200), np.full((1, 3), 1e200)], dtype="float64")
    with pytest.raises(OverflowError):
        rr.bounds(net, np.ones(2) * 1e-200, 1.0)


@pytest.mark.parametrize("iterations", [0, 2])
def test_progress_rises_within_layers_to_its_end(iterations, monkeypatch):
    monkeypatch.setattr(bounding, "_ENTRIES", 2 * (20 + 50) * 10)  # 10 units of the second layer
    net, seen = rr.Network.random((20, 50, 40, 3), rng=0), []
    x = np.random.default_rng(0).normal(size=20)
    rr.bounds(
        net, x, 0.5, iterations=iterations, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(set(seen)) and seen[-1] == (93, 93)
    assert len([done for done, _ in seen if 50 < done <= 90]) >= 4


@pytest.mark.parametrize("norm", NORMS)
def test_sums_whose_squares_underflow_are_within_them(norm):
    """The second unit of each layer has 1e-40 of the one before; the first is off for ever."""
    first = [np.array([[-1.0], [1e-40]])] + [np.array([[0, -1.0], [0, 1e-40]])] * 3
    then = [np.array([[0, 1e38], [0, -1e38]]), *[np.diag([1e38, 1e38])] * 2, np.array([[1.0, 0]])]
    net, x = rr.Network.from_weights([*first, *then]), np.ones(1)
    found = rr.bounds(net, x, 0.5, norm=norm)
    assert all(holds(found, exact_layers(net, y)) for y in ([0.5], [1.0], [1.5]))


@pytest.mark.parametrize("x", [1e-290, 1e-308, 1e-315, 1e-320, 5e-324])
def test_tiny_points_are_within_them(x):
    net = rr.Network.from_weights([np.array([[0.3], [-0.7]]), np.array([[0.9, 0.8]])])
    found = rr.bounds(net, np.array([x]), 0.0)
    assert holds(found, exact_layers(net, [x]))
    assert max(high.max() for high in found.upper) <= x + 5e-324


def test_weights_that_underflow_are_told():
    net = rr.Network.from_weights([np.array([[3e-200]]), np.array([[1e150]])], dtype="float64")
    with pytest.raises(OverflowError):
        rr.bounds(net, np.array([1e-119]), 1e-120)
