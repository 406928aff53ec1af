"""The study "width": what is concluded from its tables, and the whole at a toy size."""

import dataclasses
import json
import math

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
from randrelu.laws import limit_step
from randrelu.studies import run
from randrelu.studies.columns import numbers, rows
from randrelu.studies.estimates import Estimate, quantile, share
from randrelu.studies.kind import Part
from randrelu.studies.width import STUDY, attacks, exponential, figures, rates
from randrelu.studies.width.distance import (
    Distance,
    distance_of,
    rate_of,
    uniform_at_limit,
    variance,
)
from randrelu.studies.width.grid import parts
from randrelu.studies.width.means import mean


def toy(full):
    """A few points of every sweep, of few networks."""
    small = []
    for part in parts(full):
        few = [p for p in part.points if p.get("width", 0) <= 100 and p.get("dim") in (4, 16)][:5]
        few = few or [{**part.points[0], "dim": 4, "width": 20}]
        points = tuple({**p, "draws": 50} if "draws" in p else p for p in few)
        small.append(Part(part.slug, part.experiment, points, 8))
    return tuple(small)


@pytest.fixture
def tables():
    """The tables of a toy study, each with the columns of its experiment."""

    def run_parts(chosen):
        found = {}
        for part in chosen:
            frame = rr.sweep(
                part.experiment, points=part.points, trials=part.trials, rng=0
            ).to_pandas()
            found[part.slug] = {name: frame[name].to_numpy() for name in frame}
        return found

    return run_parts


def test_a_toy_study_has_a_page(monkeypatch, tmp_path):
    kind = dataclasses.replace(STUDY, parts=toy)
    monkeypatch.setattr(run, "named", lambda name: kind)
    found = rr.study("width", tmp_path / "a", rng=1)
    results = json.loads((tmp_path / "a/results.json").read_text())
    slugs = ["sizes", "law", "flips", "exponential", "signs", "linearity"]
    assert list(results["findings"]) == slugs and not found.failures
    assert "infinite width" in found.answer
    assert "Bubeck" in results["findings"]["signs"]["statement"]


def test_where_every_network_is_dead_too_little_was_measured(tables):
    found = tables(toy(False))
    for slug, table in found.items():
        measured = {"ratio", "ratio_at_two", "share", "f_after", "f_before", "flip_size"}
        none = [name for name in table if name in measured or name.endswith("_size")]
        found[slug] = table | {name: np.full(len(table[name]), np.nan) for name in none}
    conclusion = STUDY.conclude(found)
    for finding in conclusion.findings:
        finding.figure()
    assert "Too little" in conclusion.findings[1].sentence


def test_a_picture_says_which_points_are_of_few_networks_and_which_bars_have_no_end():
    half = {n: share(np.arange(n) % 2 == 0) for n in (4, 40)}
    size = {4: quantile(np.arange(1.0, 5.0), 0.5), 40: quantile(np.arange(1.0, 41.0) / 5, 0.5)}
    points = [
        {
            "dim": 16, "depth": 1, "width": width, "size": size[n],
            "reaches_at_two": half[n], "limit_reaches_at_two": 0.5,
        }
        for width, n in ((10, 40), (100, 4), (1000, 40))
    ]  # fmt: skip
    upper, lower = figures.sizes_figure(points).axes
    assert [(note.get_text(), note.xy[0]) for note in upper.texts] == [("n = 4", 100)]
    assert "n = 40 networks" in lower.get_xlabel()
    arrows = [(line.get_marker(), *line.get_xdata()) for line in upper.lines]
    assert [a for a in arrows if a[0] in "v^"] == [("v", 100), ("^", 100)]
    assert not any(line.get_marker() in "v^" for line in lower.lines)


def test_grids_are_valid_and_a_full_one_is_larger():
    quick, full = parts(False), parts(True)
    assert [p.slug for p in quick] == [p.slug for p in full]
    for less, more in zip(quick, full, strict=True):
        assert less.trials < more.trials and len(less.points) <= len(more.points)


class TestDistance:
    def test_is_the_mean_over_all_pairs(self):
        u = np.random.default_rng(0).random(6)
        t = (np.arange(400_000) + 0.5) / 400_000  # the integrand jumps by at most 1, 12 times
        above = [(v <= t) - t for v in u]
        pairs = [np.mean(a * b) for i, a in enumerate(above) for b in above[i + 1 :]]
        assert distance_of(u).square == pytest.approx(np.mean(pairs), abs=12 / t.size)

    def test_the_square_has_no_bias_and_the_variance_that_is_told(self):
        generator = np.random.default_rng(2)
        squares = np.array([distance_of(generator.random(40)).square for _ in range(800)])
        assert abs(squares.mean()) < 4 * squares.std() / math.sqrt(800)
        # Of a weighted χ² the fourth moment is at most 15 times the squared second.
        assert squares.var() == pytest.approx(variance(0, 40), rel=4 * math.sqrt(14 / 800))

    @pytest.mark.statistics
    @pytest.mark.parametrize("power", [1, 1.05, 1.3, 3])
    def test_the_interval_covers(self, power):
        """Of u^a the distance is ‖t^{1/a} − t‖; at a = 1 `seen` is a test at 5 %."""
        generator = np.random.default_rng(4)
        exact = math.sqrt(1 / (2 / power + 1) - 2 / (1 / power + 2) + 1 / 3)
        found = [distance_of(generator.random(300) ** power) for _ in range(1000)]
        covered = [
            low <= exact + 1e-9 and exact <= high for low, high in (d.interval for d in found)
        ]
        assert scipy.stats.binomtest(sum(covered), 1000, 0.95).pvalue > 1e-3

    def test_what_is_seen_is_what_a_test_of_scipy_rejects(self):
        generator = np.random.default_rng(5)
        for power in np.linspace(1, 1.4, 60):
            u = generator.random(200) ** power
            pvalue = scipy.stats.cramervonmises(u, "uniform").pvalue
            # The normal quantile stands for that of the statistic, 0.459 for 0.461.
            if not 0.045 < pvalue < 0.055:
                assert distance_of(u).seen == (pvalue < 0.05)

    def test_a_known_difference_is_found(self):
        """Of u², u uniform: ∫(√t − t)² dt = 1/30."""
        found = distance_of(np.random.default_rng(3).random(20_000) ** 2)
        assert abs(found.square - 1 / 30) < 4 * math.sqrt(variance(1 / 30, 20_000)) and found.seen

    def test_too_few_have_none(self):
        assert math.isnan(distance_of([0.3]).square)

    @pytest.mark.parametrize(("dim", "depth"), [(4, 1), (100, 3), (2, 2)])
    def test_the_interpolated_law_is_the_exact_one(self, dim, depth):
        """Its error is far below what the largest samples could show, 10⁻³."""
        at = np.r_[-1 + np.random.default_rng(0).standard_t(1, 300) / 5, -1, 0, -1e9, 1e9]
        exact = limit_step(dim, depth).cdf(at)
        np.testing.assert_allclose(uniform_at_limit(at, dim, depth), exact, atol=2e-5)
        assert math.isnan(uniform_at_limit([math.nan], dim, depth)[0])


WIDTHS = 10 * 2.0 ** np.arange(9)


def bent(bow, widths=WIDTHS):
    """Squares of distances that are like 1/k at last."""
    return (0.5 * (1 + (widths / 20) ** bow) ** (-1 / bow)) ** 2


def made(squares, count=10**6):
    return [Distance(count, s) for s in squares]


class TestRate:
    @pytest.mark.parametrize("bow", [1, 0.5])
    def test_a_power_beyond_a_bend_is_found(self, bow):
        found = rate_of(WIDTHS, made(bent(bow)))
        assert (found.power, found.bow) == (1, bow) and found.low <= 1 <= found.high
        assert (found.level, found.bend) == pytest.approx((0.5, 20), rel=0.02)
        np.testing.assert_allclose(found.at(WIDTHS) ** 2, bent(bow), rtol=0.02)

    @pytest.mark.statistics
    @pytest.mark.parametrize("bow", [1, 0.7, 0.5])
    def test_its_interval_covers_whatever_the_bend(self, bow):
        generator, squares = np.random.default_rng(6), bent(bow)
        spread = np.sqrt(variance(squares, 30_000))
        found = [
            rate_of(WIDTHS, made(squares + spread * generator.standard_normal(9), 30_000))
            for _ in range(15)
        ]
        # At 95 % it would be missed 4 times of 15 with a probability of 0.5 %.
        assert sum(not r.low <= 1 <= r.high for r in found) < 4

    def test_what_falls_faster_than_any_power_has_no_largest_one(self):
        assert rate_of(WIDTHS, made(np.exp(-WIDTHS / 100), 3000)).high == math.inf

    def test_few_seen_widths_have_no_rate(self):
        assert math.isnan(rate_of([10, 20, 40, 80], made([0.1, 0.05, 0.02, 1e-7])).power)


class TestSummaries:
    def test_a_missing_size_is_above_all_others(self):
        found = quantile(np.array([1.0, math.nan, 3.0, math.nan, math.nan]), 0.5)
        assert found.value == math.inf and f"{found:.1f}".startswith("∞")

    def test_the_interval_of_a_median_has_95_percent(self):
        generator = np.random.default_rng(0)
        held = [
            found.low <= 0 <= found.high
            for found in (quantile(generator.standard_normal(41), 0.5) for _ in range(1000))
        ]
        assert sum(held) > scipy.stats.binom.ppf(1e-4, 1000, 0.95)

    def test_the_interval_of_a_share_is_exact(self):
        held = np.array([True] * 3 + [False] * 7)
        interval = scipy.stats.binomtest(3, 10).proportion_ci(0.95, method="exact")
        assert share(held) == Estimate(0.3, interval.low, interval.high, 10)

    def test_a_mean_is_weighted_and_of_what_is_there(self):
        given, weights = np.array([1.0, 2.0, math.nan, 4.0]), np.array([1.0, 1.0, 5.0, 2.0])
        found = mean(given, weights)
        assert found.value == pytest.approx(11 / 4) and found.networks == 3
        assert found.low <= found.value <= found.high

    def test_rows_without_a_width_are_the_limit(self):
        table = {"dim": np.array([4, 4, 8]), "width": np.array([10.0, math.nan, math.nan])}
        assert numbers(rows(table, dim=4, width=math.nan), "dim").tolist() == [4]
        assert np.isnan(numbers(table, "size")).all() and not numbers({}, "size").size


def exact(dim, width, share_, count=4000):
    """A point of networks with a share of successes, beside a limit of 1/2."""
    held = np.arange(count) < share_ * count
    return {
        "dim": dim, "depth": 1, "width": width, "found": share(held),
        "reaches_at_two": share(held), "limit_reaches_at_two": 0.5,
    }  # fmt: skip


class TestExponential:
    WIDTHS = (4, 16, 64, 256, 1024, 4096)

    def test_no_trend_is_told_as_none(self):
        points = [exact(d, k, 0.5) for d in (4, 9) for k in self.WIDTHS]
        found = exponential.trends(points)
        assert found["beyond"].low < 0 < found["beyond"].high
        assert "shows no trend" in exponential.finding(points, found).sentence

    def test_a_fall_above_is_told(self):
        points = [
            exact(d, k, 0.5 - 0.1 * max(0, math.log(k) / math.sqrt(d) - 1))
            for d in (4, 9)
            for k in self.WIDTHS
        ]
        found = exponential.trends(points)
        # Counts are whole numbers, and a power that is near 0 is like a level.
        assert found["beyond"].value == pytest.approx(-0.1, abs=2e-3)
        assert found["beyond"].high < 0
        assert "falls" in exponential.finding(points, found).sentence

    def test_the_better_variable_is_told(self):
        points = [exact(d, k, 0.5 - 0.3 * d / k) for d in (4, 9, 36) for k in self.WIDTHS if k > d]
        found = exponential.trends(points)
        assert found["power"] < found["exponential"]
        assert found["beyond"].low < 0 < found["beyond"].high
        assert "better by k/d" in exponential.finding(points, found).sentence

    def test_one_side_alone_has_no_trend(self):
        points = [exact(4, k, 0.5) for k in (64, 256)]
        found = exponential.trends(points)
        assert found["beyond"] is None
        assert "Too little" in exponential.finding(points, found).sentence


def test_points_have_the_shares_of_their_rows(tables):
    part = Part(
        "ladder", "width", ({"dim": 4, "depth": 2, "width": 20}, {"dim": 4, "depth": 2}), 30
    )
    table = tables([part])["ladder"]
    finite, limit = attacks.measured(table)
    here = (table["layer"] == 1) & (table["width"] == 20)
    assert finite["flips"].value == np.mean(table["ratio"][here] < 0)
    assert finite["found"].value == np.mean(np.isfinite(table["success_size"][here]))
    assert limit["width"] is None and limit["limit_flips"] == limit_step(4, 2).flips
    layers = attacks.by_layer(table, 4, 2)
    second = (table["layer"] == 2) & (table["width"] == 20)
    more = np.nanmean(table["share"][second] - table["predicted_share"][second])
    assert layers[1]["share"].value == pytest.approx(layers[1]["predicted_share"] + more)
    assert layers[1]["count"].value == pytest.approx(20 * layers[1]["share"].value)


def test_the_law_of_few_draws_is_lost_in_noise(tables):
    law = tables([Part("law", "linear-step-law", ({"dim": 4, "width": 4000, "draws": 200},), 1)])
    (series,) = rates.distances(law["law"], {})
    assert not series["distances"][0].seen and math.isnan(series["rate"].power)
    assert "lost in the noise of 200 draws" in rates.finding([series]).sentence


def test_noise_begins_after_the_last_width_that_is_seen():
    series = {
        "dim": 100, "depth": 2, "source": "networks", "widths": [10, 20, 40, 80], "atoms": [0] * 4,
        "distances": made([0.1, 0, 0.05, 0], 1000), "rate": rate_of([], []),
    }  # fmt: skip
    assert "from width 80 on" in rates.finding([series]).sentence
