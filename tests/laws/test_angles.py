"""The arc-cosine map, and what follows from it, against definitions and simulations."""

import math

import numpy as np
import pytest
from randrelu import laws


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


def test_sine_excess_where_its_terms_cancel():
    x = np.array([0, 1e-9, 1e-4, 0.049, 0.051, math.pi])
    exact = x**3 / 3 - x**5 / 30 + x**7 / 840 - x**9 / 45360
    # The first term left out is x⁶/15120 of the whole; beyond 0.05, rounding is 3ε/x² of it.
    assert laws.sine_excess(x)[:-1] == pytest.approx(exact[:-1], rel=1e-11)
    assert laws.sine_excess(x)[-1] == pytest.approx(math.pi)
