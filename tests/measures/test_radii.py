"""Several radii in one pass, and antithetic pairs: against plain passes and single calls."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from randrelu import Network, flips, gradient_deviation, gradient_step, sample_ball
from randrelu._support import memory
from scipy import stats

RELATIVE = [0.3, 0.0, 3.0, 0.01, 0.3]  # in no order, with equal ones
SHAPES = [(20, 30, 40, 25, 1), (50, 1, 7, 1), (9, 1), (7, 65, 1), (300, 130, 90, 257, 1)]
ALARM = 1e-6  # the false-alarm probability of every statistical test here


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def units_on(weights, biases, x):
    return [z > 0 for z in reference.preactivations(weights, x, biases)]


def pairs(x, radius, n, rng, surface=False):
    """x + R u_0, x − R u_0, x + R u_1, …, of which n are wanted."""
    u = sample_ball(np.zeros_like(x), 1.0, (n + 1) // 2, rng=rng, surface=surface)
    return x + radius * np.stack([u, -u], axis=1).reshape(-1, x.size)[:n]


# --- against plain float64 passes


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("bias", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_radius_agrees_with_plain_passes(shape, bias, storage, antithetic):
    net = Network.random(shape, rng=3, dtype="float64", storage=storage, bias=bias)
    x, n = point(net), 33
    radii = np.array(RELATIVE) * np.linalg.norm(x)
    weights, biases = reference.layers(net)
    at_x = units_on(weights, biases, x[np.newaxis])
    gradient = reference.gradient(weights, at_x)

    found = flips(net, x, radii, n, rng=1, antithetic=antithetic)
    deviation = gradient_deviation(net, x, radii, n, rng=1, antithetic=antithetic, terms=True)
    assert found.counts.shape == found.image_angles.shape == (5, n, net.depth)
    assert found.counts.dtype == np.int64
    assert deviation.terms.shape == (5, n, net.depth)
    assert found.angles.shape == deviation.norms.shape == deviation.relative.shape == (5, n)
    assert deviation.grad_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    for k, radius in enumerate(radii):
        y = pairs(x, radius, n, 1) if antithetic else sample_ball(x, radius, n, rng=1)
        at_y = units_on(weights, biases, y)
        expected = [(a != b).sum(axis=1) for a, b in zip(at_x, at_y, strict=True)]
        assert np.array_equal(found.counts[k], np.reshape(expected, (net.depth, n)).T)
        change = reference.gradient(weights, at_y) - gradient
        # A few roundings for every layer of at most 300 terms: far below 1e-11.
        np.testing.assert_allclose(
            deviation.norms[k],
            np.linalg.norm(np.broadcast_to(change, (n, x.size)), axis=1),
            rtol=1e-10,
            atol=1e-11 * deviation.grad_norm,
        )
        cosines = y @ x / np.linalg.norm(x) / np.linalg.norm(y, axis=1)
        assert np.cos(found.angles[k]) == pytest.approx(cosines, abs=1e-14)


# --- what a radius gives does not depend on the others


@settings(max_examples=3 * settings().max_examples // 2)
@given(
    hidden=st.lists(st.integers(1, 140), min_size=0, max_size=3),
    dim=st.integers(1, 140),
    samples=st.sampled_from([1, 2, 3, 17, 64, 65, 130]),
    relative=st.lists(st.sampled_from([0.0, 1e-4, 0.003, 0.02, 0.02, 0.1, 0.7, 5.0]), max_size=9),
    dtype=st.sampled_from(["float32", "float64"]),
    storage=st.sampled_from(["stored", "streamed"]),
    antithetic=st.booleans(),
    surface=st.booleans(),
    bias=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 2**20),
)
def test_counts_are_those_of_single_calls(
    hidden, dim, samples, relative, dtype, storage, antithetic, surface, bias, seed
):
    net = Network.random((dim, *hidden, 1), rng=seed, dtype=dtype, storage=storage, bias=bias)
    x = point(net, seed)
    radii = np.array(relative) * np.linalg.norm(x)
    options = {"rng": seed, "antithetic": antithetic, "surface": surface}
    found = flips(net, x, radii, samples, **options)
    assert found.counts.shape == (len(radii), samples, net.depth)
    for k, radius in enumerate(radii):
        one = flips(net, x, radius, samples, **options)
        assert one.counts.shape == (samples, net.depth)
        for name in ("counts", "angles", "image_angles", "mean", "max"):
            assert np.array_equal(getattr(found, name)[k], getattr(one, name)), name
        if not bias:
            assert np.array_equal(found.predicted[k], one.predicted)
            assert np.array_equal(found.conditional[k], one.conditional)
        assert np.array_equal(found.quantiles([0.1, 0.5])[:, k], one.quantiles([0.1, 0.5]))
        assert np.array_equal(found.quantiles(0.3)[k], one.quantiles(0.3))


def test_a_sequence_of_one_has_an_axis_and_a_number_has_none():
    net = Network.random((6, 20, 30, 1), rng=0)
    x = point(net)
    one, single = flips(net, x, [0.5], 10, rng=1), flips(net, x, 0.5, 10, rng=1)
    assert one.counts.shape == (1, 10, 2) and single.counts.shape == (10, 2)
    assert one.radius.tolist() == [0.5] and single.radius == 0.5
    assert flips(net, x, points=x[np.newaxis]).radius is None
    assert gradient_deviation(net, x, (0.5, 0.1), 10).radius.tolist() == [0.5, 0.1]
    for radii in (np.array([1, 2]), range(1, 3), (np.float32(1), 2)):
        assert flips(net, x, radii, 4, rng=1).counts.shape == (2, 4, 2)
    assert np.array_equal(one.counts[0], single.counts)


def test_radii_are_copied():
    net, radii = Network.random((6, 20, 1), rng=0), np.array([0.5, 1.0])
    found = flips(net, np.ones(6), radii, 3)
    radii[0] = 7
    assert found.radius.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deviations_are_those_of_single_calls_to_rounding(dtype):
    net = Network.random((40, 130, 120, 110, 1), rng=2, dtype=dtype)
    x = point(net)
    radii = np.array([0.05, 0.001, 1.0, 0.3]) * np.linalg.norm(x)
    found = gradient_deviation(net, x, radii, 65, rng=0, terms=True)
    # Sums of up to 130 terms over four layers, in another order.
    rounding = 4 * 130 * np.finfo(dtype).eps
    for k, radius in enumerate(radii):
        one = gradient_deviation(net, x, radius, 65, rng=0, terms=True)
        scale = rounding * (one.grad_norm + one.terms.sum(axis=-1))
        assert (np.abs(found.norms[k] - one.norms) <= scale).all()
        assert (np.abs(found.terms[k] - one.terms) <= scale[:, np.newaxis]).all()
        assert np.array_equal(found.predicted[k], one.predicted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_and_threads_change_nothing(dtype):
    net = Network.random((40, 300, 200, 1), rng=2, dtype=dtype)
    x, radii = point(net), [0.01, 0.5, 2.0]
    for antithetic in (False, True):
        options = {"rng": 0, "antithetic": antithetic}
        whole = flips(net, x, radii, 3001, **options)
        assert np.array_equal(flips(net, x, radii, 1500, **options).counts, whole.counts[:, :1500])
        for threads in (1, 3):
            again = flips(net, x, radii, 3001, threads=threads, **options)
            assert np.array_equal(again.counts, whole.counts)
        a, b = (gradient_deviation(net, x, radii, 3001, threads=t, **options).norms for t in (1, 3))
        assert np.array_equal(a, b)


# --- antithetic pairs


@pytest.mark.parametrize("surface", [False, True])
@pytest.mark.parametrize("n", [1, 6, 7])
def test_the_points_of_a_pair_are_opposite(n, surface):
    net = Network.random((11, 300, 200, 1), rng=5, dtype="float64")
    x, radii = point(net), [2.0, 0.7]
    options = {"rng": 4, "antithetic": True, "surface": surface}
    found = flips(net, x, radii, n, **options)
    deviation = gradient_deviation(net, x, radii, n, **options)
    for k, radius in enumerate(radii):
        y = sample_ball(x, radius, (n + 1) // 2, rng=4, surface=surface)
        there, back = flips(net, x, points=y), flips(net, x, points=x - (y - x))
        assert np.array_equal(found.counts[k, ::2], there.counts)
        assert np.array_equal(found.counts[k, 1::2], back.counts[: n // 2])
        changes = gradient_deviation(net, x, points=x - (y - x))
        assert deviation.norms[k, 1::2] == pytest.approx(changes.norms[: n // 2], rel=1e-10)


@pytest.mark.statistics
def test_antithetic_flips_have_the_law_of_independent_ones():
    """Single points, over networks: layer 1 is Binomial(d_1, θ/π) at either end of a pair."""
    nets, width, x = 400, 50, np.random.default_rng(0).normal(size=30)
    radii = np.array([2.0, 0.2, 0.7]) * np.linalg.norm(x)
    totals = np.zeros((3, 2), np.int64)
    for seed in range(nets):
        net = Network.random((30, width, 1), rng=seed)
        found = flips(net, x, radii, 2, rng=9, antithetic=True)
        totals += found.counts[..., 0]
        assert np.allclose(found.predicted[:, 0], width * found.angles.mean(axis=1) / np.pi)
    for total, angle in zip(totals.ravel(), found.angles.ravel(), strict=True):
        p = stats.binomtest(int(total), nets * width, angle / np.pi).pvalue
        assert p > ALARM / totals.size


# --- deferred networks


@pytest.mark.statistics
@pytest.mark.parametrize("remember", [False, True])
@pytest.mark.parametrize("antithetic", [False, True])
def test_deferred_networks_have_the_law_of_stored_ones(antithetic, remember):
    """Jointly over radii: the flips of both layers, and how they grow with the radius."""
    nets, x = 1500, np.random.default_rng(0).normal(size=8)
    radii = np.array([1.5, 0.5]) * np.linalg.norm(x)
    seen = {}
    for storage, first in (("stored", 0), ("deferred", nets)):
        rows = []
        for seed in range(first, first + nets):
            net = Network.random((8, 9, 12, 1), rng=seed, storage=storage)
            found = flips(net, x, radii, 3, rng=7, remember=remember, antithetic=antithetic)
            far, near = found.counts.sum(axis=1)
            rows.append([*far, *near, *(far - near), far[1] * near[1]])
        seen[storage] = np.array(rows)
    tests = seen["stored"].shape[1]
    for one, other in zip(seen["stored"].T, seen["deferred"].T, strict=True):
        assert stats.ks_2samp(one, other).pvalue > ALARM / tests


@pytest.mark.statistics
@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_flips_are_binomial_given_the_images_at_every_radius(storage):
    """In float32, one point a network at each radius; 5 standard errors."""
    x = np.random.default_rng(1).normal(size=8)
    radii = np.array([0.4, 1.0, 2.5]) * np.linalg.norm(x)
    off, variance = np.zeros((3, 2)), np.zeros((3, 2))
    for seed in range(2500):
        net = Network.random((8, 6, 12, 1), rng=seed, storage=storage)
        found = flips(net, x, radii, 1, rng=seed)
        p = found.conditional / [6, 12]
        off += found.counts[:, 0] - [6, 12] * p
        variance += [6, 12] * p * (1 - p)
    assert (np.abs(off) < 5 * np.sqrt(variance)).all()


def test_a_deferred_network_remembers_only_what_it_is_asked_to():
    net = Network.random((8, 9, 12, 1), rng=0, storage="deferred")
    x = point(net)
    first = flips(net, x, [0.5, 1.0], 4, rng=1)
    again = flips(net, x, [1.0, 0.5], 4, rng=1)
    assert np.array_equal(first.counts, again.counts[::-1])
    y = sample_ball(x, 1.0, 4, rng=1)
    assert np.array_equal(net.pattern(x).flips(net.pattern(y)), first.counts[1])
    net.forget()
    before = net.pattern(x)
    flips(net, x, [0.5, 1.0], 4, rng=1, remember=False)
    assert not before.flips(net.pattern(x)).any()  # x it still knows


# --- edges


def test_no_radii_no_points_and_no_layers():
    net = Network.random((5, 8, 6, 1), rng=0)
    x = np.ones(5)
    assert gradient_step(net, x, eta=[]).f_after.shape == (0,)  # which radii follow
    none = flips(net, x, [], 7)
    assert none.counts.shape == (0, 7, 2) and none.mean.shape == none.max.shape == (0, 2)
    assert none.predicted.shape == none.conditional.shape == (0, 2)
    assert none.quantiles([0.1, 0.2, 0.3]).shape == (3, 0, 2) and repr(none) == "Flips(no radii)"
    assert all(column.shape == (0,) for column in none.columns().values())
    still = gradient_deviation(net, x, [], 7, terms=True)
    assert still.norms.shape == (0, 7) and still.terms.shape == (0, 7, 2)
    assert all(column.shape == (0,) for column in still.columns().values())
    assert repr(still) == "Deviation(no points)"

    empty = flips(net, x, [1.0, 2.0], 0)
    assert empty.counts.shape == (2, 0, 2) and not empty.max.any() and empty.max.shape == (2, 2)
    for numbers in (empty.mean, empty.predicted, empty.conditional, empty.quantiles(0.5)):
        assert numbers.shape == (2, 2) and np.isnan(numbers).all()
    assert gradient_deviation(net, x, [1.0, 2.0], 0).norms.shape == (2, 0)

    linear = Network.random((5, 1), rng=0)
    found = flips(linear, x, [1.0, 2.0], 3)
    assert found.counts.shape == (2, 3, 0) and found.mean.shape == (2, 0)
    assert found.columns()["layer"].shape == (0,) and found.angles.shape == (2, 3)
    assert not gradient_deviation(linear, x, [1.0, 2.0], 3).norms.any()


def test_an_image_that_is_silent_for_some_radii():
    """All units off at x, on at some points: then on again for the units whose images grew."""
    weights = [-np.eye(4), np.array([[1.0, 1, 1, 1], [1, -1, 2, 1], [-1, -1, -1, -1]])]
    weights.append(np.ones((1, 3)))
    net = Network.from_weights(weights, dtype="float64")
    x, radii = np.ones(4), [0.5, 1.0, 3.0, 20.0]
    found = flips(net, x, radii, 200, rng=0)
    assert not found.counts[0].any()  # no coordinate changes its sign
    silent = np.zeros((4, 200), bool)
    for k, radius in enumerate(radii):
        y = sample_ball(x, radius, 200, rng=0)
        image = np.maximum(-y, 0)
        silent[k] = ~image.any(axis=1)
        # Where an image is 0, coins decide, which are the same for x and for y.
        assert np.array_equal(found.counts[k], net.pattern(x).flips(net.pattern(y)))
        assert np.array_equal(found.counts[k, :, 0], (y < 0).sum(axis=1))
    assert silent[0].all() and 0 < silent[2].sum() < 200
    assert np.array_equal(found.image_angles[..., 1], np.where(silent, 0, np.pi / 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_that_are_0_everywhere_never_flip(dtype):
    """Each unit of layer 2 is the difference of two equal ones of layer 1."""
    rows = np.random.default_rng(0).integers(-3, 4, size=(30, 6)).astype(float)
    twice = np.kron(np.eye(30), [1.0, -1.0])
    net = Network.from_weights([np.repeat(rows, 2, axis=0), twice, np.ones((1, 30))], dtype=dtype)
    x = np.random.default_rng(1).normal(size=6)
    found = flips(net, x, [0.1, 1.0, 30.0], 50, rng=0, antithetic=True)
    assert found.counts[2, :, 0].mean() > 10 and not found.counts[..., 1].any()


@pytest.mark.parametrize("bias", [False, True])
def test_units_that_are_0_at_x_are_decided_by_coins_there(bias):
    """Integer weights at an integer x: many are exactly 0, and no radius is too small for them."""
    generator = np.random.default_rng(3)
    weights = [
        generator.integers(-1, 2, size=s).astype(float) for s in [(60, 4), (50, 60), (1, 50)]
    ]
    biases = [generator.integers(-1, 2, size=60).astype(float), None, None] if bias else None
    net = Network.from_weights(weights, biases=biases, dtype="float64")
    x, radii = np.array([1.0, 0, -1, 2]), [0.0, 1e-9, 1e-3, 1.0]
    at_x = reference.preactivations(weights, x[np.newaxis], biases)
    assert (at_x[0] == 0).sum() > 5
    found = flips(net, x, radii, 40, rng=2, antithetic=True)
    assert not found.counts[0].any()
    assert found.counts[1].sum() > 40 * 2  # half of those at 0
    for k, radius in enumerate(radii):
        y = pairs(x, radius, 40, 2)
        assert np.array_equal(found.counts[k], net.pattern(x).flips(net.pattern(y)))


@pytest.mark.parametrize("power", [-500, 498])
def test_no_flip_depends_on_the_scale(power):
    """By powers of two nothing is rounded, though squares of everything under- or overflow."""
    shapes = [(40, 20), (30, 40), (1, 30)]
    weights = [np.random.default_rng(i).normal(size=s) for i, s in enumerate(shapes)]
    net = Network.from_weights(weights, dtype="float64")
    x, radii = np.random.default_rng(9).normal(size=20), np.array([3.0, 0.1, 0.0, 1.0])
    scale = 2.0**power
    near, far = (flips(net, s * x, s * radii, 60, rng=1) for s in (1.0, scale))
    assert near.counts[0].any() and np.array_equal(near.counts, far.counts)
    assert far.angles == pytest.approx(near.angles, rel=1e-12)
    assert far.image_angles == pytest.approx(near.image_angles, rel=1e-12)
    near, far = (gradient_deviation(net, s * x, s * radii, 60, rng=1) for s in (1.0, scale))
    assert np.array_equal(near.norms, far.norms)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_radii_may_be_far_smaller_or_larger_than_x(scale):
    net = Network.random((20, 30, 40, 1), rng=0, dtype="float64")
    x = point(net)
    found = flips(net, x, [scale, 1.0], 30, rng=1)
    if scale < 1:
        assert not found.counts[0].any()
        return
    # So far away y might as well be in the direction u from the origin.
    u = sample_ball(np.zeros(20), 1.0, 30, rng=1)
    assert np.array_equal(found.counts[0], net.pattern(x).flips(net.pattern(u)))


# --- what is returned, and what is refused


def test_columns_have_a_row_per_radius_and_layer_or_point():
    net = Network.random((5, 8, 6, 1), rng=0)
    x, radii = np.ones(5), [1.0, 0.1, 1.0]
    found = flips(net, x, radii, 50, rng=0)
    frame = found.to_frame()
    assert frame["radius"].tolist() == [1.0, 1.0, 0.1, 0.1, 1.0, 1.0]
    assert frame["layer"].tolist() == [1, 2] * 3 and frame["width"].tolist() == [8, 6] * 3
    for name in ("mean", "predicted", "conditional", "max"):
        assert np.array_equal(frame[name], getattr(found, name).ravel())
    single = flips(net, x, 0.1, 50, rng=0).to_frame()
    assert "radius" not in single
    assert single.equals(frame.drop(columns="radius").iloc[2:4].reset_index(drop=True))
    assert np.array_equal(found.fraction, found.counts / np.array([8, 6]))

    deviation = gradient_deviation(net, x, radii, 50, rng=0, terms=True)
    frame = deviation.to_frame()
    assert list(frame.columns) == ["radius", "norm", "relative", "predicted", "term_1", "term_2"]
    assert np.array_equal(frame["radius"], np.repeat(radii, 50))
    assert np.array_equal(frame["term_2"], deviation.terms[..., 1].ravel())
    assert np.array_equal(frame["relative"], deviation.relative.ravel())


def test_reprs_are_a_line_about_the_largest_ball():
    net = Network.random((5, 8, 6, 1), rng=0)
    found = flips(net, np.ones(5), [1.0, 2.0, 0.1], 50, rng=0)
    assert repr(found).startswith("Flips(3 radii from 0.1 to 2, 50 points, ")
    assert all(f"{mean:.4g} ({p:.4g})" in repr(found) for mean, p in zip(
        found.mean[1], found.predicted[1], strict=True))  # fmt: skip
    deviation = gradient_deviation(net, np.ones(5), [1.0, 2.0, 0.1], 50, rng=0)
    assert repr(deviation).startswith("Deviation(3 radii from 0.1 to 2, 50 points, ")
    assert f"largest seen {deviation.relative[1].max():.4g}" in repr(deviation)
    assert "\n" not in repr(found) + repr(deviation)


def test_progress_counts_points_once():
    net, seen = Network.random((5, 8, 6, 1), rng=0), []
    flips(net, np.ones(5), [1.0, 2.0], 50, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (50, 50)


def test_memory_is_asked_for_all_radii(monkeypatch):
    net = Network.random((5, 8, 6, 1), rng=0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 10**7)
    flips(net, np.ones(5), 1.0, 10**4)
    with pytest.raises(MemoryError, match="10000 points in each of 100 balls takes"):
        flips(net, np.ones(5), np.linspace(0, 1, 100), 10**4)
    deferred = Network.random((3000, 2000, 2000, 1), rng=0, storage="deferred")
    gradient_deviation(deferred, np.ones(3000), 1.0, 2)
    with pytest.raises(MemoryError, match="along 1001 directions"):
        gradient_deviation(deferred, np.ones(3000), np.linspace(1, 2, 500), 2)


@pytest.mark.parametrize(
    ("radius", "error", "message"),
    [
        ([0.1, -1.0], ValueError, "radius must hold numbers of at least 0, got -1.0 at index 1"),
        ([0.1, np.nan], ValueError, r"radius must be finite, got nan at index \(1,\)"),
        ([np.inf], ValueError, "radius must be finite"),
        ([[0.1, 0.2]], ValueError, r"a sequence of K numbers, got an array of shape \(1, 2\)"),
        (["wide"], TypeError, "radius must hold real numbers"),
        ({0.1}, TypeError, "radius must be a number"),
        ([0.1, 1e300], OverflowError, "float32"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), ValueError, "masked"),
    ],
)
@pytest.mark.parametrize("measure", [flips, gradient_deviation])
def test_bad_radii(measure, radius, error, message):
    net = Network.random((5, 8, 6, 1), rng=0)
    with pytest.raises(error, match=message):
        measure(net, np.ones(5), radius, 3)


@pytest.mark.parametrize("measure", [flips, gradient_deviation])
def test_given_points_are_not_mirrored(measure):
    net, x = Network.random((5, 8, 6, 1), rng=0), np.ones(5)
    with pytest.raises(TypeError, match="antithetic is for points that are sampled"):
        measure(net, x, points=x[np.newaxis], antithetic=True)
