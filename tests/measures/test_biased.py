"""The measures around a point on networks with biases, against plain NumPy."""

import numpy as np
import pytest
import reference
from randrelu import (
    Network,
    flips,
    gradient_decomposition,
    gradient_deviation,
    sample_ball,
    worst_flips,
)
from randrelu.measures.masked_product import masked_product_norm

SHAPES = [(20, 30, 40, 25, 1), (50, 1, 7, 1), (9, 1), (7, 64, 1)]
EPS = float(np.finfo(float).eps)


def biased(shape, seed=3, **keywords):
    return Network.random(shape, rng=seed, bias=0.7, **({"dtype": "float64"} | keywords))


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def masks_at(weights, x, biases):
    return [z > 0 for z in reference.preactivations(weights, np.atleast_2d(x), biases)]


def term_bound(weights):
    """A bound on the rounding of ∇f(x), ∇f(y) and every term between, whatever the masks."""
    ones = [np.ones((1, len(w))) for w in weights[:-1]]
    return (2 * len(weights) * reference.gradient_bound(weights, ones, float))[0]


# --- the ball


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("radius", [0.3, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_flips_and_deviations_agree_with_two_plain_passes(shape, radius, storage):
    net = biased(shape, storage=storage)
    (weights, biases), x = reference.layers(net), point(net)
    radius *= np.linalg.norm(x)
    y = sample_ball(x, radius, 200, rng=1)
    here, there = masks_at(weights, x, biases), masks_at(weights, y, biases)
    expected = np.zeros((200, net.depth))
    for i, (a, b) in enumerate(zip(here, there, strict=True)):
        expected[:, i] = (a != b).sum(axis=1)
    assert np.array_equal(flips(net, x, radius, 200, rng=1).counts, expected)
    assert np.array_equal(flips(net, x, points=y).counts, expected)

    exact = reference.gradient(weights, here) - reference.gradient(weights, there)
    exact = exact + np.zeros((200, 1))  # without hidden layers one gradient is all
    bound = np.linalg.norm(term_bound(weights))
    for found in (
        gradient_deviation(net, x, radius, 200, rng=1),
        gradient_deviation(net, x, points=y, terms=True),
    ):
        assert (np.abs(found.norms - np.linalg.norm(exact, axis=1)) <= bound).all()
        size = np.linalg.norm(reference.gradient(weights, here)[0])
        assert abs(found.grad_norm - size) <= bound
    for k in (0, 199):
        terms = gradient_decomposition(net, x, y[k])
        assert (np.abs(terms.sum(axis=0) - exact[k]) <= term_bound(weights)).all()
        assert (np.abs(found.terms[k] - np.linalg.norm(terms, axis=1)) <= bound).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_flips_are_right_where_rounding_leaves_no_doubt(shape):
    net = biased(shape, dtype="float32")
    (weights, biases), x = reference.layers(net), point(net)
    y = sample_ball(x, 0.5 * np.linalg.norm(x), 400, rng=2)
    z = reference.preactivations(weights, y, biases)
    bounds = reference.preactivation_bounds(weights, y, "float32", biases)
    sure = np.ones(400, bool)
    expected = np.zeros((400, net.depth))
    for i, (a, layer) in enumerate(zip(masks_at(weights, x, biases), z, strict=True)):
        sure &= (np.abs(layer) > 2 * bounds[i]).all(axis=1)
        expected[:, i] = (a != (layer > 0)).sum(axis=1)
    assert sure.mean() > 0.9
    assert np.array_equal(flips(net, x, points=y).counts[sure], expected[sure])


@pytest.mark.parametrize("shape", [(4, 6, 5, 1), (20, 30, 40, 25, 1)])
def test_image_angles_are_those_between_the_images(shape):
    net = biased(shape)
    (weights, biases), x = reference.layers(net), point(net)
    y = sample_ball(x, 2.0, 50, rng=1)
    found = flips(net, x, points=y).image_angles
    both = np.vstack([x, y])
    bounds = reference.preactivation_bounds(weights, both, float, biases)
    z = reference.preactivations(weights, both, biases)
    images = [(both, EPS * np.abs(both))]
    images += [(np.maximum(a, 0), 2 * b) for a, b in zip(z, bounds, strict=False)]
    for i in range(net.depth):
        a, error = images[i]
        norms = np.linalg.norm(a, axis=1)
        unit = a / norms[:, np.newaxis]
        apart, along = (np.linalg.norm(unit[1:] + s * unit[0], axis=1) for s in (-1, 1))
        relative = np.linalg.norm(error, axis=1) / norms
        # The angle of two units that are off by so much, and what taking it rounds.
        limit = 4 * (relative[0] + relative[1:]) + 4 * (a.shape[1] + 4) * EPS
        assert (np.abs(found[:, i] - 2 * np.arctan2(apart, along)) <= limit).all()


@pytest.mark.parametrize("shape", [(2, 9, 9, 1), (6, 8, 7, 5, 1), (6, 30, 20, 40, 1)])
def test_the_decomposition_is_that_of_the_paper(shape):
    net = biased(shape, 8)
    (weights, biases), x = reference.layers(net), point(net)
    y = x + 0.5 * point(net, 1)
    at_x, at_y = masks_at(weights, x, biases), masks_at(weights, y, biases)
    terms = gradient_decomposition(net, x, y)
    assert terms.any()
    for j, term in enumerate(terms):
        row = weights[-1]
        for i in reversed(range(net.depth)):
            change = 1.0 * at_x[i] - at_y[i] if i == j else (at_x[i] if i > j else at_y[i])
            row = (row * change) @ weights[i]
        assert (np.abs(term - row[0]) <= term_bound(weights)).all()


def test_x_may_be_0_where_there_are_biases():
    net = biased((6, 30, 20, 1))
    (weights, biases), x = reference.layers(net), np.zeros(6)
    y = sample_ball(x, 1.0, 30, rng=0)
    found = flips(net, x, points=y)
    here, there = masks_at(weights, x, biases), masks_at(weights, y, biases)
    for i in range(2):
        assert np.array_equal(found.counts[:, i], (here[i] != there[i]).sum(axis=1))
    assert np.isnan(found.angles).all() and np.isfinite(found.image_angles[:, 1]).all()
    assert 0 < found.counts[:, 0].max() < 30


def test_laws_are_told_of_random_networks_without_biases_only():
    random = Network.random((6, 30, 20, 1), rng=0)
    weights = [random.weights(i) for i in (1, 2, 3)]
    x = point(random)
    for net, lawful in [
        (random, True),
        (Network.random((6, 30, 20, 3), rng=0).margin(0, 2), True),
        (biased((6, 30, 20, 1)), False),
        (Network.random((6, 30, 20, 1), rng=0, bias=0.1, storage="deferred"), False),
        (Network.from_weights(weights), False),
        (Network.from_weights(weights, [None, None, [1.0]]), False),
    ]:
        counted, deviating = flips(net, x, 1.0, 9, rng=0), gradient_deviation(net, x, 1.0, 9, rng=0)
        of_flips = {"layer", "width", "mean", "q05", "median", "q95", "max"}
        of_deviations = {"norm", "relative"}
        if lawful:
            assert counted.predicted.shape == counted.conditional.shape == (2,)
            assert deviating.predicted.shape == (9,)
            of_flips |= {"predicted", "conditional"}
            of_deviations |= {"predicted"}
        else:
            assert counted.predicted is counted.conditional is deviating.predicted is None
        assert set(counted.columns()) == set(counted.to_frame().columns) == of_flips
        assert set(deviating.columns()) == set(deviating.to_frame().columns) == of_deviations
        assert ("predicted" in repr(counted)) == ("predicted" in repr(deviating)) == lawful
        empty = flips(net, x, 1.0, 0, rng=0)
        assert (empty.predicted is not None) == lawful and np.isnan(empty.mean).all()


# --- worst flips, and masked products


@pytest.mark.parametrize("relative", [0.05, 0.5])
def test_worst_flips_are_attained_and_certified(relative):
    net = biased((2, 200, 300, 1), 1)
    (weights, biases), x = reference.layers(net), point(net)
    radius = relative * np.linalg.norm(x)
    angle = np.linspace(0, 2 * np.pi, 200)
    disc = x + radius * np.linspace(0.1, 1 - 1e-9, 10)[:, None, None] * np.stack(
        [np.cos(angle), np.sin(angle)], axis=1
    )
    here = masks_at(weights, x, biases)
    there = masks_at(weights, disc.reshape(-1, 2), biases)
    for layer in (1, 2):
        worst = worst_flips(net, x, radius, layer=layer)
        shown = masks_at(weights, worst.point, biases)[layer - 1]
        assert worst.attained == (here[layer - 1] != shown).sum() > 0
        assert np.linalg.norm(worst.point - x) <= radius
        most = (here[layer - 1] != there[layer - 1]).sum(axis=1).max()
        assert 0 < most <= worst.certified and worst.attained <= worst.certified
        if layer == 1:
            distance = np.abs(weights[0] @ x + biases[0]) / np.linalg.norm(weights[0], axis=1)
            assert worst.certified == (distance <= radius).sum()


@pytest.mark.parametrize(("shift", "flipped"), [(-0.5, 40), (-1.5, 0), (1.5, 0)])
def test_biases_move_the_boundaries_into_the_ball_or_out_of_it(shift, flipped):
    """One direction crosses all boundaries, at a distance that the biases set."""
    w = np.tile(np.arange(1.0, 6), (40, 1))
    net = Network.from_weights([w, np.ones(40)], [np.full(40, shift) * np.sqrt(55), None])
    worst = worst_flips(net, np.zeros(5), 1.0, layer=1)
    assert worst.attained == worst.certified == flipped


@pytest.mark.parametrize("shape", [(4, 6, 5, 1), (20, 30, 40, 25, 1)])
def test_masked_products_have_the_norms_of_their_matrices(shape):
    net = biased(shape)
    (weights, biases), x = reference.layers(net), point(net)
    masks = masks_at(weights, x, biases)
    for j in range(net.depth):
        product = np.eye(shape[j])
        for i in range(j + 1, net.depth + 1):
            product = masks[i - 1].T * (weights[i - 1] @ product)
            exact = np.linalg.norm(product, 2)
            # What the docstring promises: to 1e-6, and never too large but by rounding.
            assert exact * (1 - 1e-6) <= masked_product_norm(net, x, j, i) <= exact * (1 + 1e-12)
