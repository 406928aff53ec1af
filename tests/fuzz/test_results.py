"""What networks and measures say agrees with plain NumPy, within the bounds of rounding."""

import copy
import pickle

import numpy as np
import randrelu as rr
import reference
from drawn import F64, drawn, nonzero, share
from hypothesis import assume, given
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
ONE = {"outputs": (1,)}


def rounding(case, x, dtype):
    """What an evaluation in `dtype`, and that of the reference, round at most."""
    bounds = reference.preactivation_bounds(case.weights, x, dtype, case.biases)
    return [a + b for a, b in zip(bounds, case.preactivations(x)[1], strict=True)]


def unsure(values, bounds):
    """The hidden units whose sign rounding may decide, and those at exactly 0, a coin's."""
    return [np.abs(z) <= b for z, b in zip(values[:-1], bounds[:-1], strict=True)]


def said(result):
    """Every result has a line and columns of one length."""
    assert "\n" not in repr(result)
    assert len({len(column) for column in result.columns().values()}) <= 1


@given(case=drawn())
def test_values_patterns_and_gradients(case):
    net, x = case.net, case.x
    values, bounds = case.preactivations(x)[0], rounding(case, x, net.dtype)
    found = [*net.preactivations(x), net.forward(x).reshape(len(x), -1)]
    for z, exact, bound in zip(found, values, bounds, strict=True):
        assert (np.abs(z - exact) <= bound).all()
    for a, z in zip(net.activations(x), found[:-1], strict=True):
        assert np.array_equal(a, np.maximum(z, 0))
    masks = net.pattern(x).unpack()
    for mask, z, doubt in zip(masks, values, unsure(values, bounds), strict=False):
        assert (doubt | (mask == (z > 0))).all()
    exact = reference.jacobian(case.weights, masks)
    room = 2 * reference.jacobian_bound(case.weights, masks, net.dtype)
    assert (np.abs(net.jacobian(x) - exact) <= room).all()
    if net.outputs == 1:
        value, gradient = net.value_and_gradient(x)
        assert np.array_equal(value, net.forward(x))
        assert np.array_equal(gradient, net.gradient(x))
        assert (np.abs(gradient - exact[:, 0]) <= room[:, 0]).all()
    else:
        order = np.argsort(-net.forward(x), axis=1, kind="stable")
        assert np.array_equal(np.stack(net.decision(x)), order[:, :2].T)


@share(2)
@given(case=drawn())
def test_a_network_survives_a_file_a_pickle_and_a_copy(case, tmp_path_factory):
    net, x = case.net, case.x
    others = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    for suffix in (".npz", ".onnx", ".safetensors"):
        path = tmp_path_factory.getbasetemp() / f"fuzzed{suffix}"
        net.save(path)
        others.append(rr.load(path, dtype=net.dtype))
    for other in others:
        assert other.widths == net.widths and other.dtype == net.dtype
        for i in range(1, net.depth + 2):
            assert np.array_equal(other.weights(i), net.weights(i))
            b, c = net.bias(i), other.bias(i)
            assert (b is None and c is None) or np.array_equal(b, c) or not b.any()
        assert np.array_equal(other.forward(x), net.forward(x))


@share(2)
@given(case=drawn(outputs=(2, 3)), data=st.data())
def test_margins(case, data):
    net, x = case.net, case.x
    top, other = data.draw(st.permutations(range(net.outputs)))[:2]
    weights, biases = reference.margin(case.weights, case.biases, top, other)
    exact = reference.forward(weights, x, biases)
    bounds, values = rounding(case, x, net.dtype)[-1], np.abs(net.forward(x))
    slack = (
        4
        * np.finfo(net.dtype).eps
        * (values[:, top] + values[:, other] + 2 * sum(np.abs(b[-1]) for b in biases[-1:]))
    )
    found = net.margin(top, other).forward(x)
    assert (np.abs(found - exact) <= 2 * (bounds[:, top] + bounds[:, other]) + slack).all()


@given(case=drawn(), seed=SEEDS)
def test_flips_are_counted_but_for_those_that_rounding_decides(case, seed):
    net, x, points = case.net, case.x[0], case.x
    at, there = case.preactivations(x[np.newaxis])[0], case.preactivations(points)[0]
    # The differences carry at most what both points do; twice, as y − x is rounded, too.
    doubt_at = unsure(at, rounding(case, x[np.newaxis], F64))
    bounds = [2 * (a + b) for a, b in zip(
        rounding(case, x[np.newaxis], net.dtype), rounding(case, points, net.dtype), strict=True
    )]  # fmt: skip
    found = rr.flips(net, x, points=points)
    said(found)
    doubts = 0
    for i, doubt in enumerate(unsure(there, bounds)):
        either = doubt | doubt_at[i]
        exact = ((at[i] > 0) != (there[i] > 0)).sum(axis=1)
        assert (np.abs(found.counts[:, i] - exact) <= either.sum(axis=1)).all()
        doubts += either.sum()
    assert np.array_equal(found.counts[0], np.zeros(net.depth))
    if net.outputs > 1 or doubts:
        return
    masks = [[z > 0 for z in of[:-1]] for of in (at, there)]
    if not masks[0]:
        return
    before, after = (reference.gradient(case.weights, m) for m in masks)
    room = sum(reference.gradient_bound(case.weights, m, net.dtype) for m in masks)
    deviation = rr.gradient_deviation(net, x, points=points, terms=True)
    said(deviation)
    exact = np.linalg.norm(before - after, axis=1)
    assert (np.abs(deviation.norms - exact) <= 4 * np.linalg.norm(room, axis=1)).all()
    terms = rr.gradient_decomposition(net, x, points[-1])
    gap = terms.sum(axis=0) - (before[0] - after[-1])
    assert (np.abs(gap) <= 4 * net.depth * room[-1]).all()


@share(2)
@given(case=drawn(**ONE), kind=st.sampled_from(["linear", "exact", "flip", 0.25, [-1.0, 2.0]]))
def test_steps_are_what_they_say(case, kind):
    assume(nonzero(case))
    x = case.x
    attack = rr.gradient_step(case.net, x, eta=kind)
    said(attack)
    for points, f in [(x, attack.f_before), (attack.x_adv.reshape(-1, x.shape[1]), attack.f_after)]:
        values, bounds = case.preactivations(points)
        assert (np.abs(f.ravel() - values[-1][:, 0]) <= 2 * bounds[-1][:, 0]).all()
    assert np.array_equal(attack.sign_flipped, np.sign(attack.f_after) != np.sign(attack.f_before))
    larger = np.abs(attack.f_after) >= np.abs(attack.f_before)
    assert np.array_equal(attack.success, attack.sign_flipped & larger)
    norm = np.linalg.norm(x, axis=1)
    sizes = np.linalg.norm(attack.x_adv - x, axis=-1) / norm
    # Of x_adv, rounded, and of its difference from x.
    room = reference.gamma(x.shape[1] + 4, F64) * (1 + 2 * sizes)
    assert (np.abs(sizes - attack.relative_norm) <= 4 * room).all()


def ball_points(x, radius, seed, norm=2):
    """Points of a ball, some near its border."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(40, x.size))
    u /= np.linalg.norm(u, axis=1, keepdims=True) if norm == 2 else np.abs(u).max(axis=1)[:, None]
    return x + radius * u * rng.choice([1.0, 0.999, 0.5, 0.01], size=(40, 1)) * (1 - 1e-12)


RADII = st.sampled_from([0.0, 1e-6, 0.1, 1.0, 30.0])


@share(2)
@given(case=drawn(), radius=RADII, norm=st.sampled_from([2, np.inf]), seed=SEEDS,
       iterations=st.integers(0, 2))  # fmt: skip
def test_no_point_is_outside_of_bounds(case, radius, norm, seed, iterations):
    net, x = case.net, case.x[0]
    found = rr.bounds(net, x, radius, norm=norm, iterations=iterations)
    said(found)
    values, room = case.preactivations(ball_points(x, radius, seed, norm))
    for low, high, z, r in zip(found.lower, found.upper, values, room, strict=True):
        assert (z >= low - r).all() and (z <= high + r).all()


@share(4)
@given(case=drawn(**ONE), radius=RADII, seed=SEEDS)
def test_worst_cases_bracket_what_points_show(case, radius, seed):
    net, x = case.net, case.x[0]
    points = ball_points(x, radius, seed)
    flips = rr.worst_flips(net, x, radius, steps=8)
    deviation = rr.worst_deviation(net, x, radius, steps=8)
    steep = rr.lipschitz(net, x, radius, steps=8)
    everywhere = rr.lipschitz(net, steps=8)
    for result in (flips, deviation, steep, everywhere):
        said(result)
    tight = 1 + 1e-12
    assert (flips.attained <= flips.certified).all()
    assert deviation.attained <= deviation.certified * tight
    assert steep.attained <= steep.certified * tight
    assert steep.attained <= everywhere.certified * tight
    for point in (*flips.point, deviation.point, steep.point):
        slack = 1e-14 * (np.linalg.norm(x) + radius)
        assert np.linalg.norm(point - x) <= radius * tight + slack
    sampled = rr.flips(net, x, points=points).counts.max(axis=0, initial=0)
    values, bounds = case.preactivations(points)
    at = case.preactivations(x[np.newaxis])
    doubt = [np.logical_or(a, b).sum(axis=1).max() for a, b in zip(
        unsure(values, [2 * b for b in bounds]), unsure(*at), strict=True
    )]  # fmt: skip
    if net.dtype == F64:
        assert (sampled <= flips.certified + np.array(doubt, int)).all()
    gradients = np.linalg.norm(reference.gradient(
        case.weights, [z > 0 for z in values[:-1]]), axis=1) if net.depth else 0  # fmt: skip
    if not sum(doubt):
        assert np.max(gradients) <= steep.certified * tight


@share(4)
@given(case=drawn(outputs=(1, 2, 4)), norm=st.sampled_from([2, np.inf]), seed=SEEDS)
def test_no_nearer_point_than_certified_has_another_decision(case, norm, seed):
    net, x = case.net, case.x[0]
    found = rr.distance(net, x, norm)
    said(found)
    assert 0 <= found.certified <= found.attained * (1 + 1e-12)
    if found.x_adv is not None:
        away = np.linalg.norm(found.x_adv - x, ord=norm)
        assert away <= found.attained * (1 + 1e-15)
    if np.isinf(found.certified) or not found.certified:
        return
    points = ball_points(x, found.certified, seed, norm)
    there, room = case.preactivations(points)
    if net.outputs == 1:
        sign = np.sign(reference.outputs(case.weights, x[np.newaxis], case.biases)[0, 0])
        assert ((sign * there[-1][:, 0] >= -room[-1][:, 0]) | (sign == 0)).all()
    else:
        rows = np.arange(len(points))
        gaps = there[-1][:, [found.top]] - there[-1]
        slack = room[-1][rows, found.top][:, np.newaxis] + room[-1]
        assert (gaps >= -slack).all()


@share(2)
@given(case=drawn(), seed=SEEDS)
def test_a_cell_has_one_pattern(case, seed):
    net, x = case.net, case.x[0]
    found = rr.cell(net, x)
    said(found)
    values, bounds = case.preactivations(x[np.newaxis])
    if not found.distance or any(doubt.any() for doubt in unsure(values, bounds)):
        return
    radius = min(found.distance, 1e3 * (1 + np.linalg.norm(x)))
    there, room = case.preactivations(ball_points(x, radius, seed))
    for i, mask in enumerate(found.pattern.unpack()):
        assert np.array_equal(mask, values[i][0] > 0)
        slack = room[i] + 1e-9 * np.abs(there[i])
        assert ((there[i] > 0) == mask)[np.abs(there[i]) > slack].all()


@share(2)
@given(case=drawn(**ONE), seed=SEEDS)
def test_lines_have_the_values_of_the_network(case, seed):
    net, x = case.net, case.x[0]
    rng = np.random.default_rng(seed)
    way, length = rng.normal(size=x.size), float(2.0 ** rng.integers(-4, 4))
    # Through the origin all units flip at once, which is refused where there are no biases.
    assume(net.has_biases or abs(x @ way) < 0.99 * np.linalg.norm(x) * np.linalg.norm(way))
    line = rr.line(net, x, way, length)
    said(line)
    t = np.r_[0.0, line.t[:50], length, length * rng.random(20)]
    points = line.point(t)
    exact = reference.forward(case.weights, points, case.biases)
    # Every piece adds an integral of at most the size of f, of as many products as there are.
    far = np.abs(x) + length * np.abs(line.direction)
    steps = reference.gamma(sum(net.widths) + 4, F64) * (line.t.size + 4)
    assert (np.abs(line.value(t) - exact) <= 4 * steps * case.size(far[np.newaxis])).all()
    assert (np.diff(line.t) >= 0).all() and line.regions >= 1


@share(4)
@given(case=drawn(outputs=(1, 3), most=6), seed=SEEDS)
def test_planes_have_the_values_of_the_network(case, seed):
    assume(case.net.dim > 1)
    net, x = case.net, case.x[0]
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, x.size))
    plane = rr.plane(net, x, u, v)
    said(plane)
    s, t = rng.uniform(-1, 1, size=(2, 30))
    points = plane.point(s, t)
    exact = reference.outputs(case.weights, points, case.biases)
    far = np.abs(x) + np.abs(u) + np.abs(v)
    steps = reference.gamma(sum(net.widths) + 4, F64) * (plane.regions + 4)
    gaps = np.abs(plane.value(s, t).reshape(30, -1) - exact)
    assert (gaps <= 4 * steps * case.size(far[np.newaxis])).all()
    np.testing.assert_allclose(plane.area.sum(), 4, rtol=1e-9)
    assert (plane.locate(s, t) >= 0).all()


@share(4)
@given(case=drawn(**ONE), radius=st.sampled_from([1e-3, 1.0, 100.0]), seed=SEEDS)
def test_extremes_are_attained(case, radius, seed):
    found = rr.extremes(case.net, radius=radius, starts=2, steps=4, rng=seed)
    said(found)
    exact, bounds = case.preactivations(found.points)
    assert (np.abs(found.values - exact[-1][:, 0]) <= 2 * bounds[-1][:, 0]).all()
    assert found.values[0] <= found.values[1]
    np.testing.assert_allclose(np.linalg.norm(found.points, axis=1), radius, rtol=1e-14)


@share(2)
@given(case=drawn())
def test_what_the_first_layer_sees_of_a_point(case):
    net, x = case.net, case.x[0]
    values = np.linalg.svd(case.weights[0], compute_uv=False)
    kept = values[values > 1e-9 * values.max(initial=0)]
    assume(kept.size == np.count_nonzero(values > 1e-13 * values.max(initial=0)))
    exact = np.linalg.norm(np.linalg.pinv(case.weights[0], rcond=1e-11) @ (case.weights[0] @ x))
    condition = kept.max() / kept.min() if kept.size else 1.0
    found = rr.min_perturbation(net, x)
    assert abs(found - exact) <= 1e-13 * condition**2 * np.linalg.norm(x) + 3e-8 * np.linalg.norm(x)
