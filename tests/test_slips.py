"""The counterexamples of docs/slips.md: where the paper as printed is not what is meant or true.

Each is worked out here from laws of SciPy and from arithmetic, without the package.
"""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize, stats

SLIPS = Path(__file__).parent.parent / "docs" / "slips.md"


def test_the_document_names_every_test_of_this_file():
    named = re.findall(r"`(test_\w+)`", SLIPS.read_text(encoding="utf-8"))
    tests = {name for name in globals() if name.startswith("test_")}
    assert set(named) == tests - {"test_the_document_names_every_test_of_this_file"}
    assert len(named) == len(set(named))


def test_the_step_of_the_proof_outgrows_the_bound():
    """At depth 1 and ‖x‖ = √d the step is 2 log d √(log 1/δ)/‖∇f‖ long; the bound has no log d."""
    generator, units = np.random.default_rng(0), {}
    for d in (10**3, 10**6):
        active = generator.binomial(1000, 0.5, 2000)
        slope = np.sqrt(generator.chisquare(d, 2000) / d * generator.chisquare(active) / 1000)
        units[d] = np.median(2 * math.log(d) / slope)
    assert units[10**6] / units[10**3] == pytest.approx(2, rel=0.02)


def test_one_dimension_has_no_short_step():
    """In one dimension f keeps its sign on either side of 0: no relative step below 1 turns it."""
    generator = np.random.default_rng(0)
    for _ in range(100):
        w, v, x = generator.standard_normal(5), generator.standard_normal(5), 1.7
        f = lambda y, w=w, v=v: v @ np.maximum(w * y, 0)  # noqa: E731
        steps = np.linspace(-0.999, 0.999, 101) * x
        assert all(np.sign(f(x + step)) == np.sign(f(x)) for step in steps)
    for delta in (0.9, 0.99, 0.9999):
        c_3 = 1 / math.sqrt(math.log(1 / delta))  # what is needed; d_min ≥ … log 1/δ asks for less
        assert c_3 > 3
    assert c_3 > 99


def test_equal_widths_need_the_first_arg_min():
    """For widths (2, 2, 1) the last one gives the bottlenecks 1, 0, of widths that do not rise."""
    widths = (2, 2)

    def bottlenecks(choose):
        found, below = [], len(widths)
        while below > 0:
            least = min(widths[:below])
            found.append(choose(i for i in range(below) if widths[i] == least))
            below = found[-1]
        return [widths[i] for i in found]

    assert bottlenecks(max) == [2, 2] and bottlenecks(min) == [2]


def test_one_output_is_small_too_often():
    """The output is small with the probability 2Φ(α) − 1 > δ, at any widths."""
    alpha, delta = 0.1, 0.05
    assert (1 - 2 * math.sqrt(2 / math.pi) * alpha) * 1 > 0  # so the one unit has to be large
    assert 1 - 2 * stats.norm.sf(alpha) == pytest.approx(0.0797, abs=5e-5) and delta < 0.0797


def test_a_hidden_layer_has_a_small_preactivation():
    """d_1 = 200, α = 0.001: all 200 have to be large, which they are with probability 0.852."""
    alpha, width = 0.001, 200
    claimed = math.ceil((1 - 2 * math.sqrt(2 / math.pi) * alpha) * width)
    assert claimed == width
    probability = (2 * stats.norm.sf(alpha)) ** width
    assert probability == pytest.approx(0.852, abs=5e-4)


def test_the_exponents_of_case_1():
    """Powers of (ℓ log d_max)^ℓ: R²/d_min has −160, and the size 1/t² twice the threshold's."""
    exponent = lambda threshold: -160 + 2 * threshold + 1  # noqa: E731
    assert exponent(75) == -9 > -60
    assert exponent(50) == -59 and max(exponent(50), -50) <= -45


def test_the_largest_entry_of_h_is_not_small():
    """ℓ = 1 and all widths 10^2000: log 1/δ = 10^1100 is allowed (C = 1). All are powers of 10."""
    width, log_delta = 2000, 1100
    log_width = math.log10(width * math.log(10))  # of ℓ log d_max
    assert 240 * log_width + log_delta <= width
    # √|Q| ‖H‖_∞ with |Q| = d_j (ℓ log d_max)^{−60ℓ} and ‖H‖_∞² = (log d + log 1/δ)/d_j:
    assert log_width < log_delta and (log_delta - 60 * log_width) / 2 == pytest.approx(440, abs=0.5)
    # ‖H D_Q‖² by (|Q| log d + log 1/δ)/d_j:
    assert max(-59 * log_width, log_delta - width) < -200


def exceeds(bound, m, p):
    """P{‖HᵀDWM‖ ≥ bound} for M of one column across x and y, L = 1, and k so large that |D| = pk.

    HᵀDWM is then N(0, ‖HᵀD‖²/m), and ‖HᵀD‖² = p up to √(1/k).
    """
    return 2 * stats.norm.sf(bound * math.sqrt(m / p))


def test_lemma_a_4_has_a_power_of_m_too_many():
    k, m, ratio, delta = 1e18, 1e9, 0.5, 0.5
    much = 1 + math.log(1 / delta)
    printed = math.sqrt(3 * ratio * math.log(1 / ratio)) * much / m
    printed = 1024 * (printed + much / math.sqrt(k * m))
    p = math.asin(ratio) / math.pi
    assert exceeds(printed, m, p) == pytest.approx(0.89, abs=0.005) and delta < 0.89
    under_the_root = 1024 * math.sqrt(p * much / m)
    assert exceeds(under_the_root, m, p) < 1e-300


def test_lemma_a_4_vanishes_at_the_farthest_points():
    k, m, ratio, delta = 1e12, 3, 1 - 1e-12, 0.5
    much = 1 + math.log(1 / delta)
    printed = math.sqrt(3 * ratio * math.log(1 / ratio)) * much / m
    printed = 1024 * (printed + much / math.sqrt(k * m))
    assert exceeds(printed, m, math.asin(ratio) / math.pi) > 0.99 > delta


def test_the_scale_of_theorem_b_1():
    """With 2/d and 2/k, ‖f_1‖² has the mean k/d, and f the variance 2/k · k/d = 2/d."""
    d, k = 10, 100_000
    layer = np.maximum(np.random.default_rng(0).normal(0, math.sqrt(2 / d), k), 0)  # ‖x‖ = 1
    assert np.linalg.norm(layer) == pytest.approx(math.sqrt(k / d), rel=0.02)
    large = 2 * stats.norm.sf(0.04 / math.sqrt(2 / 10**4))
    assert large == pytest.approx(0.0047, abs=5e-5) and large < 0.9
    # With 2/k and 1 it is what the proof has:
    assert 2 * stats.norm.sf(0.05) == pytest.approx(0.96, abs=0.005)


def test_the_sign_in_the_expansion_of_a_square():
    """At x = y the left side is 0 and the line with + has 4 ‖f_{i−1}‖²."""
    u = np.random.default_rng(0).standard_normal((50_000, 3)) @ [1.0, 2.0, 2.0]
    inner = np.mean(2 * np.maximum(u, 0) ** 2)  # E⟨f_i(x), f_i(x)⟩ = ‖f_{i−1}‖² = 9
    assert 9 + 9 + 2 * inner == pytest.approx(36, rel=0.03)
    assert 9 + 9 - 2 * inner == pytest.approx(0, abs=0.5)


def test_eq_11_at_opposite_points():
    """‖x + y‖ = 0 at y = −x, though ‖f_1(x) − f_1(y)‖ = ‖W_1 x‖ = √(2/k) χ_k is random."""
    k, generator = 20, np.random.default_rng(0)
    w, x = generator.normal(0, math.sqrt(2 / k), (k, 5)), np.eye(5)[0]
    moved = np.maximum(w @ x, 0) - np.maximum(-w @ x, 0)
    assert np.linalg.norm(moved) == pytest.approx(np.linalg.norm(w @ x), rel=1e-15)
    assert math.sqrt(2 / k) * stats.chi(k).std() > 0.2


def test_the_distance_of_two_deep_images():
    """1/√(ℓd) leaves |f(x) − f(y)| of the order of 1; 1/(√ℓ d) makes it 1/√d."""

    def after(d, distance):
        depth = d**3
        log_net = d * (math.log(10) + 10 * (math.log(10) + depth * math.log(2)))
        log_delta = math.log(64) + 10 * math.log(d) + 2 * log_net
        return 2 * distance(depth, d) * math.sqrt(log_delta)

    as_printed = [after(d, lambda n, d: 1 / math.sqrt(n * d)) for d in (10, 100, 1000)]
    assert min(as_printed) > 7
    meant = [after(d, lambda n, d: 1 / (math.sqrt(n) * d)) for d in (10, 100, 1000)]
    assert meant[0] / meant[2] == pytest.approx(10, rel=0.01)


def test_the_proof_of_fact_b_2():
    fails_from = (3 * math.pi**2) ** (1 / 3)
    assert fails_from == pytest.approx(3.0937, abs=5e-5) and fails_from < math.pi
    assert math.pi**2 / 12 < math.pi**3 / 36
    assert integrate.quad(lambda x: x * math.sin(x), 0, math.pi / 2)[0] == pytest.approx(1)
    assert math.pi**3 / 36 < 1


def test_the_proof_of_lemma_c_1():
    """For n = m = 10 and δ = 0.05 its δ′ is 5e−12, and the probability 19 times as large."""
    n, delta = 10, 0.05 / 10**10
    assert stats.chi(n).sf(math.sqrt(n) + math.sqrt(math.log(1 / delta))) > 18.9 * delta
    assert stats.chi(n).sf(math.sqrt(n) + math.sqrt(2 * math.log(1 / delta))) < delta
    assert 1.5 * math.sqrt(2 * math.log(7)) < 3 < 1.5 * math.sqrt(2 * math.log(10))


def test_corollary_c_4_where_the_matrix_is_not_square():
    """400 × 20, δ = 0.05: ‖Wv‖ = χ_400/√20 is near 4.47, and never within 0.83 of 1."""
    reach = (math.sqrt(2 * math.log(2 / 0.05)) + 1) / math.sqrt(20)
    law = stats.chi(400, scale=1 / math.sqrt(20))
    assert reach == pytest.approx(0.83, abs=0.005) and law.mean() == pytest.approx(4.47, abs=0.01)
    assert law.cdf(1 + reach) < 1e-80


def test_lemma_c_5_near_the_largest_distance():
    def printed(r):
        return 3 * r * math.sqrt(math.log(1 / r))

    assert math.asin(0.99) / math.pi == pytest.approx(0.4549, abs=5e-5)
    assert printed(0.99) == pytest.approx(0.2977, abs=5e-5) and printed(1) == 0
    root = optimize.brentq(lambda r: math.asin(r) / math.pi - printed(r), 0.5, 1)
    assert root == pytest.approx(0.9784, abs=5e-5)
    for r in np.linspace(0.001, 1, 1000):
        assert math.asin(r) / math.pi <= r / 2 <= r * (1 + 2 * math.sqrt(math.log(1 / r)))


def test_the_proof_of_lemma_c_6():
    """M = 10 I and t = 10 r: P{‖MZ‖ ≥ t} = 1 and P{‖Y‖ ≥ t} = 0, in place of P{‖Y‖ ≥ r} > ½."""
    d = 40
    assert stats.chi2(d).sf(100 * d / 2) < 1e-300 and stats.chi2(d).sf(d / 2) > 0.5


def test_lemma_c_6_in_one_dimension_and_in_more():
    assert 2 * stats.chi2(1).sf(1 / 2) == pytest.approx(0.959, abs=5e-4)  # P{‖MZ‖ ≥ t} is 1
    assert all(stats.chi2(d).sf(d / 2) > 0.5 for d in range(2, 1000))
