"""One gradient step on limit networks has the closed-form law of a step at infinite width."""

import numpy as np
import pytest
from randrelu import LimitNetwork, gradient_step, laws
from scipy import stats

# The false-alarm probability of every test of a law here; there are 30.
ALARM = 1e-6
TRIALS = 1000
SHAPES = pytest.mark.parametrize(("dim", "depth"), [(1, 2), (7, 1), (37, 3), (784, 2), (50, 12)])


def steps(dim, depth, size=None, **keywords):
    """f after ÷ f before, ‖η∇f‖/‖x‖ and f of a step from one point on each of many networks."""
    x, rows = np.random.default_rng(dim).normal(size=dim), []
    for seed in range(TRIALS):
        net, eta = LimitNetwork(dim, depth, rng=seed, **keywords), "linear"
        if size is not None:
            f, gradient = net.value_and_gradient(x)
            eta = -np.sign(f) * size * np.linalg.norm(x) / np.linalg.norm(gradient)
        found = gradient_step(net, x, eta=eta)
        rows.append((found.f_after / found.f_before, found.relative_norm, found.f_before))
    return np.array(rows).T


@pytest.mark.statistics
@SHAPES
def test_the_linear_step(dim, depth):
    ratio, size, f = steps(dim, depth)
    if dim > 1:
        sizes = stats.beta(0.5, (dim - 1) / 2)
        assert stats.kstest((size / 2) ** 2, sizes.cdf).pvalue > ALARM
    else:
        np.testing.assert_allclose(size, 2, rtol=1e-14)
    law = laws.limit_step(dim, depth)
    assert stats.kstest(ratio, law.cdf).pvalue > ALARM
    # So many tell three times the depth apart.
    assert stats.kstest(ratio, laws.limit_step(dim, 3 * depth).cdf).pvalue < ALARM
    for level, share in ((0, law.flips), (-1, law.succeeds)):
        assert stats.binomtest(int(np.sum(ratio <= level)), TRIALS, share).pvalue > ALARM
    norm = np.linalg.norm(np.random.default_rng(dim).normal(size=dim))
    assert stats.kstest(np.abs(f), laws.limit_output_size_law(dim, depth, norm).cdf).pvalue > ALARM


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth", "size"), [(7, 1, 0.3), (37, 3, 1.5), (784, 2, 0.05)])
def test_a_step_of_one_size(dim, depth, size):
    ratio, found, _ = steps(dim, depth, size)
    np.testing.assert_allclose(found, size, rtol=1e-12)
    assert stats.kstest(ratio, laws.limit_step(dim, depth, size=size).cdf).pvalue > ALARM


@pytest.mark.statistics
def test_the_scale_of_the_weights_changes_nothing():
    ratio, _, _ = steps(37, 3, init="he")
    assert stats.kstest(ratio, laws.limit_step(37, 3).cdf).pvalue > ALARM


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth"), [(7, 1), (37, 3)])
def test_the_value_after_any_step_given_all_that_is_known_at_a_point(dim, depth):
    """Standardised by `limit_value_after` it is standard normal, wherever the step leads."""
    x, z = np.ones(dim), []
    for seed in range(1, TRIALS + 1):
        net, eta = LimitNetwork(dim, depth, rng=seed), 0.4 * np.sin(seed) * 2.0**depth
        f, gradient = net.value_and_gradient(x)
        given = (eta, f, np.linalg.norm(gradient), dim, depth, np.sqrt(dim))
        mean, deviation = laws.limit_value_after(*given)
        z.append((net.forward(x + eta * gradient) - mean) / deviation)
    assert stats.kstest(z, "norm").pvalue > ALARM
    assert stats.kstest(1.5 * np.array(z), "norm").pvalue < 1e-3
