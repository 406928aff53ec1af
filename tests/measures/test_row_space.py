"""The row space of the first layer: the pseudo-inverse, its exact law, and broken networks."""

import re

import numpy as np
import pytest
from randrelu import Network, check, figure_1, laws, min_perturbation
from randrelu._support import memory
from randrelu.measures.row_space import ACCURACY, run_seed
from scipy import stats
from scipy.optimize import nnls

# k × d, with tiles of the Gram matrix and panels of W that are whole, cut and only just not needed.
SHAPES = [(1, 1), (1, 7), (7, 1), (2, 3), (9, 9), (30, 100), (100, 30), (256, 512), (257, 513),
          (600, 90), (300, 600), (530, 260)]  # fmt: skip


def projected(w, x):
    """‖W⁺Wx‖ by the pseudo-inverse in double, and how far rounding may put it or us."""
    w = w.astype(float)
    values = np.linalg.svd(w, compute_uv=False)
    # A pseudo-inverse is good to its size times m ε ‖W‖; the factor of 10 is for the products.
    error = 10 * max(w.shape) * np.finfo(float).eps * values[0] / values[-1]
    return np.linalg.norm(np.linalg.pinv(w) @ (w @ x)), error * np.linalg.norm(x)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["stored", "streamed", "float32", "float64"])
def test_is_the_length_of_the_projection_by_the_pseudo_inverse(shape, kind):
    k, d = shape
    rng = np.random.default_rng(k + d)
    if kind in ("stored", "streamed"):
        net = Network.random((d, k, 1), rng=k, storage=kind)
    else:
        w = rng.normal(size=shape).astype(kind)
        net = Network.from_weights([w, np.ones((1, k), kind)])
        assert net.dtype == kind
    for x in (np.ones(d), rng.normal(size=d)):
        expected, error = projected(net.weights(1), x)
        assert abs(min_perturbation(net, x) - expected) <= error


@pytest.mark.parametrize(("k", "d"), [(4, 9), (7, 7), (15, 6)])
def test_is_the_radius_of_appendix_d_itself(k, d):
    """The farthest pattern is that of y* = −(W₁ᵀW₁)⁺x, and it is as far as undoing the layer.

    A pattern belongs to the cone of all w with s_i ⟨w_i, w⟩ ≥ 0, and what is left of x after its
    projection onto the cone is that onto the polar cone (Moreau), spanned by the −s_i w_i.
    """
    generator = np.random.default_rng(k)
    w, x = generator.standard_normal((k, d)), generator.standard_normal(d)

    def distance(y):
        spans = -(np.sign(w @ y)[:, np.newaxis] * w).T
        return np.linalg.norm(spans @ nnls(spans, x)[0])

    net = Network.from_weights([w, np.ones(k)], dtype="float64")
    found = min_perturbation(net, x)
    inverse = np.linalg.pinv(w)
    worst = distance(-inverse @ (inverse.T @ x))
    assert worst == pytest.approx(found, rel=1e-9)
    others = [distance(generator.standard_normal(d)) for _ in range(200)]
    assert 0 < max(others) <= found * (1 + 1e-9)


def test_threads_storages_and_dtypes_change_no_bit():
    for widths in [(700, 300, 1), (300, 700, 1)]:
        x = np.random.default_rng(0).normal(size=widths[0])
        found = {
            min_perturbation(Network.random(widths, rng=3, storage=s, dtype=t), x, threads=n)
            for s in ("stored", "streamed")
            for t in ("float32", "float64")
            for n in (1, 2, 3, 8)
        }
        assert len(found) == 1


def test_the_point_is_not_changed():
    x = np.arange(9.0)
    min_perturbation(Network.random((9, 4, 1), rng=0), x)
    assert np.array_equal(x, np.arange(9.0))


def test_only_the_first_layer_takes_part():
    w = np.random.default_rng(0).normal(size=(4, 9))
    rest = [np.ones((2, 4)), np.ones(2)]
    x = np.arange(9.0)
    deep, shallow = Network.from_weights([w, *rest]), Network.from_weights([w, np.ones(4)])
    assert min_perturbation(deep, x) == min_perturbation(shallow, x)
    row = Network.from_weights([w[:1]])  # without a hidden layer
    assert min_perturbation(row, x) == pytest.approx(abs(w[0] @ x) / np.linalg.norm(w[0]))


def test_scale_of_the_point_and_of_the_weights():
    w = np.random.default_rng(0).normal(size=(5, 12))
    x = np.random.default_rng(1).normal(size=12)
    plain, error = projected(w, x)
    assert min_perturbation(Network.from_weights([w, np.ones(5)]), np.zeros(12)) == 0
    for size in (1e-300, 1e-150, 1.0, 1e150, 1e300):
        net = Network.from_weights([w, np.ones(5)])
        assert min_perturbation(net, size * x) == pytest.approx(size * plain, rel=error, abs=0)
        net = Network.from_weights([size * w, np.ones(5)])
        assert abs(min_perturbation(net, x) - plain) <= error
    # Rows of very different lengths span what they span.
    lengths = 10.0 ** np.array([[-8], [-4], [0], [4], [8]])
    net = Network.from_weights([lengths * w, np.ones(5)])
    assert abs(min_perturbation(net, x) - plain) <= error


def deficient(k, d, rank, seed=0):
    """A k × d matrix of this rank, and an orthonormal basis of its row space, (rank, d)."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(d, rank)))[0].T
    return rng.normal(size=(k, rank)) @ basis, basis


@pytest.mark.parametrize(
    ("k", "d", "rank"), [(6, 9, 3), (9, 6, 3), (300, 400, 299), (400, 300, 5), (40, 40, 39)]
)
def test_matrices_that_are_not_of_full_rank(k, d, rank):
    w, basis = deficient(k, d, rank)
    x = np.random.default_rng(1).normal(size=d)
    got = min_perturbation(Network.from_weights([w, np.ones(k)]), x)
    assert got == pytest.approx(np.linalg.norm(basis @ x), rel=1e-9)


def test_equal_rows_zero_rows_and_no_rows():
    w = np.random.default_rng(0).normal(size=(3, 8))
    x = np.arange(8.0)
    expected, error = projected(w, x)
    for rows in ([w, w], [w, 0 * w], [w, -3 * w[:1]], [w, w[:1] + w[1:2]]):
        more = np.concatenate(rows)
        got = min_perturbation(Network.from_weights([more, np.ones(len(more))]), x)
        assert abs(got - expected) <= error
    assert min_perturbation(Network.from_weights([np.zeros((3, 8)), np.ones(3)]), x) == 0


@pytest.mark.parametrize("small", [1e-3, 1e-5, 1e-6, 1e-7, 1e-9, 1e-11])
@pytest.mark.parametrize("tall", [False, True])
def test_directions_that_are_nearly_lost_count(small, tall):
    """A Gram matrix has the singular values squared: 1e-9 is lost in it, and still of W's rank."""
    rng = np.random.default_rng(0)
    k, d = (60, 40) if tall else (40, 60)
    u, v = (np.linalg.qr(rng.normal(size=(n, 40)))[0] for n in (k, d))
    values = np.r_[np.ones(39), small]
    x = np.sqrt(0.5) * (v[:, -1] + (v[:, 0] if tall else rng.normal(size=d)))
    got = min_perturbation(Network.from_weights([(u * values) @ v.T, np.ones(k)]), x)
    # The matrix itself is rounded, which turns that direction by about ε ‖W‖/small.
    expected = np.linalg.norm(v.T @ x)
    tolerance = (ACCURACY + 100 * np.finfo(float).eps / small) * np.linalg.norm(x)
    assert abs(got - expected) <= tolerance


@pytest.mark.statistics
def test_follows_the_exact_law():
    """At several seeds, k and points: false alarm 1e-4 for each of six tests."""
    for k, d in [(1, 2), (1, 30), (3, 10), (29, 30), (20, 40), (199, 200)]:
        x = np.random.default_rng(k).normal(size=d) ** 3
        found = [
            min_perturbation(Network.random((d, k, 1), rng=1000 * k + t, storage="streamed"), x)
            for t in range(200)
        ]
        squares = (np.array(found) / np.linalg.norm(x)) ** 2
        assert stats.kstest(squares, stats.beta(k / 2, (d - k) / 2).cdf).pvalue > 1e-4


def test_mean_of_the_law_is_its_integral():
    for k, d in [(1, 2), (1, 3), (5, 8), (10, 1000), (999, 1000)]:
        law = laws.projected_length_law(k, d)
        assert laws.mean_projected_length(k, d) == pytest.approx(law.expect(np.sqrt), rel=1e-7)
    # Far out: 1 − 1/(4k) + 1/(4d) up to second order.
    assert laws.mean_projected_length(10**8, 10**9) == pytest.approx(
        np.sqrt(0.1) * (1 - 0.25e-8 + 0.25e-9), rel=1e-13
    )
    assert laws.mean_projected_length(7, 7) == laws.mean_projected_length(9, 7) == 1


def test_figure_repeats_and_grows_without_changing_a_number():
    a = figure_1(60, (5, 20, 60), 4, rng=1)
    b = figure_1(60, (80, 20, 30, 5), 6, rng=a.seed, threads=1)
    assert np.array_equal(a.ratios[0], b.ratios[3][:4])
    assert np.array_equal(a.ratios[1], b.ratios[1][:4])
    assert len(np.unique(a.ratios[:2])) == 8
    assert not np.array_equal(a.ratios, figure_1(60, (5, 20, 60), 4, rng=2).ratios)
    net = Network.random((60, 20, 1), rng=run_seed(1, 20, 3), init="unit")
    assert min_perturbation(net, np.ones(60)) / np.sqrt(60) == a.ratios[1, 3]
    np.testing.assert_allclose(a.ratios[2], 1, atol=ACCURACY)


def test_figure_of_the_law_and_of_both():
    law = figure_1(10**9, (10, 10**8, 10**9, 2 * 10**9), 50, rng=1, method="law")
    assert law.method == ("law",) * 4 and (law.ratios[2:] == 1).all()
    errors = law.ratios.std(axis=1) / np.sqrt(50)
    assert (np.abs(law.mean - law.expected) <= 5 * errors).all()
    both = figure_1(60, (5, 20), 3, rng=1, method=("solve", "law"))
    assert both.method == ("solve", "law")
    assert np.array_equal(both.ratios[0], figure_1(60, 5, 3, rng=1).ratios[0])
    assert np.array_equal(both.ratios[1], figure_1(60, 20, 3, rng=1, method="law").ratios[0])


def test_figure_has_a_table_a_plot_and_a_line_of_text():
    f = figure_1(50, (5, 50, 100), 3, rng=1)
    assert np.array_equal(f.mean, f.ratios.mean(axis=1))
    np.testing.assert_allclose(f.predicted, [np.sqrt(0.1), 1, 1])
    assert f.expected[0] == laws.mean_projected_length(5, 50) and (f.expected[1:] == 1).all()
    table = f.to_frame()
    assert len(table) == 9 and np.array_equal(table["ratio"], f.ratios.ravel())
    assert list(table["hidden"]) == [5] * 3 + [50] * 3 + [100] * 3
    assert repr(f).startswith("Figure1(d = 50, 3 runs, ") and "\n" not in repr(f)
    lines = f.plot().axes[0].get_lines()
    drawn = {line.get_label(): line.get_ydata() for line in lines}
    assert np.array_equal(drawn["√(k/d)"], f.predicted)
    assert np.array_equal(drawn["average of 3 runs"], f.mean)


def test_check_is_consistent_on_gaussian_networks():
    c = check("figure-1", dim=40, hidden=(1, 10, 39, 40, 70), runs=60, rng=0)
    assert c.verdict == c.conclusion == "consistent" and c.hypothesis.met
    assert len(c.measurements) == 7 and len(c.to_frame()) == 300
    for k, m in zip((1, 10, 39), c.measurements, strict=False):
        assert m.low < laws.mean_projected_length(k, 40) < m.high
        assert f"√(k/d) = {np.sqrt(k / 40):.4g}" in m.paper
    net = Network.random((40, 10, 1), rng=c.trials["seed"][60], init="unit")
    ratio = min_perturbation(net, np.ones(40)) / np.sqrt(40)
    assert c.trials["hidden"][60] == 10 and ratio == c.trials["ratio"][60]
    again = check("figure-1", **c.parameters)
    assert np.array_equal(again.trials["ratio"], c.trials["ratio"])


@pytest.mark.parametrize("hidden", [(20,), (40,), (90,)])
@pytest.mark.parametrize("fault", ["rows are repeated", "rows share a direction"])
def test_check_notices_networks_whose_rows_are_not_independent(monkeypatch, fault, hidden):
    """Rows that repeat the first ten take in too little; rows with a mean along x too much."""
    random = Network.random.__func__

    def broken(widths, **options):
        w = np.array(random(Network, widths, **options).weights(1), float)
        if fault == "rows are repeated":
            w = w[np.arange(len(w)) % min(10, len(w) // 2)]
        else:
            w += 1
        return Network.from_weights([w, np.ones(len(w))])

    monkeypatch.setattr(Network, "random", broken)
    c = check("figure-1", dim=40, hidden=hidden, runs=30, rng=0)
    full = hidden[0] >= 40 and fault != "rows are repeated"  # all of ℝᵈ, whatever the rows share
    assert c.conclusion == c.verdict == ("holds" if full else "violated")


def test_check_needs_something_that_is_solved():
    with pytest.raises(ValueError, match="what is drawn from the law cannot test it"):
        check("figure-1", dim=40, hidden=(5, 10), method="law")
    c = check("figure-1", dim=40, hidden=(5, 10), method=("solve", "law"), runs=1, rng=0)
    assert "drawn from the law" in c.measurements[1].name and c.measurements[0].low is None
    text = check("figure-1", dim=40, hidden=(5, 10), method="solve,law", runs=1, rng=0)
    assert np.array_equal(text.trials["ratio"], c.trials["ratio"])


def test_progress_rises_to_its_end():
    seen = []
    figure_1(300, (200, 10), 3, rng=0, progress=lambda *numbers: seen.append(numbers))
    done, totals = zip(*seen, strict=True)
    assert set(totals) == {1000} and done[-1] == 1000 and list(done) == sorted(done)

    def stop(done, total):
        raise RuntimeError("enough")

    net = Network.random((300, 200, 1), rng=0)
    with pytest.raises(RuntimeError, match="enough"):
        min_perturbation(net, np.ones(300), progress=stop)


NET = Network.random((5, 8, 6, 1), rng=0)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(4), ValueError, "x must have shape (5,) or (N, 5), got (4,)"),
        (np.ones((1, 5)), ValueError, "x must be a single point of shape (5,), got (1, 5)"),
        ([1, 2, np.nan, 4, 5], ValueError, "x must be finite, got nan at index (2,)"),
        (["a"] * 5, TypeError, "x must hold real numbers"),
    ],
)
def test_bad_points(x, error, message):
    with pytest.raises(error, match=re.escape(message)):
        min_perturbation(NET, x)


def test_bad_networks():
    with pytest.raises(TypeError, match="net must be a Network, got list"):
        min_perturbation([], np.ones(5))
    deferred = Network.random((5, 8, 1), rng=0, storage="deferred")
    with pytest.raises(ValueError, match=re.escape("figure_1(method='law')")):
        min_perturbation(deferred, np.ones(5))
    with pytest.raises(ValueError, match="threads must be at least 1"):
        min_perturbation(NET, np.ones(5), threads=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dim": 0}, ValueError, "dim must be at least 1, got 0"),
        ({"hidden": ()}, ValueError, "hidden must hold at least one"),
        ({"hidden": (3, 0)}, ValueError, "hidden[1] must be at least 1, got 0"),
        ({"hidden": "3,4"}, TypeError, "hidden must be a sequence of integers"),
        ({"hidden": (3, 3)}, ValueError, "hidden must hold different numbers, got [3, 3]"),
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"method": "guess"}, ValueError, "method[0] must be one of 'solve', 'law', got 'guess'"),
        ({"method": ("solve",)}, ValueError, "one of them for each of the 2 entries of hidden"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"rng": -1}, ValueError, "rng must not be negative"),
    ],
)
def test_bad_figures(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        figure_1(**{"dim": 10, "hidden": (2, 3), "runs": 1, **arguments})


def test_what_does_not_fit_in_memory_says_so_before_it_starts(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**8)
    words = r"the Gram matrix of W_1 of shape \(5000, 10000\) takes 220.4 MB, and 100.0 MB"
    net = Network.random((10_000, 5000, 1), rng=0, storage="streamed")
    with pytest.raises(MemoryError, match=words + r".* figure_1\(method='law'\)"):
        min_perturbation(net, np.ones(10_000))
    seen = []
    with pytest.raises(MemoryError, match=words):
        figure_1(10_000, (10, 5000), progress=lambda *numbers: seen.append(numbers))
    assert not seen
