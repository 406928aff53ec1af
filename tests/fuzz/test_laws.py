"""Laws, limit networks and sweeps keep what must be so for any arguments."""

import itertools
import math

import numpy as np
import randrelu as rr
from drawn import share
from hypothesis import given
from hypothesis import strategies as st
from randrelu import laws

ANGLES = st.floats(0, math.pi)
HIDDEN = st.lists(st.integers(1, 40), max_size=4)
DEPTHS = st.integers(0, 8)
SEEDS = st.integers(0, 2**32)
UNIT = st.floats(0.001, 0.999)
NORM_ERROR, STEP_ERROR = 1e-10, 1e-9  # of the CDFs, as their docstrings say


def cosine_after(theta):
    """The arc-cosine map as it is printed."""
    return (math.sin(theta) + (math.pi - theta) * math.cos(theta)) / math.pi


@given(angle=ANGLES, depth=DEPTHS)
def test_angles_go_through_the_layers(angle, depth):
    shares, theta, shared, kernel = [], angle, 1.0, 1.0
    for _ in range(depth):
        shares.append(theta / math.pi)
        kernel *= 1 - theta / math.pi
        theta = math.acos(min(1.0, cosine_after(theta)))
        shared = kernel
    # Four roundings of a cosine near 1 move its angle by √(8 · 1.1e-16) = 3e-8, and no layer makes
    # differences of angles larger; a sum or a product over layers adds those of all.
    room = {"rtol": 0, "atol": 3e-8 * (depth + 1) ** 2}
    np.testing.assert_allclose(laws.flip_fractions(angle, depth), shares, **room)
    np.testing.assert_allclose(laws.gradient_terms(angle, depth), 2 * np.array(shares), **room)
    np.testing.assert_allclose(laws.gradient_deviation(angle, depth), 2 * (1 - shared), **room)
    found = laws.limit_kernel_at(angle, depth)
    np.testing.assert_allclose(found.value, math.cos(theta), **room)
    np.testing.assert_allclose(found.first, shared, **room)


def test_the_ends_of_what_angles_and_sines_take():
    assert laws.limit_kernel_at(-0.0, 2) == laws.limit_kernel_at(0.0, 2)
    x = 1e200
    assert laws.sine_excess(x) == math.sin(x) - x * math.cos(x)


@share(4)
@given(hidden=HIDDEN, dim=st.integers(1, 40), scale=st.floats(1e-3, 1e3), q=UNIT,
       init=st.sampled_from(["paper", "he", "unit"]))  # fmt: skip
def test_laws_of_norms(hidden, dim, scale, q, init):
    widths = (dim, *hidden, 1)
    variances = laws.weight_variances(widths, init)
    square = math.prod(variances) * math.prod(hidden) / 2 ** len(hidden)  # E χ² of every layer
    gradient, size = (
        laws.gradient_norm_law(widths, init=init),
        laws.output_size_law(widths, scale, init=init),
    )
    # At most six factors, each from logarithms below 200.
    rtol = 6 * 200 * 2.0**-52
    np.testing.assert_allclose(gradient.moment(2), square * dim, rtol=rtol)
    np.testing.assert_allclose(size.moment(2), square * scale**2, rtol=rtol)
    silent = 1 - math.prod(1 - 2.0**-width for width in hidden)
    for law in (gradient, size):
        np.testing.assert_allclose(law.zero, silent, rtol=0, atol=1e-14)  # 1 − what is near 1
        at = law.ppf(q)
        assert at >= 0 and (at > 0) == (q > law.zero)
        if at > 0:
            np.testing.assert_allclose(law.cdf(at), q, rtol=0, atol=2 * NORM_ERROR)
        x = np.linspace(-1, 3, 20) * math.sqrt(law.moment(2))
        found = law.cdf(x)
        assert (
            (np.diff(found) >= -2 * NORM_ERROR).all()
            and (found[x < 0] == 0).all()
            and found.max() <= 1
        )


@share(4)
@given(dim=st.integers(1, 2000), depth=st.integers(1, 8), q=UNIT,
       size=st.one_of(st.none(), st.floats(1e-3, 10)))  # fmt: skip
def test_the_law_of_a_step(dim, depth, q, size):
    law = laws.limit_step(dim, depth, size=size)
    ratios = np.linspace(-5, 5, 21)
    assert (np.diff(law.cdf(ratios)) >= -2 * STEP_ERROR).all()
    assert 0 <= law.succeeds <= law.flips + 2 * STEP_ERROR <= 1 + 3 * STEP_ERROR
    at = float(law.ppf(q))
    near = 1e-9 * (1 + abs(at))  # 60/2³⁶ of the inverse hyperbolic sine
    below, above = law.cdf([at - near, at + near])
    assert below - STEP_ERROR <= q <= above + STEP_ERROR


@share(2)
@given(dim=st.integers(1, 6), depth=st.integers(0, 4), outputs=st.integers(1, 3), seed=SEEDS,
       bias=st.sampled_from([0.0, 0.5]), init=st.sampled_from(["paper", "he"]),
       points=st.integers(1, 4), scale=st.sampled_from([1e-6, 1.0, 1e6]))  # fmt: skip
def test_limit_networks_answer_as_one_function(
    dim, depth, outputs, seed, bias, init, points, scale
):
    def fresh():
        return rr.LimitNetwork(dim, depth, seed, init=init, outputs=outputs, bias=bias)

    x = scale * np.random.default_rng(seed).normal(size=(points, dim))
    net = fresh()
    values, jacobian = net.forward(x), net.jacobian(x)
    one_by_one = fresh()
    for n, point in enumerate(x):
        assert np.array_equal(one_by_one.forward(point), values[n])
    # What is left open of an answer counts as rounding up to 1e-5 of its standard deviation, and no
    # normal number that is drawn for it exceeds 10.
    per_input = 2 if init == "he" else 1
    variance = per_input / dim * (x**2).sum(axis=1).max() + bias**2
    for _ in range(depth):
        variance = per_input / 2 * variance + bias**2
    open_to = 1e-4 * math.sqrt(variance)
    np.testing.assert_allclose(net.forward(x), values, rtol=0, atol=open_to)
    if not bias:
        product = np.einsum("nkd,nd->nk", jacobian, x)
        np.testing.assert_allclose(product, values.reshape(points, -1), rtol=0, atol=open_to)
        np.testing.assert_allclose(net.forward(4 * x), 4 * values, rtol=0, atol=4 * open_to)
        assert not np.any(net.forward(np.zeros(dim)))


def told(params, rng):
    """What a trial of a sweep is told, and a number of its own."""
    return {"sum": sum(params.values()), "draw": rng.random()}


def rows(sweep):
    table = sweep.to_arrow().to_pylist()
    return {(row["a"], row["b"], row["trial"]): (row["sum"], row["draw"]) for row in table}


@share(10)
@given(a=st.lists(st.integers(-5, 5), min_size=1, max_size=3, unique=True),
       b=st.lists(st.integers(-9, 9).map(lambda k: k / 4), min_size=1, max_size=3, unique=True),
       trials=st.integers(1, 3), seed=SEEDS)  # fmt: skip
def test_a_trial_depends_on_its_point_and_number_alone(a, b, trials, seed):
    whole = rows(rr.sweep(told, grid={"a": a, "b": b}, trials=trials, rng=seed))
    assert whole.keys() == set(itertools.product(a, b, range(trials)))
    assert all(total == key[0] + key[1] for key, (total, _) in whole.items())
    assert len({draw for _, draw in whole.values()}) == len(whole)
    one = [{"a": a[-1], "b": b[0]}]
    part = rows(rr.sweep(told, points=one, trials=1, rng=seed))
    assert part == {key: whole[key] for key in part}
