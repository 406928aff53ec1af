"""The fits of the study of depth, of shares whose law is known."""

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from randrelu.studies.depth import fits, narrowing

DIMS, RATIOS = (16, 64, 256), 2.0 ** np.arange(-2, 5)


def counts(power, constant, networks, *, generator=None, steep=1.0):
    """Networks of which half have a success at constant · d^power."""
    dim, ratio = (a.ravel() for a in np.meshgrid(np.array(DIMS, float), RATIOS, indexing="ij"))
    depth = ratio * constant * dim**power
    level = scipy.stats.halfnorm.ppf(0.5) * ratio**-steep
    share = scipy.stats.halfnorm.cdf(level)
    n = np.full(dim.size, float(networks))
    hits = n * share if generator is None else generator.binomial(networks, share)
    return fits.Counts(dim, depth, np.full(dim.size, np.inf), n, hits.astype(float))


@pytest.mark.parametrize(("power", "constant"), [(0.5, 2.0), (1.7, 0.3), (0.0, 9.0)])
def test_the_power_is_found(power, constant):
    found = fits.power_law(counts(power, constant, 100_000))
    assert found.slope == pytest.approx(power, abs=1e-6)
    assert found.constant == pytest.approx(constant, rel=1e-5)
    assert found.slope_interval[0] < power < found.slope_interval[1]
    np.testing.assert_allclose(found.depths, constant * np.array(DIMS) ** power, rtol=1e-5)
    assert found.p_value > 0.999


def test_intervals_cover_as_often_as_they_say():
    generator = np.random.default_rng(3)
    found = [fits.power_law(counts(0.5, 2.0, 60, generator=generator)) for _ in range(60)]
    covered = sum(law.slope_interval[0] <= 0.5 <= law.slope_interval[1] for law in found)
    # At a coverage of 95 % it is below 50 in 0.1 % of the cases.
    assert covered >= scipy.stats.binom(60, 0.95).ppf(0.001)
    # The deviations from the line are of the size that their errors say.
    assert scipy.stats.kstest([law.p_value for law in found], "uniform").pvalue > 1e-3


def test_a_fit_has_the_largest_likelihood():
    generator = np.random.default_rng(0)
    some = counts(0.5, 2.0, 40, generator=generator).where(np.arange(21) < 7)
    x = np.log(some.depth)
    design = np.stack([np.ones_like(x), -x], axis=1)

    def loss(beta):
        share = scipy.stats.halfnorm.cdf(np.exp(design @ beta))
        return -scipy.stats.binom(40, share).logpmf(some.successes).sum()

    best = scipy.optimize.minimize(loss, [0, 1], method="Nelder-Mead", options={"xatol": 1e-8})
    found = fits.fitted(design, some.networks, some.successes[np.newaxis], fits.HALF_NORMAL)[0]
    np.testing.assert_allclose(found, best.x, atol=1e-4)
    assert loss(found) <= best.fun + 1e-9

    def logistic(beta):
        share = 1 / (1 + np.exp(-design @ beta))
        return -scipy.stats.binom(40, share).logpmf(some.successes).sum()

    best = scipy.optimize.minimize(logistic, [0, 1], method="Nelder-Mead")
    found = fits.fitted(design, some.networks, some.successes[np.newaxis], fits.LOGISTIC)[0]
    np.testing.assert_allclose(found, best.x, atol=1e-3)


def test_no_crossover_where_none_is_seen():
    seen = counts(0.5, 2.0, 100)
    for some in (seen.where(seen.share > 0.5), seen.where(seen.share < 0.4)):
        assert fits.power_law(some) is None
    assert fits.power_law(seen.where(seen.dim == 16)) is None


def test_the_collapse_is_refuted_where_there_is_none():
    generator = np.random.default_rng(1)
    agree = [fits.collapse(counts(0.5, 2.0, 50, generator=generator)).p_value for _ in range(200)]
    assert scipy.stats.kstest(agree, "uniform").pvalue > 1e-3
    other = fits.collapse(counts(0.8, 2.0, 500, generator=generator))
    assert other.p_value < 1e-9 and other.freedom == 4 and other.largest_gap > 0.1


def narrowed(gamma, networks, generator=None):
    """Shares at several widths that follow the fit with γ, and those of the limit."""
    points = [
        (d, ratio * math.sqrt(d), k)
        for d in DIMS
        for ratio in (0.5, 1, 2)
        for k in (16, 64, 256, 1024, 4096, np.inf)
    ]
    dim, depth, width = np.array(points).T
    level = 1.4 * np.sqrt(dim) / depth * (1 + 0.7 * depth * dim**gamma / width) ** -0.4
    share = scipy.stats.halfnorm.cdf(level)
    n = np.full(dim.size, float(networks))
    hits = n * share if generator is None else generator.binomial(networks, share)
    return fits.Counts(dim, depth, width, n, hits.astype(float))


@pytest.mark.parametrize("gamma", [1.0, 0.0, 0.6])
def test_what_governs_finite_widths_is_found(gamma):
    # Not 10⁵ networks, of which resampled ones would take the optimizer to its last digits.
    found = narrowing.narrowing(narrowed(gamma, 10_000))
    assert found.gamma == pytest.approx(gamma, abs=0.01)
    assert found.power == pytest.approx(0.4, abs=0.02)
    assert found.scale == pytest.approx(0.7, rel=0.1)
    low, high = found.gamma_interval
    assert low < gamma < high and high - low < 0.2
    best = min(found.deviances["ld/k"], found.deviances["l/k"])
    assert found.deviances["free"] < 1 and found.deviances["free"] <= best + 1e-6
    if gamma != 0.6:
        assert (found.deviances["ld/k"] < found.deviances["l/k"]) == (gamma == 1.0)


def test_the_deviance_of_a_true_fit_is_that_of_its_degrees_of_freedom():
    found = narrowing.narrowing(narrowed(1.0, 300, np.random.default_rng(2)))
    assert 1e-3 < scipy.stats.chi2(found.freedom).sf(found.deviances["free"]) < 1 - 1e-3


def test_too_few_points_have_no_fit():
    some = narrowed(1.0, 10)
    assert narrowing.narrowing(some.where(some.dim == 16)) is None
    assert narrowing.narrowing(some.where(some.width == 64)) is None
