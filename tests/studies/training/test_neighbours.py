"""What neighbours of the paper say: sweeps at a toy size, and what is concluded from them."""

import json
import math

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
from randrelu.pages.draw import draw
from randrelu.studies import columns
from randrelu.studies.estimates import plain
from randrelu.studies.training.neighbours import conclude
from randrelu.studies.training.neighbours.grid import parts
from randrelu.studies.training.neighbours.rows import Rows, power

SMALLER = {
    "lazy-ball": {"width": 16, "updates": 2},
    "lazy-travel": {"width": 16, "updates": 2},
    "boundary-random": {"width": 8, "depth": 1},
    "boundary-trained": {"width": 8, "images": 2},
}
KEPT = {"size": (8, 12, 16), "reach": (1, 1000, None), "dim": (16, 64), "scale": (0.01, 1)}


@pytest.fixture(scope="module")
def tables():
    found = {}
    for part in parts(full=False):
        points = {
            json.dumps(dict(point) | SMALLER[part.slug], sort_keys=True)
            for point in part.points
            if all(point.get(name) in values for name, values in KEPT.items() if name in point)
        }
        ran = rr.sweep(part.experiment, points=map(json.loads, sorted(points)), trials=3, rng=0)
        assert not ran.failures
        found[part.slug] = columns.of(ran.to_arrow())
    return found


class TestParts:
    @pytest.mark.parametrize("full", [False, True])
    def test_can_be_swept(self, full):
        """Every point is one that the experiment takes, and is there once."""
        for part in parts(full):
            experiment = rr.sweeps.named.chosen(part.experiment)
            for point in part.points:
                experiment.require(point)
            assert len({json.dumps(dict(p), sort_keys=True) for p in part.points}) == len(
                part.points
            )


class TestFindings:
    def test_have_pictures_and_plain_numbers(self, tables):
        found = conclude.findings(tables)
        assert [f.slug for f in found] == ["lazy-ball", "lazy-travel", "boundary"]
        for finding in found:
            assert (
                json.loads(json.dumps(plain(finding.numbers), allow_nan=False))
                and finding.statement
            )
            assert draw(finding.figure).png[1:4] == b"PNG"
            assert "too little" not in finding.sentence.lower() and "nan" not in finding.sentence

    def test_medians_and_powers_are_those_of_numpy(self, tables):
        table = tables["lazy-ball"]
        last = table["after"] == table["updates"]
        ball = conclude.findings(tables)[0].numbers
        assert ball["dims"] == [64, 144, 256]
        for point in ball["points"]:
            rows = last & (table["reach"] == point["reach"])
            sizes, norms = table["size"][rows], table["relative_norm"][rows]
            fitted = np.polyfit(2 * np.log(sizes), np.log(norms), 1)[0]
            assert point["exponent"].value == pytest.approx(fitted, rel=1e-9)
            assert point["exponent"].networks == 9
            medians = [np.median(norms[sizes == s]) * s for s in (8, 12, 16)]
            np.testing.assert_allclose(point["scaled_norm"], medians, rtol=1e-12)

    def test_nothing_and_little_are_survived(self, tables):
        assert conclude.findings({slug: {} for slug in SMALLER}) == ()
        one = {
            slug: {name: column[:1] for name, column in table.items()}
            for slug, table in tables.items()
        }
        last = {name: column[-1:] for name, column in tables["lazy-ball"].items()}
        found = conclude.findings(one | {"lazy-ball": last})
        assert {f.slug for f in found} >= {"lazy-ball", "boundary"}
        assert all("Too little" in f.sentence for f in found)
        for finding in found:
            draw(finding.figure)

    def test_steps_that_are_never_found_are_survived(self, tables):
        censored = dict(tables["lazy-ball"])
        for name in ("relative_norm", "scaled_norm"):
            censored[name] = np.full_like(censored[name], np.nan)
        found = conclude.findings(tables | {"lazy-ball": censored})
        assert "Too little" in found[0].sentence
        draw(found[0].figure)

    @pytest.mark.parametrize(
        ("exponent", "words"),
        [
            (-0.5, "agrees with 1/√d"),
            (0.0, "no fall"),
            (0.5, "growth"),
            (-0.25, "more slowly"),
            (-1, "faster"),
        ],
    )
    def test_sentences_can_say_the_opposite(self, tables, exponent, words):
        table = dict(tables["lazy-ball"])
        noise = np.random.default_rng(0).normal(0, 0.01, table["size"].size)
        table["relative_norm"] = table["size"] ** (2.0 * exponent) * np.exp(noise)
        sentence = conclude.findings(tables | {"lazy-ball": table})[0].sentence
        assert sentence.count(words) == 2
        assert ("reaches that" in sentence) == (exponent <= -0.5)
        assert ("does not reach that" in sentence) == (exponent > -0.5)

    @pytest.mark.parametrize(
        ("exponent", "words"), [(-0.5, "in agreement with −½"), (-0.1, "not supported here")]
    )
    def test_so_can_those_of_the_distances(self, tables, exponent, words):
        changed = {}
        for slug, d in (
            ("boundary-random", tables["boundary-random"]["dim"]),
            ("boundary-trained", tables["boundary-trained"]["size"] ** 2),
        ):
            noise = np.random.default_rng(0).normal(0, 0.01, d.size)
            attained = d.astype(float) ** exponent * np.exp(noise)
            changed[slug] = tables[slug] | {"attained": attained, "certified": attained / 2}
        assert conclude.findings(tables | changed)[-1].sentence.count(words) == 2


class TestRows:
    def test_power_is_least_squares_with_the_interval_of_welch(self):
        """Between two x the slope is a difference of means, whose interval SciPy has."""
        rng = np.random.default_rng(1)
        x = np.repeat([16.0, 64.0, 1024.0], [12, 20, 15])
        y = x**-0.4 * np.exp(rng.normal(0, 0.5, x.size))
        found = power(x, y)
        assert found.value == pytest.approx(np.polyfit(np.log(x), np.log(y), 1)[0], rel=1e-9)
        two = x > 16
        found = power(x[two], y[two])
        far, near = np.log(y[x == 1024]), np.log(y[x == 64])
        interval = scipy.stats.ttest_ind(far, near, equal_var=False).confidence_interval(0.95)
        ends = np.array([interval.low, interval.high]) / math.log(16)
        assert (found.low, found.high) == pytest.approx(tuple(ends))

    @pytest.mark.statistics
    def test_the_interval_of_six_networks_at_each_x_covers(self):
        rng = np.random.default_rng(2)
        x = np.repeat([64.0, 144.0, 256.0, 576.0], 6)
        found = [power(x, x**-0.5 * np.exp(rng.normal(0, 0.3, 24))) for _ in range(1000)]
        covered = sum(p.holds(-0.5) for p in found)
        assert scipy.stats.binomtest(covered, 1000, 0.95).pvalue > 1e-3

    def test_power_of_equal_numbers_is_exact(self):
        assert power([1, 1, 1, 4, 4, 4], [8, 8, 8, 4, 4, 4]).holds(-0.5)

    def test_power_of_too_little_is_none(self):
        assert power([1, 1, 1], [1, 2, 3]) is None
        assert power([1, 1, 1, 2, 2], [1, 2, 3, 4, 5]) is None
        assert power([1, 1, 1, 1, 2, 2, 2], [1, 2, 3, np.nan, 4, 5, 6]) is None
        assert power([], []) is None

    def test_what_is_missing_is_infinite(self):
        rows = Rows({"a": np.array([1.0, np.nan, 2.0]), "b": np.array([1, 1, 2])})
        assert rows.median("a") == 2 and rows.where(b=1).median("a") is None
        assert rows.median("c") is None and len(rows.where(a=math.nan)) == 1
