"""The smallest and the largest f on a sphere: attained, and near the truth where it is known."""

import numpy as np
import pytest
import reference
from randrelu import Network, extremes, sample_ball

EPS = np.finfo(np.float64).eps


def circle(net, radius, count=20_000):
    """f at evenly spaced points of a circle, and how much more it can be between them."""
    angles = 2 * np.pi * np.arange(count) / count
    points = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    weights, biases = reference.layers(net)
    values = reference.forward(weights, points, biases)
    masks = [z > 0 for z in reference.preactivations(weights, points, biases)]
    steepest = np.linalg.norm(reference.gradient(weights, masks), axis=1).max()
    # The points are denser than the kinks of these networks, so no gradient is missed but near
    # some of them, where it is that of fewer or more units: twice the largest is left for those.
    return values, 2 * steepest * radius * np.pi / count


@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("radius", [0.1, 1.0, 20.0])
def test_on_a_circle_the_extremes_are_those_of_all_angles(radius, bias):
    """A local one may be mistaken for them, but in no more than one case of ten."""
    missed = 0
    for seed in range(30):
        net = Network.random((2, 12, 9, 1), rng=seed, bias=bias, dtype="float64")
        values, between = circle(net, radius)
        found = extremes(net, radius=radius, rng=seed)
        low, high = found.values
        # Never beyond what there is.
        assert values.min() - between <= low and high <= values.max() + between
        span = np.ptp(values)
        missed += low > values.min() + 0.01 * span or high < values.max() - 0.01 * span
    assert missed <= 3


@pytest.mark.parametrize("storage", ["stored", "deferred"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_are_f_at_the_points_which_lie_on_the_sphere(dtype, storage):
    net = Network.random((30, 80, 80, 1), rng=3, dtype=dtype, storage=storage)
    found = extremes(net, radius=2.5, starts=4, steps=10, rng=0)
    assert found.points.shape == (2, 30) and found.values.dtype == np.float64
    # A norm of 30 squares, and the two that the scaling rounds.
    assert np.abs(np.linalg.norm(found.points, axis=1) - 2.5).max() <= 2.5 * 20 * EPS
    low, high = found.values
    assert low < high
    if dtype == "float64":
        assert [net.forward(p) for p in found.points] == found.values.tolist()
    elif storage == "stored":
        weights, _ = reference.layers(net)
        exact = reference.forward(weights, found.points)
        bound = reference.preactivation_bounds(weights, found.points, np.float64)[-1]
        assert (np.abs(exact - found.values) <= 2 * bound[:, 0]).all()


def test_of_a_linear_network_they_are_exact():
    w = np.random.default_rng(0).normal(size=7).astype(np.float32).astype(float)
    for bias in (0.0, 1.5):
        net = Network.from_weights([w], biases=[np.array([bias])], dtype="float64")
        found = extremes(net, radius=3.0, starts=1, steps=3, rng=0)
        norm = np.linalg.norm(w)
        assert found.values == pytest.approx([bias - 3 * norm, bias + 3 * norm], rel=20 * EPS)
        assert found.points[1] == pytest.approx(3 * w / norm, rel=20 * EPS)


def test_of_one_unit_they_are_known():
    """σ(⟨w, x⟩) is 0 on half of the sphere, and r‖w‖ at most."""
    w = np.array([[3.0, -4.0]])
    found = extremes(Network.from_weights([w, np.ones(1)], dtype="float64"), radius=2.0, rng=0)
    assert found.values == pytest.approx([0, 10], rel=20 * EPS, abs=0)
    assert w @ found.points[0] <= 0 and found.points[1] == pytest.approx([1.2, -1.6], rel=20 * EPS)


def test_in_one_dimension_the_sphere_has_two_points():
    net = Network.random((1, 5, 5, 1), rng=2, bias=1.0, dtype="float64")
    both = net.forward(np.array([[-0.7], [0.7]]))
    for seed in range(5):
        found = extremes(net, radius=0.7, starts=1, rng=seed)
        assert np.abs(found.points).ravel() == pytest.approx([0.7, 0.7], rel=4 * EPS)
        assert both.min() - 1e-12 <= found.values[0] <= found.values[1] <= both.max() + 1e-12


@pytest.mark.parametrize("widths", [(200, 300, 300, 1), (16, 100, 100, 100, 100, 1)])
def test_they_are_far_beyond_those_of_many_samples(widths):
    for seed in range(3):
        net = Network.random(widths, rng=seed, dtype="float64")
        seen = net.forward(sample_ball(np.zeros(widths[0]), 1.0, 1000, rng=seed, surface=True))
        low, high = extremes(net, radius=1.0, starts=4, steps=15, rng=seed).values
        assert low < seen.min() and high > seen.max()
        assert high - low > 1.2 * np.ptp(seen)


def test_a_flat_function_and_a_scale():
    """Where f is constant every point is extreme; and f(αx) = αf(x)."""
    net = Network.from_weights([-np.ones((3, 2)), np.zeros(3)], biases=[-9 * np.ones(3), [2.5]])
    found = extremes(net, radius=1.0, rng=0)
    assert found.values.tolist() == [2.5, 2.5]
    net = Network.random((6, 9, 9, 1), rng=0, dtype="float64")
    one, other = (extremes(net, radius=r, rng=1) for r in (1.0, 2.0**20))
    assert np.array_equal(other.values, 2.0**20 * one.values)
    assert np.array_equal(other.points, 2.0**20 * one.points)


def test_they_have_the_same_bits_on_any_number_of_threads():
    net = Network.random((50, 300, 300, 1), rng=0)
    one, three = (extremes(net, radius=1.0, rng=0, steps=8, threads=n) for n in (1, 3))
    assert np.array_equal(one.values, three.values) and np.array_equal(one.points, three.points)


def test_what_it_returns_and_reports():
    net, seen = Network.random((5, 9, 1), rng=0), []
    found = extremes(net, radius=1.0, steps=7, rng=0, progress=lambda *n: seen.append(n))
    assert seen == [(k, 7) for k in range(1, 8)]
    assert list(found.columns()) == ["extreme", "value"]
    assert found.to_frame().value.tolist() == found.values.tolist()
    assert repr(found).startswith("Extremes(‖x‖ = 1: f attained from ")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"radius": 0.0}, ValueError, "radius must be a positive number"),
        ({"radius": 1.0, "starts": 0}, ValueError, "starts must be at least 1"),
        ({"radius": 1.0, "steps": 0}, ValueError, "steps must be at least 1"),
    ],
)
def test_what_it_refuses(options, error, message):
    with pytest.raises(error, match=message):
        extremes(Network.random((5, 9, 1), rng=0), **options)


def test_it_wants_one_output_and_memory():
    with pytest.raises(ValueError, match=r"net\.margin"):
        extremes(Network.random((5, 9, 3), rng=0), radius=1.0)
    wide = Network.random((10**9, 10**9, 1), rng=0, storage="deferred")
    with pytest.raises(MemoryError, match="choose fewer starts or steps"):
        extremes(wide, radius=1.0)
