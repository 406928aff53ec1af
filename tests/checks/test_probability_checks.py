"""The checks of statements about probability alone, each with a claim or a draw that fails."""

import math
from fractions import Fraction

import numpy as np
import pytest
from randrelu import check, laws
from randrelu.checks.statements import (
    eqs_9_12,
    fact_b_2,
    lemma_3_2,
    lemma_a_4,
    lemma_c_6,
    theorem_c_2,
    theorem_c_3,
)
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
    near = check("lemma-c.5", ratio=0.98, trials=10_000, rng=0)
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
    """Of 60 true checks at 1e-3 each, 3 or more violated have a probability below 4e-5."""
    verdicts = [
        check("lemma-3.2", trials=10_000, width=2, depth=1, rng=s).conclusion for s in range(60)
    ]
    assert verdicts.count("violated") < 3


class TestTheoremC2:
    """The sums of Lemma A.4's proof meet the hypothesis with the ν and c that are taken."""

    K, M, RATIO = 50, 30, 0.6

    def moments(self, q):
        """Σ E|X_i|^q across the plane and within it, the second by quadrature over angles."""
        normal = 2 ** (q / 2) * math.gamma((q + 1) / 2) / math.sqrt(math.pi)
        angle = math.asin(self.RATIO)
        # w = r (cos φ, sin φ) in the plane; units differ where φ is within θ/2 of v or of −v.
        cosines, _ = integrate.quad(lambda a: math.cos(a) ** q, -angle / 2, angle / 2)
        radius = 2 ** (q / 2) * math.gamma(q / 2 + 1)
        size = (2 / (self.K * self.M)) ** (q / 2)
        across = angle / math.pi * normal**2
        return self.K * size * across, self.K * size * normal * radius * cosines / math.pi

    def test_the_moments_meet_the_hypothesis(self):
        for which, (nu, c) in enumerate(theorem_c_2.scales(self.K, self.M, self.RATIO)):
            assert self.moments(2)[which] <= nu * (1 + 1e-9)
            for q in range(3, 25):
                allowed = math.factorial(q) / 2 * nu * c ** (q - 2)
                assert self.moments(q)[which] <= allowed * (1 + 1e-9)

    @pytest.mark.statistics
    def test_the_sums_have_these_variances(self):
        """The mean of 20 000 squares, of which even the widest deviates by 5 σ at 6e-7."""
        generator = np.random.default_rng(0)
        sums = theorem_c_2.draw_sums(20_000, self.K, self.M, self.RATIO, generator)
        for values, exact in zip(sums, self.moments(2), strict=True):
            error = np.std(values**2) / math.sqrt(values.size)
            assert abs(np.mean(values**2) - exact) < 5 * error

    @pytest.mark.statistics
    def test_the_exact_law_across_the_plane(self):
        generator = np.random.default_rng(1)
        sums = theorem_c_2.draw_sums(20_000, self.K, self.M, self.RATIO, generator)[0]
        law = theorem_c_2.law_across(self.K, self.M, self.RATIO)
        assert law.p_value(np.abs(sums)) > 1e-6


class TestLemmaA4:
    @pytest.mark.statistics
    def test_the_masked_row_is_that_of_a_network(self):
        """The rows that differ, counted by signs; E‖HᵀDW‖² by the law of the differing rows."""
        k, m, ratio = 40, 7, 0.7
        generator = np.random.default_rng(0)
        rows = np.array([lemma_a_4.masked_row(k, m, ratio, generator) for _ in range(4000)])
        angle = math.asin(ratio)
        # Across the plane the mean square of a component is p/m; along v it has ∫ 2 cos² over it.
        exact = np.full(m, angle / math.pi)
        exact[0] = (angle + math.sin(angle)) / math.pi
        exact[-1] = (angle - math.sin(angle)) / math.pi
        error = (rows**2).std(axis=0) / math.sqrt(len(rows))
        assert (np.abs((rows**2).mean(axis=0) - exact / m) < 5 * error).all()

    @pytest.mark.statistics
    def test_the_worst_m_is_worse_than_one_across_x_and_y(self):
        c = check("lemma-a.4", n=1, trials=2000, rng=0)
        greater = stats.mannwhitneyu(
            c.trials["aligned"], c.trials["orthogonal"], alternative="greater"
        )
        assert greater.pvalue < 1e-6

    def test_it_says_by_how_much_the_bound_is_loose(self):
        c = check("lemma-a.4", trials=100, rng=0)
        assert c.conclusion == "uninformative" and c.measurements[2].value > 50


class TestLemmaC6:
    def test_a_true_pair_is_violated_no_more_often_than_stated(self):
        """All counts of 25 draws each, weighed by the law; the worst case is p_s = 2 p_n."""
        n, level = 25, 0.05
        counts = np.arange(n + 1)
        p = np.array([[lemma_c_6.at_most_twice(s, y, n).p_value for y in counts] for s in counts])
        alarms = []
        for b in np.linspace(0.02, 0.5, 25):
            law = np.outer(stats.binom.pmf(counts, n, 2 * b), stats.binom.pmf(counts, n, b))
            alarms.append(law[p < level].sum())
        assert 0 < max(alarms) <= level

    def test_the_p_value_is_the_largest_over_all_probabilities(self):
        for s, y, n in [(20, 5, 25), (25, 11, 25), (3, 0, 10), (500, 200, 1000)]:
            b = np.linspace(0, 0.5, 200_001)
            least = np.minimum(stats.binom.sf(s - 1, n, 2 * b), stats.binom.cdf(y, n, b))
            found = lemma_c_6.at_most_twice(s, y, n).p_value
            assert found == pytest.approx(min(1.0, 2 * least.max()), rel=1e-3)

    def test_it_is_false_in_one_dimension_and_nowhere_claimed_there(self):
        c = check("lemma-c.6", dim=1, rows=1, trials=100_000, rng=0)
        assert (c.conclusion, c.verdict) == ("violated", "hypothesis not met")
        assert c.measurements[-1].value == pytest.approx(2 * stats.norm.sf(math.sqrt(0.5)))
        assert check("lemma-c.6", dim=2, rows=1, trials=100_000, rng=0).conclusion != "violated"


class TestOneLayer:
    def test_the_mean_square_of_a_distance_is_an_integral(self):
        def square(r, phi, angle):
            gap = max(math.cos(phi), 0) - max(math.cos(phi - angle), 0)
            return 2 * r**3 * math.exp(-(r**2) / 2) * gap**2 / (2 * math.pi)

        for angle in (0.2, 1.7, math.pi):
            parts = [
                integrate.dblquad(square, a, b, 0, 40, args=(angle,))
                for a, b in [(-math.pi, -math.pi / 2), (-math.pi / 2, angle - math.pi / 2),
                             (angle - math.pi / 2, math.pi / 2), (math.pi / 2, angle + math.pi / 2),
                             (angle + math.pi / 2, math.pi)]
            ]  # fmt: skip
            exact, error = map(sum, zip(*parts, strict=True))
            assert abs(eqs_9_12.mean_square(np.array(angle)) - exact) < max(error, 1e-8)

    def test_the_contraction_is_weakest_near_0(self):
        theta = np.geomspace(1e-4, math.pi, 1000)
        found = eqs_9_12.contraction(theta)
        assert found[0] == pytest.approx(1 / (3 * math.pi), rel=1e-3) and found.min() == found[0]
        before = 2 * np.sin(theta / 2)
        after = before * (1 - found * before)
        assert np.allclose(after**2, eqs_9_12.mean_square(theta), rtol=1e-12, atol=0)

    def test_a_contraction_that_is_too_strong_is_refuted(self):
        assert check("eqs-9-12", **SMALL["eqs-9-12"], divisor=9.0, rng=0).conclusion == "violated"
        assert check("eqs-9-12", **SMALL["eqs-9-12"], divisor=9.5, rng=0).conclusion != "violated"

    def test_another_mean_square_is_noticed(self, monkeypatch):
        monkeypatch.setattr(eqs_9_12, "mean_square", lambda theta: theta**2 / 2)
        assert check("eqs-9-12", **SMALL["eqs-9-12"], rng=0).conclusion == "violated"

    def test_few_draws_do_not_violate_it(self):
        """The squares of a few draws are far from normal: they test no law."""
        said = [check("eqs-9-12", width=1, trials=9, rng=s).conclusion for s in range(60)]
        assert set(said) == {"consistent"}

    def test_too_few_squares_for_the_law_do_not_establish_it(self):
        c = check("eqs-9-12", width=50, trials=150, rng=0)
        assert all(m.low >= 0.95 for m in c.measurements if m.count is not None)
        assert c.conclusion == "consistent"
