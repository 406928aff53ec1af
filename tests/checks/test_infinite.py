"""Theorem 1.1 at infinite width: what the paper does not speak of, looked at in the same way."""

import inspect
import json

import numpy as np
import pytest
import randrelu as rr
from randrelu import check, laws
from randrelu.checks import STATEMENTS, words
from randrelu.checks.attacks import MULTIPLES
from randrelu.figures.style import styled
from scipy import stats

GIVEN = {"widths": "infinite", "dim": 20, "depth": 2, "trials": 8, "rng": 3}
# The false-alarm probability of every test of a law here; there are nine.
ALARM = 1e-6


def same(a, b):
    assert a.to_dict() == b.to_dict() and list(a.trials) == list(b.trials)
    for column, values in a.trials.items():
        assert np.array_equal(values, b.trials[column])


@pytest.mark.parametrize("eta", [None, "shortest", "linear", "paper", -0.7])
def test_it_says_what_it_is_and_repeats(eta):
    c = check("theorem-1.1", **GIVEN, eta=eta)
    assert c.parameters["eta"] == (eta or "shortest")
    assert c.verdict == "hypothesis not met" and "does not speak" in c.hypothesis.has
    same(check("theorem-1.1", **c.parameters), c)
    through_json = json.loads(json.dumps(c.to_dict(), allow_nan=False))["parameters"]
    same(check("theorem-1.1", **through_json), c)
    run = inspect.signature(STATEMENTS["theorem-1.1"].run)
    assert set(c.parameters) | {"threads", "progress"} == set(run.parameters)
    finite = check("theorem-1.1", widths=(20, 30, 30, 1), trials=8, rng=3, eta=eta or "shortest")
    assert list(c.trials) == list(finite.trials)
    assert [m.paper for m in c.measurements] == [m.paper for m in finite.measurements]
    with styled():
        labels = [line.get_label() for line in STATEMENTS["theorem-1.1"].figure(c).axes[0].lines]
        of_finite = STATEMENTS["theorem-1.1"].figure(finite).axes[0].lines
    assert len(labels) == len(of_finite) and labels[-1] == of_finite[-1].get_label()


def test_a_seed_gives_the_network_of_its_trial():
    """Asked the same again, it answers the same, at the linear step and at the first that does."""
    x = np.linspace(0.5, 1.5, 20)
    trials = check("theorem-1.1", **GIVEN, x=x).trials
    for t, seed in enumerate(trials["seed"].tolist()):
        net = rr.LimitNetwork(20, 2, rng=seed)
        linear = rr.gradient_step(net, x)
        assert linear.f_after == trials["linear_f_after"][t]
        steps = rr.gradient_step(net, x, eta=linear.eta * MULTIPLES)
        k = int(np.argmax(steps.success)) if steps.success.any() else -1
        for name in ("eta", "f_after", "relative_norm", "success"):
            assert getattr(steps, name)[k] == trials[name][t], name


@pytest.mark.statistics
@pytest.mark.parametrize(("dim", "depth"), [(10, 1), (40, 3)])
def test_the_steps_have_the_law_of_wide_networks(dim, depth):
    trials = 400
    given = {"trials": trials, "rng": 1, "eta": "shortest"}
    c = check("theorem-1.1", widths="infinite", dim=dim, depth=depth, **given)
    wide = check("theorem-1.1", widths=(dim, *[20_000] * depth, 1), **given)
    for name in ("f_after", "relative_norm"):
        assert stats.ks_2samp(c.trials[name], wide.trials[name]).pvalue > ALARM, name
    law = laws.limit_step(dim, depth)
    for name, share in (("linear_sign_flipped", law.flips), ("linear_success", law.succeeds)):
        count = int(c.trials[name].sum())
        assert stats.binomtest(count, trials, share).pvalue > ALARM
    # Narrow ones step farther, or not at all.
    narrow = check("theorem-1.1", widths=(dim, *[5] * depth, 1), **given)
    steps = [np.where(one.trials["success"], one.trials["relative_norm"], 9) for one in (c, narrow)]
    assert stats.ks_2samp(*steps).pvalue < ALARM


def test_without_hidden_layers_the_linear_step_is_enough():
    c = check("theorem-1.1", **GIVEN | {"depth": 0}, eta="linear")
    np.testing.assert_allclose(c.trials["f_after"], -c.trials["f_before"], rtol=1e-9)


def test_the_command_repeats_it():
    c = check("theorem-1.1", **GIVEN)
    assert "--widths infinite" in words.command(c)
    assert "-p dim=20" in words.command(c) and "-p depth=2" in words.command(c)


def test_progress_counts_the_networks():
    seen = []
    check("theorem-1.1", **GIVEN, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(t, 8) for t in range(1, 9)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"eta": "exact"}, "take 'shortest', 'linear'"),
        ({"widths": "wide"}, "widths must be a sequence of integers .*, or 'infinite'"),
        ({"dim": None}, "needs dim and depth"),
        ({"depth": None}, "needs dim and depth"),
        ({"depth": -1}, "depth must be at least 0"),
        ({"widths": (20, 30, 1)}, "dim and depth go with widths='infinite'"),
        ({"storage": "stored"}, "storage must be 'deferred'"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"x": np.zeros(20)}, "x must not be 0"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check("theorem-1.1", **GIVEN | wrong)


def test_other_statements_are_about_finite_widths():
    with pytest.raises(TypeError, match="widths must be a sequence of integers"):
        check("lemma-2.2", widths="infinite")
