"""The Lipschitz constant in a ball, or everywhere: attained by a point, and certified."""

import re
from fractions import Fraction

import numpy as np
import pytest
from patterns import gradients
from randrelu import Network, lipschitz
from randrelu.measures.certified.gradient import certified_gradients
from randrelu.measures.certified.jacobian_norms import jacobian_norms

SHAPES = [(2, 4, 3, 1), (3, 4, 4, 1), (4, 8, 1), (2, 3, 2, 3, 1)]
NORMS = [2, np.inf]


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def weights(net):
    return [net.weights(i).astype(float) for i in range(1, net.depth + 2)]


def sizes(rows, norm):
    return np.linalg.norm(rows, axis=-1) if norm == 2 else np.abs(rows).sum(axis=-1)


def eclipse_fast(matrices):
    """Algorithm 2 of Xu and Sivaranjani 2024, in plain NumPy: their X, and λ = 2/σ."""
    x = np.eye(matrices[0].shape[1])
    for w in matrices[:-1]:
        a = w @ np.linalg.inv(x) @ w.T
        step = 2 / np.linalg.eigvalsh(a)[-1]
        x = step * np.eye(len(a)) - step**2 / 4 * a
    last = matrices[-1]
    return np.sqrt(np.linalg.eigvalsh(last @ np.linalg.inv(x) @ last.T)[-1])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bias", [0, 0.3])
def test_the_truth_of_small_networks_is_within(norm, bias):
    """Every linear region that the ball meets, or every one there is, has one gradient."""
    met, cases = 0, 0
    for shape in SHAPES:
        for seed in range(3):
            net = Network.random(shape, rng=seed, bias=bias, dtype="float64", init="he")
            x = point(net, seed)
            for ball in ((x, 0.1), (x, 1.0), ()):
                there = gradients(net, *ball, norm=norm) if ball else gradients(net)
                truth = sizes(there, norm).max()
                found = lipschitz(net, *ball, norm=norm)
                rounding = 1e-12 * np.abs(there).sum()
                assert found.attained <= truth + rounding
                assert truth <= found.certified + rounding
                if ball:
                    assert np.linalg.norm(found.point - x, norm) <= ball[1]
                met += found.attained >= truth - rounding
                cases += 1
    assert met >= 0.85 * cases  # some regions are too small to be come upon


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sampled_gradients_are_below_and_the_point_replays(norm, dtype):
    net = Network.random((20, 60, 50, 1), rng=3, bias=0.1, dtype=dtype)
    exact = Network.random((20, 60, 50, 1), rng=3, bias=0.1, dtype="float64")
    x, rng = point(net), np.random.default_rng(1)
    for radius in (0.01, 0.3, 3.0):
        found = lipschitz(net, x, radius, norm)
        u = rng.normal(size=(5000, 20)) if norm == 2 else rng.uniform(-1, 1, (5000, 20))
        u *= radius / np.linalg.norm(u, norm, axis=1)[:, np.newaxis]
        assert sizes(exact.gradient(x + u), norm).max() <= found.certified
        replayed = sizes(exact.gradient(found.point), norm)
        assert found.attained == pytest.approx(replayed, rel=1e-14)
        assert sizes(exact.gradient(x), norm) * (1 - 1e-14) <= found.attained <= found.certified
    anywhere = lipschitz(net, norm=norm)
    points = rng.normal(size=(5000, 20)) * np.exp(rng.normal(size=(5000, 1)) * 3)
    sampled = sizes(exact.gradient(points), norm).max()
    assert sampled <= anywhere.attained <= anywhere.certified
    assert found.certified <= anywhere.certified * (1 + 1e-9)


def test_everywhere_it_is_no_more_than_a_plain_recursion_says():
    for seed, shape in enumerate([(30, 40, 50, 1), (50, 40, 30, 20, 1), (10, 200, 1)]):
        net = Network.random(shape, rng=seed)
        plain = eclipse_fast(weights(net))
        product = np.prod([np.linalg.norm(w, 2) for w in weights(net)])
        assert plain <= product * (1 + 1e-12)
        found = lipschitz(net, certify=True)
        assert found.certified <= plain * (1 + 1e-4)  # what the norms of matrices may be above
        every = [np.zeros(len(w), bool) for w in weights(net)]
        norms = jacobian_norms(weights(net), every, every)
        assert plain <= norms[-1][0] <= plain * (1 + 1e-4)
        assert norms[-1][1] == 0  # of no rows


def test_jacobians_are_no_larger_than_their_norms_say_whatever_the_gates():
    """Also with rows that are dead, and columns that are for that; the last rows are some alone."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        widths = rng.integers(1, 9, 4)
        matrices = [rng.normal(size=s) for s in zip(widths[1:], widths[:-1], strict=True)]
        dead = [rng.random(n) < 0.3 for n in widths[1:]]
        able = [~d & (rng.random(len(d)) < 0.5) for d in dead]
        found = jacobian_norms(matrices, dead, able)
        for _ in range(20):
            jacobian = np.eye(widths[0])
            for w, d, a, (norm, of_able) in zip(matrices, dead, able, found, strict=True):
                before = w @ jacobian
                rounding = 1e-13 * np.abs(before).sum()
                assert np.linalg.norm(before[~d], 2) <= norm + rounding if (~d).any() else norm == 0
                assert np.linalg.norm(before[a], 2) <= of_able + rounding if a.any() else True
                jacobian = (~d * rng.integers(0, 2, len(d)))[:, np.newaxis] * before


@pytest.mark.parametrize("norm", NORMS)
def test_where_nothing_can_flip_it_is_the_gradient(norm):
    net = Network.random((20, 15, 10, 1), rng=3, bias=0.3, dtype="float64")
    x = point(net)
    truth = sizes(net.gradient(x), norm)
    for radius in (0, 1e-3):
        found = lipschitz(net, x, radius, norm)
        assert found.attained == pytest.approx(truth, rel=1e-14)
        assert found.attained <= found.certified <= truth * (1 + 1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("ball", [(), (np.ones(20), 2.0)])
def test_without_hidden_layers_it_is_the_norm_of_the_weights(norm, ball):
    net = Network.random((20, 1), rng=3)
    truth = sizes(weights(net)[0][0], norm)
    found = lipschitz(net, *ball, norm=norm)
    assert found.attained == pytest.approx(truth, rel=1e-14)
    assert found.attained <= found.certified <= truth * (1 + 1e-9)


@pytest.mark.parametrize("dead", [0, 1, 2])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("ball", [(), (np.ones(4), 3.0)])
def test_weights_of_zero_are_flat(dead, norm, ball):
    matrices = [np.random.default_rng(0).normal(size=s) for s in ((6, 4), (5, 6), (1, 5))]
    matrices[dead] *= 0
    found = lipschitz(Network.from_weights(matrices), *ball, norm=norm)
    assert (found.attained, found.certified) == (0, 0)


def test_where_one_direction_switches_all_units_on_both_bounds_meet():
    """All weights are positive: the gradient is largest where every unit is on."""
    rng = np.random.default_rng(0)
    matrices = [np.abs(rng.normal(size=s)) for s in ((6, 4), (5, 6), (1, 5))]
    net = Network.from_weights(matrices, dtype="float64")
    truth = (matrices[2] @ matrices[1] @ matrices[0])[0]
    found = lipschitz(net, norm=np.inf)
    assert found.attained == pytest.approx(truth.sum(), rel=1e-14)
    assert found.attained <= found.certified <= truth.sum() * (1 + 1e-12)
    assert lipschitz(net).certified <= np.linalg.norm(truth) * (1 + 1e-12)


def test_a_slope_that_only_a_tie_has_is_not_attained():
    """10 σ(y + 5) − σ(y) + σ(−y) has slope 9 on both sides of 0, and 10 there if ties are off."""
    net = Network.from_weights(
        [np.array([[1.0], [1.0], [-1.0]]), np.array([10.0, -1.0, 1.0])],
        biases=[np.array([5.0, 0, 0]), None],
        ties="zero",
        dtype="float64",
    )
    assert net.gradient(np.zeros(1))[0] == 10
    assert lipschitz(net, np.zeros(1), 1.0).attained == 9


def test_nor_is_one_beside_units_that_are_always_at_0():
    """3 (y + 5) − 2 σ(y) + 2 σ(−y) has slope 1 around 0, and 3 there if ties are off."""
    net = Network.from_weights(
        [np.array([[0.0], [1.0], [-1.0], [1.0]]), np.array([1.0, -2.0, 2.0, 3.0])],
        biases=[np.array([0.0, 0, 0, 5]), None],
        ties="zero",
        dtype="float64",
    )
    assert net.gradient(np.zeros(1))[0] == 3
    assert lipschitz(net, np.zeros(1), 1.0).attained == 1


@pytest.mark.parametrize("x", [1e-250, 1e-300, 1e-308, 1e-315])
def test_balls_of_tiny_points_have_the_same_slope(x):
    net = Network.from_weights([np.array([[1e-20], [3e-20]]), np.array([1e20, 1e20])])
    slope = sum(
        float(a) * float(b) for a, b in zip(net.weights(1)[:, 0], net.weights(2)[0], strict=True)
    )
    found = certified_gradients(net, np.array([x]), [x / 2], 2, threads=1)[0].gradient
    assert slope <= found <= slope * (1 + 1e-9)


@pytest.mark.parametrize("radius", [1e-250, 1e-310, 5e-320])
def test_points_of_tiny_balls_are_within_them(radius):
    for seed in range(8):
        net = Network.random((3, 6, 5, 1), rng=seed, dtype="float64")
        found = lipschitz(net, np.zeros(3), radius, steps=3)
        assert sum(Fraction(u) ** 2 for u in found.point.tolist()) <= Fraction(radius) ** 2


def test_weights_far_from_1_are_within_range():
    net = Network.random((8, 12, 10, 1), rng=0, dtype="float64")
    small, large, last = weights(net)
    other = Network.from_weights([small * 2.0**-400, large * 2.0**300, last], dtype="float64")
    one, two = lipschitz(net), lipschitz(other)
    assert two.certified == pytest.approx(one.certified * 2.0**-100, rel=1e-9)
    assert two.attained == pytest.approx(one.attained * 2.0**-100, rel=1e-12)


def test_storages_and_threads_make_no_difference():
    given = {"widths": (30, 80, 70, 1), "rng": 5}
    stored, streamed = (Network.random(**given, storage=s) for s in ("stored", "streamed"))
    for ball in ((), (point(stored), 0.5), (point(stored), 0.05, np.inf)):
        one = lipschitz(stored, *ball, threads=1)
        for other in (lipschitz(stored, *ball, threads=2), lipschitz(streamed, *ball, threads=3)):
            assert np.array_equal(one.point, other.point)
            assert (one.attained, one.certified) == (other.attained, other.certified)


@pytest.mark.parametrize("bias", [0, 0.1])
def test_deferred_networks_are_attained_alone(bias):
    net = Network.random((100, 1000, 1000, 1), rng=0, bias=bias, storage="deferred")
    x = point(net)
    found = lipschitz(net, x, 0.05 * np.linalg.norm(x), steps=20)
    assert found.certified is None
    assert found.attained > np.linalg.norm(net.gradient(x))
    assert lipschitz(net, steps=20).attained > found.attained


def test_progress_counts_up_to_the_end():
    net = Network.random((20, 30, 30, 1), rng=0)
    for ball in ((), (point(net), 0.5)):
        told = []
        lipschitz(net, *ball, steps=7, progress=lambda *given, to=told: to.append(given))
        assert told == sorted(told) and told[-1][0] == told[-1][1]


def test_what_it_says_in_short_and_as_a_frame():
    net = Network.random((20, 30, 30, 1), rng=0)
    assert re.fullmatch(
        r"Lipschitz\(norm 2, attained [\d.]+, certified ≤ [\d.]+\)", repr(lipschitz(net))
    )
    assert list(lipschitz(net).to_frame()) == ["norm", "attained", "certified"]
    found = lipschitz(net, norm=np.inf, certify=False)
    assert repr(found).startswith("Lipschitz(norm ∞") and "no certified bound" in repr(found)
    assert list(found.columns()) == ["norm", "attained"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": -1, "x": np.ones(4)}, ValueError, "radius must be a finite number"),
        ({"radius": 1}, TypeError, "x is missing"),
        ({"x": np.ones(4)}, TypeError, "radius is missing"),
        ({"x": np.ones(3), "radius": 1}, ValueError, "x must have shape (4,)"),
        ({"norm": 1}, ValueError, "norm must be 2 or inf, got 1"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"net": Network.random((4, 3, 2), rng=0)}, ValueError, "net.margin"),
        ({"net": None}, TypeError, "net must be a Network"),
    ],
)
def test_bad_arguments(change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        lipschitz(**{"net": Network.random((4, 3, 1), rng=0), **change})
