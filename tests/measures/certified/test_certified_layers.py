"""What no point of a ball exceeds: changes of the layers, and norms of masked products."""

from fractions import Fraction

import numpy as np
import pytest
import reference
from randrelu import Network, bounds, sample_ball
from randrelu.measures.certified.layers import certified_changes, certified_products


def points_around(x, radius, rng, count):
    inside = x + rng.normal(size=(count, x.size)) * radius / np.sqrt(x.size)
    distances = np.linalg.norm(inside - x, axis=1, keepdims=True)
    return x + (inside - x) * np.minimum(1, radius / distances * (1 - 1e-12))


@pytest.mark.parametrize("radius", [0.03, 0.4, 3.0])
def test_no_point_of_small_networks_exceeds_them(radius):
    """With biases, and radii up to everything can flip; points to which f̃ is moved most, too."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        net = Network.random((3, 9, 7, 8, 1), rng=seed, bias=0.3, dtype="float64", init="he")
        weights, biases = reference.layers(net)
        x = rng.normal(size=3)
        y = points_around(x, radius, rng, 5000)
        changes = certified_changes(net, x, radius, 3, threads=1)
        base = reference.preactivations(weights, x[np.newaxis], biases)
        for z, z_x, most in zip(
            reference.preactivations(weights, y, biases), base, changes, strict=True
        ):
            assert np.linalg.norm(z - z_x, axis=1).max() <= most


@pytest.mark.parametrize("radius", [0.03, 0.4, 3.0])
def test_no_masked_product_of_small_networks_exceeds_them(radius):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        net = Network.random((3, 9, 7, 8, 1), rng=seed, dtype="float64", init="he")
        weights, _ = reference.layers(net)
        x, pairs = rng.normal(size=3), [(1, 0), (3, 0), (3, 1), (3, 2)]
        found = certified_products(net, x, radius, pairs, threads=1)
        for y in points_around(x, radius, rng, 200):
            for (later, earlier), most in zip(pairs, found, strict=True):
                assert (
                    np.linalg.norm(reference.masked_product(weights, y, later, earlier), 2) <= most
                )


def test_they_are_the_norms_of_what_can_be_active():
    """As plain NumPy has them, from the bounds that the package certifies."""
    net = Network.random((60, 80, 70, 50, 1), rng=1, dtype="float64")
    x, radius = np.random.default_rng(0).normal(size=60), 0.4
    first, second, third, _ = reference.layers(net)[0]
    active = [high >= 0 for high in bounds(net, x, radius).upper[:3]]
    # Some units are off in all of the ball, and others are not.
    assert all(0 < units.sum() < units.size for units in active[:2])
    products = certified_products(net, x, radius, [(3, 0), (3, 2)], threads=1)
    norms = [
        np.linalg.norm(w, 2)
        for w in (first[active[0]], second[active[1]][:, active[0]], third[active[2]][:, active[1]])
    ]
    above = 1 + 1e-4  # what the norm of a matrix may be above
    assert np.prod(norms) < products[0] < np.prod(norms) * above**3
    last = np.linalg.norm(third[active[2]], 2)
    assert last < products[1] < last * above
    changes = certified_changes(net, x, radius, 3, threads=1)
    most = radius * np.array([
        np.linalg.norm(first, 2),
        norms[0] * np.linalg.norm(second[:, active[0]], 2),
        norms[0] * norms[1] * np.linalg.norm(third[:, active[1]], 2),
    ])  # fmt: skip
    assert (changes < most * above ** np.arange(1, 4)).all() and changes[0] > most[0]
    whole = radius * np.cumprod([np.linalg.norm(w, 2) for w in (first, second, third)])
    assert (changes[1:] < 0.95 * whole[1:]).all()


def test_the_first_change_is_exact_in_rational_numbers():
    """‖W (y − x)‖ of a matrix that is a multiple of one row is R times its norm."""
    w = np.array([[3.0, 4.0]])
    net = Network.from_weights([w, np.ones(1)], dtype="float64")
    for radius in (1e-3, 0.1, 7.0):
        (change,) = certified_changes(net, np.array([1.0, 2.0]), radius, 1, threads=1)
        exact = 5 * Fraction(radius)
        assert exact <= Fraction(change) <= exact * (1 + Fraction(1, 10**4))


def test_layers_that_are_off_move_nothing():
    net = Network.from_weights([-np.ones((3, 2)), np.ones((4, 3)), np.ones(4)], dtype="float64")
    x = np.ones(2)
    changes = certified_changes(net, x, 0.5, 2, threads=1)
    assert changes[0] > 0 and changes[1] == 0
    assert certified_products(net, x, 0.5, [(1, 0), (2, 1)], threads=1)[0] == 0


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
def test_they_keep_to_the_scale_of_the_weights(scale):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((6, 5), (6, 6), (1, 6))]
    x = rng.normal(size=5)
    one, other = (
        Network.from_weights([w * s for w in weights], dtype="float64") for s in (1.0, scale)
    )
    a, b = (certified_changes(n, x, 0.2, 2, threads=1) for n in (one, other))
    assert b == pytest.approx(a * [scale, scale**2], rel=1e-6)
    a, b = (certified_products(n, x, 0.2, [(2, 0)], threads=1) for n in (one, other))
    assert b == pytest.approx(np.multiply(a, scale**2), rel=1e-6)


def test_they_have_the_same_bits_on_any_number_of_threads():
    net = Network.random((80, 120, 90, 1), rng=0)
    x = sample_ball(np.zeros(80), 9.0, 1, rng=0)[0]
    one, three = (certified_changes(net, x, 0.5, 2, threads=n) for n in (1, 3))
    assert np.array_equal(one, three)
