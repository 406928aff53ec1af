"""The first change of a sign or a decision along ±∇f, against a walk from region to region."""

import math

import numpy as np
import pytest
import reference
from decided import error, gradients, margin, network, order, points
from randrelu import gradient_step

SHAPES = [(4, 6), (3, 5, 4), (6, 8, 7, 5)]
OUTPUTS = pytest.mark.parametrize("outputs", [1, 2, 4])
BIASES = pytest.mark.parametrize("bias", [0, 0.7])


def excess(pieces, end, read, t_end):
    """How far above the level what is read is at least at the knots up to t_end, and its end."""
    knots = [(t, value, slope) for t, _, value, slope in pieces if t < t_end]
    least = min(read(value).min() for _, value, _ in knots)
    t, value, slope = knots[-1]
    return min(least, read(value + (min(t_end, end) - t) * slope).min())


@BIASES
@OUTPUTS
@pytest.mark.parametrize("against", [False, True])
@pytest.mark.parametrize("eta", ["exact", "flip"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_change_is_found_and_none_before_it(shape, eta, against, outputs, bias):
    """At the infimum the level is reached, and nowhere on either side before, up to rounding."""
    if against and outputs == 1:
        return
    reached = dead = 0
    for seed in range(12):
        net = network(shape, outputs, bias, seed)
        (weights, biases), x = reference.layers(net), points(net, 2, seed)
        top, other = order(reference.outputs(weights, x, biases))
        if against:
            other = (top + 1 + seed % (outputs - 1)) % outputs
        a = gradient_step(net, x, eta=eta, against=other if against else None)
        f = margin(reference.outputs(weights, x, biases), top, other)
        g = gradients(weights, biases, x, top, other)
        for n in range(2):
            size = np.linalg.norm(g[n])
            if size == 0:
                assert np.isnan(a.eta_infimum[n]) and a.eta[n] == 0 and not a.sign_flipped[n]
                continue
            goal = -abs(f[n]) if eta == "exact" else 0.0
            others = [other[n]] if eta == "exact" else [j for j in range(outputs) if j != top[n]]

            def read(values, n=n, goal=goal, others=others, f=f, top=top):
                if outputs == 1:
                    return np.sign(f[n]) * values - goal
                return values[top[n]] - values[others] - goal

            end = 50 / math.sqrt(shape[0]) * np.linalg.norm(x[n])
            t = abs(a.eta_infimum[n]) * size
            last = end if np.isnan(t) else t
            assert last <= end * (1 + 1e-12)
            # Every place is rounded as x and the way are, and summed along the pieces.
            far = np.abs(x[n]) + last * np.abs(g[n]) / size
            above = [np.abs(w) for w in weights]
            sides = [None if b is None else np.abs(b) for b in biases]
            slack = 4 * error(above, sides, far).sum()
            for sign in (-1, 1):
                way = sign * g[n] / size
                pieces = reference.walk(weights, biases, x[n], way, end)
                if sign == np.sign(a.eta_infimum[n]):
                    y = (x[n] + t * way)[np.newaxis]
                    assert abs(read(reference.outputs(weights, y, biases)[0]).min()) <= slack
                assert excess(pieces, end, read, last) >= -slack
            if np.isnan(t):
                assert a.eta[n] == 0 and not a.sign_flipped[n] and not a.success[n]
                assert np.array_equal(a.x_adv[n], x[n])
                continue
            reached += 1
            assert abs(a.eta_infimum[n]) <= abs(a.eta[n])
            after = reference.outputs(weights, a.x_adv[[n]], biases)
            if eta == "flip" and outputs > 1 and top[n] == 0 and (after == after[0, 0]).all():
                dead += 1  # where all are equal the first decides, as it did before
                continue
            assert a.sign_flipped[n] and (eta == "flip" or a.success[n])
            # The rest of η are 4096 ulps, or roundings r of f, at most.
            here = reference.outputs(weights, x[[n]], biases)
            along = g[n] @ x[n]
            r = np.finfo(float).eps * (size * np.linalg.norm(x[n]) + abs(f[n] - along))
            r += np.finfo(float).eps * np.abs(here).sum() + error(weights, biases, x[n]).sum()
            most = 4097 * max(np.finfo(float).eps * abs(a.eta[n]), r / size**2)
            assert abs(a.eta[n] - a.eta_infimum[n]) <= most
            if outputs == 1:
                assert np.sign(after[0, 0]) != np.sign(f[n])
            else:
                assert order(after)[0][0] == a.top_after[n] != top[n]
    assert reached - dead > 5 and (dead == 0 or not bias)


@BIASES
@pytest.mark.parametrize("outputs", [1, 3])
def test_nothing_changes_before_on_a_fine_grid(outputs, bias):
    """4000 places on both sides of each point decide as x does, and the one that is taken not."""
    reached = 0
    for seed in range(20):
        net = network((5, 20, 20), outputs, bias, seed)
        (weights, biases), x = reference.layers(net), points(net, 1)[0]
        a = gradient_step(net, x, eta="flip")
        if np.isnan(a.eta_infimum):
            continue
        reached += 1
        before = reference.outputs(weights, x[np.newaxis], biases)
        g = gradients(weights, biases, x[np.newaxis], *order(before))[0]
        share = np.linspace(0, 1 - 1e-9, 4000)[:, np.newaxis]
        decide = (lambda o: np.sign(o[:, 0])) if outputs == 1 else (lambda o: order(o)[0])
        for sign in (-1, 1):
            y = x + sign * share * abs(a.eta_infimum) * g
            assert (decide(reference.outputs(weights, y, biases)) == decide(before)).all()
        after = reference.outputs(weights, a.x_adv[np.newaxis], biases)
        assert decide(after) != decide(before)
    assert reached > 10


@BIASES
@pytest.mark.parametrize("beyond", [1e-3, 0.1])
def test_a_margin_is_how_far_the_step_goes_beyond(beyond, bias):
    reached = 0
    for seed in range(20):
        net = network((6, 8, 7), 3, bias, seed)
        (weights, biases), x = reference.layers(net), points(net, 1)[0]
        for eta in ("flip", "exact"):
            a = gradient_step(net, x, eta=eta, margin=beyond)
            if np.isnan(a.eta_infimum):
                assert not a.sign_flipped and not a.success
                continue
            reached += 1
            after = reference.outputs(weights, a.x_adv[np.newaxis], biases)[0]
            slack = error(weights, biases, a.x_adv).sum()
            assert a.sign_flipped
            if eta == "flip":
                assert after.max() - after[a.top] >= beyond - slack
            else:
                assert after[a.other] - after[a.top] >= a.f_before + beyond - slack
                assert a.success
    assert reached > 15


def test_longest_says_how_far_is_looked():
    net = network((6, 8, 7, 5), 3, 0.7, 2)
    x = points(net, 1)[0]
    a = gradient_step(net, x, eta="flip")
    assert a.sign_flipped
    far = float(a.relative_norm)
    enough = gradient_step(net, x, eta="flip", longest=1.001 * far)
    assert enough.sign_flipped
    assert enough.eta == pytest.approx(a.eta, rel=1e-12)  # 4096 ulps, of which rounding takes some
    short = gradient_step(net, x, eta="flip", longest=0.999 * far)
    assert np.isnan(short.eta_infimum) and short.eta == 0 and short.top_after == short.top
