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
