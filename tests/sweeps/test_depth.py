"""The networks of the study of depth, against NumPy and against what else draws them."""

import math

import numpy as np
import pytest
import randrelu as rr
import scipy.stats
from randrelu.sweeps.experiments import steps
from randrelu.sweeps.grid import Point

MEASURED = {"tangent", "flip", "reach", "flip_half"}
POINT = {"dim": 30, "depth": 3, "width": 25, "storage": "stored"}


def rows(params, trials, experiment="depth", rng=4):
    found = rr.sweep(experiment, points=[params], trials=trials, rng=rng)
    assert not found.failures
    return found.to_pandas()


def in_numpy(weights, x):
    """f at points (n, d)."""
    for w in weights[:-1]:
        x = np.maximum(x @ w.T, 0)
    return x @ weights[-1][0]


def gradient_in_numpy(weights, x):
    row, masks = x, []
    for w in weights[:-1]:
        row = w @ row
        masks.append(row > 0)
        row = np.maximum(row, 0)
    back = weights[-1][0]
    for w, mask in zip(weights[-2::-1], masks[::-1], strict=True):
        back = (back * mask) @ w
    return back


def test_a_network_is_measured_as_numpy_measures_it():
    found = rows(POINT, 12)
    flipped = 0
    for trial in range(12):
        row = found.iloc[trial]
        generator = Point(POINT).generator(4, trial)
        net = rr.Network.random((30, 25, 25, 25, 1), rng=generator, init="he", storage="stored")
        weights = [net.weights(i).astype(float) for i in range(1, 5)]
        x = np.ones(30)
        other = generator.standard_normal(30)
        f, g = in_numpy(weights, x), gradient_in_numpy(weights, x)
        size = np.linalg.norm(g) * np.sqrt(30)
        # Rounding of a forward pass of four layers, in units of ‖∇f‖‖x‖, and then some.
        close = 1e-10
        assert row.tangent == pytest.approx(abs(f) / size, abs=close)

        def along(s, g=g, f=f, weights=weights, x=x):
            way = -np.sign(f) * g / np.linalg.norm(g) * np.sqrt(30)
            return np.sign(f) * in_numpy(weights, x + np.multiply.outer(s, way))

        fine = np.geomspace(1e-3, 200 / np.sqrt(30), 20_000)
        for name, level in (("flip", 0.0), ("reach", -abs(f))):
            past = along(fine) <= level
            followed = row[f"{name}_followed"]
            assert past.any() == np.isfinite(followed)
            if np.isfinite(followed):
                assert along(np.array([followed]))[0] == pytest.approx(level, abs=close * size)
                assert fine[np.argmax(past)] >= followed * (1 - 1e-9)
                assert fine[np.argmax(past)] <= followed * 1.001 or followed < fine[0]
            if np.isfinite(row[name]) and row[name] < 0.3:
                flipped += 1
                around = along(row[name] * np.array([1 / 1.16, 1.16]))
                assert around[0] > level > around[1]
                assert row[name] / 1.16 < followed < row[name] * 1.16
        end = x - 2 * f * g / (g @ g)
        after = in_numpy(weights, end)
        assert row.linearity == pytest.approx(abs(after + f) / (2 * abs(f)), rel=1e-6, abs=1e-9)
        other *= np.sqrt(30) / np.linalg.norm(other)
        for name, y in (("after", end), ("other", other)):
            h = gradient_in_numpy(weights, y)
            cosine = g @ h / np.linalg.norm(g) / np.linalg.norm(h)
            assert row[f"cosine_{name}"] == pytest.approx(cosine, abs=1e-9)
        assert row.ratio_other == pytest.approx(in_numpy(weights, other) / f, rel=1e-6)
    assert flipped >= 4


def test_infinitely_wide_networks_are_those_that_are_asked_in_all_dimensions():
    """The same steps from LimitNetwork, whose points are in d dimensions."""
    dim, depth, count = 12, 4, 150
    found = rows({"dim": dim, "depth": depth, "networks": 600}, 1)
    angle = steps.angles(dim, depth)
    first, reached = [], []
    for seed in range(count):
        net, x = rr.LimitNetwork(dim, depth, rng=seed), np.ones(dim)
        f, g = net.value_and_gradient(x)
        tangent = abs(f) / np.linalg.norm(g) / np.sqrt(dim)
        sizes = steps.sizes_at(angle, np.array(tangent))
        sizes = sizes[sizes < steps.LONGEST / np.sqrt(dim)]
        way = -np.sign(f) * g / np.linalg.norm(g) * np.sqrt(dim)
        after = np.sign(f) * net.forward(x + np.multiply.outer(sizes, way))
        for places, level in ((first, 0.0), (reached, -abs(f))):
            past = after <= level
            places.append(sizes[np.argmax(past)] if past.any() else math.inf)
    for name, places in (("flip", first), ("reach", reached)):
        # Both are put on the same steps: the first of them past the level.
        own = found[name].fillna(math.inf).to_numpy()
        shares = [np.isfinite(own).sum(), 600 - np.isfinite(own).sum()]
        others = [np.isfinite(places).sum(), count - np.isfinite(places).sum()]
        assert scipy.stats.fisher_exact([shares, others]).pvalue > 1e-3
        for at in (0.05, 0.15, 0.4, 1.2):
            # The interpolated size is below the step that shows it, by 15 % at most.
            low, high = np.mean(own <= at), np.mean(own <= at * 1.2)
            share = np.mean(np.array(places) <= at * 1.2)
            error = 4 * math.sqrt(0.25 / 600 + 0.25 / count)
            assert low - error < share < high + error


def test_the_tangent_has_its_exact_law():
    found = rows({"dim": 9, "depth": 2, "networks": 500}, 2)
    assert len(found) == 1000 and set(found.columns) >= MEASURED
    law = scipy.stats.beta(1 / 2, 8 / 2)
    assert scipy.stats.kstest(found.tangent**2, law.cdf).pvalue > 1e-3


def test_many_sign_changes_are_no_fewer_than_the_exact_law_of_one_step_says():
    found = rows({"dim": 64, "depth": 8, "networks": 2000}, 1)
    size = math.tan(4.7 / 8)  # one step; the study looks at more of them
    one = rr.laws.limit_step(64, 8, size=size).flips
    within = np.mean(found.flip <= size)
    assert within > one - 4 * math.sqrt(0.25 / 2000)
    # And no more than one standard deviation of f's drop in the limit of large d, and a margin
    # for d = 64, would let change their sign.
    assert np.mean(found.flip.notna()) < rr.laws.limit_crossover(1.0)[0] + 0.1


def test_half_of_the_angles_show_no_more_than_all():
    found = rows({"dim": 8, "depth": 90, "networks": 3000}, 1)
    every, half = found.flip.notna(), found.flip_half.notna()
    # Where f is below 0 after a step to one of half of the angles, so it is of all of them. (At the
    # longest steps the place where f is 0, taken as on a line, may differ.)
    longest = 0.8 * steps.LONGEST / math.sqrt(8)
    assert (every | ~half | (found.flip_half > longest)).all()
    assert 0 < (every & ~half).sum() < 0.5 * every.sum()


@pytest.mark.parametrize("depth", [1, 5, 1000])
def test_steps_end_at_their_angles(depth):
    tangent = np.array([0.0, 0.1, 0.7, 0.99])
    angle = steps.angles(20, depth)
    assert (np.diff(angle) > 0).all()
    assert angle[0] < 0.15 / np.sqrt(20) and angle[0] < 0.15 * 3 * math.pi / 2 / depth
    ratios = angle[1:] / angle[:-1]
    assert (ratios[angle[1:] <= 1] <= steps.APART + 1e-12).all()
    sizes = steps.sizes_at(angle, tangent)
    for t, row in zip(tangent, sizes, strict=True):
        seen = np.isfinite(row)
        x, down = np.array([1.0, 0.0]), np.array([-t, math.sqrt(1 - t**2)])
        y = x + row[seen][:, np.newaxis] * down
        np.testing.assert_allclose(np.arctan2(y[:, 1], y[:, 0]), angle[seen], atol=1e-9)
        assert not seen[angle > math.pi / 2 + math.asin(t)].any()


def test_the_first_size_is_where_a_broken_line_crosses():
    sizes = np.array([[0.0, 1, 2, 3, np.inf]] * 4)
    values = np.array([[4.0, 2, -2, -8, 0], [4, 3, 2, 1, -9], [4, 1, 3, -1, 0], [1, 0, 5, 5, 5]])
    found = steps.first_size(sizes, values, np.zeros(4))
    np.testing.assert_array_equal(found, [1.5, np.nan, 2.75, 1.0])
    np.testing.assert_array_equal(steps.first_size(sizes[:1], values[:1], np.array([-5.0])), [2.5])


def test_a_dead_network_has_no_step():
    found = rows({"dim": 3, "depth": 3, "width": 1}, 30)
    dead = found.tangent.isna()
    # Alive with probability 1/8.
    assert 17 <= dead.sum() <= 30
    assert found[dead][["flip", "reach", "linearity"]].isna().all(axis=None)


def test_the_spread_is_attained():
    params = {"dim": 5, "depth": 2, "width": 40, "storage": "stored", "starts": 3, "steps": 8}
    row = rows(params, 2, "depth-spread").iloc[1]
    generator = Point(params).generator(4, 1)
    net = rr.Network.random((5, 40, 40, 1), rng=generator, init="he", storage="stored")
    weights = [net.weights(i).astype(float) for i in (1, 2, 3)]
    points = generator.standard_normal((16, 5))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    values = in_numpy(weights, points)
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-9)
    sphere = np.random.default_rng(0).standard_normal((20_000, 5))
    every = in_numpy(weights, sphere / np.linalg.norm(sphere, axis=1, keepdims=True))
    # Ascents get at least as far as many random points do, up to a little.
    assert row.low <= np.quantile(every, 0.01) and row.high >= np.quantile(every, 0.99)
    assert row.spread == pytest.approx((row.high - row.low) / abs(values.mean()), rel=1e-9)
    assert row.one_sign == (row.low * row.high > 0)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("depth", {"dim": 0, "depth": 1}, "dim must be at least 1, got 0"),
        ("depth", {"dim": 3, "depth": 0}, "depth must be at least 1, got 0"),
        ("depth", {"dim": 3}, "depth needs depth"),
        ("depth", {"dim": 3, "depth": 1, "networks": 0}, "networks must be at least 1"),
        ("depth", {"dim": 3, "depth": 1, "width": 1.5}, "width must be an integer"),
        ("depth", {"dim": 3, "depth": 1, "storage": "lost"}, "storage must be one of"),
        ("depth", {"dim": 3, "depth": 1, "eta": 1.0}, "depth does not take 'eta'"),
        ("depth-spread", {"dim": 3, "depth": 1}, "depth-spread needs width"),
        ("depth-spread", {"dim": 3, "depth": 1, "width": 2, "starts": 0}, "starts must be at"),
        ("depth-spread", {"dim": 3, "depth": 1, "width": 2, "steps": 0}, "steps must be at"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(name, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        rr.sweep(name, points=[params], trials=1)


def test_several_networks_are_for_infinite_width():
    found = rr.sweep(
        "depth", points=[{"dim": 3, "depth": 1, "width": 4, "networks": 2}], trials=1, rng=0
    )
    assert "networks is for infinite width" in str(found.failures[0])
