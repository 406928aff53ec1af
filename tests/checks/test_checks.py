"""The checks measure what they say, repeat, and can report every verdict."""

import json
import math

import numpy as np
import pytest
import reference
from randrelu import Network, check
from randrelu.checks import trials
from randrelu.checks.attacks import MULTIPLES
from randrelu.checks.result import share, smallest_constant
from scipy import stats

BOTH = pytest.mark.parametrize("name", ["theorem-1.1", "lemma-2.2"])


def test_clopper_pearson_inverts_the_binomial_tails():
    for k, n in [(0, 10), (3, 10), (10, 10), (190, 200)]:
        m = share("", np.arange(n) < k)
        assert m.count == (k, n) and m.value == k / n
        if k > 0:
            assert math.isclose(stats.binom.sf(k - 1, n, m.low), 0.025, rel_tol=1e-6)
        if k < n:
            assert math.isclose(stats.binom.cdf(k, n, m.high), 0.025, rel_tol=1e-6)


def test_smallest_constant_is_the_order_statistic():
    ratios = np.array([5.0, 1.0, np.inf, 3.0, 2.0, 4.0, 6.0, 7.0, 8.0, 9.0])
    assert smallest_constant(ratios, 0.5) == 5
    assert smallest_constant(ratios, 0.9) == 9
    assert smallest_constant(ratios, 0.95) == np.inf
    assert smallest_constant(np.arange(1.0, 201.0), 1 - 0.05) == 190


def test_theorem_holds_on_wide_networks_and_says_that_its_hypothesis_is_open():
    c = check("theorem-1.1", widths=(200, 300, 300, 1), trials=200, rng=1)
    assert c.conclusion == "holds" and c.verdict == "hypothesis open"
    assert c.hypothesis.met is None and "d_min = 200, which suffices for C ≤ " in c.hypothesis.has
    required = 480 * math.log10(2 * math.log(300)) + math.log10(math.log(20))
    assert f"10^{required:.1f}" in c.hypothesis.asks
    flipped = c.measurements[0]
    assert flipped.value >= 0.95 and flipped.count[1] == 200
    assert c.trials["success"].sum() == flipped.count[0]


def test_a_step_that_fails_is_not_shown_and_nothing_is_violated():
    """At width 2 most steps fail, whatever C is; the theorem says nothing of one step alone."""
    c = check("theorem-1.1", widths=(2, 2, 1), trials=200, rng=1, delta=0.5)
    assert c.conclusion == "not shown" and c.verdict == "hypothesis open"


def test_a_step_beyond_the_bound_does_not_show_the_theorem():
    """Far against its gradient f is negative, so such a step succeeds wherever f(x) > 0."""
    given = {"widths": (50, 80, 1), "trials": 60, "delta": 0.9, "rng": 1}
    c = check("theorem-1.1", **given, eta=-1e6)
    assert c.measurements[0].low > 0.1 and c.conclusion == "not shown"
    assert c.measurements[1].count == (0, 60)
    c = check("theorem-1.1", **given, eta="shortest")
    near = c.trials["success"] & (c.trials["relative_norm"] * math.sqrt(50) <= 50)
    assert c.measurements[1].count == (near.sum(), 60) and c.conclusion == "holds"


def test_theorem_notices_a_network_that_breaks_it(monkeypatch):
    """A constant-sign network, the absolute value of each coordinate, cannot be flipped."""
    d = 50
    w1 = np.concatenate([np.eye(d), -np.eye(d)])
    broken = Network.from_weights([w1, np.ones(2 * d)])
    monkeypatch.setattr(Network, "random", lambda *args, **kwargs: broken)
    c = check("theorem-1.1", widths=(d, 2 * d, 1), trials=100, rng=0, storage="stored")
    assert c.conclusion == "not shown" and c.measurements[0].count == (0, 100)
    assert c.measurements[-1].value == np.inf  # no constant c₃ helps


def test_lemma_notices_networks_on_another_scale(monkeypatch):
    original = Network.random.__func__
    quiet = lambda w, **k: Network.from_weights(  # noqa: E731
        [original(Network, w, **k).weights(i) / 10 for i in range(1, len(w))]
    )
    monkeypatch.setattr(Network, "random", quiet)
    monkeypatch.setattr(
        trials, "weight_variances", lambda widths, _: [0.01 / w for w in widths[:-1]]
    )
    for storage in ("stored", "deferred"):
        c = check("lemma-2.2", widths=(100, 100, 1), trials=100, rng=0, storage=storage)
        assert c.conclusion == "violated"


def test_lemma_is_consistent_and_violated():
    c = check("lemma-2.2", widths=(200, 300, 300, 1), trials=200, rng=1)
    assert c.conclusion == "consistent" and c.verdict == "hypothesis open"
    c = check("lemma-2.2", widths=(2, 2, 1), trials=200, rng=1)
    assert c.conclusion == "violated" and c.verdict == "hypothesis open"


def test_lemma_measures_at_norm_root_d():
    for x in (None, 1e3 * np.arange(1.0, 51.0)):
        c = check("lemma-2.2", widths=(50, 80, 1), trials=300, rng=2, x=x)
        # ‖∇f‖² has mean 2^{−ℓ}, f² too; each within 5 standard errors (variance from the sample).
        for square in (c.trials["grad_norm"] ** 2, c.trials["f"] ** 2):
            assert abs(square.mean() - 0.5) < 5 * square.std() / np.sqrt(300)


def test_constants_are_those_of_the_trials():
    delta, d = 0.1, 60
    c = check("theorem-1.1", widths=(d, 90, 1), trials=50, rng=3, delta=delta)
    ratios = np.where(c.trials["success"], c.trials["relative_norm"], np.inf)
    expected = np.sort(ratios)[44] / math.sqrt(math.log(10) / d)
    assert math.isclose(c.measurements[-1].value, expected)
    c = check("lemma-2.2", widths=(d, 90, 1), trials=50, rng=3, delta=delta)
    f = np.where(c.trials["grad_norm"] >= 0.25, np.abs(c.trials["f"]), np.inf)
    expected = np.sort(f)[44] / (2 * math.sqrt(math.log(10)))
    assert math.isclose(c.measurements[1].value, expected)


def test_quantiles_of_the_linear_step_are_of_all_trials_and_follow_their_law():
    c = check("theorem-1.1", widths=(12, 30, 1), trials=400, rng=6)
    row = next(m for m in c.measurements if m.name == "‖η∇f‖/‖x‖ of the linear step, 50%")
    assert row.value == np.median(c.trials["linear_relative_norm"])
    law = float(row.paper.removesuffix(" (exact law)"))
    below = int((c.trials["linear_relative_norm"] < law).sum())
    assert stats.binomtest(below, 400, 0.5).pvalue > 1e-6
    successes = c.trials["relative_norm"][c.trials["success"]]
    row = next(m for m in c.measurements if m.name.endswith("successes, 50%"))
    assert row.name == f"‖η∇f‖/‖x‖ of {successes.size} successes, 50%"
    assert row.value == np.median(successes) and row.paper == ""


@pytest.mark.statistics
def test_the_linear_step_is_predicted_by_the_limit():
    """Widths of 100 d are near the limit: the measured shares are within its interval."""
    c = check("theorem-1.1", widths=(10, 1000, 1000, 1), trials=1000, rng=0, eta="shortest")
    for name in ("… by the linear step alone", "sign flipped by the linear step"):
        row = next(m for m in c.measurements if m.name == name)
        predicted = float(row.paper.removesuffix(" (infinite width)"))
        assert stats.binomtest(*row.count, predicted).pvalue > 1e-6
        assert not 0.49 < predicted < 0.51  # no number that anything would do for
    linear = check("theorem-1.1", widths=(10, 30, 30, 1), trials=5, rng=0, eta="linear")
    paper = {m.name: m.paper for m in linear.measurements}
    for name in ("sign flipped", "sign flipped and |f| no smaller"):
        assert "infinite width" in paper[name]


def test_how_far_the_exact_step_is_looked_for_is_said():
    c = check("theorem-1.1", widths=(20, 30, 1), trials=5, rng=0)
    assert c.measurements[-1].paper.endswith("looked for up to 28.9")
    c = check("theorem-1.1", widths=(20, 30, 1), trials=5, rng=0, eta="shortest")
    assert "looked for" not in c.measurements[-1].paper


def test_shortest_step_is_the_first_multiple_that_succeeds():
    c = check("theorem-1.1", widths=(30, 40, 1), trials=60, rng=4, eta="shortest")
    multiples = c.trials["eta"] / c.trials["linear_eta"]
    assert all(np.isclose(m, MULTIPLES).any() for m in multiples)
    at_once = multiples == 1
    assert np.array_equal(at_once, c.trials["linear_success"]) and 0 < at_once.sum() < 60
    assert (c.trials["success"] | np.isclose(multiples, MULTIPLES[-1])).all()


@BOTH
@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_same_seed_same_numbers_and_more_trials_keep_the_first(name, storage):
    a, b = (check(name, widths=(20, 30, 1), trials=n, rng=5, storage=storage) for n in (10, 15))
    assert a.parameters["storage"] == storage
    for column, values in a.trials.items():
        assert np.array_equal(values, b.trials[column][:10])
    for t, seed in enumerate(a.trials["seed"]):
        net = Network.random((20, 30, 1), rng=seed, dtype="float64", storage=storage)
        assert net.forward(np.ones(20)) == a.trials["f_before" if "eta" in a.trials else "f"][t]
    again = check(
        name, widths=(20, 30, 1), trials=10, rng=a.parameters["rng"], storage=storage, threads=1
    )
    assert all(np.array_equal(values, again.trials[k]) for k, values in a.trials.items())


@BOTH
def test_progress_result_and_table(name):
    seen = []
    report = {"progress": lambda *p: seen.append(p)}
    check(name, widths=(20, 30, 1), trials=4, rng=5, storage="stored", threads=1, **report)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for storage in ("stored", "deferred"):
        seen.clear()
        c = check(name, widths=(20, 30, 1), trials=4, rng=5, storage=storage, threads=2, **report)
        assert seen == sorted(set(seen)) and seen[-1] == (4, 4)
    assert len(c.to_frame()) == 4
    plain = json.loads(json.dumps(c.to_dict(), allow_nan=False))
    assert plain["verdict"] == c.verdict and plain["statement"] == name
    assert repr(c).startswith(f"Check('{name}': ") and "\n" not in repr(c)


@pytest.mark.parametrize("eta", ["linear", "paper", -0.5])
def test_theorem_with_a_fixed_step(eta):
    """The step is that of its formula, and f after it that of plain NumPy."""
    c = check("theorem-1.1", widths=(30, 40, 1), trials=20, rng=4, eta=eta, storage="stored")
    assert c.parameters["eta"] == eta
    for t, seed in enumerate(c.trials["seed"]):
        net = Network.random((30, 40, 1), rng=seed)
        weights, x = [net.weights(i).astype(float) for i in (1, 2)], np.ones((1, 30))
        gradient = reference.gradient(
            weights, [z > 0 for z in reference.preactivations(weights, x)]
        )
        f, square = reference.forward(weights, x)[0], np.sum(gradient**2)
        size = 2 * math.log(30) * math.sqrt(math.log(20))  # 2^ℓ log d √log(1/δ), for ‖x‖ = √d
        steps = {"linear": -2 * f / square, "paper": -np.sign(f) * size / square, -0.5: -0.5}
        # Double on both sides: 1e-12 is thousands of ulp of numbers of size 1.
        assert c.trials["eta"][t] == pytest.approx(steps[eta], rel=1e-12)
        after = reference.forward(weights, x + steps[eta] * gradient)[0]
        assert c.trials["f_after"][t] == pytest.approx(after, rel=0, abs=1e-12)


@BOTH
@pytest.mark.parametrize("widths", [(5, 1), (1, 1), (1, 1, 1), (2, 3, 1)])
def test_degenerate_widths_work(name, widths):
    c = check(name, widths=widths, trials=5, rng=0, storage="stored")
    json.dumps(c.to_dict(), allow_nan=False)
    x = np.ones((1, widths[0]))
    for t, seed in enumerate(c.trials["seed"]):
        net = Network.random(widths, rng=seed)
        weights = [net.weights(i).astype(float) for i in range(1, len(widths))]
        f = c.trials["f_before" if name == "theorem-1.1" else "f"][t]
        assert f == pytest.approx(reference.forward(weights, x)[0], rel=1e-12)
    assert check(name, widths=widths, trials=5, rng=0).trials.keys() == c.trials.keys()  # deferred


@pytest.mark.parametrize("storage", ["deferred", "stored"])
@pytest.mark.parametrize("eta", [np.nan, np.inf])
def test_a_step_that_is_not_finite_is_refused(eta, storage):
    with pytest.raises(ValueError, match="eta must be finite"):
        check("theorem-1.1", widths=(30, 40, 1), eta=eta, storage=storage)
