"""The distance to the nearest change of decision: certified ≤ exact ≤ attained."""

import itertools
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import randrelu as rr
from decided import network
from programs import layers_of
from randrelu.measures.certified import bounding
from randrelu.measures.certified import distance as certified_distance
from scipy.optimize import minimize

NORMS = (2, np.inf)
EXAMPLES = Path(__file__).parents[2] / "examples"


def plain(net, y):
    """The outputs at y (N, d), in float64, by NumPy alone."""
    a = np.atleast_2d(np.asarray(y, float))
    for i in range(1, net.depth + 2):
        bias = net.bias(i)
        z = a @ net.weights(i).astype(float).T + (0 if bias is None else bias.astype(float))
        a = np.maximum(z, 0)
    return z


def replayed(net, found):
    """Whether plain NumPy decides otherwise at every x_adv than at its point."""
    return plain(net, found.x_adv).argmax(axis=1) != found.top


def goals_of(net, x):
    """The margins of the decision at x as rows over the outputs."""
    values = plain(net, x)[0]
    if len(values) == 1:
        return [np.sign(values)]
    top = values.argmax()
    return [np.eye(len(values))[top] - e for j, e in enumerate(np.eye(len(values))) if j != top]


def exact_2(net, x):
    """The distance in norm 2: the nearest point of every activation region that changes."""
    layers = layers_of(net)
    best = np.inf
    for pattern in itertools.product((0, 1), repeat=sum(len(b) for _, b in layers[:-1])):
        a, c = np.eye(len(x)), np.zeros(len(x))
        rows, shifts, at = [], [], 0
        for w, b in layers[:-1]:
            z, s = w @ a, w @ c + b
            active = np.array(pattern[at : at + len(b)])
            at += len(b)
            sign = 2 * active - 1
            rows.append(z * sign[:, None]), shifts.append(s * sign)
            a, c = z * active[:, None], s * active
        w, b = layers[-1]
        for goal in goals_of(net, x):
            g = np.vstack([*rows, -(goal @ w @ a)])
            h = np.concatenate([*shifts, [-(goal @ (w @ c + b))]])
            solved = minimize(
                lambda y: ((y - x) ** 2).sum(), x, jac=lambda y: 2 * (y - x), method="SLSQP",
                constraints={"type": "ineq", "fun": lambda y, g=g, h=h: g @ y + h,
                             "jac": lambda y, g=g: g},
                options={"ftol": 1e-14, "maxiter": 200},
            )  # fmt: skip
            if solved.success and (g @ solved.x + h).min() > -1e-8:
                best = min(best, np.sqrt(solved.fun))
    return best


def test_the_exact_distance_in_norm_2_is_within_and_mostly_attained():
    near = []
    for seed, (shape, outputs) in enumerate([((2, 5), 1), ((3, 5), 2), ((2, 3, 3), 2)] * 3):
        net = network(shape, outputs, 0.4, seed=seed)
        x = np.random.default_rng(seed).normal(size=shape[0])
        exact, found = exact_2(net, x), rr.distance(net, x)
        assert found.certified <= exact * (1 + 1e-6) <= found.attained * (1 + 2e-6)
        near.append(found.attained <= 1.01 * exact)
    assert np.mean(near) >= 0.85, near


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("bias", [0, 0.3])
def test_what_is_returned_replays_and_is_as_far_as_it_says(norm, outputs, bias):
    net = network((20, 40, 30), outputs, bias)
    x = np.random.default_rng(1).normal(size=(12, 20))
    found = rr.distance(net, x, norm)
    assert np.isfinite(found.attained).all() and (found.certified > 0).all()
    assert (found.certified <= found.attained).all()
    before, after = plain(net, x), plain(net, found.x_adv)
    if outputs == 1:
        assert (np.sign(before[:, 0]) != np.sign(after[:, 0])).all()
        assert found.top is None and found.against is None
    else:
        assert (found.top == before.argmax(axis=1)).all()
        assert (found.against == after.argmax(axis=1)).all()
        assert (found.against != found.top).all()
    for y, z, size in zip(x, found.x_adv, found.attained, strict=True):
        gaps = [Fraction(b) - Fraction(a) for a, b in zip(y.tolist(), z.tolist(), strict=True)]
        square = sum(g * g for g in gaps) if norm == 2 else max(map(abs, gaps)) ** 2
        assert square <= Fraction(size) ** 2 <= square * (1 + Fraction(1, 10**12))


@pytest.mark.parametrize("norm", NORMS)
def test_the_last_point_before_x_adv_still_decides_as_x(norm):
    """It is the first change on its line: shorter by a 10⁻⁹ of it nothing has changed."""
    net = network((20, 40, 30), 4, 0.3)
    x = np.random.default_rng(2).normal(size=(12, 20))
    found = rr.distance(net, x, norm, certify=False)
    assert (found.certified == 0).all()
    for share in (*np.linspace(0, 0.99, 34), 1 - 1e-9):
        outputs = plain(net, x + share * (found.x_adv - x))
        assert (outputs.argmax(axis=1) == found.top).all()


def crown(net, x, radius, goals, norm):
    """What the goals are at least in a ball: linear bounds and no thought of rounding."""
    layers, bounds = layers_of(net), []

    def least(rows, shift, i):
        for w, b, (low, high) in list(zip(*zip(*layers, strict=True), bounds, strict=False))[:i][
            ::-1
        ]:
            above = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high / (high - low)))
            below = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high > -low))
            crossed = (low < 0) & (high > 0)
            shift = shift - np.minimum(rows, 0) @ np.where(crossed, above * low, 0)
            rows = np.maximum(rows, 0) * below + np.minimum(rows, 0) * above
            rows, shift = rows @ w, shift + rows @ b
        dual = np.linalg.norm(rows, axis=1) if norm == 2 else np.abs(rows).sum(axis=1)
        return rows @ x + shift - radius * dual

    for i, (w, b) in enumerate(layers[:-1]):
        bounds.append((least(w, b, i), -least(-w, -b, i)))
    w, b = layers[-1]
    return least(goals @ w, goals @ b, len(bounds)).min()


def trained():
    images = np.loadtxt(EXAMPLES / "digits.csv", delimiter=",")[:6, 1:]
    return rr.load(EXAMPLES / "digits.npz"), images / 16


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("outputs", [1, 4, "trained"])
def test_it_certifies_what_a_plain_bisection_does(norm, outputs):
    if outputs == "trained":
        net, x = trained()
    else:
        net = network((8, 30, 20, 20), outputs, 0.2, seed=3)
        x = np.random.default_rng(4).normal(size=(6, 8))
    found = rr.distance(net, x, norm)
    for y, attained, certified in zip(x, found.attained, found.certified, strict=True):
        goals = np.array(goals_of(net, y))
        low, high = 0.0, attained
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if crown(net, y, middle, goals, norm) > 0 else (low, middle)
        assert certified >= 0.985 * low


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("share", [1e-2, 1e-5, 1e-8])
def test_changes_that_are_nearer_than_float32_tells_are_found(share, norm):
    """The way down is in the arithmetic of the network, and the ends of these are known."""
    coarse = network((30, 50, 40), 4, 0.1, dtype="float32")
    fine = network((30, 50, 40), 4, 0.1, dtype="float64")
    x = np.random.default_rng(0).normal(size=(6, 30))
    ends = rr.distance(fine, x, norm, certify=False).x_adv
    near = ends + share * (x - ends)
    known = np.linalg.norm(near - ends, norm, axis=1)
    found, exact = (rr.distance(net, near, norm) for net in (coarse, fine))
    assert replayed(fine, found).all()
    assert (found.certified <= exact.attained).all() and (exact.certified <= found.attained).all()
    for each in (found, exact):
        assert (each.attained <= 1.01 * known).all()


@pytest.mark.parametrize("norm", NORMS)
def test_values_that_leave_float32_are_attacked_in_float64(norm):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in [(30, 6), (30, 30), (3, 30)]]
    large = rr.Network.from_weights([1e25 * w for w in weights], dtype="float32")
    plain = rr.Network.from_weights(weights, dtype="float64")
    x = rng.normal(size=(4, 6))
    found, same = (rr.distance(net, x, norm) for net in (large, plain))
    assert np.isfinite(found.attained).all() and (found.certified > 0).all()
    np.testing.assert_allclose(found.attained, same.attained, rtol=0.02)


def test_batches_and_threads_say_the_same():
    net = network((12, 30, 20), 3, 0.2)
    x = np.random.default_rng(5).normal(size=(40, 12))
    found, again = (rr.distance(net, x, threads=n) for n in (1, 3))
    assert np.array_equal(found.x_adv, again.x_adv)
    assert np.array_equal(found.certified, again.certified)
    for n in (0, 17, 39):
        one = rr.distance(net, x[n])
        assert isinstance(one.attained, float) and one.x_adv.shape == (12,)
        # Where an attack ends depends on every rounding on its way; that the distance is within
        # does not.
        assert max(one.certified, found.certified[n]) <= min(one.attained, found.attained[n])
    assert rr.distance(net, np.empty((0, 12))).attained.shape == (0,)


def test_a_point_on_the_boundary_has_distance_0():
    one = rr.Network.from_weights([np.eye(2), [[1.0, -1.0]]], dtype="float64")
    found = rr.distance(one, [1.0, 1.0])
    assert found.certified == found.attained == 0 and (found.x_adv == 1).all()
    two = rr.Network.from_weights([np.eye(2), np.eye(2)], dtype="float64")
    found = rr.distance(two, [[1.0, 1.0], [2.0, 1.0]])
    assert found.certified[0] == found.attained[0] == 0
    assert found.attained[1] == pytest.approx(np.sqrt(0.5), rel=1e-9)
    assert rr.distance(two, [2.0, 1.0], against=0).attained == 0  # as large as itself


def test_a_constant_network_has_no_change():
    dead = rr.Network.from_weights(
        [np.zeros((3, 2)), np.ones((2, 3))], [None, [1.0, 2.0]], dtype="float64"
    )
    same = rr.Network.from_weights(
        [np.eye(2), np.ones((2, 2))], [None, [1.0, 2.0]], dtype="float64"
    )
    for net in (dead, same):
        found = rr.distance(net, [1.0, -1.0])
        assert found.certified == found.attained == np.inf
        assert found.x_adv is None and found.top == 1 and found.against == -1
    far = rr.Network.from_weights([np.eye(2), [[1.0, 1.0]]], [None, [1.0]], dtype="float64")
    found = rr.distance(far, [[3.0, 4.0]])  # f ≥ 1, which takes more than its weights to see
    assert found.attained[0] == np.inf and np.isnan(found.x_adv).all()
    assert 5 * 2.0**20 <= found.certified[0] < np.inf


def test_without_a_gradient_other_starts_find_the_change():
    net = rr.Network.from_weights(
        [[[1.0, 0.0]], [[-1.0]]], [[-1.0], [0.5]], dtype="float64"
    )  # 0.5 − σ(y − 1) is flat at the origin, and 0 from 1.5 on
    for norm in NORMS:
        found = rr.distance(net, [0.0, 0.0], norm)
        assert 1.4 < found.certified <= 1.5
        assert found.attained == pytest.approx(1.5, rel=1e-6)


def test_the_origin_counts_where_the_decision_changes_there():
    """f > 0 but at the origin, where it is 0."""
    net = rr.Network.from_weights([[[1.0], [-1.0]], [[1.0, 1.0]]], dtype="float64")
    found = rr.distance(net, [2.0])
    assert found.attained == pytest.approx(2, rel=1e-12) and 1.98 < found.certified <= 2


def test_deferred_networks_are_attacked_and_not_certified():
    net = rr.Network.random((20, 15, 3), rng=0, storage="deferred")
    x = np.random.default_rng(0).normal(size=(2, 20))
    with pytest.raises(ValueError, match="certify must be False for a deferred network"):
        rr.distance(net, x)
    found = rr.distance(net, x, certify=False)
    assert np.isfinite(found.attained).all()
    assert (net.decision(found.x_adv)[0] != net.decision(x)[0]).all()


def test_what_it_says_in_short_and_as_a_frame():
    net = network((6, 10), 3, 0.2)
    x = np.random.default_rng(0).normal(size=(3, 6))
    one, all_ = rr.distance(net, x[0]), rr.distance(net, x, np.inf)
    assert re.fullmatch(
        r"Distance\(decision \d → \d, certified \S+ ≤ distance ≤ attained \S+ in norm 2\)",
        repr(one),
    )
    assert repr(all_).startswith("Distance(3 points in norm ∞, medians: certified ")
    assert list(all_.to_frame()) == ["top", "against", "certified", "attained"]
    assert list(rr.distance(network((6, 10), 1, 0.2), x[0]).columns()) == ["certified", "attained"]


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("certify", [True, False])
def test_progress_ends_where_it_says(outputs, certify):
    calls = []
    net = network((6, 10, 8), outputs, 0.2)
    points = np.random.default_rng(0).normal(size=(40, 6))
    rr.distance(net, points, certify=certify, progress=lambda *numbers: calls.append(numbers))
    shares = [done / total for done, total in calls]
    assert shares == sorted(shares) and shares[0] >= 0
    assert calls[-1][0] == calls[-1][1] and calls[-1] not in calls[:-1]


@pytest.mark.parametrize("outputs", [1, 3])
def test_progress_moves_in_every_probe(outputs, monkeypatch):
    """Also where all points are searched at once, and in layers of several blocks of rows."""
    net, x = network((6, 64, 64), outputs, 0.2), np.random.default_rng(0).normal(size=(4, 6))
    probes, done = [], []
    least = certified_distance._least

    def counted(*arguments):
        probes.append(len(done))
        return least(*arguments)

    monkeypatch.setattr(certified_distance, "_least", counted)
    monkeypatch.setattr(bounding, "_ENTRIES", 2 * 4 * (6 + 64) * 16)  # 16 rows of the second layer
    rr.distance(net, x, progress=lambda *numbers: done.append(numbers))
    assert len(probes) > 3
    for before, after in pairwise([*probes, len(done)]):
        shares = [a / b for a, b in done[before:after]]
        assert len(set(shares)) >= 4 and shares == sorted(shares)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": 1}, "norm must be 2 or inf, got 1"),
        ({"x": np.ones(3)}, "x must have shape (4,) or (N, 4), got (3,)"),
        ({"against": 3}, "against must hold outputs from 0 to 2, got 3"),
        ({"against": [0, 1]}, "against must be an output or have shape (1,), got (2,)"),
    ],
)
def test_bad_arguments(change, message):
    net = rr.Network.random((4, 3, 3), rng=0)
    with pytest.raises(ValueError, match=re.escape(message)):
        rr.distance(**{"net": net, "x": np.ones(4), **change})


def test_where_a_unit_that_drowns_all_others_turns_off_it_is_off_exactly():
    """f = 10³⁰ σ(w·y) − 1 changes its sign where w·y is less than a rounding."""
    rng = np.random.default_rng(1)
    net = rr.Network.from_weights(
        [rng.normal(size=(1, 20)), np.array([[1e30]])], biases=[None, np.array([-1.0])]
    )
    x = rng.normal(size=(40, 20))
    x *= np.sign(net.forward(x))[:, np.newaxis]
    found = rr.distance(net, x, certify=False)
    for y in found.x_adv:
        w_y = sum(
            Fraction(float(w)) * Fraction(float(v))
            for w, v in zip(net.weights(1)[0], y, strict=True)
        )
        assert 10**30 * w_y < 1
    w = net.weights(1)[0].astype(float)
    assert found.attained == pytest.approx(x @ w / np.linalg.norm(w), rel=1e-6)


def test_a_step_of_the_attack_that_leads_back_to_the_point_overflows_nothing():
    weights, biases = [[[-0.53566939]], [[0.36159506]]], [[-0.13210486], [0.10490011]]
    for dtype in ("float32", "float64"):
        net = rr.Network.from_weights(
            [np.float32(w) for w in weights], [np.float32(b) for b in biases], dtype=dtype
        )
        found = rr.distance(net, [1367343.125])
        assert 0 < found.certified < found.attained == np.inf and found.x_adv is None
