"""A gradient step at infinite width, against other integrals, simulations and deferred networks."""

import math

import numpy as np
import pytest
from randrelu import Network, gradient_step, laws
from randrelu.laws import panels
from scipy import special, stats

ALARM = 1e-6


def composed(angle, depth):
    """κ and κ′ by composing the map of one layer."""
    value, first = np.cos(angle), np.ones_like(angle)
    for _ in range(depth):
        theta = np.arccos(np.clip(value, -1, 1))
        first = first * (1 - theta / np.pi)
        value = (np.sqrt(np.clip(1 - value**2, 0, None)) + (np.pi - theta) * value) / np.pi
    return value, first


def drawn_ratios(dim, depth, n, generator, size=None):
    """f(y)/f(x) of a Gaussian process whose kernel is composed, by the covariance of f and ∇f."""
    direction = generator.normal(size=(n, dim))  # ∇f(x), for ‖x‖ = 1 and σ = 1, with x = e_1
    f, slope = direction[:, 0], np.linalg.norm(direction, axis=1)
    length = 2 * np.abs(f) / slope if size is None else np.full(n, size)
    y = -np.sign(f * length)[:, np.newaxis] * direction * (length / slope)[:, np.newaxis]
    y[:, 0] += 1
    norm = np.linalg.norm(y, axis=1)
    rho = y[:, 0] / norm
    value, first = composed(np.arccos(rho), depth)
    # E[f(y) | ∇f(x)] = Cov(f(y), ∇f(x)) ∇f(x), where Cov(∇f(x)) is the identity.
    unit = y / norm[:, np.newaxis]
    covariance = first[:, np.newaxis] * unit
    covariance[:, 0] += value - rho * first
    covariance *= norm[:, np.newaxis]
    left = norm**2 - (covariance**2).sum(axis=1)
    mean = (covariance * direction).sum(axis=1)
    return (mean + np.sqrt(np.maximum(left, 0)) * generator.normal(size=n)) / f


@pytest.mark.statistics
@pytest.mark.parametrize("size", [None, 0.4, 1.0, 2.5])
@pytest.mark.parametrize(("dim", "depth"), [(2, 1), (3, 4), (40, 2), (9, 60)])
def test_ratios_have_the_law_of_the_process(dim, depth, size):
    law = laws.limit_step(dim, depth, size=size)
    ratios = drawn_ratios(dim, depth, 5000, np.random.default_rng(dim), size)
    assert stats.kstest(ratios, law.cdf).pvalue > ALARM
    # So many tell another depth apart.
    other = laws.limit_step(dim, 2 * depth, size=size)
    assert stats.kstest(ratios, other.cdf).pvalue < ALARM


@pytest.mark.parametrize(("dim", "depth"), [(1, 1), (2, 3), (5, 2), (784, 2), (30, 40)])
def test_shares_of_the_linear_step_are_the_quadrature_of_law_12(dim, depth):
    """E Φ(|ρ| χ_d a/s) by quantiles of both variables, whose midpoints err by at most 1/(2n)."""
    n = 500
    middle = (np.arange(n) + 0.5) / n
    squares = np.ones(1) if dim == 1 else stats.beta.ppf(middle, 0.5, (dim - 1) / 2)
    rho = np.sqrt(squares)[:, np.newaxis]
    angle = 2 * np.arcsin(rho)
    value, first = composed(angle, depth)
    spread = np.sqrt(1 - value**2 - (first * np.sin(angle)) ** 2)
    drop = (1 + np.cos(angle)) * first - value
    chi = rho * stats.chi.ppf(middle, dim) / spread
    law = laws.limit_step(dim, depth)
    assert law.flips == pytest.approx(stats.norm.cdf(chi * drop).mean(), abs=1 / n)
    assert law.succeeds == pytest.approx(stats.norm.cdf(chi * (drop - 1)).mean(), abs=1 / n)


@pytest.mark.parametrize("size", [None, 1e-3])
def test_steep_integrands_are_resolved(size):
    """d = 10⁶ and ℓ = √d: nearly all of the change lies where the angle is as it must be."""
    dim, depth = 10**6, 1000
    law = laws.limit_step(dim, depth, size=size)

    def flips(rho):
        step = 2 * rho if size is None else size
        along, across = 1 - step * rho, step * np.sqrt(1 - rho**2)
        norm, angle = np.sqrt(along**2 + across**2), np.arctan2(across, along)
        value, first, _ = laws.limit_kernel_at(angle, depth)
        left = np.maximum(1 - value**2 - first**2 * np.sin(angle) ** 2, 1e-30)
        gain = first * step * (1 - rho**2) - norm * value * rho
        return special.stdtr(dim, gain * math.sqrt(dim) / norm / np.sqrt(left))

    # The midpoint rule for the law of ρ on a uniform grid: its steps are a twentieth of what the
    # steep place is wide, 10⁻⁵, and beyond 10/√d there is e^{−50} of the law.
    n = 20_000
    edges = np.linspace(0, 10 / math.sqrt(dim), n + 1)
    weights = np.diff(stats.beta.cdf(edges**2, 0.5, (dim - 1) / 2))
    found = weights @ flips((edges[1:] + edges[:-1]) / 2)
    assert law.flips == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("dim", [2, 10, 10**6])
def test_the_quadrature_has_converged(dim, monkeypatch):
    """Finer panels with other nodes say the same: at d = 10⁶ a step lies close to an edge."""
    ratio = np.array([-3, -1.01, -1, -0.999, -0.5, 0, 0.9, 2])
    steps = [laws.limit_step(dim, 10, size=s) for s in (None, 1 / math.sqrt(dim), 2.0)]
    found = [law.cdf(ratio) for law in steps]
    monkeypatch.setattr(panels, "_ERROR", 1e-14)
    monkeypatch.setattr(panels, "_NODES", 19)
    for one, law in zip(found, steps, strict=True):
        np.testing.assert_allclose(one, law.cdf(ratio), rtol=0, atol=1e-10)


def test_the_law_is_a_law():
    for law in (laws.limit_step(20, 3), laws.limit_step(784, 2, size=0.1)):
        q = np.array([[1e-6, 0.1], [0.5, 0.999]])
        np.testing.assert_allclose(law.cdf(law.ppf(q)), q, rtol=1e-6)
        assert law.cdf(0) == law.flips and law.cdf(-1.0) == law.succeeds < law.flips
        assert law.cdf([-np.inf, np.inf]).tolist() == pytest.approx([0, 1])
        assert law.cdf(np.zeros((0, 2))).shape == (0, 2)
    assert repr(laws.limit_step(5, 2)) == "LimitStep(dim=5, depth=2, size=None)"


def test_one_dimension():
    """x and ∇f are parallel: the linear step ends at −x, another one at a multiple of x."""
    law = laws.limit_step(1, 1)
    assert (law.flips, law.succeeds) == pytest.approx((0.5, 0.25))
    assert laws.limit_step(1, 4, size=0.25).cdf([0.7, 0.75, 0.8]).tolist() == [0, 1, 1]
    assert laws.limit_step(1, 1, size=2.0).flips == pytest.approx(law.flips)


def test_success_of_the_linear_step_falls_as_depth_and_dimension_rise():
    for depth in (1, 3):
        succeeds = laws.limit_step(10**8, depth).succeeds
        assert succeeds == pytest.approx(math.sqrt(2 * math.pi) / (3 * depth * 1e4), rel=1e-3)
    shares = [laws.limit_step(100, depth).flips for depth in (1, 3, 10, 30, 100)]
    assert shares == sorted(shares, reverse=True)


def test_short_steps_follow_the_tangent():
    """To first order in the step: the ratio is 1 − s/|ρ|, at most t where |ρ| ≤ s/(1 − t)."""
    law = laws.limit_step(50, 1, size=1e-6)
    expected = stats.beta.cdf((1e-6 / (1 - np.array([0.5, 0, -3]))) ** 2, 0.5, 49 / 2)
    # κ′ is off by θ/π, and what ∇f leaves open is of the order θ^{3/2} beside θ.
    np.testing.assert_allclose(law.cdf([0.5, 0, -3]), expected, rtol=0.01)


@pytest.mark.parametrize(
    "arguments", [{"dim": 0}, {"depth": 0}, {"size": 0.0}, {"size": -1.0}, {"size": math.inf}]
)
def test_what_is_no_step_is_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        laws.limit_step(**{"dim": 3, "depth": 2, **arguments})


def test_values_after_a_step_of_any_eta():
    """Their mixture over f and ‖∇f‖ is the law of the ratio, by quantiles of both."""
    dim, depth, n = 10, 3, 400
    middle = (np.arange(n) + 0.5) / n
    cosine = np.sqrt(stats.beta.ppf(middle, 0.5, (dim - 1) / 2))[:, np.newaxis]
    slope = stats.chi.ppf(middle, dim) / math.sqrt(dim) * 2.0 ** (-depth / 2)
    norm = 3.0
    f = cosine * slope * norm
    for size in (None, 0.5):
        eta = -2 * f / slope**2 if size is None else -size * norm / slope
        mean, deviation = laws.limit_value_after(eta, f, slope, dim, depth, norm)
        law = laws.limit_step(dim, depth, size=size)
        for ratio in (-1, 0, 0.5):
            found = stats.norm.cdf((ratio * f - mean) / deviation).mean()
            assert law.cdf(ratio) == pytest.approx(found, abs=1 / n)


@pytest.mark.statistics
def test_any_step_of_wide_networks_has_the_law_of_the_limit():
    """Given ∇f the value after the step is normal; its standardised values are pooled."""
    dim, eta, trials, generator = 6, -0.8, 1500, np.random.default_rng(2)
    x, found = np.ones(dim), []
    for _ in range(trials):
        w = generator.normal(size=(3000, dim)) / math.sqrt(dim)
        v = generator.normal(size=3000) / math.sqrt(3000)
        gradient = (v * (w @ x > 0)) @ w
        after = v @ np.maximum(w @ (x + eta * gradient), 0)
        found.append((gradient @ x, np.linalg.norm(gradient), after))
    f, slope, after = np.array(found).T
    mean, deviation = laws.limit_value_after(eta, f, slope, dim, 1, math.sqrt(dim))
    z = (after - mean) / deviation
    assert stats.kstest(z, "norm").pvalue > ALARM
    # It is the spread that is tested: half as much again is found.
    assert stats.kstest(1.5 * z, "norm").pvalue < 1e-3


@pytest.mark.statistics
@pytest.mark.parametrize(("width", "trials"), [(4000, 600), (20_000, 100)])
@pytest.mark.parametrize(("dim", "depth"), [(10, 1), (50, 3)])
@pytest.mark.parametrize("size", [None, 0.3])
def test_deferred_networks_step_as_in_the_limit(dim, depth, width, trials, size):
    """The limit's error, of the order ℓ√d/width, is far below a standard error."""
    x, ratios = np.ones(dim), []
    for seed in range(trials):
        net = Network.random((dim, *(width,) * depth, 1), rng=seed, storage="deferred")
        eta = "linear"
        if size is not None:
            f, gradient = net.value_and_gradient(x)
            eta = -np.sign(f) * size * math.sqrt(dim) / np.linalg.norm(gradient)
        step = gradient_step(net, x, eta=eta)
        ratios.append(float(step.f_after) / float(step.f_before))
    law = laws.limit_step(dim, depth, size=size)
    assert stats.kstest(ratios, law.cdf).pvalue > ALARM
    for level, share in ((0, law.flips), (-1, law.succeeds)):
        assert stats.binomtest(int(np.sum(np.array(ratios) <= level)), trials, share).pvalue > ALARM


def along_the_gradient(dim, depth, n, generator):
    """The shares where f changes its sign and reaches −f along −sgn(f)∇f, of the exact process.

    On the circle through x and ∇f(x), f is a process with the kernel κ(cos(θ − θ′)), and given f
    and its derivative at x it is normal; it is drawn at 300 angles, and the line gets to each.
    """
    reach = min(1, 6 * math.pi / depth)
    angle = np.unique(np.r_[np.linspace(0.02, 1.5, 150) * reach, np.linspace(0.02, 3, 150)])
    value, first = composed(angle, depth)
    turn = first * np.sin(angle)
    between, _ = composed(np.abs(angle[:, np.newaxis] - angle), depth)
    left = between - np.outer(value, value) - np.outer(turn, turn)
    spectrum, vectors = np.linalg.eigh(left)
    root = vectors * np.sqrt(np.clip(spectrum, 0, None))
    f = np.abs(generator.normal(size=n))
    across = np.sqrt(generator.chisquare(dim - 1, size=n))
    values = np.outer(f, value) - np.outer(across, turn)
    values += generator.normal(size=(n, angle.size)) @ root.T
    end = math.pi - np.arctan2(across, f)[:, np.newaxis]  # the line comes from there
    near = angle < end - 1e-3
    norm = np.where(near, np.sin(end) / np.sin(np.where(near, end - angle, 1)), 1)
    values = np.where(near, values * norm, np.inf)
    lowest = values.min(axis=1)
    return (lowest < 0).mean(), (lowest <= -f).mean()


@pytest.mark.statistics
@pytest.mark.parametrize("ratio", [0.5, 1, 2])
def test_depth_begins_to_matter_at_the_root_of_the_dimension(ratio):
    """The limit in d of the whole line, from below by one of its steps and by the process."""
    expected = laws.limit_crossover(ratio)
    for dim in (10**4, 10**6):
        depth = round(ratio * math.sqrt(dim))
        best = math.tan(1.5 * math.pi / depth)
        step = laws.limit_step(dim, depth, size=best)
        # One step is no better than the best one, and differs by terms of the order 1/√d.
        for one, any_step in zip((step.flips, step.succeeds), expected, strict=True):
            assert any_step - 3 / math.sqrt(dim) < one < any_step + 3 / math.sqrt(dim)
    dim, n = 40_000, 10_000
    found = along_the_gradient(dim, round(ratio * math.sqrt(dim)), n, np.random.default_rng(3))
    for share, any_step in zip(found, expected, strict=True):
        error = math.sqrt(any_step * (1 - any_step) / n)
        assert abs(share - any_step) < 5 * error + 2 / math.sqrt(dim)


@pytest.mark.statistics
def test_wide_deferred_networks_are_in_the_crossover():
    """At d = 64 and ℓ = √d the line of the process, and what it tells from a shallow network."""
    dim, depth, width, trials = 64, 8, 20_000, 60
    x, flipped = np.ones(dim), 0
    angles = np.array([0.1, 0.2, 0.35, 0.5, 0.7])
    for seed in range(trials):
        net = Network.random((dim, *(width,) * depth, 1), rng=seed, storage="deferred")
        f, gradient = net.value_and_gradient(x)
        sizes = np.tan(angles) * math.sqrt(dim) / np.linalg.norm(gradient)
        step = gradient_step(net, x, eta=-np.sign(f) * sizes)
        flipped += bool(np.any(step.sign_flipped))
    share, _ = along_the_gradient(dim, depth, 20_000, np.random.default_rng(0))
    assert stats.binomtest(flipped, trials, share, alternative="greater").pvalue > ALARM
    assert flipped < trials  # the shallow one flips always but for one in 10⁹


def test_deep_networks_have_a_deviation():
    mean, deviation = laws.limit_value_after(0.7, 0.3, 0.5, 5, 1000, 1.0)
    deeper = laws.limit_value_after(0.7, 0.3, 0.5, 5, 1400, 1.0)
    assert deviation > 0 and deeper[1] > 0
    # By 2^{−200} for the layers, and by what they still separate.
    assert 2.0**-202 < deeper[1] / deviation < 2.0**-200
    assert deeper[0] == pytest.approx(mean, rel=1e-4)


def test_a_gradient_as_large_as_float64_goes_has_a_value_after():
    mean, deviation = laws.limit_value_after(0.7, 0.3, 0.5, 5, 3, 1.0)
    for scale in (2.0**-600, 2.0**1000):  # η∇f(x) stays as it is
        found = laws.limit_value_after(0.7 / scale, 0.3 * scale, 0.5 * scale, 5, 3, 1.0)
        assert found == (mean * scale, deviation)


@pytest.mark.parametrize("q", [0, 1, -1, 2, np.nan, [0.5, 1.5]])
def test_quantiles_are_of_probabilities(q):
    with pytest.raises(ValueError, match="q must lie strictly between 0 and 1"):
        laws.limit_step(5, 2).ppf(q)


def test_numbers_that_are_none_are_refused():
    for dim, depth in [(1.5, 1), (True, 1), ("5", 1), (5, 2.0)]:
        with pytest.raises(TypeError, match="must be an integer"):
            laws.limit_step(dim, depth)
    with pytest.raises(ValueError, match="norm must be a positive number"):
        laws.limit_value_after(0.1, 0.3, 0.5, 5, 2, 0.0)
    with pytest.raises(ValueError, match="grad_norm must be at least 0"):
        laws.limit_value_after(0.1, 0.3, -0.5, 5, 2, 1.0)
    with pytest.raises(ValueError, match="dim must be at least 1"):
        laws.limit_value_after(0.1, 0.3, 0.5, 0, 2, 1.0)
    for ratio in (0, -1, [1, 0]):
        with pytest.raises(ValueError, match="ratio must be positive"):
            laws.limit_crossover(ratio)


def test_ratios_beyond_all_that_occur():
    law = laws.limit_step(4, 2)
    found = law.cdf([-np.inf, -1e307, 1e307, np.inf])
    np.testing.assert_allclose(found, [0, 0, 1, 1], rtol=0, atol=1e-9)
