"""Norms neither overflow, nor depend on the threads that NumPy's linear algebra uses."""

import math

import numpy as np
import pytest
from randrelu._support import euclid


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_norms_hold_where_squares_leave_the_range(scale):
    vector = scale * np.array([3.0, -4.0])
    assert euclid.norm(vector) == pytest.approx(5 * scale, rel=1e-15)
    assert euclid.norms(vector[np.newaxis]) == pytest.approx([5 * scale], rel=1e-15)
    assert euclid.norm(np.zeros(3)) == 0 and math.isnan(euclid.norm(np.array([1.0, np.nan])))


def test_a_norm_has_the_same_bits_on_any_number_of_threads(run_python):
    code = (
        "import numpy as np\n"
        "from randrelu._support import euclid\n"
        "rows = np.random.default_rng(0).normal(size=(8, 100_003))\n"
        "print([euclid.norm(row).hex() for row in rows])\n"
    )
    said = [
        run_python(code, OMP_NUM_THREADS=n, OPENBLAS_NUM_THREADS=n).stdout for n in ("1", "2", "3")
    ]
    assert said[0] and said[1] == said[0] == said[2]


def test_angles_keep_their_digits_near_both_ends():
    x, u = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    for angle in (0.0, 1e-9, 0.3, 2.0):
        y = np.cos(angle) * x + np.sin(angle) * u
        found = euclid.angles(np.array([1e-200 * x, -x]), 1e200 * y)
        # The rounding of the vectors turns them by some ε.
        np.testing.assert_allclose(found, [angle, np.pi - angle], rtol=0, atol=1e-15)
    assert euclid.angles(np.ones((4, 1, 3)), np.ones((5, 3))).shape == (4, 5)
    assert np.isnan(euclid.angles(np.zeros((2, 2)), x)).all()
    assert euclid.angles(np.zeros((0, 0)), np.zeros(0)).shape == (0,)
