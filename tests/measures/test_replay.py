"""An attack is a point: whoever evaluates f at `x_adv` finds what the attack says of it.

RANDRELU_EXAMPLES sets how many examples the property is tried on.
"""

import os

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from randrelu import Network, gradient_step
from randrelu.measures.gradient_step import STEPS

WIDTHS = (20, 50, 50, 1)
EXAMPLES = settings(
    max_examples=int(os.environ.get("RANDRELU_EXAMPLES", "200")),
    derandomize=True,
    deadline=None,
    database=None,
)

COUNTS = {"points": 0, "told": 0}  # of the property


def matrices(net):
    return [net.weights(i).astype(np.float64) for i in range(1, net.depth + 2)]


def flipped(before, after):
    return np.sign(before) != np.sign(after)


def succeeded(before, after):
    return flipped(before, after) & (np.abs(after) >= np.abs(before))


def of_decision(outputs, a):
    """f, or the margin of the decision that was attacked, (N, …), of the outputs (N, k, …)."""
    if a.top is None:
        return outputs[:, 0]
    rows = np.arange(len(outputs))
    return outputs[rows, a.top] - outputs[rows, a.other]


def changed(before, outputs, a):
    """Whether the sign or the decision is another one where the outputs are these."""
    if a.top is None:
        return flipped(before, outputs[:, 0])
    return outputs.argmax(axis=1) != a.top


@EXAMPLES
@given(
    dim=st.integers(1, 8),
    hidden=st.lists(st.integers(1, 8), max_size=4),
    outputs=st.integers(1, 4),
    bias=st.sampled_from([0, 0.1, 1, 10]),
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(["float32", "float64"]),
    storage=st.sampled_from(["stored", "streamed"]),
    points=st.integers(1, 6),
    exponent=st.floats(-6, 6),
    step=st.sampled_from(STEPS),
)
def test_an_attack_replays(
    dim, hidden, outputs, bias, seed, dtype, storage, points, exponent, step
):
    if step == "paper":  # which is for these
        outputs, bias = 1, 0
    widths = (dim, *hidden, outputs)
    net = Network.random(widths, rng=seed, bias=bias, dtype=dtype, storage=storage)
    double = Network.random(widths, rng=seed, bias=bias, dtype="float64", storage="stored")
    weights, biases = reference.layers(double)
    x = np.random.default_rng(seed).normal(size=(points, dim))
    x *= 10**exponent / np.linalg.norm(x, axis=1, keepdims=True)

    def error(y):  # of two evaluations, each within the bound of what f is
        return 2 * reference.preactivation_bounds(weights, y, np.float64, biases)[-1].sum(axis=1)

    def replay(a):
        """What NumPy finds at x and at x_adv: f at both, and what comes of it."""
        here, there = (reference.outputs(weights, y, biases) for y in (x, a.x_adv))
        before, after = of_decision(here, a), of_decision(there, a)
        turned = changed(before, there, a)
        return here, before, after, turned, turned & succeeded(before, after)

    a = gradient_step(net, x, eta=step)
    if outputs == 1:
        assert np.array_equal(a.sign_flipped, flipped(a.f_before, a.f_after))
    else:
        assert np.array_equal(a.sign_flipped, a.top_after != a.top)
    assert np.array_equal(a.success, a.sign_flipped & succeeded(a.f_before, a.f_after))
    if points <= 4:  # float64 evaluations of one point are these numbers, bit for bit
        for y, f in ((x, a.f_before), (a.x_adv, a.f_after)):
            alone = np.array([np.atleast_1d(double.forward(row)) for row in y])
            assert of_decision(alone, a).tolist() == f.tolist()
            if outputs > 1:
                decision = [double.decision(row)[0] for row in y]
                assert decision == (a.top if y is x else a.top_after).tolist()
    here, before, after, turned, good = replay(a)
    assert (np.abs(before - a.f_before) <= error(x)).all()
    assert (np.abs(after - a.f_after) <= error(a.x_adv)).all()
    # The rule of 16 roundings, which is no bound: past it nothing is said of other orders of sums.
    masks = [z > 0 for z in reference.preactivations(weights, x, biases)]
    rows = reference.jacobian(weights, masks) + 0 * x[:, np.newaxis]
    slope = of_decision(rows, a)
    offset = of_decision(reference.offsets(weights, masks, biases) + 0 * here, a)
    rounding = np.linalg.norm(slope, axis=1) * np.linalg.norm(x, axis=1) + np.abs(offset)
    rounding += np.abs(here).max(axis=1) if outputs > 1 else 0
    rounding *= np.finfo(float).eps
    rounding += np.abs(before - offset - (slope * x).sum(axis=1))
    apart = np.abs(before - a.f_before) + np.abs(after - a.f_after)
    told = apart <= 8 * rounding
    COUNTS["points"] += told.size
    COUNTS["told"] += int(told.sum())
    assert np.array_equal(turned[told], a.sign_flipped[told])
    assert np.array_equal(good[told], a.success[told])

    margin = 100 * float(error(x).max())  # beyond which rounding decides nothing
    b = gradient_step(net, x, eta=step, margin=margin)
    _, before, after, turned, good = replay(b)
    enough = error(x) + error(b.x_adv) < margin
    if step == "flip":
        there = reference.outputs(weights, b.x_adv, biases)
        beyond = (
            np.abs(b.f_after)
            if outputs == 1
            else there.max(axis=1) - there[np.arange(points), b.top]
        )
        beyond = b.sign_flipped & (beyond >= margin)
        near = ~np.isnan(b.eta_infimum) & (np.abs(b.f_before) > error(x))
        assert turned[beyond & near & enough].all()
    assert good[b.success & enough].all()
    assert (np.abs(b.f_after) >= np.abs(b.f_before) + margin)[b.success].all()


def test_few_examples_were_left_out():
    """The property says nothing of points where two evaluations are farther apart than its rule."""
    if COUNTS["points"]:
        assert COUNTS["told"] >= 0.9 * COUNTS["points"]


@pytest.mark.parametrize("storage", ["stored", "streamed"])
@pytest.mark.parametrize("eta", ["exact", "flip", "linear"])
def test_attacks_on_200_networks_replay(eta, storage):
    """By the package and by NumPy, which sum in different orders."""
    claimed = 0
    for seed in range(200):
        net = Network.random(WIDTHS, rng=seed, dtype="float64", storage=storage)
        x = np.random.default_rng(seed).normal(size=20)
        a = gradient_step(net, x, eta=eta)
        claim, judge = (a.sign_flipped, flipped) if eta == "flip" else (a.success, succeeded)
        claimed += int(claim)
        assert net.forward(a.x_adv) == a.f_after
        pair = np.array([x, a.x_adv])
        for f in (net.forward(pair), reference.forward(matrices(net), pair)):
            assert judge(*f) == claim
        assert np.isnan(a.eta_infimum) == (eta == "linear" or not claim)
        if not np.isnan(a.eta_infimum):
            assert abs(a.eta_infimum) <= abs(a.eta) <= abs(a.eta_infimum) * (1 + 1e-10)
    # as many as have a crossing within 50/√20 ‖x‖: 182 of 200 when this was written
    assert claimed > 150 or eta == "linear"


@pytest.mark.parametrize("eta", ["exact", "flip", "linear"])
def test_points_of_a_batch_replay_alone(eta):
    net = Network.random((30, 40, 1), rng=3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(100, 30))
    a = gradient_step(net, x, eta=eta)
    alone = np.array([net.forward(y) for y in a.x_adv])
    before = np.array([net.forward(y) for y in x])
    assert np.array_equal(alone, a.f_after) and np.array_equal(before, a.f_before)
    assert np.array_equal(flipped(before, alone), a.sign_flipped)
    assert np.array_equal(succeeded(before, alone), a.success)
    assert a.sign_flipped.sum() > 50


def test_attacks_on_a_linear_function_do_not_hang_on_rounding():
    """Depth 0: nothing flips, so every linear step leads to −f(x), and has to show it."""
    for seed in range(200):
        net = Network.random((30, 1), rng=seed, dtype="float64")
        x = np.arange(1.0, 31.0)
        a = gradient_step(net, x)
        before, after = net.forward(np.array([x, a.x_adv]))
        assert a.success and succeeded(before, after)
        assert after == pytest.approx(-before, rel=1e-10)


@pytest.mark.parametrize("eta", ["exact", "flip", "linear"])
def test_a_margin_makes_attacks_replay_in_float32(eta):
    eps, kept = float(np.finfo(np.float32).eps), 0
    for seed in range(200):
        net = Network.random(WIDTHS, rng=seed)
        x = np.random.default_rng(seed).normal(size=20).astype(np.float32)
        size = float(np.linalg.norm(net.gradient(x)) * np.linalg.norm(x))
        a = gradient_step(net, x, eta=eta, margin=16 * eps * size)
        before, after = net.forward(x), net.forward(a.x_adv)
        if eta == "flip":
            assert flipped(before, after) == a.sign_flipped
        else:
            assert a.success <= succeeded(before, after)
        kept += int(a.sign_flipped)
    assert kept > 150


def test_a_margin_is_how_much_the_size_exceeds_the_level():
    net = Network.random(WIDTHS, rng=1)
    x = np.random.default_rng(1).normal(size=20)
    without = gradient_step(net, x, eta="exact")
    f = abs(float(without.f_before))
    for eta, level in (("exact", f), ("flip", 0.0)):
        a = gradient_step(net, x, eta=eta, margin=0.01)
        # the level on the line, and then the ulps that rounding takes
        assert level + 0.01 <= abs(a.f_after) <= (level + 0.01) * (1 + 1e-10)
        assert a.sign_flipped and a.success == (eta == "exact")
    assert not gradient_step(net, x, eta=float(without.eta), margin=0.01).success
    assert gradient_step(net, x, eta=float(without.eta)).success
    linear = gradient_step(Network.random((9, 1), rng=0), np.ones(9), margin=5.0)
    assert linear.success and abs(linear.f_after) == pytest.approx(abs(linear.f_before) + 5)
    for margin in (-1.0, np.inf, "a"):
        with pytest.raises((TypeError, ValueError), match="margin must be"):
            gradient_step(net, x, margin=margin)
