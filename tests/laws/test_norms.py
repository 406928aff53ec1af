"""The laws of norms against plain simulations, closed forms and moments."""

import itertools
import math

import numpy as np
import pytest
import reference
from randrelu import laws
from scipy import integrate, special, stats

ALARM = 1e-6  # the false-alarm probability of every test of a law here
NARROW = (3, 4, 2, 5, 1)


def networks(widths, trials, seed):
    """Gradients, values and images of x, of norm √d, for plain networks one after the other."""
    generator = np.random.default_rng(seed)
    x = np.full((1, widths[0]), 1.0)
    gradients, values, images = [], [], []
    for _ in range(trials):
        weights = [
            generator.normal(size=(b, a)) / math.sqrt(a) for a, b in itertools.pairwise(widths)
        ]
        layers = reference.preactivations(weights, x)
        # An image that is 0 leaves nothing but fair coins in the layers after it.
        masks = [np.where(z == 0, generator.random(z.shape) < 0.5, z > 0) for z in layers]
        gradients.append(np.linalg.norm(reference.gradient(weights, masks)))
        values.append(reference.forward(weights, x)[0])
        images.append([np.linalg.norm(np.maximum(z, 0)) / math.sqrt(widths[0]) for z in layers])
    return np.array(gradients), np.array(values), np.array(images)


def test_norms_of_narrow_networks_follow_their_laws():
    gradients, values, images = networks(NARROW, 8000, 0)
    assert laws.gradient_norm_law(NARROW).p_value(gradients) > ALARM
    for layer in (1, 2, 3):
        found = laws.layer_norm_law(NARROW, layer).p_value(images[:, layer - 1])
        assert found > ALARM, layer
    size = laws.output_size_law(NARROW, math.sqrt(3))
    assert size.p_value(np.abs(values)) > ALARM
    # Another law is found: that of f where an active unit is always there.
    assert laws.output_size_law((3, 40, 20, 50, 1), math.sqrt(3)).p_value(np.abs(values)) < ALARM
    alive = gradients > 0
    dead = int(np.sum(~alive))
    expected = 1 - (1 - 2**-4) * (1 - 2**-2) * (1 - 2**-5)
    assert size.zero == pytest.approx(expected, rel=1e-14)
    assert stats.binomtest(dead, alive.size, expected).pvalue > ALARM


def test_the_direction_is_uniform_and_independent_of_the_norm():
    gradients, values, _ = networks(NARROW, 8000, 1)
    alive = gradients > 0
    share = values[alive] ** 2 / (3 * gradients[alive] ** 2)
    assert stats.kstest(share, stats.beta(0.5, 1).cdf).pvalue > ALARM
    large = gradients[alive] > np.median(gradients[alive])
    assert stats.ks_2samp(share[large], share[~large]).pvalue > ALARM


def test_cdf_where_it_is_known():
    """Without hidden layers everything is a χ variable, also of many degrees of freedom."""
    x = np.concatenate([[0, 1e-9, np.inf], np.linspace(0.01, 4, 200)])
    for dim in (1, 2, 7, 300):
        expected = stats.chi(dim).cdf(math.sqrt(dim) * x)
        np.testing.assert_allclose(laws.gradient_norm_law((dim, 1)).cdf(x), expected, atol=1e-10)
        law = laws.output_size_law((dim, 1), 2.0)
        expected = stats.chi(1).cdf(math.sqrt(dim) * x / 2)
        np.testing.assert_allclose(law.cdf(x), expected, rtol=0, atol=1e-10)
    assert laws.gradient_norm_law((3, 1)).cdf(-1.0) == 0


def test_cdf_keeps_its_digits_at_any_width():
    """u = ‖∇f‖² has the density u^{d/2 − 1} e^{−ud/2}, which is summed on a fine grid."""
    half = 10**8 / 2
    t, step = np.linspace(-10, 10, 200_001, retstep=True)  # standard deviations
    off = t / math.sqrt(half)
    density = np.exp((half - 1) * np.log1p(off) - half * off)
    total = np.cumsum((density[1:] + density[:-1]) / 2 * step)
    expected = total / total[-1]
    found = laws.gradient_norm_law((10**8, 1)).cdf(np.sqrt(1 + off[1::1000]))
    # The grid's error is far smaller; u itself is rounded to 10⁻¹² standard deviations.
    np.testing.assert_allclose(found, expected[::1000], rtol=0, atol=1e-9)


def test_cdf_of_one_hidden_layer_is_a_sum_of_integrals():
    """|f|² = χ²_1 χ²_k/n at ‖x‖ = √d: a mixture over k of integrals over the first factor."""
    n, chance = 5, stats.binom(5, 0.5)
    law = laws.output_size_law((9, n, 1), 3.0)
    for size in (0.05, 0.3, 1.0, 2.5):
        expected = chance.pmf(0) + sum(
            chance.pmf(k)
            * integrate.quad(
                lambda z, k=k, size=size: (
                    2 * stats.norm.pdf(z) * special.gammainc(k / 2, n * size**2 / (2 * z**2))
                ),
                0,
                np.inf,
                epsabs=1e-12,
            )[0]
            for k in range(1, n + 1)
        )
        assert law.cdf(size) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "widths", [(7, 3, 1), NARROW, (784, 2048, 2048, 1), (2,) + (16,) * 40 + (1,)]
)
def test_moments_are_those_of_the_cdf_and_the_closed_forms(widths):
    law = laws.gradient_norm_law(widths)
    depth = len(widths) - 2
    assert law.moment(2) == pytest.approx(2.0**-depth, rel=1e-12)
    ratio = (1 + 2 / widths[0]) * math.prod(1 + 5 / w for w in widths[1:-1])
    assert law.moment(4) / law.moment(2) ** 2 == pytest.approx(ratio, rel=1e-12)
    he = laws.gradient_norm_law(widths, init="he")
    assert he.moment(2) == pytest.approx(2, rel=1e-12)  # 2^{ℓ+1} times as large
    # E norm^½ is the integral of the tail: a trapezoidal sum in the logarithm.
    law = laws.output_size_law(widths, 1.0)
    low, high = law.positive.ppf([1e-9, 1 - 1e-9])
    log = np.linspace(math.log(low), math.log(high), 4001)
    tail = (1 - law.cdf(np.exp(log))) * 0.5 * np.exp(log / 2)
    total = np.sum((tail[1:] + tail[:-1]) / 2) * (log[1] - log[0]) + (1 - law.zero) * low**0.5
    assert law.moment(0.5) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize(
    "law", [laws.gradient_norm_law((7, 3, 3, 1)), laws.layer_norm_law(NARROW, 2)]
)
def test_quantiles_invert_the_cdf(law):
    q = np.linspace(law.zero + 1e-6, 1 - 1e-6, 101)
    np.testing.assert_allclose(law.cdf(law.ppf(q)), q, rtol=0, atol=1e-12)
    assert law.ppf(law.zero / 2) == 0 == law.ppf(0) and law.ppf(1) == np.inf
    assert law.cdf(0) == pytest.approx(law.zero, abs=1e-12) and law.positive.cdf(0) < 1e-12


def test_lemma_a_4_follows_its_law():
    k, m, n, trials, generator = 12, 6, 3, 6000, np.random.default_rng(2)
    matrix = np.eye(m)[:, 2 : 2 + n]
    x, angle = np.eye(m)[0], 0.7
    y = math.cos(angle) * x + math.sin(angle) * np.eye(m)[1]
    weights = generator.normal(size=(trials, k, m)) / math.sqrt(m)
    h = generator.normal(size=(trials, k))
    h *= 2 / np.linalg.norm(h, axis=1, keepdims=True)  # L = 2
    differs = (weights @ x > 0).astype(float) - (weights @ y > 0)
    found = np.linalg.norm(np.einsum("tk,tkm->tm", h * differs, weights @ matrix), axis=1)
    law = laws.masked_difference_law(angle, k, m, n)
    assert law.zero == pytest.approx((1 - angle / math.pi) ** k, rel=1e-12)
    assert law.p_value(found / 2) > ALARM > law.p_value(found)
    assert law.moment(2) == pytest.approx(angle / math.pi * n / m, rel=1e-12)
    # No unit differs, but with a probability so small that 1 less it rounds to 1.
    rare = laws.masked_difference_law(math.pi * 1e-18, k, m, n)
    assert rare.zero == 1 and rare.moment(2) == pytest.approx(1e-18 * n / m, rel=1e-12)
    assert rare.p_value(np.zeros(50)) == 1 and rare.p_value(np.r_[np.zeros(50), 0.1]) < ALARM
    assert rare.ppf(0.5) == 0 and rare.ppf(1) == np.inf
    # Opposite points differ in every unit, and the norm is that of n normal numbers.
    opposite = laws.masked_difference_law(math.pi, k, m, n)
    expected = stats.chi(n).cdf(np.array([0.5, 1, 2]) * math.sqrt(m))
    np.testing.assert_allclose(opposite.cdf([0.5, 1, 2]), expected, atol=1e-10)


def test_p_values_of_a_law_are_rarely_small():
    """Drawn from the law itself, zeros and all, at most a share p of the p-values is at most p."""
    law = laws.output_size_law((2, 2, 1, 1), 1.0)
    uniform = np.random.default_rng(3).random((60, 40))
    p = np.array([law.p_value(law.ppf(row)) for row in uniform])
    count = int(np.sum(p <= 0.05))
    assert stats.binomtest(count, p.size, 0.05, alternative="greater").pvalue > ALARM
    assert count > 0


def test_p_values_where_a_norm_of_0_is_all_but_impossible():
    """2^{1−512} is above 0, and scipy's binomial probabilities overflow there."""
    law = laws.gradient_norm_law((196, 512, 512, 1))
    assert 0 < law.zero < 1e-100
    norms = law.ppf((np.arange(50) + 0.5) / 50)
    assert law.p_value(norms) == stats.kstest(norms, law.cdf).pvalue > 0.99  # nothing to correct
    shifted = 1.1 * norms
    assert law.p_value(shifted) == stats.kstest(shifted, law.cdf).pvalue < 0.5
    assert law.p_value(np.r_[0.0, norms]) < 1e-100


def test_limits_of_norms_are_those_of_wide_networks():
    """Against χ laws, and against the exact laws at a width that is far beyond telling."""
    q = np.array([0.01, 0.5, 0.99])
    gradient, output = laws.limit_gradient_norm_law(7, 3), laws.limit_output_size_law(7, 3, 2.0)
    np.testing.assert_allclose(gradient.ppf(q), stats.chi.ppf(q, 7) / math.sqrt(8 * 7), rtol=1e-8)
    np.testing.assert_allclose(output.ppf(q), 2 * stats.chi.ppf(q, 1) / math.sqrt(8 * 7), rtol=1e-8)
    wide = (7, 10**6, 10**6, 10**6, 1)
    # log ‖∇f‖ has ¼ Σ 5/d_i more of variance, so quantiles are off by some 10⁻⁶ of themselves.
    np.testing.assert_allclose(gradient.ppf(q), laws.gradient_norm_law(wide).ppf(q), rtol=1e-4)
    np.testing.assert_allclose(output.ppf(q), laws.output_size_law(wide, 2.0).ppf(q), rtol=1e-4)


def test_limits_of_what_is_no_network_are_refused():
    for dim, depth, error in [(0, 1, ValueError), (5, -1, ValueError), (5, 1.5, TypeError)]:
        with pytest.raises(error, match="must be a"):
            laws.limit_gradient_norm_law(dim, depth)
        with pytest.raises(error, match="must be a"):
            laws.limit_output_size_law(dim, depth, 1.0)
    with pytest.raises(ValueError, match="norm must be a positive number"):
        laws.limit_output_size_law(5, 1, 0.0)
