"""The most flips in a ball: attained by a point that is returned, certified for the first layer."""

import numpy as np
import pytest
from randrelu import Network, flips, worst_flips


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def weights(net):
    return [net.weights(i).astype(float) for i in range(1, net.depth + 2)]


@pytest.mark.parametrize("relative", [0.01, 0.2])
def test_worst_flips_bracket_the_sampled_ones(relative):
    net = Network.random((60, 500, 400, 1), rng=1)
    x = point(net)
    radius = relative * np.linalg.norm(x)
    sampled = flips(net, x, radius, 2000, rng=0, surface=True).max
    for layer in (1, 2):
        worst = worst_flips(net, x, radius, layer=layer)
        assert np.linalg.norm(worst.point - x) <= radius
        exact = Network.random((60, 500, 400, 1), rng=1, dtype="float64")
        counts = flips(exact, x, points=worst.point[np.newaxis]).counts
        assert counts[0, layer - 1] == worst.attained >= sampled[layer - 1]
        if layer == 1:
            distance = np.abs(weights(net)[0] @ x) / np.linalg.norm(weights(net)[0], axis=1)
            assert worst.certified == (distance <= radius).sum() >= worst.attained
        else:
            assert worst.certified is None
    assert "attained" in repr(worst)


def test_certified_and_attained_meet_where_one_direction_crosses_every_boundary():
    w = np.abs(np.random.default_rng(0).normal(size=(40, 5))) + 0.1
    net = Network.from_weights([w, np.ones(40)])
    x = np.full(5, 0.01)
    worst = worst_flips(net, x, 1.0, layer=1)
    assert worst.attained == worst.certified == 40


def test_one_unit_flips_in_one_step_if_its_boundary_meets_the_ball():
    net = Network.from_weights([np.array([[3.0, -4.0]]), np.ones(1)])
    x = np.array([1.0, -1.0])  # at the distance 7/5
    near, far = (worst_flips(net, x, radius, layer=1, steps=1) for radius in (1.39, 1.41))
    assert near.attained == near.certified == 0 and np.array_equal(near.point, x)
    assert far.attained == far.certified == 1 and 3 * far.point[0] < 4 * far.point[1]


def test_ascent_stays_where_it_sees_no_direction():
    """All units of the first layer are off around x, so nothing reaches the second."""
    net = Network.from_weights([-np.ones((3, 2)), np.ones((4, 3)), np.ones(4)])
    worst = worst_flips(net, np.ones(2), 0.5, layer=2)
    assert worst.attained == 0 and np.array_equal(worst.point, np.ones(2))


def test_worst_flips_have_the_same_bits_on_any_number_of_threads():
    def worst(threads):
        net = Network.random((300, 2000, 400, 1), rng=0, storage="deferred")
        return worst_flips(net, np.ones(300), 1.0, layer=2, steps=10, threads=threads)

    one, three = worst(1), worst(3)
    assert one.attained == three.attained and np.array_equal(one.point, three.point)
