"""The study of depth, from its sweeps to its pictures, at a toy size; and what it may say."""

import dataclasses
import math
import re

import numpy as np
import pytest
import randrelu as rr
from randrelu.pages.draw import draw
from randrelu.studies import columns
from randrelu.studies.depth import STUDY, grid
from randrelu.studies.depth.measured import counted, medians, one_step_crossovers, step_quantiles
from randrelu.studies.estimates import Estimate

PARTS = (
    grid._limit((8, 16, 64), [0.5, 1, 2, 4, 8], most=32, trials=1),
    grid._widths((8, 16), (0.5, 1), (2, 8), 64, 8),
    grid._gradients((8,), 30, 4, trials=8),
    grid._spread((8,), 20, 4, trials=4),
)


def run(parts):
    found = {
        part.slug: rr.sweep(part.experiment, points=part.points, trials=part.trials, rng=5)
        for part in parts
    }
    return {slug: columns.of(swept.to_arrow()) for slug, swept in found.items()}


@pytest.fixture(scope="module")
def tables():
    small = [{**point, "networks": 100} for point in PARTS[0].points]
    return run((dataclasses.replace(PARTS[0], points=tuple(small)), *PARTS[1:]))


def sentences(conclusion):
    return " ".join([conclusion.answer, *(f.sentence for f in conclusion.findings)])


def test_it_concludes_and_draws(tables):
    found = STUDY.conclude(tables)
    slugs = [finding.slug for finding in found.findings]
    assert slugs == ["crossover", "collapse", "width", "depths", "steps", "gradients", "spread"]
    assert found.answer.startswith("Sampled at infinite width, fewer than half of the random")
    assert not re.search(r"\b(nan|inf|None)\b", sentences(found))
    for finding in found.findings:
        assert draw(finding.figure).png.startswith(b"\x89PNG")
    assert sentences(STUDY.conclude(tables)) == sentences(found)


def test_the_grid_is_what_it_says():
    for full in (False, True):
        limit, widths, gradients, spread = STUDY.parts(full)
        assert {p["dim"] for p in limit.points} >= {16, 64, 256, 1024}
        assert {(8, 512)} <= {(p["dim"], p["depth"]) for p in limit.points}
        assert all(p["depth"] <= 4096 for p in limit.points)
        assert len({tuple(p.items()) for p in (*limit.points, *widths.points)}) == len(
            (*limit.points, *widths.points)
        )
        assert all(p["width"] >= 8 for p in (*widths.points, *gradients.points, *spread.points))
    assert {(16, 4096)} <= {(p["dim"], p["depth"]) for p in limit.points}


def test_counts_are_those_of_the_table(tables):
    table = tables["limit"]
    counts = counted(table, "flip", 20)
    k = int(np.flatnonzero((counts.dim == 16) & (counts.depth == 8))[0])
    here = (table["dim"] == 16) & (table["depth"] == 8)
    assert counts.networks[k] == here.sum() == 100
    assert counts.successes[k] == np.sum(table["flip"][here] * 4 <= 20)
    assert (counted(table, "flip", 200).successes >= counts.successes).all()
    assert (counted(table, "reach", 20).successes <= counts.successes).all()


def test_quantiles_of_steps_count_networks_without_one_as_infinite():
    """Of 10 networks 7 have a step; medians of 10 are between the 2nd and the 9th (97.9 %)."""
    steps = np.r_[np.arange(7.0, 0, -1), [np.nan] * 3] / 2
    table = {"dim": np.full(11, 4), "depth": np.r_[np.full(10, 3.0), 5.0], "a": np.r_[steps, 9]}
    row, other = step_quantiles(table, "a", 4.0, (0.1, 0.5, 0.7, 0.75))
    assert row["depth"] == 3 and other["quantiles"][0.5].networks == 1
    assert [row["quantiles"][q].value for q in (0.1, 0.7, 0.75)] == [1, 7, math.inf]
    assert row["quantiles"][0.5] == Estimate(5, 2, math.inf, 10)


def test_a_median_counts_what_is_missing_as_infinite():
    table = {
        "dim": np.full(9, 4), "depth": np.ones(9),
        "a": np.r_[np.arange(4.0), np.full(5, np.nan)], "b": np.arange(9.0),
    }  # fmt: skip
    assert medians(table, "a")[0]["median"].value == math.inf
    (row,) = medians(table, "b")
    assert row["median"] == Estimate(4, 1, 7, 9)


def test_the_best_single_step_crosses_near_two_roots_of_d():
    """Twice the law's 2Φ(4π/(9λ)) − 1 = ½, which is at λ = 4π/(9 · 0.6745) = 2.07."""
    exact = one_step_crossovers((256, 1024, 4096))
    ratio = exact / np.sqrt([256, 1024, 4096])
    assert (np.diff(ratio) > 0).all() and 1.9 < ratio[0] < ratio[-1] < 2.07


def limit_table(power, constant=1.0, dims=(16, 64, 256), networks=400):
    """Networks whose sign changes at 2.07/λ standard deviations, λ = ℓ/(constant d^power)."""
    generator = np.random.default_rng(0)
    rows = []
    for d in dims:
        for ratio in 2.0 ** np.arange(-3, 6):
            depth = max(1, round(ratio * constant * d**power))
            f = np.abs(generator.standard_normal(networks))
            drop = 1.4 * constant * d**power / depth
            flip = np.where(f < drop, f / math.sqrt(d), np.nan)
            reach = np.where(2 * f < drop, 2 * f / math.sqrt(d), np.nan)
            rows += [np.full(networks, d), np.full(networks, depth), flip, reach, flip]
    names = ("dim", "depth", "flip", "reach", "flip_half")
    return {name: np.concatenate(rows[k::5]).astype(float) for k, name in enumerate(names)}


def test_it_can_say_the_opposite(tables):
    steep = STUDY.conclude({**tables, "limit": limit_table(1.5)})
    assert "between constant depth (Theorem 1.1) and d³ (Theorem 3.1)" in steep.answer
    assert "is refuted" in steep.findings[1].sentence
    root = STUDY.conclude({**tables, "limit": limit_table(0.5)})
    assert "far nearer to constant depth" in root.answer
    assert "is not refuted" in root.findings[1].sentence
    assert "agrees with the 1/ℓ" in root.findings[3].sentence
    flat = STUDY.conclude({**tables, "limit": limit_table(0.0, 30.0)})
    assert "leaves open" in flat.answer
    falling = STUDY.conclude({**tables, "limit": limit_table(-0.5, 200.0)})
    assert "outside of what the theorems leave" in falling.answer
    assert "do not contradict a single power" in root.findings[0].sentence
    assert "not supported" not in root.answer
    straight, off = limit_table(1.0, dims=(16, 256)), limit_table(1.0, 8.0, (64,))
    bent = STUDY.conclude({**tables, "limit": {n: np.r_[v, off[n]] for n, v in straight.items()}})
    assert "A single power is not supported over that range" in bent.answer
    assert "average power" in bent.answer and "average" not in root.answer
    assert "is the same is not refuted" in bent.findings[3].sentence


def test_it_says_where_too_little_was_measured(tables):
    few = {name: values[:3] for name, values in tables["limit"].items()}
    nothing = {
        slug: {
            name: np.full(values.shape, np.nan)
            if values.dtype == float and name not in ("dim", "depth", "width", "one_sign")
            else values
            for name, values in table.items()
        }
        for slug, table in tables.items()
    }
    tiny = {slug: {n: v[:1] for n, v in table.items()} for slug, table in tables.items()}
    for other in ({**tables, "limit": few}, nothing, tiny):
        found = STUDY.conclude(other)
        assert found.answer.startswith("Too little was measured")
        assert not re.search(r"\b(nan|inf|None)\b", sentences(found))
        for finding in found.findings:
            draw(finding.figure)
