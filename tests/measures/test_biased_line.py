"""Lines on networks with biases, region by region, and what is as on the network at [x, 1]."""

from itertools import pairwise

import numpy as np
import pytest
import reference
from randrelu import Network, flips, gradient_decomposition, line, sample_ball

SMALL = [(4, 6, 1), (3, 5, 4, 1), (6, 8, 7, 5, 1), (2, 9, 9, 1)]


def biased(shape, seed=3, **keywords):
    return Network.random(shape, rng=seed, bias=0.7, **({"dtype": "float64"} | keywords))


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def term_bound(weights):
    """A bound on the rounding of ∇f(x), ∇f(y) and every term between, whatever the masks."""
    ones = [np.ones((1, len(w))) for w in weights[:-1]]
    return (2 * len(weights) * reference.gradient_bound(weights, ones, float))[0]


def changes(pieces):
    """The units that flip from piece to piece, (layer, unit, active)."""
    found = []
    for (_, before, _, _), (_, after, _, _) in pairwise(pieces):
        for layer, (a, b) in enumerate(zip(before, after, strict=True), start=1):
            found += [(layer, unit, b[0, unit]) for unit in np.flatnonzero(a[0] != b[0])]
    return found


def along_bounds(weights, biases, x, found, t):
    """Bounds on the rounding at x + t u, whose own place is rounded as x and t u are."""
    size = np.abs(x) + np.atleast_1d(t)[:, np.newaxis] * np.abs(found.direction)
    above = [np.abs(w) for w in weights]
    sides = [None if b is None else np.abs(b) for b in biases]
    return [4 * b for b in reference.preactivation_bounds(above, size, float, sides)]


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("through_origin", [False, True])
@pytest.mark.parametrize("shape", SMALL)
def test_a_line_is_what_a_walk_from_region_to_region_finds(shape, through_origin, storage):
    total = 0
    for seed in range(8):
        net = biased(shape, seed, storage=storage)
        (weights, biases), x = reference.layers(net), point(net, seed)
        way = -x if through_origin else point(net, 100 + seed)
        found = line(net, x, way, 6.0)
        pieces = reference.walk(weights, biases, x, found.direction, 6.0)
        ours = list(zip(found.layer, found.unit, found.active, strict=True))
        assert ours == changes(pieces)
        total += len(ours)
        t = np.r_[0.0, found.t, 6.0]
        bounds = along_bounds(weights, biases, x, found, t)
        at = reference.preactivations(weights, found.point(found.t), biases)
        for k, (layer, unit) in enumerate(zip(found.layer, found.unit, strict=True)):
            assert abs(at[layer - 1][k, unit]) <= bounds[layer - 1][k + 1, unit]
        values = reference.forward(weights, found.point(t), biases)
        gaps = np.abs(values - np.r_[found.f0, found.f, found.value(6.0)])
        assert (gaps <= bounds[-1][:, 0]).all()
        slopes = np.array([slope[0] for *_, slope in pieces])
        assert (np.abs(slopes - found.slope) <= term_bound(weights).sum()).all()
        for k, (_, masks, _, _) in enumerate(pieces):
            middle = (t[k] + t[k + 1]) / 2
            assert all(
                np.array_equal(a, b[0])
                for a, b in zip(found.pattern(middle).unpack(), masks, strict=True)
            )
            gradient = reference.gradient(weights, masks)[0]
            assert (np.abs(found.gradient(middle) - gradient) <= term_bound(weights)).all()
    assert total > 8


def test_a_line_through_the_origin_where_only_the_output_has_a_bias():
    """There every unit is at 0 at once, and flips, some to and fro, as rounding has it."""
    for seed in range(30):
        random = Network.random((6, 30, 40, 30, 1), rng=seed, dtype="float64")
        weights, _ = reference.layers(random)
        biases = [*(np.zeros(len(w)) for w in weights[:-1]), np.ones(1)]
        x = point(random, seed)
        end = 3 * np.linalg.norm(x)
        found = line(Network.from_weights(weights, biases), x, -x, end)
        t = np.linspace(0, end, 50)
        bounds = along_bounds(weights, biases, x, found, t)[-1][:, 0]
        gaps = np.abs(found.value(t) - reference.forward(weights, found.point(t), biases))
        assert (gaps <= bounds).all()


def test_a_line_of_a_margin_is_that_of_two_outputs():
    net = Network.random((6, 8, 7, 3), rng=1, bias=0.7, dtype="float64")
    (weights, biases), x = reference.layers(net), point(net)
    found = line(net.margin(2, 0), x, point(net, 1), 6.0)
    pieces = reference.walk(weights, biases, x, found.direction, 6.0)
    assert list(zip(found.layer, found.unit, found.active, strict=True)) == changes(pieces)
    slopes = np.array([slope[2] - slope[0] for *_, slope in pieces])
    size = [*weights[:-1], np.abs(weights[-1][[2]]) + np.abs(weights[-1][[0]])]
    assert found.t.size > 3 and (np.abs(found.slope - slopes) <= term_bound(size).sum()).all()
    values = reference.outputs(weights, found.point(np.r_[0, found.t]), biases)
    bounds = along_bounds(weights, biases, x, found, np.r_[0, found.t])[-1]
    gaps = np.abs(np.r_[found.f0, found.f] - values[:, 2] + values[:, 0])
    assert (gaps <= bounds[:, 2] + bounds[:, 0]).all()


def test_until_ends_where_f_reaches_the_level():
    reached = 0
    for seed in range(30):
        net = biased((6, 8, 7, 5, 1), seed)
        (weights, biases), x = reference.layers(net), point(net, seed)
        whole = line(net, x, point(net, 100 + seed), 6.0)
        level = whole.f0 + 0.1
        found = line(net, x, whole.direction, 6.0, until=level)
        knots = np.r_[0, whole.t, 6.0]
        side = np.r_[whole.f0, whole.f, whole.value(6.0)] > level
        if (side == side[0]).all():
            assert found.length == 6.0
            continue
        reached += 1
        piece = int(np.argmax(side != side[0]))
        assert knots[piece - 1] < found.length <= knots[piece]
        end = found.point(found.length)[np.newaxis]
        bound = along_bounds(weights, biases, x, found, found.length)[-1][0, 0]
        assert abs(reference.forward(weights, end, biases)[0] - level) <= bound
    assert reached > 10


# --- as on the network without biases, at [x, 1]


@pytest.mark.parametrize("shape", SMALL)
def test_measures_of_the_part_of_x_are_those_at_x_and_1(shape):
    """So are counts, terms and lines; norms of gradients and balls have a coordinate more there."""
    at = lambda v, end: np.concatenate([v, np.full((*v.shape[:-1], 1), end)], axis=-1)  # noqa: E731
    total = 0
    for seed in range(5):
        net = biased(shape, seed)
        weights, biases = reference.layers(net)
        other = Network.from_weights(reference.appended(weights, biases))
        x, way = point(net), point(net, 1)
        y = sample_ball(x, 1.0, 40, rng=2)
        counts = flips(net, x, points=y).counts
        assert counts.any()
        assert np.array_equal(counts, flips(other, at(x, 1.0), points=at(y, 1.0)).counts)
        for end in y[:5]:
            terms = gradient_decomposition(other, at(x, 1.0), at(end, 1.0))[:, :-1]
            gap = np.abs(gradient_decomposition(net, x, end) - terms)
            assert (gap <= 2 * term_bound(weights)).all()
        a, b = line(net, x, way, 5.0), line(other, at(x, 1.0), at(way, 0.0), 5.0)
        total += a.t.size
        for name in ("layer", "unit", "active"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
        t = np.linspace(0, 5, 101)
        bound = 2 * along_bounds(weights, biases, x, a, t)[-1][:, 0]
        assert (np.abs(a.value(t) - b.value(t)) <= bound).all()
        assert (np.abs(a.slope - b.slope) <= 2 * term_bound(weights).sum()).all()
    assert total > 5
