"""The sizes and widths of the theorem against their definitions."""

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


def test_both_factors_of_the_base_are_at_least_1():
    """At widths of 2, log d_max < 1: three layers do not make up for it."""
    assert laws.base((2, 2, 2, 2, 1)) == 3 and laws.base((100, 1)) == math.log(100)
    assert laws.base((9, 5, 5, 1)) == 2 * math.log(9)
    asked = laws.log10_required_width((2, 2, 2, 2, 1), math.exp(-1))
    assert asked == pytest.approx(720 * math.log10(3))


def test_sizes_of_the_theorem():
    assert laws.size_bound(100, math.exp(-4)) == pytest.approx(0.2)
    assert laws.narrowest((9, 4, 6, 1)) == 4
    size = laws.paper_step_size((100, 5, 5, 1), math.exp(-4), [10.0, 20.0])
    assert size == pytest.approx(np.array([8, 16]) * math.log(100))
    assert laws.nn_def_scale((4, 9, 1), [1 / 4, 1 / 9]) == pytest.approx(1)
    assert laws.nn_def_scale((4, 9, 1), [1, 1]) == pytest.approx(6)
