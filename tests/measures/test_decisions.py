"""Gradient steps on networks with biases and several outputs, against plain NumPy."""

import math

import numpy as np
import pytest
import reference
from decided import error, gradients, margin, network, order, points
from randrelu import Network, gradient_step
from randrelu.measures.gradient_step import STEPS

SHAPES = [(4, 6), (3, 5, 4), (6, 8, 7, 5)]
OUTPUTS = pytest.mark.parametrize("outputs", [1, 2, 4])
BIASES = pytest.mark.parametrize("bias", [0, 0.7])
STORAGES = pytest.mark.parametrize("storage", ["stored", "streamed"])


# --- every step and its fields


@BIASES
@OUTPUTS
@STORAGES
@pytest.mark.parametrize("shape", SHAPES)
def test_fields_agree_with_plain_numpy(shape, storage, outputs, bias):
    net = network(shape, outputs, bias, storage=storage)
    (weights, biases), x = reference.layers(net), points(net, 6)
    before = reference.outputs(weights, x, biases)
    top, other = order(before)
    f, g = margin(before, top, other), gradients(weights, biases, x, top, other)
    sizes = np.broadcast_to(
        reference.jacobian_bound(
            weights, [z > 0 for z in reference.preactivations(weights, x, biases)], float
        ),
        (6, outputs, x.shape[1]),
    ).sum(axis=1)  # of the gradients of all outputs
    for eta in (-0.3, [0.0, -0.7, 0.2], "linear"):
        a = gradient_step(net, x, eta=eta)
        steps = a.eta.reshape(-1, 6)
        if eta == "linear":  # 1e-12 is the 4096 ulps that it may go on by, and some of rounding
            moves = g.any(axis=1)
            expected = np.divide(-2 * f, (g**2).sum(axis=1), out=np.zeros(6), where=moves)
            assert a.eta == pytest.approx(expected, rel=1e-12)
        else:
            assert (steps == np.reshape(eta, (-1, 1))).all()
        assert (np.abs(a.f_before - f) <= 2 * error(weights, biases, x).sum(axis=1)).all()
        assert (np.abs(a.grad_norm - np.linalg.norm(g, axis=1)) <= 4 * sizes.sum(axis=1)).all()
        for k, y in enumerate(a.x_adv.reshape(-1, 6, x.shape[1])):
            exact = x + steps[k][:, None] * g
            bound = 4 * np.abs(steps[k])[:, None] * sizes + 4 * np.finfo(float).eps * np.abs(exact)
            assert (np.abs(y - exact) <= bound + 1e-300).all()
            after = reference.outputs(weights, y, biases)
            gap = np.abs(a.f_after.reshape(-1, 6)[k] - margin(after, top, other))
            assert (gap <= 2 * error(weights, biases, y).sum(axis=1)).all()
        # ‖y − x‖ is rounded as x is: by an ulp of the sum, relative to ‖x‖.
        way = np.linalg.norm(a.x_adv - x, axis=-1) / np.linalg.norm(x, axis=1)
        assert (np.abs(a.relative_norm - way) <= 1e-14 * (1 + way)).all()
        larger = np.abs(a.f_after) >= np.abs(a.f_before)
        if outputs == 1:
            assert a.top is a.other is a.top_after is None
            assert np.array_equal(a.sign_flipped, np.sign(a.f_after) != np.sign(a.f_before))
            assert np.array_equal(a.success, a.sign_flipped & larger)
        else:
            assert np.array_equal(a.top, top) and np.array_equal(a.other, other)
            assert np.array_equal(a.sign_flipped, a.top_after != a.top)
            below = a.f_after < 0
            assert np.array_equal(a.success, below & larger) and (a.sign_flipped | ~below).all()
        assert np.isnan(a.eta_infimum).all()


@BIASES
@OUTPUTS
@pytest.mark.parametrize("step", ["linear", "exact", "flip", -0.4])
def test_what_is_found_is_what_forward_says_of_the_point(step, outputs, bias):
    """Bit for bit: up to four points are evaluated as one point is."""
    for seed in range(10):
        net = network((6, 8, 7, 5), outputs, bias, seed)
        x = points(net, 4)
        a = gradient_step(net, x, eta=step)
        for n in range(4):
            before, after = (np.atleast_1d(net.forward(y[n])) for y in (x, a.x_adv))
            if outputs == 1:
                assert (a.f_before[n], a.f_after[n]) == (before[0], after[0])
                continue
            assert net.decision(x[n]) == (a.top[n], a.other[n])
            assert a.f_before[n] == before[a.top[n]] - before[a.other[n]]
            assert a.f_after[n] == after[a.top[n]] - after[a.other[n]]
            assert net.decision(a.x_adv[n])[0] == a.top_after[n]


def test_shapes_of_every_combination():
    net = network((6, 8, 7), 3, 0.5)
    x = points(net, 3)
    for some, shape in [(x[0], ()), (x, (3,)), (x[:1], (1,)), (x[:0], (0,))]:
        steps = [(-1.0, ()), ([-1.0, 2.0], (2,)), ([], (0,)), ("linear", ()), ("flip", ())]
        for eta, first in steps:
            a = gradient_step(net, some, eta=eta)
            assert a.x_adv.shape == (*first, *shape, 6)
            for name in ("eta", "f_after", "relative_norm", "sign_flipped", "success", "top_after"):
                assert np.shape(getattr(a, name)) == (*first, *shape), name
            for name in ("f_before", "grad_norm", "top", "other"):
                assert np.shape(getattr(a, name)) == shape, name
            assert {np.asarray(a.top).dtype, np.asarray(a.top_after).dtype} == {np.dtype(np.int64)}
            rows = {len(column) for column in a.columns().values()}
            assert rows == {math.prod((*first, *shape))} and "x_adv" not in a.columns()
    assert {"top", "other", "top_after"} <= set(a.columns())
    assert "decision" in repr(gradient_step(net, x[0])) and "decisions" in repr(a)


# --- against


def test_against_is_an_output_or_one_for_every_point():
    net = network((6, 8, 7), 4, 0.5, 2)
    (weights, biases), x = reference.layers(net), points(net, 9)
    top = order(reference.outputs(weights, x, biases))[0]
    values = net.forward(x)
    each = np.arange(9) % 4
    for given, other in [(2, np.full(9, 2)), (each, each), (each.astype(np.uint8), each),
                         (each.tolist(), each), (np.int64(3), np.full(9, 3))]:  # fmt: skip
        for eta in ("linear", "exact", "flip", -0.5):
            a = gradient_step(net, x, eta=eta, against=given)
            assert np.array_equal(a.top, top) and np.array_equal(a.other, other)
            assert a.f_before == pytest.approx(margin(values, top, other), rel=1e-12)
            # Where it is decided so already there is nowhere to go.
            there = other == top
            assert there.any() or other is not each
            assert not a.f_before[there].any() and not a.grad_norm[there].any()
            assert np.array_equal(a.x_adv[there], x[there])
            assert not a.sign_flipped[there].any() and not a.success[there].any()
            if eta != -0.5:
                assert not a.eta[there].any() and not a.relative_norm[there].any()
            if eta == "linear":
                assert a.eta[~there].all()
    alone = [gradient_step(net, y, against=int(j)) for y, j in zip(x, each, strict=True)]
    together = gradient_step(net, x, against=each)
    assert [a.eta for a in alone] == pytest.approx(together.eta, rel=1e-12)
    # Exact steps lead where the other one is as much above as it was below.
    a = gradient_step(net, x, eta="exact", against=each)
    after = net.forward(a.x_adv)
    rows = np.flatnonzero(a.success)
    assert rows.size > 2
    gained = after[rows, each[rows]] - after[rows, top[rows]]
    assert (gained >= a.f_before[rows] - error(weights, biases, a.x_adv[rows]).sum(axis=1)).all()


@pytest.mark.parametrize(
    ("against", "raised", "message"),
    [
        (4, ValueError, "against must hold outputs from 0 to 3, got 4"),
        (-1, ValueError, "against must hold outputs from 0 to 3"),
        ([0, 1, 9], ValueError, "against must hold outputs from 0 to 3"),
        ([0, 1], ValueError, r"against must be an output or have shape \(3,\), got \(2,\)"),
        ([[0], [1], [2]], ValueError, r"against must be an output or have shape \(3,\)"),
        (1.0, TypeError, "against must hold integers"),
        (True, TypeError, "against must hold integers"),
        ("runner-up", TypeError, "against must hold integers"),
    ],
)
def test_an_against_that_does_not_fit_is_refused(against, raised, message):
    net = network((6, 8, 7), 4, 0.5)
    with pytest.raises(raised, match=message):
        gradient_step(net, points(net, 3), against=against)
    with pytest.raises(ValueError, match="against is for a network of several outputs"):
        gradient_step(net.margin(0), points(net, 3), against=0)


@pytest.mark.parametrize("eta", ["linear", "exact", "flip"])
def test_outputs_that_are_equal_at_x_have_no_margin_to_turn(eta):
    """f_0 = f_1 = x₁ + x₂, f_2 = x₁: the first decides, and its margin is 0."""
    net = Network.from_weights([np.array([[1.0, 1], [1, 1], [1, 0]])])
    a = gradient_step(net, [1.0, 2.0], eta=eta)
    assert (a.top, a.other, a.f_before, a.eta, a.top_after) == (0, 1, 0, 0, 0)
    assert not a.sign_flipped and not a.success and np.array_equal(a.x_adv, [1.0, 2.0])
    # They differ, but are equal at x: the step is for what the gradient says of the first two.
    net = Network.from_weights([np.array([[1.0, 1], [2, 0], [0, 0]])])
    a = gradient_step(net, [2.0, 2.0], eta=eta)
    assert (a.top, a.other, a.f_before, a.eta) == (0, 1, 0, 0) and a.grad_norm > 0
    assert not a.sign_flipped and not a.success


# --- the origin


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("step", ["linear", "exact", "flip", -0.3])
def test_x_may_be_0_where_there_are_biases(step, outputs):
    flipped = 0
    for seed in range(20):
        net = network((5, 20, 20), outputs, 0.7, seed)
        weights, biases = reference.layers(net)
        a = gradient_step(net, np.zeros(5), eta=step)
        before = reference.outputs(weights, np.zeros((1, 5)), biases)
        top, other = order(before)
        f, g = margin(before, top, other), gradients(weights, biases, np.zeros((1, 5)), top, other)
        assert abs(a.f_before - f[0]) <= error(weights, biases, np.zeros(5)).sum()
        assert a.x_adv == pytest.approx(a.eta * g[0], rel=1e-12)
        assert a.relative_norm == (np.inf if a.eta else 0)
        flipped += bool(a.sign_flipped)
        if step == "linear":
            assert a.eta == pytest.approx(-2 * f[0] / (g[0] @ g[0]), rel=1e-12)
        elif a.sign_flipped and step != -0.3:
            # As far as where a linear function of √d times its slope would be at f.
            assert abs(a.eta) * a.grad_norm <= 50 * abs(f[0]) / a.grad_norm * (1 + 1e-9)
    assert flipped > (1 if step == -0.3 else 5)
    assert "Attack" in repr(a)


def test_x_may_not_be_0_without_biases():
    net = network((5, 20), 3, 0)
    with pytest.raises(ValueError, match=r"x\[1\] must not be 0"):
        gradient_step(net, np.array([np.ones(5), np.zeros(5)]))
    with pytest.raises(ValueError, match="x must not be 0"):
        gradient_step(net, np.zeros(5), eta="flip")


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_line_without_biases_through_the_origin(outputs):
    """With d = 1 every line goes there, and f(−x) says all about what is after it."""
    seen = set()
    for seed in range(40):
        net = network((1, 8, 6), outputs, 0, seed, init="paper")
        weights, _ = reference.layers(net)
        x = np.array([1.3 if seed % 2 else -0.7])
        here, after = (reference.outputs(weights, y[np.newaxis]) for y in (x, -x))
        top, other = order(here)
        m, opposite = margin(here, top, other)[0], margin(after, top, other)[0]
        if not gradients(weights, None, x[np.newaxis], top, other).any():
            continue
        flip, exact = (gradient_step(net, x, eta=eta) for eta in ("flip", "exact"))
        if outputs == 1:
            changes, new = np.sign(m) != np.sign(opposite), np.sign(opposite)
            got = np.sign(flip.f_after)
        else:
            changes, new, got = order(after)[0] != top, order(after)[0], flip.top_after
        other_side = bool(changes)
        # At the origin all outputs are equal, and on x's side of it nothing changes. One output is
        # 0 there, which is a sign of its own, if a step ends there exactly.
        if outputs == 1 and flip.f_after == 0:
            changes, new = True, 0
        assert flip.sign_flipped == changes and (not changes or got == new)
        if changes or outputs == 1:
            assert abs(flip.x_adv[0]) <= 1e-11 * abs(x[0])
        else:
            assert flip.x_adv == x and flip.eta == 0 and np.isnan(flip.eta_infimum)
        ratio = -m / opposite if opposite else np.inf
        goes = 0 < ratio < 50
        assert bool(exact.success) == goes
        if goes:  # f(αx) = αf(x) on either side; beyond that go 16 roundings of f, by either slope
            r = np.finfo(float).eps * (abs(m) + np.abs(here).sum())
            slack = 8 * (error(weights, None, x) + error(weights, None, -x)).sum() + 32 * r
            slack *= abs(x[0]) * (1 / abs(m) + 1 / abs(opposite))
            assert abs(exact.x_adv[0] + x[0] * ratio) <= slack
        seen.add((other_side, goes))
    assert {changes for changes, _ in seen} == {goes for _, goes in seen} == {False, True}


# --- what is refused


def test_the_step_of_the_paper_is_for_its_networks():
    x = np.ones((2, 5))
    for net in (
        network((5, 20), 3, 0),
        network((5, 20), 1, 0.1),
        network((5, 20), 3, 0.1).margin(0),
    ):
        with pytest.raises(ValueError, match=r"eta='paper' .* f\(αx\) = αf\(x\); take 'linear'"):
            gradient_step(net, x, eta="paper")
    assert gradient_step(network((5, 20), 3, 0).margin(0, 1), x, eta="paper").success.shape == (2,)
    assert STEPS == ("linear", "paper", "exact", "flip")  # so all are tried in this file


def test_a_margin_that_only_touches_0_is_no_change_of_the_decision():
    """Where all outputs are equal the first of them decides; it is the largest until x = 2."""
    net = Network.from_weights([[[-1.0], [1.0]], np.eye(2)], [[1.0, -2.0], None])
    found = gradient_step(net, [0.5], eta="flip", longest=9)
    assert found.sign_flipped and found.top == 0 and found.top_after == 1
    assert found.eta_infimum == -1.5 and 2 < found.x_adv[0] < 2 + 1e-9


def test_a_tie_at_x_with_another_output_than_that_attacked_for_is_passed():
    net = Network.from_weights([[[1.0, 0], [1.0, 0], [0.5, -1.0]]])
    found = gradient_step(net, [1.0, 0.0], eta="flip", against=2)
    assert found.sign_flipped and found.top_after == 2 and found.relative_norm > 0.1


def test_the_paper_step_of_a_margin_has_the_scale_of_its_own_weights():
    """W_{ℓ+1} is the difference of two rows, whose variance is twice as large."""
    net = Network.random((500, 400, 2000, 3), rng=0)
    margin = net.margin(1, 2)
    twin = Network.from_weights([margin.weights(i) for i in (1, 2, 3)], dtype="float64")
    x = np.random.default_rng(0).normal(size=500)
    steps = [gradient_step(n, x, eta="paper").eta for n in (margin, twin)]
    # The twin's scale is that of its Frobenius norms, of 2000 entries at least: 1.6 % each.
    assert abs(steps[0] / steps[1] - 1) < 5 * 0.016


def test_no_points_may_have_no_outputs_to_be_attacked_for():
    net = Network.random((5, 4, 3), rng=0)
    for against in ([], np.zeros(0, int), 2):
        assert gradient_step(net, np.zeros((0, 5)), against=against).success.shape == (0,)
