"""The most flips in a ball: attained by a point that is returned, and certified."""

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
        assert worst.certified >= worst.attained
    assert "attained" in repr(worst)


@pytest.mark.parametrize("relative", [0.01, 0.1, 0.5])
def test_the_certified_flips_are_those_that_the_norms_leave_room_for(relative):
    """As plain NumPy has them: each unit passes 0, and all of them together move ‖W‖R at most."""
    net = Network.random((60, 500, 400, 1), rng=1)
    x, (first, second, _) = point(net), weights(net)
    radius = relative * np.linalg.norm(x)
    z = first @ x
    able = np.abs(z) <= radius * np.linalg.norm(first, axis=1)
    moved = radius * np.linalg.norm(first, 2)
    most = (np.cumsum(np.sort(z[able] ** 2)) <= moved**2).sum()
    found = worst_flips(net, x, radius)
    assert found.layer.tolist() == [1, 2] and found.point.shape == (2, 60)
    assert found.certified[0] == most <= able.sum()
    z = second @ np.maximum(z, 0)
    moved *= np.linalg.norm(second, 2)
    most = (np.cumsum(np.sort(z**2)) <= moved**2).sum()
    assert found.attained[1] <= found.certified[1] <= most
    for layer in (1, 2):
        alone = worst_flips(net, x, radius, layer=layer)
        assert alone.attained == found.attained[layer - 1]
        assert alone.certified == found.certified[layer - 1]
        assert np.array_equal(alone.point, found.point[layer - 1])


def test_the_certified_flips_hold_in_small_networks_however_they_are_searched():
    """Far more points than it takes, of networks with biases, and radii up to everything flips."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        net = Network.random((2, 7, 6, 1), rng=seed, bias=0.3, dtype="float64", init="he")
        x = rng.normal(size=2)
        for radius in (0.05, 0.3, 1.5):
            found = worst_flips(net, x, radius)
            u = rng.normal(size=(20_000, 2))
            u *= radius * np.sqrt(rng.random((20_000, 1))) / np.linalg.norm(u, axis=1)[:, None]
            most = flips(net, x, points=x + u).max
            assert (most <= found.certified).all()
            assert (found.attained <= found.certified).all()


def test_what_is_not_asked_for_is_not_certified():
    net = Network.random((20, 30, 30, 1), rng=0)
    found = worst_flips(net, point(net), 0.5, certify=False)
    assert found.certified is None and list(found.columns()) == ["layer", "attained"]
    assert "no certified bound" in repr(found)
    assert list(worst_flips(net, point(net), 0.5).to_frame().certified > 0) == [True, True]
    none = worst_flips(Network.random((20, 1), rng=0), point(net), 0.5)
    assert repr(none) == "WorstFlips(no layers)"


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


@pytest.mark.parametrize("certify", [True, False])
@pytest.mark.parametrize("layer", [None, 2])
def test_progress_rises_to_its_end(layer, certify):
    net, seen = Network.random((20, 50, 40, 1), rng=0), []
    worst_flips(
        net, point(net), 0.5, layer=layer, certify=certify,
        progress=lambda done, total: seen.append(done / total),
    )  # fmt: skip
    assert seen == sorted(set(seen)) and seen[0] > 0 and seen[-1] == 1
    # Each ascent, the bounds of both layers, the products for their norms, and the norms.
    assert len(seen) == (2 if layer is None else 1) + (6 if certify else 0)


def test_progress_goes_on_where_weights_are_0():
    net, seen = Network.from_weights([np.zeros((4, 3)), np.ones((5, 4)), np.ones(5)]), []
    worst_flips(net, np.ones(3), 0.5, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1][0] == seen[-1][1]


def test_a_network_without_hidden_layers_has_no_progress():
    net = Network.random((20, 1), rng=0)
    worst_flips(net, point(net), 0.5, progress=lambda done, total: pytest.fail("there is no work"))
