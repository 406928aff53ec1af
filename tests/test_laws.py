"""Closed forms against their definitions."""

import math

import numpy as np
import pytest
from randrelu import laws


def test_required_width_is_the_power_of_the_logarithm():
    # Small enough to evaluate directly: (ℓ log d_max)^{240ℓ} log(1/δ) at ℓ = 1, d_max = 4.
    direct = math.log(4) ** 240 * math.log(20)
    assert math.isclose(10 ** laws.log10_required_width((3, 4, 1), 0.05), direct, rel_tol=1e-9)
    direct = (2 * math.log(5)) ** 480 * math.log(2)
    assert math.isclose(10 ** laws.log10_required_width((5, 3, 3, 1), 0.5), direct, rel_tol=1e-9)


def test_required_width_at_its_edges():
    one = math.log10(math.log(20))  # where the base is no more than 1
    assert laws.log10_required_width((1, 1, 1), 0.05) == one
    assert laws.log10_required_width((2, 2, 1), 0.05) == one
    assert laws.log10_required_width((2, 2, 1), 1e-310) > 2
    assert laws.log10_required_width((7, 1), 0.05) == math.log10(math.log(20))  # an empty power
    assert laws.log10_required_width((10**6,) * 9 + (1,), 0.05) > 1000  # beyond any double


def test_sizes_of_the_theorem():
    assert laws.size_bound(100, math.exp(-4)) == pytest.approx(0.2)
    assert laws.narrowest((9, 4, 6, 1)) == 4
    size = laws.paper_step_size((100, 5, 5, 1), math.exp(-4), [10.0, 20.0])
    assert size == pytest.approx(np.array([8, 16]) * math.log(100))
    assert laws.nn_def_scale((4, 9, 1), [1 / 4, 1 / 9]) == pytest.approx(1)
    assert laws.nn_def_scale((4, 9, 1), [1, 1]) == pytest.approx(6)


def test_arc_cosine_map_keeps_its_digits():
    """Against the defining formula in extended precision, down to tiny angles."""
    angles = np.array([0, 1e-12, 1e-6, 1e-3, 0.049, 0.051, 0.5, 1.5, 3, np.pi])
    theta = angles.astype(np.longdouble)
    pi = np.longdouble("3.14159265358979323846264338327950288")
    series = theta**3 / 3 - theta**5 / 30 + theta**7 / 840 - theta**9 / 45360
    rest = np.where(theta < 0.1, series, np.sin(theta) - theta * np.cos(theta))
    expected = 2 * np.arcsin(np.sqrt(np.sin(theta / 2) ** 2 - rest / (2 * pi)))
    np.testing.assert_allclose(laws.next_angle(angles), expected.astype(float), rtol=1e-14)
    plain = np.arccos((np.sin(theta) + (pi - theta) * np.cos(theta)) / pi)[5:]
    np.testing.assert_allclose(laws.next_angle(angles)[5:], plain.astype(float), rtol=1e-10)
    fractions = laws.flip_fractions(angles, 2)
    np.testing.assert_allclose(fractions[:, 0], angles / np.pi)
    np.testing.assert_allclose(fractions[:, 1], laws.next_angle(angles) / np.pi)


@pytest.mark.parametrize("trials", [1, 20, 3000])
def test_intervals_of_a_share_that_are_known_in_closed_form(trials):
    """Of no success in n the upper end is 1 − (α/2)^{1/n}; the other way round for n of n."""
    for confidence in (0.95, 0.999):
        end = 1 - ((1 - confidence) / 2) ** (1 / trials)
        assert laws.share_interval(0, trials, confidence) == (0, pytest.approx(end))
        assert laws.share_interval(trials, trials, confidence) == (pytest.approx(1 - end), 1)
    assert laws.share_interval(0, trials) == laws.share_interval(0, trials, 0.95)


def test_sine_excess_where_its_terms_cancel():
    x = np.array([0, 1e-9, 1e-4, 0.049, 0.051, math.pi])
    exact = x**3 / 3 - x**5 / 30 + x**7 / 840 - x**9 / 45360
    # The first term left out is x⁶/15120 of the whole; beyond 0.05, rounding is 3ε/x² of it.
    assert laws.sine_excess(x)[:-1] == pytest.approx(exact[:-1], rel=1e-11)
    assert laws.sine_excess(x)[-1] == pytest.approx(math.pi)
