"""The experiment "width": its numbers against NumPy, and what it refuses."""

import math

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
from randrelu.laws import limit_step
from randrelu.sweeps.experiments.width import SIZES, at_width
from randrelu.sweeps.grid import Point


def value(weights, x):
    for w in weights[:-1]:
        x = np.maximum(w @ x, 0)
    return float(weights[-1] @ x)


def slope(weights, x):
    row = np.eye(len(x))
    for w in weights[:-1]:
        row = (w @ x > 0)[:, np.newaxis] * (w @ row)
        x = np.maximum(w @ x, 0)
    return weights[-1] @ row


def signs(rng, dim, width):
    """The weights that the experiment draws, once more."""
    first = rng.standard_normal((width, dim), np.float32) / np.float32(math.sqrt(dim))
    last = np.where(rng.integers(2, size=width) == 1, 1, -1) / math.sqrt(width)
    return [first.astype(float), last.astype(np.float32).astype(float)]


@pytest.mark.parametrize("trial", range(5))
def test_its_numbers_are_those_of_numpy(trial):
    params = {"dim": 9, "depth": 1, "width": 40, "top": "signs", "samples": 3}
    found = rr.sweep("width", points=[params], trials=5, rng=2).to_pandas().iloc[trial]
    weights = signs(Point(params).generator(2, trial), 9, 40)
    x = np.ones(9)
    f, gradient = value(weights, x), slope(weights, x)
    norm = np.linalg.norm(gradient)
    y = x - 2 * f * gradient / norm**2
    # Rounding: a value is a sum of 360 products, of size at most ‖W‖ ‖x‖ ~ 10.
    near = {"rel": 1e-12, "abs": 1e-13}
    assert found.f == pytest.approx(f, **near) and found.grad_norm == pytest.approx(norm, **near)
    assert found.linear_size == pytest.approx(2 * abs(f) / norm / 3, **near)
    assert found.ratio == pytest.approx(value(weights, y) / f, rel=1e-11)
    flipped = (weights[0] @ x > 0) != (weights[0] @ y > 0)
    assert (found.flips, found.share) == (flipped.sum(), flipped.mean())
    angle = math.acos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    assert found.predicted_share == pytest.approx(angle / math.pi, rel=1e-9)
    after = np.array([value(weights, x - np.sign(f) * c * gradient / norm) for c in SIZES])
    for name, done in (("flip_size", after * f < 0), ("success_size", after / f <= -1)):
        expected = SIZES[done][0] / 3 if done.any() else math.nan
        assert found[name] == pytest.approx(expected, nan_ok=True)
    two = value(weights, x - np.sign(f) * 2 * gradient / norm)
    assert found.ratio_at_two == pytest.approx(two / f, rel=1e-11)
    gaps = [abs(value(weights, x + t * (y - x)) - f * (1 - 2 * t)) for t in (0.25, 0.5, 0.75, 1)]
    assert found.deviation == pytest.approx(max(gaps) / (2 * abs(f)), rel=1e-9, abs=1e-12)


def test_a_layer_has_a_row_and_a_limit_no_flips():
    points = [{"dim": 6, "depth": 3, "width": 30}, {"dim": 6, "depth": 3}]
    found = rr.sweep("width", points=points, trials=4, rng=0)
    assert not found.failures
    table = found.to_pandas()
    assert table.layer.tolist() == [1, 2, 3] * 8
    finite = table[table.width == 30]
    assert finite.flips.notna().all() and (finite.share == finite.flips / 30).all()
    assert table[table.width.isna()].flips.isna().all()
    again = rr.sweep("width", points=points, trials=4, rng=0)
    assert found.to_arrow().equals(again.to_arrow())


def test_a_dead_network_has_rows_without_a_step():
    dead = None
    for seed in range(200):
        rows = at_width(np.random.default_rng(seed), dim=3, depth=2, width=1)
        dead = rows if rows[0]["grad_norm"] == 0 else dead
        assert [row["layer"] for row in rows] == [1, 2]
    assert dead is not None and "ratio" not in dead[0]


@pytest.mark.statistics
def test_the_limit_has_its_exact_law():
    found = rr.sweep("width", points=[{"dim": 8, "depth": 2}], trials=150, rng=1).to_pandas()
    whole = found[found.layer == 1]
    law, two = limit_step(8, 2), limit_step(8, 2, size=2 / math.sqrt(8))
    assert scipy.stats.kstest(whole.ratio, law.cdf).pvalue > 1e-3
    assert scipy.stats.kstest(whole.ratio_at_two, two.cdf).pvalue > 1e-3


@pytest.mark.statistics
def test_draws_of_the_law_are_like_networks():
    law = rr.sweep(
        "linear-step-law", points=[{"dim": 5, "width": 12, "draws": 1000}], trials=2, rng=1
    ).to_pandas()
    assert len(law) == 2000
    nets = rr.sweep("attack", points=[{"dim": 5, "width": 12, "depth": 1}], trials=2000, rng=2)
    table = nets.to_pandas()
    ratio = table.f_after / table.f_before
    # Where no unit flips both are −1 up to rounding.
    one, other = (np.round(r.dropna(), 9) for r in (law.ratio, ratio))
    assert scipy.stats.ks_2samp(one, other).pvalue > 1e-3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"top": "signs"}, "needs a width"),
        ({"top": "signs", "width": 5, "depth": 2}, "one hidden layer, depth=1, got depth=2"),
    ],
)
def test_signs_need_one_layer_of_a_width(params, message):
    with pytest.raises(ValueError, match=message):
        rr.sweep("width", points=[{"dim": 5, "depth": 1, **params}], trials=1, rng=0)


@pytest.mark.parametrize(
    ("name", "params", "error", "message"),
    [
        ("width", {"dim": 5, "depth": 1, "width": 0}, ValueError, "width"),
        ("width", {"dim": 5, "depth": 1, "width": "wide"}, TypeError, "width"),
        ("width", {"dim": 5, "depth": 1, "width": 5, "top": "top"}, ValueError, "top must be one"),
        ("width", {"dim": 5, "width": 5}, ValueError, "width needs depth"),
        ("width", {"dim": 5, "depth": 1, "samples": 0}, ValueError, "samples"),
        ("linear-step-law", {"dim": 1, "width": 5}, ValueError, "dim"),
        ("linear-step-law", {"dim": 4, "width": 5, "draws": 1.5}, TypeError, "draws"),
    ],
)
def test_parameters_are_named_where_they_are_wrong(name, params, error, message):
    with pytest.raises(error, match=message):
        rr.sweep(name, points=[params], trials=1, rng=0)
