"""Flips and gradient deviations around a point: against plain float64 passes, and their laws."""

import numpy as np
import pytest
import reference
from randrelu import (
    Network,
    flips,
    gradient_decomposition,
    gradient_deviation,
    sample_ball,
    worst_flips,
)
from randrelu.measures.ball import visit
from randrelu.measures.deviation import deviation_of
from randrelu.measures.flips import flips_of
from scipy import stats

SHAPES = [(20, 30, 40, 25, 1), (50, 1, 7, 1), (9, 1), (7, 64, 1), (300, 700, 90, 800, 1)]
ALARM = 1e-6  # the false-alarm probability of every statistical test here; there are ten


def point(net, seed=0):
    return np.random.default_rng(seed).normal(size=net.widths[0])


def weights(net):
    return [net.weights(i).astype(float) for i in range(1, net.depth + 2)]


def masks(net, x):
    return [mask.astype(float) for mask in net.pattern(x).unpack()]


# --- the sample


@pytest.mark.parametrize("surface", [False, True])
def test_samples_are_uniform_in_the_ball(surface):
    d, n, radius = 7, 20_000, 2.5
    centre = np.arange(d, dtype=float)
    u = sample_ball(centre, radius, n, rng=3, surface=surface) - centre
    norms = np.linalg.norm(u, axis=1)
    if surface:
        np.testing.assert_allclose(norms, radius, rtol=1e-13)
    else:
        assert norms.max() < radius * (1 + 1e-13)
        assert stats.kstest((norms / radius) ** d, "uniform").pvalue > ALARM
    # A coordinate of a uniform direction: its square is Beta(1/2, (d − 1)/2), its sign fair.
    direction = u / norms[:, np.newaxis]
    for axis in (0, 6):
        law = stats.beta(0.5, (d - 1) / 2).cdf
        assert stats.kstest(direction[:, axis] ** 2, law).pvalue > ALARM
        assert stats.binomtest(int((direction[:, axis] > 0).sum()), n).pvalue > ALARM


def test_a_sample_depends_on_its_seed_and_number_alone():
    x = np.ones(33)
    many = sample_ball(x, 1.0, 1000, rng=5)
    assert np.array_equal(sample_ball(x, 1.0, 10, rng=5), many[:10])
    assert np.array_equal(sample_ball(x, 1.0, 1000, rng=5, threads=1), many)
    assert not np.array_equal(sample_ball(x, 1.0, 10, rng=6), many[:10])
    np.testing.assert_allclose(sample_ball(x, 2.0, 10, rng=5) - x, 2 * (many[:10] - x), rtol=1e-12)


# --- against plain float64 passes


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("radius", [0.3, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_float64_agrees_with_two_plain_passes(shape, radius, storage):
    net = Network.random(shape, rng=3, dtype="float64", storage=storage)
    x = point(net)
    radius *= np.linalg.norm(x)
    y = sample_ball(x, radius, 200, rng=1)
    plain = [reference.preactivations(weights(net), rows) for rows in (x[np.newaxis], y)]
    expected = np.empty((200, net.depth))
    for i in range(net.depth):
        expected[:, i] = ((plain[0][i] > 0) != (plain[1][i] > 0)).sum(axis=1)
    sampled = flips(net, x, radius, 200, rng=1)
    assert sampled.counts.dtype == np.int64 and np.array_equal(sampled.counts, expected)
    assert np.array_equal(flips(net, x, points=y).counts, expected)

    difference = net.gradient(x) - net.gradient(y)
    norms = np.linalg.norm(difference, axis=1)
    scale = 1e-11 * np.linalg.norm(net.gradient(x))
    for deviation in (
        gradient_deviation(net, x, radius, 200, rng=1),
        gradient_deviation(net, x, points=y),
        gradient_deviation(net, x, radius, 200, rng=1, terms=True),
    ):
        np.testing.assert_allclose(deviation.norms, norms, rtol=1e-10, atol=scale)
        np.testing.assert_allclose(deviation.grad_norm, np.linalg.norm(net.gradient(x)))
    assert deviation.terms.shape == (200, net.depth)
    for k in (0, 199):
        terms = gradient_decomposition(net, x, y[k])
        np.testing.assert_allclose(terms.sum(axis=0), difference[k], rtol=0, atol=scale)
        np.testing.assert_allclose(
            deviation.terms[k], np.linalg.norm(terms, axis=1), rtol=1e-10, atol=scale
        )


def test_decomposition_is_that_of_the_paper():
    net = Network.random((6, 30, 20, 40, 1), rng=8, dtype="float64")
    x = point(net)
    y, w = x + 0.5 * point(net, 1), weights(net)
    at_x, at_y = masks(net, x), masks(net, y)
    for j, term in enumerate(gradient_decomposition(net, x, y)):
        row = w[-1][0]
        for i in (2, 1, 0):
            change = at_x[i] - at_y[i] if i == j else (at_x[i] if i > j else at_y[i])
            row = (row * change) @ w[i]
        np.testing.assert_allclose(term, row, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_and_threads_change_nothing(dtype):
    net = Network.random((40, 300, 200, 1), rng=2, dtype=dtype)
    x = point(net)
    whole = flips(net, x, 1.0, 3000, rng=0)
    assert np.array_equal(flips(net, x, 1.0, 1500, rng=0).counts, whole.counts[:1500])
    for threads in (1, 3):
        assert np.array_equal(flips(net, x, 1.0, 3000, rng=0, threads=threads).counts, whole.counts)
    a, b = (gradient_deviation(net, x, 1.0, 3000, rng=0, threads=t).norms for t in (1, 3))
    assert np.array_equal(a, b)


def test_float32_deviations_agree_to_1e_4():
    net = Network.random((100, 400, 300, 500, 1), rng=4)
    exact = Network.random((100, 400, 300, 500, 1), rng=4, dtype="float64")
    x = point(net)
    for relative in (1e-4, 1e-2, 0.5):
        radius = relative * np.linalg.norm(x)
        got, want = (gradient_deviation(n, x, radius, 2000, rng=1).norms for n in (net, exact))
        # A unit that float32 misjudges changes a deviation by all of itself.
        counts, true = (flips(n, x, radius, 2000, rng=1).counts for n in (net, exact))
        same = (counts == true).all(axis=1)
        assert same.mean() > 0.999
        np.testing.assert_allclose(got[same], want[same], rtol=1e-4, atol=0)


@pytest.mark.statistics
def test_delta_form_misjudges_fewer_units_than_a_plain_pass():
    """Thousands of true flips at every radius; what is wrong in the counts is counted for both."""
    shape, samples = (48, 12_000, 48, 12_000, 1), 4000
    net, exact = (Network.random(shape, rng=6, dtype=t) for t in ("float32", "float64"))
    x = point(net)
    for relative in (1e-4, 1e-3, 1e-2, 0.05, 0.5):
        y = sample_ball(x, relative * np.linalg.norm(x), samples, rng=1)
        true = exact.pattern(x).flips(exact.pattern(y))
        plain = np.abs(net.pattern(x).flips(net.pattern(y)) - true).sum()
        delta = np.abs(flips(net, x, points=y).counts - true).sum()
        assert true.sum() > 2000
        assert delta <= plain, relative
        if relative == 1e-4:
            assert 10 * delta <= plain and plain > 0


def test_one_visit_answers_both_questions():
    net = Network.random((20, 30, 40, 1), rng=3)
    x = point(net)
    visited = visit(net, x, 1.0, 50, rng=1, flips=True, gradient=True, term_norms=True)
    counts = flips(net, x, 1.0, 50, rng=1).counts
    assert np.array_equal(flips_of(visited).counts, counts)
    both = deviation_of(visited)
    alone = gradient_deviation(net, x, 1.0, 50, rng=1, terms=True)
    assert np.array_equal(both.norms, alone.norms) and np.array_equal(both.terms, alone.terms)
    assert both.grad_norm == alone.grad_norm


@pytest.mark.parametrize("given", [False, True])
def test_angles_are_known_where_there_are_no_hidden_layers(given):
    net = Network.random((5, 1), rng=0)
    x = point(net)
    y = sample_ball(x, 1.0, 10, rng=2)
    found = flips(net, x, points=y) if given else flips(net, x, 1.0, 10, rng=2)
    cosines = y @ x / np.linalg.norm(x) / np.linalg.norm(y, axis=1)
    # arccos loses half of the digits near 0, where no angle is here.
    np.testing.assert_allclose(found.angles, np.arccos(cosines), rtol=1e-12)
    assert found.counts.shape == (10, 0) and gradient_deviation(net, x, points=y).norms.max() == 0


# --- laws


@pytest.mark.statistics
def test_first_layer_flips_are_binomial():
    n, d, width = 400, 30, 50
    x, y = np.random.default_rng(0).normal(size=(2, d))
    y = x + 0.4 * y
    angle = np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    total = 0
    for seed in range(n):
        net = Network.random((d, width, 1), rng=seed)
        found = flips(net, x, points=y[np.newaxis])
        total += int(found.counts[0, 0])
        assert found.predicted[0] == pytest.approx(width * angle / np.pi, rel=1e-12)
    assert stats.binomtest(total, n * width, angle / np.pi).pvalue > ALARM


@pytest.mark.statistics
def test_wide_layers_flip_as_the_arc_cosine_map_predicts():
    """Over networks the mean flips of wide layers tend to the prediction; 6 standard errors."""
    nets, x = 30, np.random.default_rng(0).normal(size=400)
    shares, predicted = [], None
    for seed in range(nets):
        net = Network.random((400, 1000, 1000, 1000, 1), rng=seed)
        found = flips(net, x, 0.3 * np.linalg.norm(x), 20, rng=seed)
        shares.append(found.mean - found.predicted)
        predicted = found.predicted
    shares = np.array(shares)
    error = shares.std(axis=0, ddof=1) / np.sqrt(nets)
    finite_width = np.array([0, 1, 2]) / 1000 * predicted  # an O(1/width) bias a layer
    assert (np.abs(shares.mean(axis=0)) < 6 * error + finite_width).all()


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_angles_between_images_are_those_of_plain_passes(shape, storage):
    net = Network.random(shape, rng=3, dtype="float64", storage=storage)
    x = point(net)
    y = np.concatenate([sample_ball(x, 3 * np.linalg.norm(x), 50, rng=1), [-x, 2 * x]])
    found = flips(net, x, points=y)
    assert found.image_angles.shape == (52, net.depth)
    plain = [reference.preactivations(weights(net), rows) for rows in (x[np.newaxis], y)]
    images = [(x[np.newaxis], y), *zip(*plain, strict=True)]
    for i, (at_x, at_y) in enumerate(images[: net.depth]):
        if i:
            at_x, at_y = np.maximum(at_x, 0), np.maximum(at_y, 0)
        a, b = (np.linalg.norm(v, axis=1, keepdims=True) for v in (at_x, at_y))
        with np.errstate(invalid="ignore"):
            u, v = at_x / a, at_y / b
        apart, together = np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1)
        expected = 2 * np.arctan2(apart, together)
        zeros = (a == 0).astype(int)[:, 0] + (b == 0)[:, 0]
        expected = np.where(zeros == 1, np.pi / 2, np.where(zeros == 2, 0, expected))
        np.testing.assert_allclose(found.image_angles[:, i], expected, rtol=0, atol=1e-12)
    mean = found.image_angles.mean(axis=0) / np.pi * np.array(shape[1:-1])
    assert found.conditional == pytest.approx(mean)


@pytest.mark.statistics
@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_flips_are_binomial_given_the_images(storage):
    """In float32, at widths where the limit's prediction is off; 5 standard errors."""
    x, y = np.random.default_rng(1).normal(size=(2, 8))
    off, variance, limit = 0.0, 0.0, 0.0
    for seed in range(3000):
        net = Network.random((8, 6, 12, 1), rng=seed, storage=storage)
        found = flips(net, x, points=y[np.newaxis])
        p = found.conditional[1] / 12
        off += found.counts[0, 1] - 12 * p
        limit += found.counts[0, 1] - found.predicted[1]
        variance += 12 * p * (1 - p)
    assert abs(off) < 5 * np.sqrt(variance) < abs(limit)


@pytest.mark.statistics
def test_deviations_of_one_hidden_layer_are_predicted_at_any_width():
    x = np.random.default_rng(0).normal(size=10)
    y = x + 0.5 * np.random.default_rng(1).normal(size=10)
    squares = []
    for seed in range(2000):
        net = Network.random((10, 4, 1), rng=seed)
        found = gradient_deviation(net, x, points=y[np.newaxis])
        squares.append(2 * found.norms[0] ** 2)  # E‖∇f‖² = ½
    error = np.std(squares) / np.sqrt(len(squares))
    assert abs(np.mean(squares) - found.predicted[0] ** 2) < 5 * error < found.predicted[0] ** 2
    assert f"(predicted {found.predicted[0]:.4g})" in repr(found)
    assert np.isnan(gradient_deviation(net, np.zeros(10), 1.0, 3).predicted).all()


# --- edges


def test_nothing_to_visit_and_nowhere_to_go():
    net = Network.random((5, 8, 6, 1), rng=0)
    x = np.ones(5)
    empty = flips(net, x, 1.0, 0)
    assert empty.counts.shape == (0, 2) and np.isnan(empty.mean).all() and (empty.max == 0).all()
    assert np.isnan(empty.quantiles(0.5)).all() and "0 points" in repr(empty)
    assert gradient_deviation(net, x, 1.0, 0, terms=True).terms.shape == (0, 2)
    assert "no points" in repr(gradient_deviation(net, x, 1.0, 0))
    still = flips(net, x, 0, 10)
    assert not still.counts.any() and not still.predicted.any()
    assert not gradient_deviation(net, x, 0.0, 10).norms.any()
    assert not worst_flips(net, x, 0, layer=1).attained
    assert not gradient_decomposition(net, x, x).any()
    # All preactivations are 0 at the origin: coins decide, the same ones wherever they are asked.
    assert not flips(net, np.zeros(5), points=np.zeros((3, 5))).counts.any()
    # A ball around x that covers the origin is a ball like any other.
    y = sample_ball(x, 10.0, 50, rng=0)
    assert np.array_equal(
        flips(net, x, 10.0, 50, rng=0).counts, net.pattern(x).flips(net.pattern(y))
    )


def test_frames_have_a_row_per_layer_and_per_point():
    net = Network.random((5, 8, 6, 1), rng=0)
    found = flips(net, np.ones(5), 1.0, 50, rng=0)
    frame = found.to_frame()
    assert list(frame["layer"]) == [1, 2] and np.array_equal(frame["mean"], found.mean)
    assert np.array_equal(found.fraction, found.counts / np.array([8, 6]))
    frame = gradient_deviation(net, np.ones(5), 1.0, 50, rng=0, terms=True).to_frame()
    assert list(frame.columns) == ["norm", "relative", "predicted", "term_1", "term_2"]
    assert len(frame) == 50


def test_progress_counts_points():
    net, seen = Network.random((5, 8, 6, 1), rng=0), []
    flips(net, np.ones(5), 1.0, 50, rng=0, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (50, 50)


def test_progress_never_goes_back():
    net, seen, samples = Network.random((4, 100_000, 1), rng=0), [], 1000
    while len(seen) <= 3:  # a report is due every 50 ms: as many samples as this machine needs
        seen.clear()
        samples *= 2
        gradient_deviation(
            net, np.ones(4), 1.0, samples, rng=0, progress=lambda n, _: seen.append(n)
        )
    assert seen == sorted(seen) and seen[-1] == samples


@pytest.mark.parametrize("deep", [True, False])
def test_no_unit_flips_at_x_itself_where_its_preactivations_underflow(deep):
    if deep:  # NN-DEF halves the squares a layer
        net, x = Network.random((16,) * 331 + (1,), rng=0), np.ones(16)
    else:
        net, x = Network.random((16, 50, 1), rng=0), np.full(16, 1e-47)
    assert not flips(net, x, 0.0, 3).counts.any()


@pytest.mark.parametrize("scale", [1e-170, 1e-3, 1e150])
def test_results_do_not_depend_on_the_scale(scale):
    """Where the squares of everything under- or overflow."""
    given = [np.random.default_rng(i).normal(size=s) for i, s in enumerate([(40, 20), (1, 40)])]
    x = np.random.default_rng(2).normal(size=20)
    net, scaled = Network.from_weights(given), Network.from_weights([scale * given[0], given[1]])
    one, other = (worst_flips(n, x, 0.3, layer=1) for n in (net, scaled))
    assert 0 < one.attained == other.attained <= one.certified == other.certified
    at_x, far = flips(net, x, 0.3, 50, rng=0), flips(net, scale * x, scale * 0.3, 50, rng=0)
    assert far.predicted is None and far.angles == pytest.approx(at_x.angles, rel=1e-9)
    norms = [gradient_deviation(n, x, 0.3, 50, rng=0).norms for n in (net, scaled)]
    assert norms[1] == pytest.approx(scale * norms[0], rel=1e-9)


def test_the_origin_has_no_angle():
    net = Network.random((5, 8, 6, 1), rng=0)
    assert np.isnan(flips(net, np.zeros(5), 1.0, 10).predicted).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n, x: flips(n, x, -1.0), ValueError, "finite number of at least 0, got -1.0"),
        (lambda n, x: flips(n, x, np.nan), ValueError, "radius must be finite"),
        (lambda n, x: flips(n, x, "wide"), TypeError, "radius must be a number, got 'wide'"),
        (lambda n, x: flips(n, x), TypeError, "radius is missing"),
        (lambda n, x: flips(n, x, 1.0, points=x[None]), TypeError, "either radius or points"),
        (lambda n, x: flips(n, x, 1.0, -1), ValueError, "samples must be at least 0"),
        (lambda n, x: flips(n, x, 1.0, 2.5), TypeError, "samples must be an integer"),
        (lambda n, x: flips(n, x, points=x), ValueError, r"points must have shape \(N, 5\)"),
        (lambda n, x: flips(n, x, points=np.ones((2, 4))), ValueError, "points"),
        (lambda n, x: flips(n, x[None], 1.0), ValueError, "x must be a single point"),
        (lambda n, x: flips(None, x, 1.0), TypeError, "net must be a Network"),
        (lambda n, x: gradient_decomposition(n, x, x[:4]), ValueError, "y must"),
        (lambda n, x: worst_flips(n, x, 1.0, layer=0), IndexError, "from 1 to 2, got 0"),
        (lambda n, x: worst_flips(n, x, 1.0, layer=3), IndexError, "from 1 to 2, got 3"),
        (lambda n, x: sample_ball(x[None], 1.0, 3), ValueError, "x must be a single point"),
        (lambda n, x: sample_ball(x, 1.0, -3), ValueError, "n must be at least 0"),
        (lambda n, x: sample_ball(x * np.nan, 1.0, 3), ValueError, "x must be finite"),
        (lambda n, x: sample_ball(x, 1.0, 10**15), MemoryError, "draw fewer"),
        (lambda n, x: flips(n, x, 1e300, 3), OverflowError, "float32"),
    ],
)
def test_bad_input(call, error, message):
    net = Network.random((5, 8, 6, 1), rng=0)
    with pytest.raises(error, match=message):
        call(net, np.ones(5))
