"""Intervals of shares against closed forms."""

import pytest
from randrelu import laws


@pytest.mark.parametrize("trials", [1, 20, 3000])
def test_intervals_of_a_share_that_are_known_in_closed_form(trials):
    """Of no success in n the upper end is 1 − (α/2)^{1/n}; the other way round for n of n."""
    for confidence in (0.95, 0.999):
        end = 1 - ((1 - confidence) / 2) ** (1 / trials)
        assert laws.share_interval(0, trials, confidence) == (0, pytest.approx(end))
        assert laws.share_interval(trials, trials, confidence) == (pytest.approx(1 - end), 1)
    assert laws.share_interval(0, trials) == laws.share_interval(0, trials, 0.95)
