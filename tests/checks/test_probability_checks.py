"""The checks of statements about probability alone, each with a claim or a draw that fails."""

import math
from fractions import Fraction

import numpy as np
import pytest
from randrelu import check, laws
from randrelu.checks.statements import fact_b_2, lemma_3_2, theorem_c_3
from scipy import integrate, stats
from small import SMALL


def test_numbers_that_are_not_normal_violate_the_concentration(monkeypatch):
    heavy = lambda count, dim, generator: generator.standard_t(3, (count, dim))  # noqa: E731
    monkeypatch.setattr(theorem_c_3, "draw_vectors", heavy)
    assert check("theorem-c.3", **SMALL["theorem-c.3"], rng=0).verdict == "violated"


def test_the_closed_form_is_the_integral():
    def density(r, phi, angle):
        return r**3 * np.exp(-(r**2) / 2) * np.cos(phi) * np.cos(phi - angle) / math.pi

    for angle in (0.3, 1.5, 3.0):
        exact, error = integrate.dblquad(density, angle - math.pi / 2, math.pi / 2, 0, 40,
                                         args=(angle,))  # fmt: skip
        assert abs(lemma_3_2.closed_form(np.array(angle)) - exact) < max(error, 1e-8)


def test_sides_have_no_cancellation():
    x = np.array([1e-6, 1e-3, 0.0499, 0.0501, 1.0, 3.0])
    left, right = fact_b_2.sides(x)
    for k, value in enumerate(map(Fraction, x)):  # exact series
        terms = [
            ((-1) ** (n + 1) * value ** (2 * n) / math.factorial(2 * n + 1)) for n in range(1, 30)
        ]
        exact = sum(2 * n * value * term for n, term in enumerate(terms, start=1))
        versine = sum((2 * n + 1) * term for n, term in enumerate(terms, start=1))
        assert left[k] == pytest.approx(float(exact), rel=1e-12)
        assert right[k] == pytest.approx(float(versine) ** 1.5, rel=1e-14)


def test_the_printed_forms_are_reported_beside_the_right_ones():
    """Lemma C.5 as printed fails near r = R, Corollary C.4 for matrices that are not square."""
    near = check("lemma-c.5", ratio=0.995, trials=10_000, rng=0)
    assert near.conclusion != "violated" and near.measurements[-1].value > 1
    wide = check("corollary-c.4", rows=400, cols=20, trials=200, rng=0)
    assert wide.conclusion == "holds" and wide.measurements[2].count == (0, 200)
    square = check("corollary-c.4", rows=50, cols=50, trials=200, rng=0)
    assert square.measurements[2].value == 1


def test_exact_laws_beside_the_measurements():
    c = check("lemma-c.1", rows=1, cols=30, trials=500, rng=0)  # ‖A‖ is χ with 30 degrees
    assert stats.kstest(c.trials["norm"], stats.chi(30).cdf).pvalue > 1e-6
    c = check("corollary-c.4", rows=7, cols=5, trials=2000, rng=0)
    assert stats.kstest(c.trials["left"] * math.sqrt(5), stats.chi(5).cdf).pvalue > 1e-6
    assert stats.kstest(c.trials["right"] * math.sqrt(5), stats.chi(7).cdf).pvalue > 1e-6
    # One row m: ⟨m, z⟩² is ‖m‖² times a Beta variable on the sphere, ‖m‖² (2/d) χ² for the normal.
    c = check("lemma-c.6", dim=40, rows=1, trials=100_000, rng=0)
    length = np.linalg.norm(np.random.default_rng(0).standard_normal((1, 40)))
    assert stats.kstest((c.trials["sphere"] / length) ** 2, stats.beta(0.5, 39 / 2).cdf)[1] > 1e-6
    assert stats.kstest(c.trials["normal"] / length * math.sqrt(20), stats.chi(1).cdf)[1] > 1e-6
    assert not check("lemma-c.6", dim=39, trials=200, rng=0).hypothesis.met
    assert laws.next_angle(math.pi / 2) == pytest.approx(math.acos(1 / math.pi))


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("lemma-a.4", {"n": 200}, "n must be"),
        ("lemma-c.5", {"ratio": 1.0}, "ratio must lie strictly between 0 and 1"),
        ("fact-b.2", {"divisor": 0.0}, "divisor must be a positive number"),
        ("theorem-c.3", {"levels": ()}, "levels must be numbers"),
        ("theorem-c.3", {"levels": (-1.0,)}, "levels must be numbers"),
        ("lemma-c.6", {"spread": math.inf}, "spread must be"),
        ("lemma-3.2", {"angles": 1}, "angles must be"),
    ],
)
def test_bad_parameters(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        check(name, **wrong)


@pytest.mark.statistics
def test_few_draws_do_not_violate_the_arc_cosine_map():
    """Of 60 true checks, 5 or more violated would happen with a probability of 5e-9."""
    verdicts = [
        check("lemma-3.2", trials=10_000, width=2, depth=1, rng=s).conclusion for s in range(60)
    ]
    assert verdicts.count("violated") < 5
