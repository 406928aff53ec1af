"""Limit networks have the law that wide networks come close to, jointly over what is asked."""

from functools import partial

import numpy as np
import pytest
from randrelu import LimitNetwork, Network, gradient_deviation, laws
from scipy import stats

# The false-alarm probability of every two-sample test here. There are 71, so the file alarms
# falsely with a probability of 7e-5.
ALARM = 1e-6


def deferred(dim, depth, width, seed, **keywords):
    widths = (dim, *[width] * depth, 1)
    return Network.random(widths, rng=seed, storage="deferred", **keywords)


def adaptive_experiment(net, dim):
    """Gradient steps in a row, each from the last point, and other questions on the way."""
    generator = np.random.default_rng(0)
    x, u, v = generator.normal(size=(3, dim))
    f, g = net.value_and_gradient(x)
    y, found = x, {"f": f, "‖∇f‖": np.linalg.norm(g), "∇f·u": g @ u}
    first = g
    for i in range(1, 4):  # from a point to its reflection, as far as f is linear
        y = y - 2 * f / (g @ g or 1.0) * g  # of a dead network it is 0
        last, f, g = g, *net.value_and_gradient(y)
        found |= {f"f {i}": f, f"‖∇f‖ {i}": np.linalg.norm(g), f"∇f·last {i}": g @ last}
    found["∇f·first"] = g @ first
    found["change"] = np.linalg.norm(g - first)
    # A value and then the gradient at another point, which depends on the answers; one between.
    z = y + 0.5 * np.linalg.norm(x) * first / (np.linalg.norm(first) or 1.0) + 0.3 * v
    found["f before"] = net.forward(z)
    found["f half way"] = net.forward((x + y) / 2)
    found["∇f·v after"] = net.gradient(z) @ v
    found["deviation"] = gradient_deviation(net, x, points=(x + 0.2 * u)[None]).norms[0]
    pairs = [("f", "f 1"), ("f 1", "f 2"), ("f", "f 3"), ("‖∇f‖", "deviation"), ("f", "∇f·u"),
             ("∇f·first", "f half way"), ("∇f·v after", "f before"), ("f 2", "∇f·last 2"),
             ("change", "‖∇f‖ 3"), ("∇f·first", "∇f·last 3"), ("f half way", "f"),
             ("deviation", "change"), ("f before", "∇f·u")]  # fmt: skip
    return found | {f"{a} × {b}": found[a] * found[b] for a, b in pairs}


def table(draw, n, dim):
    rows = [adaptive_experiment(draw(seed), dim) for seed in range(n)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def alarms(one, other):
    assert one.keys() == other.keys() and len(one) == 31
    return [name for name in one if stats.ks_2samp(one[name], other[name]).pvalue <= ALARM]


@pytest.fixture(scope="module")
def of_limit():
    return {(d, depth): table(partial(LimitNetwork, d, depth), 500, d) for d, depth in SIZES}


SIZES = {(7, 1): 30_000, (37, 3): 20_000}


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth"), SIZES)
def test_adaptive_experiments_have_the_law_of_wide_networks(dim, depth, of_limit):
    wide = table(lambda seed: deferred(dim, depth, SIZES[dim, depth], seed), 500, dim)
    assert not alarms(wide, of_limit[dim, depth])


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth"), SIZES)
def test_narrow_networks_are_told_apart(dim, depth, of_limit):
    narrow = table(lambda seed: deferred(dim, depth, 12, seed), 500, dim)
    assert alarms(narrow, of_limit[dim, depth])


@pytest.mark.statistics
def test_biases_have_the_law_of_wide_networks_with_biases():
    x, y = np.random.default_rng(1).normal(size=(2, 5))
    keywords = {"init": "he", "bias": 0.5}

    def experiment(net):
        f, g = net.value_and_gradient(x)
        other = net.forward(y + g)
        h = net.gradient(y + g)
        origin = net.forward(0 * x)
        return [f, g @ x, g @ g, other, h @ g, origin, f * other, f * origin, (h @ g) * other]

    of_limit = [experiment(LimitNetwork(5, 2, rng=s, **keywords)) for s in range(1000)]
    wide = [experiment(deferred(5, 2, 20_000, s, **keywords)) for s in range(1000)]
    for one, other in zip(np.transpose(of_limit), np.transpose(wide), strict=True):
        assert stats.ks_2samp(one, other).pvalue > ALARM
    keywords["bias"] = 0.25  # which is told apart
    smaller = [LimitNetwork(5, 2, rng=s, **keywords).forward(0 * x) for s in range(1000)]
    assert stats.ks_2samp(smaller, np.array(wide)[:, 5]).pvalue < ALARM


@pytest.mark.statistics
@pytest.mark.parametrize("depth", [1, 3])
def test_gradients_are_continuous_and_no_more(depth):
    """E‖∇f(x) − ∇f(x + u)‖² ~ 2ℓ‖u‖/π for u across x of norm 1, in units of E‖∇f‖²."""
    dim, trials = 784, 20
    x, u = np.eye(dim)[:2]
    for length in (1e-2, 1e-5, 1e-8):
        angle = np.arctan(length)
        expected = laws.gradient_deviation(angle, depth) * 2.0**-depth
        net = LimitNetwork(dim, depth, rng=0, outputs=trials)
        g, h = net.jacobian([x, x + length * u])
        squares = ((g - h) ** 2).sum(axis=1)
        # Nearly chi-square variables of d degrees of freedom, at least d − 2.
        deviation = np.sqrt(2 / (dim - 2) / trials)
        assert abs(squares.mean() / expected - 1) < 5 * deviation + 2 / dim
        assert expected == pytest.approx(2 * depth * length / np.pi * 2.0**-depth, rel=5 * length)
