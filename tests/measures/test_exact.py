"""What is bounded, certified and attained in norm inf, beside exact programs of small networks.

RANDRELU_EXAMPLES sets how many networks are tried, up to 200.
"""

import os
from itertools import pairwise

import numpy as np
import randrelu as rr
from programs import distance, exact_margins, exact_outputs, extreme, layers_of

CASES = 200 if int(os.environ.get("RANDRELU_EXAMPLES", "0")) >= 200 else 40
REACH = 30.0  # how far a program looks where nothing was attained
KINDS = ("normal", "few digits", "equal outputs", "on the boundary")
HIDDEN = [(4,), (8,), (14,), (5, 5), (7, 7), (10, 4), (4, 4, 4), (5, 5, 4)]


def case(n):
    """A network with up to 14 units, and a point."""
    rng = np.random.default_rng(n)
    kind = KINDS[n % 4] if n % 8 < 4 else "normal"
    d, outputs = rng.integers(2, 7), rng.integers(1, 5)
    if kind in ("equal outputs", "on the boundary"):
        outputs = max(outputs, 3)
    widths = (d, *HIDDEN[rng.integers(len(HIDDEN))], outputs)
    weights = [rng.normal(size=(b, a)) * np.sqrt(2 / a) for a, b in pairwise(widths)]
    biases = [rng.choice([0, 0.1, 0.5]) * rng.normal(size=b) for b in widths[1:]]
    x = rng.normal(size=d)
    if kind == "few digits":  # units and outputs at exactly 0
        weights, biases = ([np.round(2 * a) / 2 for a in arrays] for arrays in (weights, biases))
        x = np.round(2 * x) / 2
    if kind == "equal outputs":  # of which none need be largest
        weights[-1][1], biases[-1][1] = weights[-1][0], biases[-1][0]
    net = rr.Network.from_weights(weights, biases, dtype="float64")
    if kind == "on the boundary":
        top = int(np.argmax([float(f) for f in exact_outputs(layers_of(net), x)]))
        weights[-1][top - 1], biases[-1][top - 1] = weights[-1][top], biases[-1][top]
        net = rr.Network.from_weights(weights, biases, dtype="float64")
    return net, x


def goals_of(layers, x):
    """The margins of the decision at x as rows over the outputs."""
    values = exact_outputs(layers, x)
    if len(values) == 1:
        return np.array([[(values[0] > 0) - (values[0] < 0)]])
    top = values.index(max(values))
    eye = np.eye(len(values), dtype=int)
    return np.delete(eye[top] - eye, top, axis=0)


def test_the_exact_distance_is_within_and_mostly_attained():
    near, total, on_boundary = 0, 0, 0
    for n in range(CASES):
        net, x = case(n)
        layers = layers_of(net)
        goals = goals_of(layers, x)
        found = rr.distance(net, x, np.inf)
        reach = REACH
        if found.x_adv is not None:  # no program needs to look farther than where it is another
            assert min(exact_margins(layers, found.x_adv, goals)) <= 0
            reach = found.attained
        below, above = distance(layers, x, goals, reach)
        assert found.certified <= above and below <= found.attained, n
        if above == 0:
            assert found.certified == found.attained == 0
            on_boundary += 1
        elif np.isfinite(below):
            assert above - below <= 0.01 * above  # else it would not tell what 1 % is
            near += found.attained <= 1.01 * below
            total += 1
        else:
            assert found.x_adv is None
    assert on_boundary >= CASES / 10 and total >= CASES / 2
    assert near >= 0.85 * total, (near, total)


def test_a_margin_whose_bound_only_touches_0_is_certified_still():
    """At the attained distance the bound is a rounding below 0."""
    net, x = case(53)
    for norm in (2, np.inf):
        assert rr.distance(net, x, norm).certified > 0.5


def test_the_exact_distance_to_one_output_is_within():
    for n in range(CASES):
        net, x = case(n)
        layers = layers_of(net)
        if net.outputs == 1:
            continue
        found = rr.distance(net, x, np.inf, against=(j := n % net.outputs))
        goal = np.eye(net.outputs, dtype=int)
        goal = goal[found.top] - goal[j]
        reach = REACH
        if found.x_adv is not None:
            assert found.against == j and exact_margins(layers, found.x_adv, [goal])[0] <= 0
            reach = found.attained
        below, above = distance(layers, x, [goal], reach)
        assert found.certified <= above and below <= found.attained, n


def test_the_exact_extremes_of_outputs_are_within_their_bounds():
    for n in range(CASES):
        net, x = case(n)
        layers, radius = layers_of(net), (0.0, 0.1, 0.5, 2.0)[n // 4 % 4]
        found = rr.bounds(net, x, radius, norm=np.inf)
        for j, row in enumerate(np.eye(net.outputs, dtype=int)):
            for goal, least in ((row, found.lower[-1][j]), (-row, -found.upper[-1][j])):
                y, below, off = extreme(layers, x, radius, goal)
                value = exact_margins(layers, y, [goal])[0]
                assert below <= value <= below + off  # nothing is smaller, by what tolerances allow
                assert least <= value
