"""The largest change of the gradient in a ball: attained by a point, and certified."""

import re

import numpy as np
import pytest
from patterns import gradients
from randrelu import Network, gradient_deviation, worst_deviation

SHAPES = [(2, 4, 3, 1), (3, 4, 4, 1), (4, 8, 1), (2, 3, 2, 3, 1)]


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def exact(net, **given):
    """The network of the seed, evaluated in float64."""
    return Network.random(net.widths, rng=net.seed, init=net.init, dtype="float64", **given)


@pytest.mark.parametrize("bias", [0, 0.3])
def test_the_truth_of_small_networks_is_within(bias):
    """Every linear region that the ball meets has one gradient."""
    met, cases = 0, 0
    for shape in SHAPES:
        for seed in range(5):
            net = Network.random(shape, rng=seed, bias=bias, dtype="float64", init="he")
            x = point(net, seed)
            for radius in (0.1, 0.7, 2.0):
                there = gradients(net, x, radius)
                truth = np.linalg.norm(there - net.gradient(x), axis=1).max(initial=0)
                found = worst_deviation(net, x, radius)
                rounding = 1e-12 * np.abs(there).sum()
                assert found.attained <= truth + rounding
                assert truth <= found.certified + rounding
                assert np.linalg.norm(found.point - x) <= radius
                met += found.attained >= truth - rounding
                cases += 1
    assert met >= 0.85 * cases  # some regions are too small to be come upon


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_sampled_point_is_beyond_the_bound_nor_steeper_than_the_point(dtype):
    net = Network.random((20, 60, 50, 1), rng=3, dtype=dtype)
    x = point(net)
    for relative in (0.01, 0.1, 0.5):
        radius = relative * np.linalg.norm(x)
        found = worst_deviation(net, x, radius)
        sampled = gradient_deviation(net, x, radius, 5000, rng=0, surface=True).norms.max()
        assert sampled <= found.attained <= found.certified
        there = gradient_deviation(exact(net), x, points=found.point[np.newaxis]).norms[0]
        assert there == found.attained
        assert np.linalg.norm(found.point - x) <= radius


def test_the_ascent_is_far_above_what_samples_see():
    net = Network.random((300, 600, 600, 1), rng=0)
    x = point(net)
    radius = 0.05 * np.linalg.norm(x)
    found = worst_deviation(net, x, radius, certify=False)
    sampled = gradient_deviation(net, x, radius, 1000, rng=0, surface=True).norms
    assert found.attained > 1.5 * sampled.max()
    assert found.certified is None


def test_one_layer_is_certified_by_the_units_that_a_ball_leaves_room_for():
    """As plain NumPy has it, from the fractional knapsack and from norms."""
    net = Network.random((60, 500, 1), rng=1, dtype="float64")
    x, w, last = point(net), net.weights(1).astype(float), net.weights(2)[0].astype(float)
    radius = 0.03 * np.linalg.norm(x)
    z = w @ x
    able = np.flatnonzero(np.abs(z) <= radius * np.linalg.norm(w, axis=1))
    order = able[np.argsort(-((last / z) ** 2)[able])]
    left, most = (radius * np.linalg.norm(w, 2)) ** 2, 0.0
    for u in order:
        share = min(1, left / z[u] ** 2)
        most += share * last[u] ** 2
        left -= share * z[u] ** 2
    by_flips = np.sqrt(most) * np.linalg.norm(w[able], 2)
    found = worst_deviation(net, x, radius)
    assert found.attained <= by_flips
    # By no more than what the norms of matrices may be above.
    assert by_flips <= found.certified <= by_flips * (1 + 1e-4)


def test_where_nothing_can_flip_the_gradient_does_not_change():
    net = Network.random((20, 15, 10, 1), rng=3, bias=0.3, dtype="float64")
    found = worst_deviation(net, point(net), 1e-3)
    assert found.attained == 0
    assert found.certified == 0
    assert found.grad_norm == pytest.approx(np.linalg.norm(net.gradient(point(net))), rel=1e-14)


@pytest.mark.parametrize("x", [np.zeros(20), np.ones(20)])
def test_a_ball_of_one_point_has_one_gradient(x):
    net = Network.random((20, 15, 10, 1), rng=3)
    found = worst_deviation(net, x, 0)
    assert (found.attained, found.certified) == (0, 0)
    assert np.array_equal(found.point, x)


def test_without_hidden_layers_the_gradient_is_the_same_everywhere():
    net = Network.random((20, 1), rng=3)
    found = worst_deviation(net, np.ones(20), 5.0)
    assert (found.attained, found.certified) == (0, 0)


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_weights_of_zero_leave_nothing_to_change(dead):
    weights = [np.random.default_rng(0).normal(size=s) for s in ((6, 4), (5, 6), (1, 5))]
    weights[dead] *= 0
    found = worst_deviation(Network.from_weights(weights), np.ones(4), 3.0)
    assert (found.attained, found.certified) == (0, 0)


def test_a_ball_around_a_tie_knows_of_both_sides():
    """|y| has the slopes −1 and 1, whichever of them a coin takes for that at 0."""
    net = Network.from_weights([[[1.0], [-1.0]], [1.0, 1.0]], dtype="float64")
    found = worst_deviation(net, np.zeros(1), 1.0)
    slope = net.gradient(np.zeros(1))[0]
    truth = max(abs(slope - 1), abs(slope + 1))
    assert found.attained == truth <= found.certified


def test_storages_and_threads_make_no_difference():
    given = {"widths": (30, 80, 70, 1), "rng": 5}
    stored, streamed = (Network.random(**given, storage=s) for s in ("stored", "streamed"))
    x = point(stored)
    one = worst_deviation(stored, x, 0.5, threads=1)
    for other in (
        worst_deviation(stored, x, 0.5, threads=2),
        worst_deviation(streamed, x, 0.5, threads=3),
    ):
        assert np.array_equal(one.point, other.point)
        assert (one.attained, one.certified) == (other.attained, other.certified)


def test_deferred_networks_are_attained_alone():
    found = []
    for threads in (1, 3):
        net = Network.random((100, 1000, 1000, 1), rng=0, storage="deferred", dtype="float64")
        x = point(net)
        found.append(worst_deviation(net, x, 0.05 * np.linalg.norm(x), steps=20, threads=threads))
    one, other = found
    assert one.certified is None and one.attained > 0.4 * one.grad_norm
    assert np.array_equal(one.point, other.point) and one.attained == other.attained
    # What a network has told it repeats, but for what its orthogonal bases round.
    again = gradient_deviation(net, x, points=other.point[np.newaxis]).norms[0]
    assert again == pytest.approx(other.attained, rel=1e-9)


def test_progress_counts_up_to_the_end():
    net = Network.random((20, 30, 30, 1), rng=0)
    told = []
    worst_deviation(net, point(net), 0.5, steps=7, progress=lambda *given: told.append(given))
    assert told == sorted(told) and told[-1][0] == told[-1][1]


def test_what_it_says_in_short_and_as_a_frame():
    net = Network.random((20, 30, 30, 1), rng=0)
    found = worst_deviation(net, point(net), 0.5)
    assert re.fullmatch(
        r"WorstDeviation\(attained [\d.]+, certified ≤ [\d.]+, where ‖∇f\(x\)‖ is [\d.]+\)",
        repr(found),
    )
    assert list(found.to_frame()) == ["attained", "certified", "grad_norm"]
    found = worst_deviation(net, point(net), 0.5, certify=False)
    assert "no certified bound" in repr(found)
    assert list(found.columns()) == ["attained", "grad_norm"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": -1}, ValueError, "radius must be a finite number of at least 0"),
        ({"x": np.ones(3)}, ValueError, "x must have shape (4,)"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"net": Network.random((4, 3, 2), rng=0)}, ValueError, "net.margin"),
        ({"net": None}, TypeError, "net must be a Network"),
    ],
)
def test_bad_arguments(change, error, message):
    given = {"net": Network.random((4, 3, 1), rng=0), "x": np.ones(4), "radius": 1, **change}
    with pytest.raises(error, match=re.escape(message)):
        worst_deviation(**given)
