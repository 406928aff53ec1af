"""Estimates of many networks: which numbers they have, and how they are written."""

import math

import numpy as np
import pytest
import scipy.stats
from randrelu.studies.estimates import (
    NOTHING,
    Estimate,
    chance,
    listed,
    median,
    middle,
    plain,
    quantile,
    share,
    share_of,
    written,
)


class TestMedian:
    @pytest.mark.parametrize("count", [6, 7, 11, 12, 54])
    def test_has_the_interval_of_the_sign_test(self, count):
        values = np.random.default_rng(count).standard_normal(count)
        exact = scipy.stats.quantile_test(values, p=0.5).confidence_interval(0.95)
        assert median(values) == Estimate(np.median(values), exact.low, exact.high, count)

    def test_of_few_networks_is_not_bounded(self):
        assert median(np.arange(5.0)) == Estimate(2, -math.inf, math.inf, 5)
        assert median(np.arange(6.0)) == Estimate(2.5, 0, 5, 6)  # 1 − 2/2⁶ = 0.97
        assert median(np.arange(9.0)) == Estimate(4, 1, 7, 9)  # 1 − 2 (1 + 9)/2⁹ = 0.96

    def test_what_is_missing_is_above_all_others(self):
        assert median(np.array([1, 2, 3, 4, 5, np.nan])) == Estimate(3.5, 1, math.inf, 6)
        found = median(np.array([3, 1, 2, 4, 5, 6, 7, 8, np.nan]))
        assert (found.low, found.high) == (2, 8)
        assert middle(np.array([1, np.nan])) == math.inf and math.isnan(middle(np.array([])))

    def test_a_quantile_is_one_of_the_numbers(self):
        values = np.array([4.0, 1.0, 2.0, 3.0])
        assert [quantile(values, q).value for q in (0.25, 0.5, 0.51, 1)] == [1, 2, 3, 4]

    def test_of_nothing_is_nothing(self):
        nothing = np.array([])
        assert median(nothing) is quantile(nothing, 0.5) is share(nothing > 0) is NOTHING


def test_a_share_has_the_interval_of_clopper_and_pearson():
    exact = scipy.stats.binomtest(3, 10).proportion_ci(0.95, "exact")
    expected = Estimate(0.3, exact.low, exact.high, 10)
    assert share(np.arange(10) < 3) == share_of(3, 10) == expected
    assert expected.holds(exact.low) and not expected.holds(0.0)


def test_numbers_are_written_with_their_intervals():
    assert f"{Estimate(1.04, 0.5, 27.4, 9)}" == "1.0 (0.50 … 27)"
    assert f"{Estimate(math.inf, 0.5, math.inf, 9)}" == "∞ (0.50 … ∞)"
    assert f"{Estimate(-0.47, -math.inf, 0.4, 9):.2f}" == "−0.47 (−∞ … 0.40)"
    assert f"{Estimate(1, math.nan, math.nan, 9):.1f}" == (
        "1.0 (no interval: too little was measured)"
    )
    assert f"{NOTHING}" == f"{NOTHING:%}" == "unknown"


def test_percents_have_a_space_and_a_tenth_where_the_interval_is_short():
    assert f"{Estimate(0.938, 0.84, 0.986, 9):%}" == "94 % (84 … 99 %)"
    assert f"{Estimate(0.041, 0.0284, 0.0589, 9):%}" == "4.1 % (2.8 … 5.9 %)"
    assert f"{Estimate(0.041, 0.0284, 0.0589, 9):.2g%}" == "4.1 % (2.8 … 5.9 %)"
    assert written(-0.5) == "−0.50" and written(123.4) == "123" and written(0.5, ".0e") == "5e−01"


def test_lists_and_plain_values():
    assert listed(["a"]) == "a" and listed("abc") == "a, b and c"
    numbers = {"a": [Estimate(1, 0, 2, 3), None], "b": {"c": "d"}}
    told = {"value": 1, "low": 0, "high": 2, "networks": 3}
    assert plain(numbers) == {"a": [told, None], "b": {"c": "d"}}


def test_no_p_value_is_written_as_0():
    assert chance(0.0431) == "p = 0.043" and chance(3e-25) == "p = 3e-25"
    assert chance(0.0) == chance(1e-310) == "p < 1e-300"
