"""The linear step of one hidden layer at any width, against plain simulations."""

import math

import numpy as np
import pytest
from randrelu import laws
from scipy import stats

ALARM = 1e-6


def plain_steps(dim, width, trials, generator):
    """f, ‖∇f‖ and f(x + η∇f) of plain networks of one hidden layer, for η = −2f/‖∇f‖²."""
    x, found = np.ones(dim), []
    for _ in range(trials):
        w = generator.normal(size=(width, dim)) / math.sqrt(dim)
        v = generator.normal(size=width) / math.sqrt(width)
        z = w @ x
        gradient = (v * (z > 0)) @ w
        f, slope = v @ np.maximum(z, 0), gradient @ gradient
        step = -2 * f / slope if slope else 0.0
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


@pytest.mark.statistics
def test_wide_layers_step_as_in_the_limit():
    """The sampler against the closed form, which shares no code with it."""
    dim, width, trials = 60, 4000, 4000
    f, _, after = laws.sample_linear_step(dim, width, trials, np.random.default_rng(4))
    law, ratio = laws.limit_step(dim, 1), after / f
    # Where no unit flips, which the limit does not know, f is reflected exactly.
    bent = np.abs(ratio + 1) > 1e-9
    assert stats.kstest(ratio[bent], law.cdf).pvalue > ALARM
    few = laws.sample_linear_step(dim, 20, trials, np.random.default_rng(4))
    assert stats.kstest(few[2] / few[0], law.cdf).pvalue < ALARM


@pytest.mark.statistics
def test_linear_steps_that_flip_no_unit_are_as_many_as_said():
    dim, width, trials = 100, 1000, 20_000
    f, _, after = laws.sample_linear_step(dim, width, trials, np.random.default_rng(5))
    count = int((np.abs(after / f + 1) < 1e-9).sum())
    said = math.sqrt(math.pi * dim / 2) / width
    # The approximation is good to its own square and to 1/√d of it, about 10 % in all.
    low, high = laws.share_interval(count, trials, 1 - ALARM)
    assert low < 1.1 * said and high > 0.9 * said and high < 2 * said and low > said / 2
