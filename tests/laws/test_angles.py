"""The arc-cosine map, and what follows from it, against definitions and simulations."""

import itertools
import math

import numpy as np
import pytest
import reference
from randrelu import laws


def test_arc_cosine_map_keeps_its_digits():
    """Against the defining formula in extended precision, down to tiny angles."""
    angles = np.array([0, 1e-12, 1e-6, 1e-3, 0.049, 0.051, 0.5, 1.5, 3, np.pi])
    theta = angles.astype(np.longdouble)
    pi = np.longdouble("3.14159265358979323846264338327950288")
    series = theta**3 / 3 - theta**5 / 30 + theta**7 / 840 - theta**9 / 45360
    rest = np.where(theta < 0.1, series, np.sin(theta) - theta * np.cos(theta))
    expected = 2 * np.arcsin(np.sqrt(np.sin(theta / 2) ** 2 - rest / (2 * pi)))
    np.testing.assert_allclose(laws.next_angle(angles), expected.astype(float), rtol=1e-14)
    plain = np.arccos((np.sin(theta) + (pi - theta) * np.cos(theta)) / pi)[5:]
    np.testing.assert_allclose(laws.next_angle(angles)[5:], plain.astype(float), rtol=1e-10)
    fractions = laws.flip_fractions(angles, 2)
    np.testing.assert_allclose(fractions[:, 0], angles / np.pi)
    np.testing.assert_allclose(fractions[:, 1], laws.next_angle(angles) / np.pi)


def test_sine_excess_where_its_terms_cancel():
    x = np.array([0, 1e-9, 1e-4, 0.049, 0.051, math.pi])
    exact = x**3 / 3 - x**5 / 30 + x**7 / 840 - x**9 / 45360
    # The first term left out is x⁶/15120 of the whole; beyond 0.05, rounding is 3ε/x² of it.
    assert laws.sine_excess(x)[:-1] == pytest.approx(exact[:-1], rel=1e-11)
    assert laws.sine_excess(x)[-1] == pytest.approx(math.pi)


def pairs(widths, angle, trials, seed):
    """Fresh plain networks, and two points of norm √d at an angle."""
    generator = np.random.default_rng(seed)
    d = widths[0]
    x = np.zeros((2, d))
    x[0, 0], x[1, :2] = 1, (math.cos(angle), math.sin(angle))
    for _ in range(trials):
        weights = [
            generator.normal(size=(b, a)) / math.sqrt(a) for a, b in itertools.pairwise(widths)
        ]
        layers = reference.preactivations(weights, math.sqrt(d) * x)
        masks = [np.where(z == 0, generator.random(z.shape[1]) < 0.5, z > 0) for z in layers]
        yield weights, layers, masks


def test_gradients_of_one_hidden_layer_differ_as_predicted_at_any_width():
    angle, trials = 0.9, 20_000
    squares = np.empty(trials)
    for k, (weights, _, masks) in enumerate(pairs((4, 3, 1), angle, trials, 0)):
        squares[k] = np.sum(np.diff(reference.gradient(weights, masks), axis=0) ** 2)
    expected = 0.5 * laws.gradient_deviation(angle, 1)  # E‖∇f‖² = ½
    assert abs(squares.mean() - expected) < 5 * squares.std() / math.sqrt(trials)
    assert laws.gradient_deviation(angle, 1) == pytest.approx(2 * angle / math.pi)
    np.testing.assert_allclose(laws.gradient_deviation([0, math.pi], 3), [0, 2])
    assert laws.gradient_deviation(0.3, 0) == 0


def test_gradients_of_wide_networks_differ_as_predicted():
    angle, trials, width = 0.6, 600, 300
    squares = np.empty(trials)
    for k, (weights, _, masks) in enumerate(pairs((60, width, width, 1), angle, trials, 1)):
        squares[k] = 4 * np.sum(np.diff(reference.gradient(weights, masks), axis=0) ** 2)
    expected = laws.gradient_deviation(angle, 2)
    # The limit's error is of the order 1/width.
    assert abs(squares.mean() - expected) < 5 * squares.std() / math.sqrt(trials) + 1 / width
    assert 5 * squares.std() / math.sqrt(trials) < 0.2 * expected  # the bound says something


def test_the_first_term_is_exact_at_any_width():
    angle, trials = 0.9, 20_000
    squares = np.empty(trials)
    for k, (weights, _, (first, second)) in enumerate(pairs((3, 4, 2, 1), angle, trials, 2)):
        change = first[0].astype(float) - first[1]
        term = ((weights[2][0] * second[0]) @ weights[1] * change) @ weights[0]
        squares[k] = 4 * term @ term
    expected = laws.gradient_terms(angle, 2)[0]
    assert expected == pytest.approx(2 * angle / math.pi)
    assert abs(squares.mean() - expected) < 5 * squares.std() / math.sqrt(trials)


def test_flips_are_binomial_given_the_images():
    """Narrow layers: the sum over networks of the counts against that of independent binomials."""
    flips, shares = [], []
    for _, layers, masks in pairs((5, 6, 4, 1), 0.8, 20_000, 3):
        x, y = np.maximum(layers[0], 0)
        lengths = np.linalg.norm(x), np.linalg.norm(y)
        if min(lengths) > 0:
            angle = math.acos(min(1.0, x @ y / math.prod(lengths)))
        else:
            angle = math.pi / 2 if max(lengths) > 0 else 0.0
        flips.append(np.sum(masks[1][0] != masks[1][1]))
        shares.append(float(laws.flips_given_images(angle)))
    counts, p = np.array(flips), np.array(shares)
    # Standardised by the conditional law, whose mean and variance over the networks are these.
    z = (counts - 4 * p).sum() / np.sqrt((4 * p * (1 - p)).sum())
    assert abs(z) < 5
    square = ((counts - 4 * p) ** 2 - 4 * p * (1 - p)).sum()
    assert abs(square) < 5 * np.std((counts - 4 * p) ** 2) * np.sqrt(counts.size)
    # The limit's prediction is no substitute at this width.
    limit = laws.flip_fractions(0.8, 2)[1]
    assert abs((counts - 4 * limit).sum()) > 5 * np.sqrt((4 * p * (1 - p)).sum())
