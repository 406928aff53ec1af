"""The power by which a quantile grows over sizes."""

import re

import numpy as np
import pytest
from randrelu import check
from randrelu.checks.statements import lemma_2_2
from randrelu.checks.trend import fitted_power
from small import SMALL


@pytest.mark.statistics
def test_the_interval_of_the_power_covers_it():
    """Of 300 intervals for −1/2 few miss: more than 27 have a probability below 1e-3."""
    sizes, generator = [16, 32, 64, 128], np.random.default_rng(0)
    missed = 0
    for _ in range(300):
        groups = np.array([generator.exponential(size=100) / np.sqrt(d) for d in sizes])
        slope, low, high = fitted_power(sizes, groups, 0.5, 1 - 0.05 / 4)
        assert low < slope < high
        missed += not low <= -0.5 <= high
    assert missed <= 27


def test_the_ends_are_attained_at_the_ends_of_the_quantiles():
    """Two sizes: the slope is a difference, so its ends are those of quotients."""
    generator = np.random.default_rng(0)
    groups = [generator.exponential(size=50) for _ in range(2)]
    slope, low, high = fitted_power([2.0, 8.0], groups, 0.5, 0.95)
    ordered = np.sort(groups)
    # Of 50 draws the exact interval of the median is that of the 18th and the 33rd.
    assert low == pytest.approx(np.log(ordered[1, 17] / ordered[0, 32]) / np.log(4))
    assert high == pytest.approx(np.log(ordered[1, 32] / ordered[0, 17]) / np.log(4))
    assert slope == pytest.approx(np.log(ordered[1, 24] / ordered[0, 24]) / np.log(4))


@pytest.mark.parametrize("name", ["lemma-2.2", "lemma-2.3", "lemma-2.6", "lemma-2.8"])
def test_the_trend_is_one_more_measurement(name):
    seen = []
    report = {"progress": lambda *numbers: seen.append(numbers)}
    plain = check(name, **SMALL[name], rng=1)
    c = check(name, **SMALL[name], rng=1, trend=True, **report)
    assert c.measurements[:-1] == plain.measurements
    assert c.measurements[-1].name.startswith("power of the widths")
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]
    again = check(name, **c.parameters)
    assert again.measurements == c.measurements


def test_the_trend_of_lemma_2_2_is_at_any_point():
    """Of the narrower networks, which have no point of these dimensions; the law is the same."""
    given = {"widths": (40, 60, 1), "trials": 60, "rng": 0, "trend": True}
    c = check("lemma-2.2", **given, x=np.arange(1.0, 41.0))
    power, plain = c.measurements[-1], check("lemma-2.2", **given).measurements[-1]
    assert power.name == plain.name and power.low <= plain.value <= power.high
    assert check("lemma-2.2", **c.parameters).measurements == c.measurements


@pytest.mark.parametrize("widths", [(5, 4, 1), (9, 8, 1), (1, 1, 1)])
def test_widths_too_narrow_for_a_trend_are_refused_as_they_were_given(widths):
    """At a quarter (9, 8, 1) is (2, 2, 1), without the bottleneck."""
    given = re.escape(f"got {widths};")
    with pytest.raises(ValueError, match=f"for a trend widths must have .* {given}"):
        check("lemma-2.6" if widths[1] < widths[0] else "lemma-2.2", widths=widths, trend=True)


@pytest.mark.parametrize("name", ["lemma-2.2", "lemma-2.3", "lemma-2.6", "lemma-2.8"])
def test_whether_a_trend_is_wanted_is_true_or_false(name):
    for no in ("no", 0, None):
        with pytest.raises(ValueError, match="trend must be True or False, got "):
            check(name, **SMALL[name], trend=no)
    given = SMALL[name] | {"trials": 2, "rng": 0}
    for said, trend in (("false", False), ("True", True), (np.True_, True)):
        assert check(name, **given, trend=said).parameters["trend"] is trend


def test_a_constant_that_grows_with_the_widths_is_noticed(monkeypatch):
    def values(networks, point):
        n, largest = networks.trials, max(networks.widths)
        f = np.random.default_rng(networks.seed).normal(size=n) * largest
        return f, np.full(n, 100.0)

    monkeypatch.setattr(lemma_2_2, "_values_and_slopes", values)
    c = check("lemma-2.2", widths=(40, 400, 1), trials=400, rng=0, trend=True)
    power = c.measurements[-1]
    assert 0 < power.low <= 1 <= power.high
