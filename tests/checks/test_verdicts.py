"""What data can say of a claim, how surely, and that every check comes to all that it may."""

import math
import re
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from randrelu import check
from randrelu.checks import STATEMENTS, verdict, words
from randrelu.checks.result import counted, quantile_interval
from randrelu.checks.trials import largest_constant
from randrelu.checks.verdict import CONCLUSIONS, FALSE_ALARM, Part, conclude
from randrelu.cli import tables
from randrelu.reproduction import page
from reaches import REACHES
from scipy import stats
from small import SMALL

CASES = [(name, said) for name, (_, reaches) in REACHES.items() for said in reaches]


@pytest.mark.parametrize(("name", "said"), CASES)
def test_a_check_comes_to_every_conclusion_that_it_may(name, said, monkeypatch):
    changes = REACHES[name][1][said]
    if callable(changes):
        changes = changes(monkeypatch)
    assert check(name, **SMALL[name] | changes, rng=1).conclusion == said


# What data can say of each kind of claim.
IDENTITY = {"holds", "violated"}
LAW = {"consistent", "violated"}
PROBABILITY = {"holds", "consistent", "violated"}  # of an event that every trial decides
FOR_ALL = {"consistent", "violated"}  # points, levels or matrices, of which some were looked at
CERTIFIED = {"holds (certified)", "consistent", "violated"}  # of all points, by bounds of networks
SWEPT = {"holds", "consistent", "violated"}  # of all points of an interval, by a bound between them
BESIDE = {"holds", "violated"}  # an exact law that the claim does not speak of
THERE_IS = {"holds", "not shown"}
OPEN_CONSTANT = {"consistent"}
UNBREAKABLE = {"uninformative"}
SHOWN = {"consistent"}  # what is measured beside a claim, and not judged
# A bound for all points with a constant that is open, or given, and then may be unbreakable.
BOUND = OPEN_CONSTANT | FOR_ALL | UNBREAKABLE
# The kinds of all the parts of every statement.
KINDS = {
    "theorem-1.1": [THERE_IS],
    "theorem-1.1-scaling": [OPEN_CONSTANT],
    "eq-1": [FOR_ALL, OPEN_CONSTANT],
    "lemma-2.1": [LAW],
    "lemma-2.2": [PROBABILITY, OPEN_CONSTANT, LAW],
    "gd-decomp": [IDENTITY],
    "nn-decomp": [IDENTITY, SHOWN],
    "lemma-2.3": [PROBABILITY, BOUND | CERTIFIED, BESIDE],
    "claim-2.4": [BOUND],
    "lemma-2.5": [PROBABILITY, LAW],
    "lemma-2.6": [BOUND | CERTIFIED],
    "claim-2.7": [FOR_ALL | CERTIFIED],
    "lemma-2.8": [BOUND | CERTIFIED],
    "theorem-3.1": [OPEN_CONSTANT | FOR_ALL],
    "lemma-3.2": [LAW],
    "lemma-a.4": [FOR_ALL | UNBREAKABLE, LAW],
    "theorem-b.1": [FOR_ALL, OPEN_CONSTANT | FOR_ALL],
    "eqs-9-12": [PROBABILITY, LAW, IDENTITY],
    "fact-b.2": [SWEPT],
    "lemma-c.1": [PROBABILITY],
    "theorem-c.2": [FOR_ALL],
    "theorem-c.3": [FOR_ALL, IDENTITY],
    "corollary-c.4": [PROBABILITY],
    "lemma-c.5": [IDENTITY, LAW],
    "lemma-c.6": [FOR_ALL],
    # Where the rows span the space there is no law to test.
    "figure-1": [LAW | IDENTITY, IDENTITY],
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_says_what_can_be_said_of_its_kinds(name):
    """The weakest of what can be said of its parts, and nothing else."""
    said = {max(seen, key=CONCLUSIONS.index) for seen in product(*KINDS[name])}
    assert set(STATEMENTS[name].may) == said


def test_the_table_is_of_all_that_a_check_may_say():
    for name, statement in STATEMENTS.items():
        assert set(REACHES[name][1]) == set(statement.may) <= set(CONCLUSIONS), name


@pytest.mark.parametrize("name", SMALL)
def test_the_verdict_is_the_conclusion_only_where_the_hypothesis_is_met(name):
    c = check(name, **SMALL[name], rng=1)
    hypothesis = REACHES[name][0]
    assert c.verdict == (hypothesis or c.conclusion)
    assert c.hypothesis.met is {None: True, "hypothesis open": None}.get(hypothesis, False)


def test_the_weakest_part_counts():
    assert conclude(Part("holds"), Part("consistent", 0.5)) == "consistent"
    assert conclude(Part("uninformative"), Part("holds", 1.0)) == "uninformative"
    assert conclude(Part("not shown"), Part("holds")) == "not shown"
    assert conclude(Part("holds", 0.0)) == "violated"


def test_all_parts_together_have_one_level():
    p = FALSE_ALARM / 2
    assert conclude(Part("consistent", p)) == "violated"
    assert conclude(Part("consistent", p), Part("consistent")) == "violated"
    assert conclude(Part("consistent", p), Part("consistent", 0.9)) == "consistent"


@pytest.mark.parametrize("judge", [verdict.at_least, verdict.for_all])
def test_a_true_probability_is_violated_no_more_often_than_stated(judge):
    """The worst case is a probability that equals the bound; all counts, weighed by the law."""
    for n, p in [(50, 0.9), (200, 0.95), (300, 0.5)]:
        law = stats.binom(n, p)
        counts = np.arange(n + 1)
        said = [conclude(judge(counted("", k, n), p)) for k in counts]
        alarms = law.pmf(counts)[[s == "violated" for s in said]]
        assert 0 < alarms.sum() <= FALSE_ALARM
        if judge is verdict.at_least:
            assert law.pmf(counts)[[s == "holds" for s in said]].sum() <= 0.025
        else:
            assert "holds" not in said


def test_certified_bounds_show_what_points_cannot_and_refute_nothing():
    """What fits shows the claim as a share of the trials does; only points refute it."""
    for n, p in [(50, 0.9), (200, 0.95)]:
        for k in range(n + 1):
            fits, found = counted("", k, n), counted("", n, n)
            shown = verdict.certified(fits, found, p)
            share_shows = verdict.at_least(fits, p).seen == "holds"
            assert shown.seen == ("holds (certified)" if share_shows else "consistent")
            assert conclude(shown) == shown.seen
            # As many networks as fit have no point against the claim.
            refuted = verdict.certified(counted("", 0, n), fits, p)
            assert refuted.p_value == verdict.for_all(fits, p).p_value
            assert conclude(refuted) == conclude(verdict.for_all(fits, p))


def test_a_law_beside_the_claim_refutes_and_weakens_nothing():
    assert conclude(verdict.beside(0.5), Part("holds (certified)")) == "holds (certified)"
    assert conclude(verdict.beside(0.5), Part("holds")) == "holds"
    assert conclude(verdict.beside(FALSE_ALARM / 3), Part("holds")) == "violated"


def test_every_conclusion_has_its_words_and_its_colour():
    """At the terminal and on the page, whose style sheet names classes."""
    sheet = files("randrelu.pages").joinpath("page.css").read_text(encoding="utf-8")
    for said in CONCLUSIONS:
        assert said in words._SEEN and said in page._VERDICTS and said in tables._STYLES
        name = said.replace(" ", "-").replace("(", "").replace(")", "")
        assert re.search(rf"\.{name}\b", sheet)


def test_at_most_refutes_like_at_least_of_the_other_event_and_never_holds():
    for k in range(31):
        one = verdict.at_most(counted("", k, 30), 0.25)
        other = verdict.at_least(counted("", 30 - k, 30), 0.75)
        assert one.seen == "consistent"
        assert one.p_value == pytest.approx(other.p_value, rel=1e-9)


def test_what_is_claimed_to_exist_is_shown_or_not():
    assert conclude(verdict.there_is(counted("", 0, 1000), 0.9)) == "not shown"
    assert conclude(verdict.there_is(counted("", 1000, 1000), 0.9)) == "holds"


def test_the_interval_of_a_quantile_covers_it():
    """Exact coverage over all ranks; and a check of 2000 samples at a false alarm of 1e-6."""
    generator = np.random.default_rng(0)
    for n, q in [(20, 0.5), (100, 0.95), (10, 0.95)]:
        draws = generator.exponential(size=(2000, n))
        exact = -math.log(1 - q)
        ends = np.array([quantile_interval(row, q) for row in draws])
        inside = int(((ends[:, 0] <= exact) & (exact <= ends[:, 1])).sum())
        assert stats.binom.cdf(inside, 2000, 0.95) > 1e-6
    assert quantile_interval(np.arange(10.0), 0.95)[1] == math.inf


def test_the_largest_constant_of_the_hypothesis():
    """The condition is an equality there, in logarithms."""
    for widths in [(784, 2048, 2048, 1), (10**6, 10**6, 1)]:
        c, depth = largest_constant(widths, 0.05), len(widths) - 2
        power = 240 * depth * math.log(c * depth * math.log(max(widths)))
        assert power + math.log(math.log(20)) == pytest.approx(math.log(min(widths[:-1])))
    assert largest_constant((784, 2048, 2048, 1), 0.05) == pytest.approx(0.0663, abs=5e-5)


@pytest.mark.parametrize("name", ["theorem-1.1", "lemma-2.2", "lemma-2.5"])
def test_section_2_claims_nothing_without_a_hidden_layer(name):
    """Where Lemma 2.2 is false: 2000 networks of widths (3, 1) contradict it."""
    c = check(name, widths=(3, 1), trials=2000, rng=0)
    assert c.verdict == "hypothesis not met" and "ℓ ≥ 1" in c.hypothesis.asks
    if name == "lemma-2.2":
        assert c.conclusion == "violated"


def test_a_statement_may_not_say_what_is_not_its_kind():
    with pytest.raises(AssertionError, match=r"theorem-1\.1 may not say 'violated'"):
        STATEMENTS["theorem-1.1"].found(
            parameters={}, hypothesis=None, measurements=(), parts=[Part("holds", 0.0)], trials={}
        )
