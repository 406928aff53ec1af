"""Largest singular values from above: never exceeded, and close."""

from fractions import Fraction

import numpy as np
import pytest
from randrelu.measures.certified import spectral
from randrelu.measures.certified.spectral import largest_eigenvalue, largest_singular_value

EPS = np.finfo(float).eps
SHAPES = [(1, 1), (3, 5), (300, 40), (40, 300), (200, 200), (700, 600), (1, 900), (900, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-200, 1e-150, 1.0, 1e150])
def test_the_largest_singular_value_is_not_exceeded(shape, scale):
    w = np.random.default_rng(0).normal(size=shape)
    bound, true = largest_singular_value(scale * w) / scale, np.linalg.norm(w, 2)
    assert true < bound < true * (1 + 1e-4)
    assert largest_singular_value(np.zeros(shape)) == 0


def test_exact_singular_values_are_not_exceeded():
    """‖W‖² of a matrix of two columns, in rational numbers."""
    for seed in range(200):
        w = np.random.default_rng(seed).normal(size=(4, 2))
        a, b = ([Fraction(float(v)) for v in column] for column in w.T)
        aa, bb, ab = (sum(p * q for p, q in zip(*pair, strict=True))
                      for pair in ((a, a), (b, b), (a, b)))  # fmt: skip
        square = Fraction(largest_singular_value(w)) ** 2
        # It is no smaller than both eigenvalues: the matrix square·I − WᵀW is not negative.
        assert square >= aa and (square - aa) * (square - bb) >= ab * ab


def hadamard(n):
    return np.ones((1, 1)) if n == 1 else np.kron([[1, 1], [1, -1]], hadamard(n // 2))


def of_one_rank(shape):
    rng = np.random.default_rng(1)
    return np.outer(*(rng.integers(-9, 10, size) for size in shape)).astype(float)


@pytest.mark.parametrize(
    ("w", "square"),
    [
        (np.eye(600), 1),
        (np.diag(np.arange(1.0, 400)), 399**2),
        (np.diag(np.r_[np.ones(299), 1 + 2.0**-20]), Fraction(2**20 + 1, 2**20) ** 2),
        (hadamard(512), 512),  # orthogonal, but a factor
        (hadamard(512)[:100], 512),
        (np.full((300, 700), 3.0), 300 * 700 * 9),
        (np.ones((700, 2)) * [3, 4], 700 * 25),
        (np.eye(5)[:, [3]] * 2.0**-500, Fraction(1, 2**1000)),
    ],
)
def test_norms_known_exactly_are_not_exceeded(w, square):
    """In rational numbers, by no more than one in ten thousand."""
    found = Fraction(largest_singular_value(w)) ** 2
    assert square <= found <= square * (1 + Fraction(1, 10_000)) ** 2


@pytest.mark.parametrize("shape", [(40, 900), (600, 600), (300, 20)])
def test_a_matrix_of_one_rank_has_the_norm_of_its_factors(shape):
    w = of_one_rank(shape)
    square = sum(int(v) ** 2 for v in w.ravel())  # ‖a‖² ‖b‖², of integers
    found = Fraction(largest_singular_value(w)) ** 2
    assert square <= found <= square * (1 + Fraction(1, 10_000)) ** 2


def test_a_bound_below_the_largest_eigenvalue_is_never_certified():
    """A matrix has no factors if t is below, and they are found if it is above."""
    for n in (1, 5, 300, 600):
        rng = np.random.default_rng(n)
        rows = rng.normal(size=(n, n))
        square = rows @ rows.T
        largest = np.linalg.eigvalsh(square)[-1]
        for share in (0.5, 0.9, 1 - 1e-6, 1 - 1e-9):
            assert share * largest + spectral._distance_from_factors(square, share * largest) > (
                largest * (1 - 32 * n * EPS)  # what LAPACK may be off
            )
        assert spectral._distance_from_factors(square, largest * (1 + 1e-6)) < 1e-9 * largest


def test_the_distance_from_factors_is_never_less_than_what_rational_numbers_leave(monkeypatch):
    """E is tI − A − L Lᵀ, in blocks of two columns, with L as it was found."""
    monkeypatch.setattr(spectral, "_ROWS", 2)
    factors, zeros = [], np.zeros

    def kept(*arguments, **options):
        factors.append(zeros(*arguments, **options))
        return factors[-1]

    monkeypatch.setattr(spectral.np, "zeros", kept)
    for seed in range(20):
        rows = np.random.default_rng(seed).normal(size=(5, 5))
        square = rows @ rows.T
        shift = float(np.linalg.eigvalsh(square)[-1]) * (1 + 1e-12)
        distance = spectral._distance_from_factors(square, shift)
        lower = [[Fraction(float(v)) for v in row] for row in factors[-1]]
        left = sum(
            (Fraction(shift) * (j == k) - Fraction(float(square[j, k]))
             - sum(a * b for a, b in zip(lower[j], lower[k], strict=True))) ** 2
            for j in range(5) for k in range(5)
        )  # fmt: skip
        assert left <= Fraction(distance) ** 2


def test_a_low_estimate_leads_to_a_higher_bound(monkeypatch):
    w = np.random.default_rng(0).normal(size=(300, 200))
    true = np.linalg.norm(w, 2)
    monkeypatch.setattr(spectral, "_estimate", lambda matrix: true / 2)
    assert true < largest_singular_value(w) < 4 * true


def test_eigenvalues_are_not_exceeded_whatever_their_size():
    for scale in (1e-250, 1e-150, 1.0, 1e150):
        rows = np.random.default_rng(0).normal(size=(300, 40))
        square = rows @ rows.T  # many eigenvalues are 0, or what rounding makes of it
        true = np.linalg.eigvalsh(square)[-1]
        assert true < largest_eigenvalue(scale * square) / scale < true * (1 + 1e-4)
    assert largest_eigenvalue(np.zeros((3, 3))) == 0


STRUCTURED = [np.eye(600), hadamard(512) / 3, np.diag(np.arange(1.0, 601)), of_one_rank((90, 80))]


@pytest.mark.parametrize("w", STRUCTURED)
def test_the_norm_does_not_hang_on_rounding(w):
    """What other threads do to a product that is handed on is no more than this."""
    rng = np.random.default_rng(0)
    for matrix in (w, w + rng.normal(size=w.shape)):
        rounded = matrix * (1 + 4 * EPS * rng.uniform(-1, 1, size=w.shape))
        assert largest_singular_value(matrix) == largest_singular_value(rounded)
