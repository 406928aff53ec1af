"""The linear step at any width and in the limit, against plain simulations and other integrals."""

import math

import numpy as np
import pytest
from randrelu import Network, gradient_step, laws
from scipy import integrate, stats

ALARM = 1e-6


def plain_steps(dim, width, trials, generator, eta=None):
    """f, ‖∇f‖ and f(x + η∇f) of plain networks of one hidden layer, η = −2f/‖∇f‖² by default."""
    x, found = np.ones(dim), []
    for _ in range(trials):
        w = generator.normal(size=(width, dim)) / math.sqrt(dim)
        v = generator.normal(size=width) / math.sqrt(width)
        z = w @ x
        gradient = (v * (z > 0)) @ w
        f, slope = v @ np.maximum(z, 0), gradient @ gradient
        step = (-2 * f / slope if slope else 0.0) if eta is None else eta
        found.append((f, math.sqrt(slope), v @ np.maximum(w @ (x + step * gradient), 0)))
    return np.array(found).T


@pytest.mark.parametrize(("dim", "width"), [(1, 3), (2, 1), (5, 2), (4, 30)])
def test_linear_steps_are_drawn_from_their_law(dim, width):
    trials, generator = 8000, np.random.default_rng(dim)
    plain = plain_steps(dim, width, trials, generator)
    drawn = np.array(laws.sample_linear_step(dim, width, trials, np.random.default_rng(9)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [np.nan_to_num(f[2] / f[0], nan=3.0) for f in (plain, drawn)]
    for a, b in [*zip(plain, drawn, strict=True), ratios]:
        # Rounding must not tell values apart that are equal, −f where no unit flips among them.
        assert stats.ks_2samp(np.round(a, 9), np.round(b, 9)).pvalue > ALARM
    for given in (plain, drawn):
        alive = given[1] > 0
        assert (given[2][~alive] == 0).all() and (given[0][~alive] == 0).all()


def test_draws_do_not_depend_on_how_they_are_split():
    f, slope, after = laws.sample_linear_step(3, 2**20, 3, np.random.default_rng(0))
    assert f.shape == slope.shape == after.shape == (3,)
    assert laws.sample_linear_step(3, 5, 0, np.random.default_rng(0))[0].shape == (0,)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("dim", [2, 3, 10, 1000])
def test_the_limit_of_linear_steps_is_the_double_integral(dim, depth):
    """By quantiles of both variables, and the conditional law of `limit_step`, on a fine grid."""
    n = 600
    middle = (np.arange(n) + 0.5) / n
    cosine = np.sqrt(stats.beta.ppf(middle, 0.5, (dim - 1) / 2))[:, np.newaxis]
    slope = stats.chi.ppf(middle, dim) / math.sqrt(dim) * 2.0 ** (-depth / 2)
    norm = math.sqrt(dim)
    f = cosine * slope * norm
    mean, deviation = laws.limit_step(-2 * f / slope**2, f, slope, dim, depth, norm)
    flips = stats.norm.cdf(-mean / deviation).mean()
    succeeds = stats.norm.cdf((-f - mean) / deviation).mean()
    # The midpoint rule's error for monotone integrands in [0, 1] is at most 1/(2n) a variable.
    assert laws.limit_linear_step(dim, depth) == pytest.approx((flips, succeeds), abs=1 / n)


@pytest.mark.parametrize(("dim", "depth"), [(2, 1), (7, 3), (30, 40)])
def test_the_quadrature_of_the_limit_converges(dim, depth):
    def integrand(q, offset):
        rho = math.sqrt(stats.beta.ppf(q, 0.5, (dim - 1) / 2))
        angle = 2 * math.asin(rho)
        kernel, shared = laws.limit_kernel(angle, depth)
        square = 1 - kernel**2 - shared**2 * math.sin(angle) ** 2
        spread = math.sqrt(max(square, 1e-30))  # it cancels at tiny angles, which matter little
        drop = (1 + math.cos(angle)) * shared - kernel - offset
        return stats.t.cdf(math.sqrt(dim) * rho * drop / spread, dim)

    found = laws.limit_linear_step(dim, depth)
    for value, offset in zip(found, (0, 1), strict=True):
        expected = integrate.quad(integrand, 1e-9, 1 - 1e-12, args=(offset,), limit=500)[0]
        assert value == pytest.approx(expected, abs=1e-6)


def test_the_kernel_is_the_covariance_of_wide_networks():
    """One hidden layer has the limit's covariance at any width."""
    angle, trials, generator = 1.1, 200_000, np.random.default_rng(1)
    z = generator.normal(size=(trials, 2))
    x, y = (
        np.maximum(z[:, 0], 0),
        np.maximum(math.cos(angle) * z[:, 0] + math.sin(angle) * z[:, 1], 0),
    )
    kernel, derivative = laws.limit_kernel(angle, 1)
    products = 2 * x * y
    assert abs(products.mean() - kernel) < 5 * products.std() / math.sqrt(trials)
    for depth in (1, 4):
        h = 1e-6
        high, low = (
            laws.limit_kernel(math.acos(math.cos(angle) + s * h), depth)[0] for s in (1, -1)
        )
        derivative = laws.limit_kernel(angle, depth)[1]
        assert derivative == pytest.approx((high - low) / (2 * h), rel=1e-8)
    assert laws.limit_kernel(0.0, 3) == (1, 1)


def test_any_step_of_wide_networks_has_the_law_of_the_limit():
    """Given ∇f the value after the step is normal; its standardised values are pooled."""
    dim, eta = 6, -0.8
    f, slope, after = plain_steps(dim, 3000, 1500, np.random.default_rng(2), eta)
    mean, deviation = laws.limit_step(eta, f, slope, dim, 1, math.sqrt(dim))
    z = (after - mean) / deviation
    assert stats.kstest(z, "norm").pvalue > ALARM
    # It is the spread that is tested: half as much again is found.
    assert stats.kstest(1.5 * z, "norm").pvalue < 1e-3


@pytest.mark.parametrize(("width", "trials"), [(4000, 600), (20_000, 100)])
@pytest.mark.parametrize(("dim", "depth"), [(10, 1), (50, 3)])
def test_deferred_networks_step_as_in_the_limit(dim, depth, width, trials):
    """The limit's error, of the order ℓ√d/width, is far below a standard error."""
    flips = succeeds = 0
    for seed in range(trials):
        net = Network.random((dim, *(width,) * depth, 1), rng=seed, storage="deferred")
        step = gradient_step(net, np.ones(dim), eta="linear")
        flips += bool(step.sign_flipped)
        succeeds += bool(step.success)
    for count, share in zip((flips, succeeds), laws.limit_linear_step(dim, depth), strict=True):
        assert stats.binomtest(count, trials, share).pvalue > ALARM


def test_success_of_the_linear_step_falls_as_depth_and_dimension_rise():
    for depth in (1, 3):
        succeeds = laws.limit_linear_step(10**8, depth)[1]
        assert succeeds == pytest.approx(math.sqrt(2 * math.pi) / (3 * depth * 1e4), rel=1e-3)
    assert laws.limit_linear_step(5, 0) == (1, 1)
    # y = −x for d = 1, where the images are uncorrelated but for their mean: a Student variable.
    cosine = math.cos(float(laws.next_angle(math.pi)))
    assert cosine == pytest.approx(0, abs=1e-15)
    assert laws.limit_linear_step(1, 1) == pytest.approx((0.5, 0.25))
