"""Brackets of several balls around a point: of each, and none falls as the radius grows."""

import re
from unittest.mock import Mock

import numpy as np
import pytest
from patterns import gradients
from randrelu import Network, flips, gradient_deviation, worst_deviation, worst_flips
from randrelu._support import memory
from randrelu.measures.certified import flips as certified_flips
from randrelu.measures.certified import gradient as certified_gradient
from randrelu.measures.nested import best_within, least_around

SHAPES = [(2, 4, 3, 1), (3, 4, 4, 1), (4, 8, 1), (2, 3, 2, 3, 1)]
RADII = [0.7, 0.1, 2.0, 0.1]  # in no order, and one of them twice


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def singly(measure, net, x, radii, **given):
    """What a call for each radius finds."""
    return [measure(net, x, radius, **given) for radius in radii]


def test_the_best_place_is_in_the_ball_or_a_smaller_one():
    assert best_within(np.array([1.0, 3.0, 2.0, 3.0, 0.0])).tolist() == [0, 1, 1, 3, 3]
    both = np.array([[0, 5], [2, 4], [1, 6]])
    assert best_within(both).tolist() == [[0, 0], [1, 0], [1, 2]]
    assert least_around(both).tolist() == [[0, 4], [1, 4], [1, 6]]
    assert best_within(np.empty(0)).shape == least_around(np.empty(0)).shape == (0,)


@pytest.mark.parametrize("bias", [0, 0.3])
def test_the_largest_deviations_of_small_networks_are_within(bias):
    """Every linear region that a ball meets has one gradient."""
    for shape in SHAPES:
        for seed in range(3):
            net = Network.random(shape, rng=seed, bias=bias, dtype="float64", init="he")
            x = point(net, seed)
            found = worst_deviation(net, x, RADII)
            for k, radius in enumerate(RADII):
                there = gradients(net, x, radius)
                truth = np.linalg.norm(there - net.gradient(x), axis=1).max(initial=0)
                rounding = 1e-12 * np.abs(there).sum()
                assert found.attained[k] <= truth + rounding
                assert truth <= found.certified[k] + rounding
                assert np.linalg.norm(found.point[k] - x) <= radius


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("storage", ["stored", "streamed"])
def test_each_deviation_is_the_best_of_the_calls_that_say_something_of_it(storage, dtype):
    """Those of smaller balls say what is attained, those of larger ones what is certified."""
    for seed in range(4):
        net = Network.random((4, 9, 8, 1), rng=seed, storage=storage, dtype=dtype, bias=0.2)
        x, radii = point(net, seed), np.array([0.8, 0.0, 0.2, 3.0, 0.5, 0.2])
        found = worst_deviation(net, x, radii, steps=3)
        alone = singly(worst_deviation, net, x, radii, steps=3)
        attained, certified = (np.array([getattr(one, n) for one in alone]) for n in
                               ("attained", "certified"))  # fmt: skip
        for k, radius in enumerate(radii):
            inside, around = radii <= radius, radii >= radius
            assert found.attained[k] == attained[inside].max()
            assert found.certified[k] == certified[around].min()
            assert any(
                np.array_equal(found.point[k], one.point) and found.attained[k] == one.attained
                for one, within in zip(alone, inside, strict=True) if within
            )  # fmt: skip
        assert found.grad_norm == alone[0].grad_norm
        assert np.array_equal(found.radius, radii) and found.radius is not radii


def test_a_smaller_ball_lends_its_point_to_larger_ones():
    """An ascent of a single step finds less in some larger ball."""
    lent = 0
    for seed in range(10):
        net = Network.random((3, 6, 5, 1), rng=seed, bias=0.5, dtype="float64")
        x, radii = point(net, seed), [0.5, 1.0, 2.0, 4.0, 8.0]
        found = worst_deviation(net, x, radii, steps=1, certify=False)
        assert (np.diff(found.attained) >= 0).all() and found.certified is None
        for k, one in enumerate(singly(worst_deviation, net, x, radii, steps=1, certify=False)):
            lent += found.attained[k] > one.attained
            again = gradient_deviation(net, x, points=found.point[k : k + 1]).norms[0]
            assert again == found.attained[k]
    assert lent


def test_each_number_of_flips_is_the_best_of_the_calls_that_say_something_of_it():
    net = Network.random((20, 90, 70, 1), rng=1, bias=0.2)
    exact = Network.random((20, 90, 70, 1), rng=1, bias=0.2, dtype="float64")
    x, radii = point(net), np.array([0.8, 0.0, 0.2, 3.0, 0.2])
    found = worst_flips(net, x, radii, steps=4)
    assert found.attained.shape == found.certified.shape == (5, 2)
    assert found.point.shape == (5, 2, 20) and found.layer.tolist() == [1, 2]
    alone = singly(worst_flips, net, x, radii, steps=4)
    for k, radius in enumerate(radii):
        inside = [one.attained for one in alone if one.radius <= radius]
        around = [one.certified for one in alone if one.radius >= radius]
        assert np.array_equal(found.attained[k], np.max(inside, axis=0))
        assert np.array_equal(found.certified[k], np.min(around, axis=0))
        assert (np.linalg.norm(found.point[k] - x, axis=1) <= radius).all()
        counts = flips(exact, x, points=found.point[k]).counts
        assert np.array_equal(counts.diagonal(), found.attained[k])
    for layer in (1, 2):
        one = worst_flips(net, x, radii, layer=layer, steps=4)
        assert one.layer == layer and one.point.shape == (5, 20)
        for name in ("attained", "certified", "point"):
            assert np.array_equal(getattr(one, name), getattr(found, name)[:, layer - 1])


def test_the_certified_flips_of_all_balls_hold_in_small_networks():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        net = Network.random((2, 7, 6, 1), rng=seed, bias=0.3, dtype="float64", init="he")
        x, radii = rng.normal(size=2), np.array([1.5, 0.05, 0.3])
        found = worst_flips(net, x, radii)
        u = rng.normal(size=(5000, 2))
        u *= np.sqrt(rng.random((5000, 1))) / np.linalg.norm(u, axis=1)[:, None]
        for k, radius in enumerate(radii):
            assert (flips(net, x, points=x + radius * u).max <= found.certified[k]).all()
        assert (found.attained <= found.certified).all()


def test_the_order_of_the_radii_makes_no_difference():
    """Nor to a deferred network, which remembers what it was asked before."""
    radii = np.array([0.5, 2.0, 0.1])
    for measure in (worst_deviation, worst_flips):
        for storage in ("stored", "deferred"):
            nets = [Network.random((30, 80, 70, 1), rng=5, storage=storage) for _ in range(2)]
            x = point(nets[0])
            one, other = (
                measure(net, x, r, steps=5)
                for net, r in zip(nets, (radii, radii[::-1]), strict=True)
            )
            assert np.array_equal(one.attained, other.attained[::-1])
            assert np.array_equal(one.point, other.point[::-1])
            if storage == "deferred":
                assert one.certified is None and other.certified is None
            else:
                assert np.array_equal(one.certified, other.certified[::-1])


def test_what_a_deferred_network_attains_it_repeats():
    net = Network.random((50, 300, 200, 1), rng=0, storage="deferred", dtype="float64")
    x, radii = point(net), [0.3, 0.1, 1.0]
    found = worst_deviation(net, x, radii, steps=10)
    assert found.attained[1] <= found.attained[0] <= found.attained[2]
    again = gradient_deviation(net, x, points=found.point).norms
    assert again == pytest.approx(found.attained, rel=1e-9)


@pytest.mark.parametrize(
    ("measure", "module"),
    [(worst_deviation, certified_gradient), (worst_flips, certified_flips)],
)
def test_what_no_radius_depends_on_is_found_once(measure, module, monkeypatch):
    copies = Mock(wraps=module.Scaled)
    norms = Mock(wraps=module.largest_singular_value)
    monkeypatch.setattr(module, "Scaled", copies)
    monkeypatch.setattr(module, "largest_singular_value", norms)
    net = Network.random((20, 30, 30, 1), rng=0)
    measure(net, point(net), [0.1, 0.2, 0.3], steps=1)
    assert (copies.call_count, norms.call_count) == (1, 2)


@pytest.mark.parametrize("storage", ["stored", "deferred"])
@pytest.mark.parametrize("measure", [worst_deviation, worst_flips])
def test_progress_counts_all_radii_up_to_the_end(measure, storage):
    net, told = Network.random((20, 30, 30, 1), rng=0, storage=storage), []
    measure(net, point(net), [0.5, 0.1, 0.5], steps=7, progress=lambda *n: told.append(n))
    assert told == sorted(told) and told[-1][0] == told[-1][1] > 0
    assert len({whole for _, whole in told} if measure is worst_deviation else {0}) == 1


def test_no_radii():
    net = Network.random((20, 30, 10, 1), rng=0)
    found = worst_deviation(net, point(net), [])
    assert found.attained.shape == found.certified.shape == (0,) and found.point.shape == (0, 20)
    assert repr(found) == "WorstDeviation(no radii)" and len(found.to_frame()) == 0
    found = worst_flips(net, point(net), [])
    assert found.attained.shape == found.certified.shape == (0, 2)
    assert found.point.shape == (0, 2, 20)
    assert repr(found) == "WorstFlips(no radii)" and len(found.to_frame()) == 0


def test_no_layers():
    net = Network.random((20, 1), rng=0)
    found = worst_deviation(net, point(net), [1.0, 2.0])
    assert found.attained.tolist() == found.certified.tolist() == [0, 0]
    found = worst_flips(net, point(net), [1.0, 2.0])
    assert found.attained.shape == (2, 0) and len(found.to_frame()) == 0
    assert repr(found).endswith("no layers)")


def test_what_they_say_in_short_and_as_a_frame():
    net = Network.random((20, 30, 10, 1), rng=0)
    found = worst_deviation(net, point(net), [0.5, 0.25])
    assert re.fullmatch(
        r"WorstDeviation\(2 radii from 0.25 to 0.5, at the largest attained [\d.]+, "
        r"certified ≤ [\d.]+, where ‖∇f\(x\)‖ is [\d.]+\)",
        repr(found),
    )
    frame = found.to_frame()
    assert list(frame) == ["radius", "attained", "certified", "grad_norm"]
    assert frame.radius.tolist() == [0.5, 0.25]
    assert frame.attained.tolist() == found.attained.tolist()
    assert frame.grad_norm.tolist() == [found.grad_norm] * 2
    found = worst_flips(net, point(net), [0.5, 0.25])
    frame = found.to_frame()
    assert list(frame) == ["radius", "layer", "attained", "certified"]
    assert frame.radius.tolist() == [0.5, 0.5, 0.25, 0.25] and frame.layer.tolist() == [1, 2, 1, 2]
    assert frame.certified.tolist() == found.certified.ravel().tolist()
    first, second = found.attained[0]
    assert re.fullmatch(
        rf"WorstFlips\(2 radii from 0.25 to 0.5, at the largest layer 1: attained {first}, "
        rf"certified ≤ \d+; layer 2: attained {second}, certified ≤ \d+\)",
        repr(found),
    )
    one = worst_flips(net, point(net), [0.5, 0.25], layer=2, certify=False)
    assert one.to_frame().layer.tolist() == [2, 2] and "no certified bound" in repr(one)


def test_one_radius_has_the_axis_where_it_comes_in_a_sequence():
    net = Network.random((20, 30, 10, 1), rng=0)
    found, alone = (worst_deviation(net, point(net), r) for r in ([0.5], 0.5))
    assert found.attained.shape == (1,) and type(alone.attained) is type(alone.certified) is float
    assert (found.attained[0], found.certified[0]) == (alone.attained, alone.certified)
    assert np.array_equal(found.point, alone.point[np.newaxis]) and alone.radius == 0.5
    found, alone = (worst_flips(net, point(net), r, layer=1) for r in ([0.5], 0.5))
    assert found.attained.shape == (1,) and type(alone.attained) is type(alone.certified) is int


def test_memory_is_asked_for_all_ascents_of_a_deferred_network(monkeypatch):
    net = Network.random((3000, 2000, 2000, 1), rng=0, storage="deferred")
    asked = []
    monkeypatch.setattr(memory, "require", lambda size, *_: asked.append(size))
    for measure in (worst_deviation, worst_flips):
        largest = []
        for radii in ([0.5], [0.5, 0.6, 0.7]):
            asked.clear()
            measure(net, point(net), radii, steps=2)
            largest.append(max(asked))
        assert largest[1] > 1.5 * largest[0]


@pytest.mark.parametrize(
    ("radius", "error", "message"),
    [
        ([0.1, -1.0], ValueError, "radius must hold numbers of at least 0, got -1.0 at index 1"),
        ([0.1, np.nan], ValueError, r"radius must be finite, got nan at index \(1,\)"),
        ([[0.1, 0.2]], ValueError, r"a sequence of K numbers, got an array of shape \(1, 2\)"),
        (["wide"], TypeError, "radius must hold real numbers"),
        ({0.1}, TypeError, "radius must be a number"),
        (-1.0, ValueError, "radius must be a finite number of at least 0"),
        (np.inf, ValueError, "radius must be finite"),
    ],
)
@pytest.mark.parametrize("measure", [worst_deviation, worst_flips])
def test_bad_radii(measure, radius, error, message):
    net = Network.random((5, 8, 6, 1), rng=0)
    with pytest.raises(error, match=message):
        measure(net, np.ones(5), radius)
