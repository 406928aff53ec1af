"""The line knows every flip: against closed forms, fine grids and plain evaluation."""

import numpy as np
import pytest
from randrelu import Network, check, gradient_step, line
from randrelu._support import memory
from scipy import stats

ALARM = 1e-6  # the false-alarm probability of the statistical test here; there is one
SHAPES = [(20, 30, 40, 25, 1), (50, 1, 7, 1), (9, 1), (7, 64, 1), (30, 150, 90, 120, 1)]
STORAGES = pytest.mark.parametrize("storage", ["stored", "streamed", "deferred"])


def vectors(net, seed=0):
    return np.random.default_rng(seed).normal(size=(2, net.widths[0]))


def middles(found):
    ends = np.r_[0.0, found.t, found.length]
    return (ends[1:] + ends[:-1]) / 2, np.diff(ends)


@STORAGES
@pytest.mark.parametrize("shape", SHAPES)
def test_line_agrees_with_plain_evaluation(shape, storage):
    net = Network.random(shape, rng=1, storage=storage, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 12.0)
    assert np.linalg.norm(found.direction) == pytest.approx(1, rel=1e-15)
    assert (np.diff(found.t) >= 0).all() and found.t.min(initial=0) >= 0
    assert found.t.max(initial=0) <= found.length == 12.0
    scale = np.abs(found.f).max(initial=abs(found.f0))
    assert found.f == pytest.approx(net.forward(found.point(found.t)), abs=1e-13 * scale)
    t, lengths = middles(found)
    assert found.value(t) == pytest.approx(net.forward(found.point(t)), abs=1e-13 * scale)
    # Slopes and patterns where a piece is longer than rounding.
    gradients = net.gradient(found.point(t))
    z = net.preactivations(found.point(t))
    for k in np.flatnonzero(lengths > 1e-9):
        assert found.slope[k] == pytest.approx(gradients[k] @ found.direction, abs=1e-11)
        # A unit that stays at exactly 0, after a layer that is off, has no state that matters.
        for a, b in zip(found.pattern(t[k]).unpack(), z, strict=True):
            assert np.array_equal(a[b[k] != 0], b[k][b[k] != 0] > 0)
    assert found.gradient(t[-1]) == pytest.approx(gradients[-1], rel=1e-9, abs=1e-12)
    assert found.flips.sum() == found.t.size and found.flips.shape == (net.depth,)


@pytest.mark.parametrize("shape", SHAPES[:2] + SHAPES[3:])
def test_no_flip_is_missed_on_a_fine_grid(shape):
    """All patterns on 20 000 points; changes between neighbours are those of the line."""
    net = Network.random(shape, rng=2, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 9.0)
    grid = np.linspace(0, 9.0, 20_001)
    masks = np.concatenate(net.pattern(found.point(grid)).unpack(), axis=1)
    cells, columns = np.nonzero(masks[1:] != masks[:-1])
    offsets = np.r_[0, np.cumsum(shape[1:-1])]
    ours = {}
    for t, layer, unit in zip(found.t, found.layer, found.unit, strict=True):
        ours.setdefault(int(offsets[layer - 1] + unit), []).append(t)
    for cell, column in zip(cells, columns, strict=True):
        near = [t for t in ours[column] if grid[cell] - 1e-9 <= t <= grid[cell + 1] + 1e-9]
        assert len(near) % 2 == 1  # a unit that flips and flips back in one cell is invisible there
    # … and each of ours is one of the grid's, unless it comes in pairs.
    seen = set(zip(cells.tolist(), columns.tolist(), strict=True))
    for column, times in ours.items():
        where, counts = np.unique(np.searchsorted(grid, times) - 1, return_counts=True)
        for cell, count in zip(where, counts, strict=True):
            if count % 2 and min(abs(grid - times[0])) > 1e-9:
                assert {(cell + d, column) for d in (-1, 0, 1)} & seen


def test_one_hidden_layer_in_closed_form():
    net = Network.random((30, 500, 1), rng=3, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 7.0)
    w = net.weights(1).astype(float)
    t = -(w @ x) / (w @ found.direction)
    inside = np.flatnonzero((t > 0) & (t < 7))
    order = inside[np.argsort(t[inside])]
    assert np.array_equal(found.unit, order)
    assert found.t == pytest.approx(t[order], rel=1e-13, abs=1e-14)
    assert np.array_equal(found.active, (w @ found.direction)[order] > 0)


@STORAGES
def test_preactivations_are_zero_where_their_unit_flips(storage):
    net = Network.random((40, 300, 200, 250, 1), rng=4, storage=storage, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 20.0)
    assert found.t.size > 250
    at = net.preactivations(found.point(found.t))
    for k, (layer, unit) in enumerate(zip(found.layer, found.unit, strict=True)):
        z = at[layer - 1][k]
        assert abs(z[unit]) <= 64 * np.finfo(float).eps * np.abs(z).max()


def test_simultaneous_flips_and_a_unit_along_a_boundary():
    # Units 0 to 2 flip at t = 1 together, unit 3 stays at exactly 0, unit 4 at 0 up to x only.
    w1 = np.array([[1.0, -1], [1, -1], [-2, 2], [0, 0], [0, 1]])
    net = Network.from_weights([w1, np.array([1.0, 2, 4, 8, 16])])
    found = line(net, [1.0, 0], [0, 1.0], 3.0)
    assert np.array_equal(found.t, [1, 1, 1]) and np.array_equal(found.unit, [0, 1, 2])
    assert np.array_equal(found.active, [False, False, True])
    # f = 3 (1 − t)₊ + 8 (t − 1)₊ + 16 t
    assert np.array_equal(found.f, [16, 16, 16])
    assert found.slope[0] == 13 and found.slope[-1] == 24
    assert np.array_equal(found.value([0, 0.5, 1, 2, 3]), [3, 9.5, 16, 40, 64])
    assert found.linearity()[:2] == (64 - (3 + 3 * 13), 3.0)
    assert found.pattern(0).unpack()[0][4]  # its state after x, where it is at 0


@STORAGES
def test_gradients_come_in_any_shape(storage):
    net = Network.random((20, 30, 40, 25, 1), rng=1, storage=storage, dtype="float64")
    found = line(net, *vectors(net), 12.0)
    t = np.r_[found.t[[3, 20, 3]], 12.0, 0.0, 5.0].reshape(2, 3)  # neither ordered nor distinct
    gradients = found.gradient(t)
    assert gradients.shape == (2, 3, 20)
    for k in np.ndindex(2, 3):
        # A deferred network knows every direction the second time, up to rounding.
        assert gradients[k] == pytest.approx(found.gradient(t[k]), rel=0, abs=1e-12)
        # The pattern is made of the flips up to there, each taken for itself.
        state = [mask.copy() for mask in found.pattern(0.0).unpack()]
        for at, i, unit, active in zip(found.t, found.layer, found.unit, found.active, strict=True):
            if at <= t[k]:
                state[i - 1][unit] = active
        for mask, expected in zip(found.pattern(t[k]).unpack(), state, strict=True):
            assert np.array_equal(mask, expected)
    assert found.gradient([]).shape == (0, 20)


def test_along_the_boundary_of_a_unit_for_a_while():
    """A second-layer unit whose input is 0 on a piece keeps its state there."""
    w1 = np.array([[1.0, 0], [-1.0, 0]])
    net = Network.from_weights([w1, np.array([[1.0, 0.0]]), np.array([1.0])])
    found = line(net, [-1.0, 1], [1.0, 0], 2.0)  # layer 2 sees (t − 1)₊
    assert np.array_equal(found.value([0.0, 0.5, 1.5]), [0, 0, 0.5])
    assert (found.t == 1).all() and found.flips[0] == 2


@pytest.mark.statistics
def test_first_layer_flips_of_a_direction_of_its_own_are_binomial():
    """Along ∇f(x), which depends on W_1, they need not be, and for long ways they are not."""
    d, width, n = 25, 60, 300
    total, angle = 0, 0.0
    for seed in range(n):
        net = Network.random((d, width, 40, 1), rng=seed, dtype="float64")
        x = np.ones(d)
        u = np.random.default_rng(seed).normal(size=d)
        u -= (u @ x) / d * x  # the same angle every time
        found = line(net, x, u, 5.0)
        angle = np.arctan2(5.0, np.sqrt(d))
        total += int(found.flips[0])
    assert stats.binomtest(total, n * width, angle / np.pi).pvalue > ALARM


def test_steps_are_the_shortest():
    """Against a fine scan of ±∇f(x) by plain evaluation."""
    net = Network.random((12, 30, 20, 1), rng=5, dtype="float64")
    for x in np.random.default_rng(1).normal(size=(12, 12)):
        f, g = net.value_and_gradient(x)
        etas = np.linspace(-1, 1, 40_001) * 2 * np.linalg.norm(x) / np.linalg.norm(g)
        values = net.forward(x + etas[:, None] * g)
        for name, level in (("exact", -f), ("flip", 0.0)):
            attack = gradient_step(net, x, eta=name, longest=2.0)
            reached = np.abs(etas)[np.sign(values - level) != np.sign(f - level)]
            if not reached.size:
                assert not attack.success and not attack.sign_flipped and attack.eta == 0
                continue
            assert abs(attack.eta) == pytest.approx(reached.min(), abs=etas[1] - etas[0])
            # Past the level by 16 r, see `gradient_step`; sums in NumPy's order may give another r,
            # by some ε ‖∇f‖ ‖x‖.
            rounding = 3 * np.finfo(float).eps * np.linalg.norm(g) * np.linalg.norm(x)
            rounding = 16 * (rounding + abs(f - g @ x))
            assert net.forward(attack.x_adv) == attack.f_after
            assert attack.f_after == pytest.approx(level, abs=rounding)
            assert abs(attack.eta_infimum) == pytest.approx(abs(attack.eta), rel=1e-10)
            assert attack.sign_flipped and attack.success == (name == "exact")
            linear = gradient_step(net, x, eta="linear")
            if linear.success:
                assert abs(attack.eta) <= abs(linear.eta) * (1 + 1e-12)


def test_a_step_that_does_not_get_there_is_an_outcome():
    w1 = np.concatenate([np.eye(6), -np.eye(6)])
    net = Network.from_weights([w1, np.ones(12)])  # ‖x‖_1 never changes its sign
    attack = gradient_step(net, np.arange(1.0, 7), eta="exact")
    assert not attack.success and attack.eta == 0 and attack.f_after == attack.f_before == 21
    # From (1, …, 1) the way goes through the origin, where f is 0 and no less.
    ones = gradient_step(net, np.ones(6), eta="flip")
    assert abs(ones.f_after) < 1e-14 and ones.relative_norm == pytest.approx(1)
    assert ones.eta_infimum == pytest.approx(-1) and not ones.success
    assert ones.f_after == net.forward(ones.x_adv)
    assert ones.sign_flipped == (ones.f_after == 0)  # no point has another sign
    assert not gradient_step(net, np.ones(6), eta="exact").success
    odd = Network.from_weights([np.array([[1.0], [-1.0]]), np.array([3.0, -2.0])])  # 3x, 2x
    assert gradient_step(odd, [2.0], eta="exact").x_adv == pytest.approx([-3.0])
    both = gradient_step(net, [np.arange(1.0, 7), np.arange(2.0, 8)], eta="exact", longest=0.5)
    assert not both.success.any() and both.x_adv.shape == (2, 6)


@STORAGES
def test_until_stops_where_the_level_is_reached(storage):
    net = Network.random((30, 150, 90, 1), rng=6, storage=storage, dtype="float64")
    x = vectors(net)[0]
    f, g = net.value_and_gradient(x)
    whole, part = (line(net, x, -np.sign(f) * g, 8.0, until=u) for u in (None, f / 3))
    assert part.length == pytest.approx(whole.first_crossing(f / 3), rel=1e-12)
    assert part.value(part.length) == pytest.approx(f / 3, rel=1e-12)
    n = part.t.size
    assert n < whole.t.size and np.array_equal(part.unit, whole.unit[:n])
    assert part.first_crossing(f / 3) == pytest.approx(part.length)
    far = line(net, x, g, 1.0, until=1e6)
    assert far.length == 1.0 and np.isnan(far.first_crossing(1e6))


def test_from_the_origin_nothing_flips():
    net = Network.random((10, 30, 20, 1), rng=7, dtype="float64")
    u = vectors(net)[1]
    ray = line(net, np.zeros(10), u, 5.0)
    assert ray.t.size == 0 and ray.f0 == 0 and ray.linearity().deviation == 0
    assert ray.value(5.0) == pytest.approx(net.forward(5 * u / np.linalg.norm(u)), rel=1e-12)


def test_threads_do_not_matter_and_frames_and_pictures():
    net = Network.random((60, 500, 400, 1), rng=8)
    x, u = vectors(net)
    a, b = (line(net, x, u, 15.0, threads=t) for t in (1, 3))
    for name in ("t", "unit", "f", "slope"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
    assert list(a.to_frame()) == ["t", "layer", "unit", "active", "f", "slope"]
    assert len(a.to_frame()) == a.t.size and repr(a).startswith("Line(length 15, ")
    pytest.importorskip("matplotlib")
    axes, marks = a.plot().axes
    assert axes.get_ylabel() == "f" and len(marks.collections) == 2
    drawn = axes.lines[0].get_xydata()
    assert np.array_equal(drawn[1:-1, 1], a.f)


def test_linearity_is_the_largest_gap_to_the_tangent():
    net = Network.random((20, 60, 50, 1), rng=9, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 6.0)
    grid = np.linspace(0, 6, 50_001)
    gap = np.abs(found.value(grid) - (found.f0 + grid * found.slope[0]))
    measured = found.linearity()
    assert measured.deviation == pytest.approx(gap.max(), rel=1e-4)
    assert abs(measured.at - grid[gap.argmax()]) < 1e-3 or gap.max() == gap[-1]
    assert measured.slope_variation == np.abs(np.diff(found.slope)).sum()


@pytest.mark.parametrize("storage", ["stored", "deferred"])
def test_the_check_measures_the_smallest_constant(storage):
    widths = (30, 60, 50, 1)
    exact = check("theorem-1.1", widths=widths, trials=60, rng=1, storage=storage)
    assert exact.parameters["eta"] == "exact"
    for t, seed in enumerate(exact.trials["seed"][:10]):
        net = Network.random(widths, rng=seed, storage=storage, dtype="float64")
        linear = gradient_step(net, np.ones(30), eta="linear")
        step = gradient_step(net, np.ones(30), eta="exact")
        assert step.relative_norm == pytest.approx(exact.trials["relative_norm"][t], rel=1e-12)
        assert linear.eta == pytest.approx(exact.trials["linear_eta"][t], rel=1e-12)
    if storage == "stored":  # the same networks, so never longer
        longer = check("theorem-1.1", widths=widths, trials=60, rng=1, eta="shortest",
                       storage=storage)  # fmt: skip
        both = exact.trials["success"] & longer.trials["success"]
        a, b = (c.trials["relative_norm"][both] for c in (exact, longer))
        assert both.sum() > 40 and (a <= b * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(5), np.zeros(5), 1.0), ValueError, "direction must not be 0"),
        ((np.ones(5), np.full(5, np.nan), 1.0), ValueError, "direction must be finite"),
        ((np.ones(5), np.ones(4), 1.0), ValueError, "direction must have shape"),
        ((np.ones((1, 5)), np.ones(5), 1.0), ValueError, "x must be a single point"),
        ((np.ones(5), np.arange(5), 0.0), ValueError, "length must be a positive number"),
        ((np.ones(5), np.arange(5), -1), ValueError, "length must be a positive number"),
        ((np.ones(5), np.arange(5), np.inf), ValueError, "length must be finite"),
        ((np.ones(5), -np.ones(5), 3.0), ValueError, "passes through the origin"),
    ],
)
def test_bad_input(arguments, error, message):
    net = Network.random((5, 8, 6, 1), rng=0)
    with pytest.raises(error, match=message):
        line(net, *arguments)


def test_more_bad_input():
    net = Network.random((5, 8, 6, 1), rng=0)
    with pytest.raises(TypeError, match="net must be a Network"):
        line(None, np.ones(5), np.arange(5), 1.0)
    with pytest.raises(ValueError, match="until must be finite"):
        line(net, np.ones(5), np.arange(5), 1.0, until=np.nan)
    with pytest.raises(TypeError, match=r"until must be a number, got \[1.0\] of type list"):
        line(net, np.ones(5), np.arange(5), 1.0, until=[1.0])
    found = line(net, np.ones(5), np.arange(5), 1.0)
    with pytest.raises(ValueError, match=r"t must lie in \[0, 1\]"):
        found.value(1.5)
    with pytest.raises(ValueError, match=r"t must be a single number, got .* shape \(2,\)"):
        found.pattern([0.0, 1.0])
    with pytest.raises(TypeError, match=r"level must be a number, got \[1.0\] of type list"):
        found.first_crossing([1.0])
    with pytest.raises(ValueError, match="level must be finite, got nan"):
        found.first_crossing(np.nan)
    assert found.first_crossing(np.array(found.f0)) == 0
    with pytest.raises(ValueError, match="longest must be a positive number"):
        gradient_step(net, np.ones(5), eta="exact", longest=0)
    assert np.isfinite(line(net, np.ones(5), -np.ones(5), 1.0).value(1.0))


def test_more_flips_than_there_is_room_for(monkeypatch):
    net = Network.random((20, 300, 200, 1), rng=0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 8 * 3 * 300 * 10)  # ten flips
    with pytest.raises(MemoryError, match="more units flip on the line than there is room for"):
        line(net, np.ones(20), np.arange(20.0), 10.0)


def test_gradients_at_more_places_than_there_is_room_for(monkeypatch):
    """The gradients are small here; what the patterns of all the places take is not."""
    found = line(Network.random((2, 4000, 1), rng=0), np.ones(2), np.arange(2.0), 1.0)
    places = np.zeros(50_000)
    monkeypatch.setattr(memory, "available_bytes", lambda: 50_000 * 4000 // 8)
    with pytest.raises(MemoryError, match="returning the gradients at 50000 places"):
        found.gradient(places)


@STORAGES
@pytest.mark.parametrize("shape", SHAPES)
def test_regions_and_length_by_fine_sampling(shape, storage):
    """The polygon through many values is no longer than the graph's way, and nearly as long."""
    net = Network.random(shape, rng=5, storage=storage, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 12.0)
    t = np.linspace(0, 12.0, 20_001)
    values = net.forward(found.point(t))
    way = np.abs(np.diff(values)).sum() / 12.0
    # A step that f turns back in hides at most its own way, and there are at most K such steps.
    missed = found.t.size * np.abs(found.slope).max() * 2 * t[1] / 12.0
    rounding = 1e-13 * np.abs(values).max() * t.size
    assert way - rounding <= found.length_ratio() <= way + missed + rounding
    assert found.length_ratio() >= abs(values[-1] - values[0]) / 12.0 - rounding
    assert found.regions == 1 + np.unique(found.t[(found.t > 0) & (found.t < 12.0)]).size


def test_regions_and_length_in_closed_form():
    # f = |x| from −1 to 3, with both units flipping at 0, and a unit that is 0 at the end.
    w1 = np.array([[1.0, 0], [-1, 0], [1, -3]])
    net = Network.from_weights([w1, np.array([1.0, 1, 0])])
    found = line(net, [-1.0, 1], [1.0, 0], 4.0)
    assert np.array_equal(found.t, [1, 1])  # not where a unit only comes to 0, at the end
    assert found.regions == 2 and found.length_ratio() == 1.0
    assert found.value(4.0) - found.value(0) == 2.0
    straight = line(Network.from_weights([np.array([[2.0, -3]])]), [0, 1.0], [0, 1.0], 5.0)
    assert straight.regions == 1 and straight.length_ratio() == 3.0


def test_regions_that_are_seen_are_those_of_the_pattern():
    """Patterns on a fine grid change as often as the line says where its pieces are long enough."""
    net = Network.random((20, 30, 40, 25, 1), rng=1, dtype="float64")
    x, u = vectors(net)
    found = line(net, x, u, 12.0)
    assert np.diff(np.r_[0.0, found.t, 12.0]).min() > 1e-6
    between, _ = middles(found)
    masks = np.concatenate(net.pattern(found.point(between)).unpack(), axis=1)
    assert found.regions == 1 + np.count_nonzero((masks[1:] != masks[:-1]).any(axis=1))
