"""The fits of the study of depth, of shares whose law is known."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from randrelu.studies.depth import agreement, fits, narrowing, powers, tail

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
    found = powers.power_law(counts(power, constant, 100_000))
    assert found.slope.value == pytest.approx(power, abs=1e-6)
    assert found.constant == pytest.approx(constant, rel=1e-5)
    assert found.slope.low < power < found.slope.high
    np.testing.assert_allclose(found.depths, constant * np.array(DIMS) ** power, rtol=1e-5)
    assert found.p_value > 0.999


def test_intervals_cover_as_often_as_they_say():
    generator = np.random.default_rng(3)
    found = [powers.power_law(counts(0.5, 2.0, 60, generator=generator)) for _ in range(60)]
    covered = sum(law.slope.holds(0.5) for law in found)
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
        assert powers.power_law(some) is None
    assert powers.power_law(seen.where(seen.dim == 16)) is None


def test_the_deviance_is_that_of_binomial_likelihoods():
    n, hits, share = np.array([9.0, 9, 30]), np.array([0.0, 9, 12]), np.array([0.2, 0.9, 0.3])
    law = scipy.stats.binom
    expected = 2 * (law(n, hits / n).logpmf(hits) - law(n, share).logpmf(hits)).sum()
    assert fits.deviance(n, hits, share) == pytest.approx(expected, rel=1e-12)


def test_the_collapse_is_refuted_where_there_is_none():
    generator = np.random.default_rng(1)
    # Whatever the curve is, and with one of another form than that of the fits.
    for steep in (1.0, 1.7):
        agree = [
            agreement.collapse(counts(0.5, 2.0, 400, generator=generator, steep=steep))
            for _ in range(200)
        ]
        p_values = [test.p_value for test in agree]
        assert scipy.stats.kstest(p_values, "uniform").pvalue > 1e-3
        assert agree[0].freedom % 2 == 0 and agree[0].largest_gap < 0.2
    other = agreement.collapse(counts(1.0, 0.5, 500, generator=generator))
    assert other.p_value < 1e-9 and other.largest_gap > 0.1
    some = counts(0.5, 2.0, 400)
    assert agreement.collapse(some.where(some.dim == 16)) is None


def test_a_law_is_refuted_as_often_as_its_p_value_says():
    generator = np.random.default_rng(4)
    some = counts(0.5, 2.0, 100)  # the largest shares are nearly 1, the smallest 0.04

    def p_value(truth, law):
        drawn = generator.binomial(100, truth).astype(float)
        return agreement.chance_of(dataclasses.replace(some, successes=drawn), law)

    p_values = [p_value(some.share, some.share) for _ in range(60)]
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 1e-3
    assert p_value(some.share, some.share**1.5) < agreement.REFUTED
    assert p_value(np.zeros(21), np.zeros(21)) == 1.0
    assert p_value(np.full(21, 0.5), np.zeros(21)) == 1e-4  # of 9,999 draws none is as far off


def test_the_power_far_beyond_the_crossover_is_found():
    found = tail.tail(counts(0.5, 2.0, 10**6, steep=0.8))
    assert found.common.value == pytest.approx(0.8, abs=1e-3)
    assert found.common.low < 0.8 < found.common.high and set(found.each) == {16, 64, 256}
    assert found.p_value > 0.999
    # One power for all does not do where those of the d differ.
    parts = [counts(0.5, 2.0, 4000, steep=s).where(counts(0.5, 2.0, 1).dim == d)
             for s, d in ((0.6, 16), (1.2, 256))]  # fmt: skip
    names = fits.Counts.__dataclass_fields__
    mixed = fits.Counts(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
    found = tail.tail(mixed)
    assert found.p_value < 1e-9
    assert found.each[16].value == pytest.approx(0.6, abs=0.01)
    assert found.each[256].value == pytest.approx(1.2, abs=0.01)
    assert tail.tail(mixed.where(mixed.ratio < 4)) is None


def test_one_power_far_beyond_is_refuted_as_often_as_its_p_value_says():
    generator = np.random.default_rng(6)
    found = [tail.tail(counts(0.5, 2.0, 400, generator=generator)) for _ in range(60)]
    assert scipy.stats.kstest([f.p_value for f in found], "uniform").pvalue > 1e-3
    covered = sum(f.common.holds(1) for f in found)
    assert covered >= scipy.stats.binom(60, 0.95).ppf(0.001)


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
    assert found.gamma.value == pytest.approx(gamma, abs=0.01)
    assert found.power == pytest.approx(0.4, abs=0.02)
    assert found.scale == pytest.approx(0.7, rel=0.1)
    low, high = found.gamma.low, found.gamma.high
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
