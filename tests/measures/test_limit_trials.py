"""Steps on many limit networks at once, against limit networks one by one, and known laws."""

import time

import numpy as np
import pytest
import randrelu as rr
from randrelu.measures.limit_trials import attack_limit_networks
from scipy import stats

# The false-alarm probability of each of the 24 two-sample tests here.
ALARM = 1e-6
COLUMNS = ("f_before", "f_after", "grad_norm", "relative_norm", "eta")


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth"), [(5, 1), (60, 3)])
@pytest.mark.parametrize("eta", ["linear", -3.0])
def test_the_outcomes_have_the_law_of_limit_networks(dim, depth, eta):
    x = 0.7 * np.random.default_rng(0).normal(size=dim)
    many = attack_limit_networks(x, depth, 1000, eta=eta, rng=0)
    single = [
        rr.gradient_step(rr.LimitNetwork(dim, depth, rng=seed), x, eta=eta) for seed in range(1000)
    ]
    for name in COLUMNS:
        found = [getattr(one, name) for one in single]
        assert stats.ks_2samp(getattr(many, name), found).pvalue > ALARM, name
    products = [one.f_before * one.f_after for one in single]
    assert stats.ks_2samp(many.f_before * many.f_after, products).pvalue > ALARM
    assert many.x_adv.shape == (1000, dim)
    np.testing.assert_allclose(
        np.linalg.norm(many.x_adv - x, axis=1), many.relative_norm * np.linalg.norm(x)
    )


def test_a_linear_function_is_reflected():
    a = attack_limit_networks(np.ones(30), 0, 100, rng=0)
    np.testing.assert_allclose(a.f_after, -a.f_before, rtol=1e-12, atol=1e-15)
    assert a.sign_flipped.all()


@pytest.mark.statistics
def test_the_linear_step_flips_as_often_as_its_law_says():
    """By quadrature .95199 flip and .16975 reach −f at d = 10, ℓ = 1; .014858 at d = 784, ℓ = 2."""
    a = attack_limit_networks(np.ones(10), 1, 100_000, rng=1)
    b = [attack_limit_networks(np.ones(784), 2, 10_000, rng=seed).success for seed in range(10)]
    for found, share in (
        (a.sign_flipped, 0.95199), (a.success, 0.16975), (np.array(b), 0.014858)
    ):  # fmt: skip
        assert abs(found.mean() - share) < 5 * np.sqrt(share * (1 - share) / 100_000)


def test_it_takes_microseconds():
    x, start = np.ones(784), time.perf_counter()
    attack_limit_networks(x, 3, 1000, rng=0)
    assert time.perf_counter() - start < 1  # some 30 ms


def test_arguments():
    assert attack_limit_networks(np.ones(3), 2, 0, rng=0).f_after.shape == (0,)
    one, other = (attack_limit_networks(np.ones(3), 2, 5, rng=3) for _ in range(2))
    assert (one.f_after == other.f_after).all()
    for change, message in [
        ({"x": np.zeros(3)}, "x must not be 0"),
        ({"x": np.ones((2, 3))}, "x must have shape|single point"),
        ({"depth": -1}, "depth must be at least 0"),
        ({"trials": 1.5}, "trials must be an integer"),
        ({"eta": "exact"}, "eta must be one of 'linear'"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            attack_limit_networks(**({"x": np.ones(3), "depth": 2, "trials": 5} | change))
