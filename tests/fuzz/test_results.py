"""What networks and measures say agrees with plain NumPy, within the bounds of rounding."""

import copy
import pickle

import numpy as np
import randrelu as rr
import reference
from drawn import F64, ONE, SEEDS, drawn, nonzero, rounding, said, share, unsure
from hypothesis import assume, given
from hypothesis import strategies as st


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
