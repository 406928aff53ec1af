"""No point of a ball breaks what is certified of it, and what is attained is so at a point."""

import numpy as np
import randrelu as rr
import reference
from drawn import F64, ONE, SEEDS, drawn, said, share, unsure
from hypothesis import given
from hypothesis import strategies as st


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
