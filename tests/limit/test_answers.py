"""The map from fresh normals to answers is linear: its matrix gives the covariance exactly."""

import numpy as np
import pytest
from dense import by_differences, closed
from randrelu.limit.answer import FRESH
from randrelu.limit.network import LimitNetwork

EPS = np.finfo(float).eps


class Basis:
    """A generator of normals that are all 0, but for one that is 1."""

    def __init__(self, one):
        self.one, self.drawn = one, 0

    def standard_normal(self, shape):
        result = np.zeros(int(np.prod(shape)))
        if 0 <= self.one - self.drawn < result.size:
            result[self.one - self.drawn] = 1
        self.drawn += result.size
        return result.reshape(shape)


def answers(questions, points, depth, one, **keywords):
    """(f, ∇f) at the points, NaN where it was not asked for, and how many normals it took."""
    net = LimitNetwork(points.shape[1], depth, rng=0, **keywords)
    net._normal = Basis(one)
    found = np.full((len(points), points.shape[1] + 1), np.nan)
    for which, k in questions:
        if which == "f":
            found[k, 0] = net.forward(points[k])
        else:
            found[k, 0], found[k, 1:] = net.value_and_gradient(points[k])
    return found.ravel(), net._normal.drawn


def covariance(questions, points, depth, **keywords):
    none, normals = answers(questions, points, depth, -1, **keywords)
    asked = ~np.isnan(none)
    assert not none[asked].any()
    columns = [answers(questions, points, depth, j, **keywords)[0] for j in range(normals)]
    matrix = np.array(columns).T[asked]
    return matrix @ matrix.T, asked


def error(found, expected):
    """The largest error of a covariance, in units of the standard deviations."""
    deviations = np.sqrt(np.diag(expected))
    return np.max(np.abs(found - expected) / np.outer(deviations, deviations))


def rounding(found):
    """What rounding makes of a Cholesky factorisation of this size, and of its entries."""
    return 8 * len(found) * EPS


def orders(n, seed):
    """Questions in a random order: values and gradients, some points twice."""
    generator = np.random.default_rng(seed)
    asked = [(w, k) for k in range(n) for w in generator.permutation(["f", "g"])]
    return [asked[i] for i in generator.permutation(len(asked))]


@pytest.mark.parametrize("depth", [0, 1, 2, 5])
@pytest.mark.parametrize(("n", "d"), [(4, 6), (5, 3), (3, 1)])
def test_answers_have_the_joint_covariance_of_the_kernel(depth, n, d):
    """In any order of questions; of n points in d dimensions, fewer or more."""
    points = np.random.default_rng(n).normal(size=(n, d))
    for seed in range(2):
        found, asked = covariance(orders(n, seed), points, depth)
        expected = closed(points, depth)[np.ix_(asked, asked)]
        assert error(found, expected) < rounding(found)


@pytest.mark.parametrize("depth", [1, 3])
def test_repeated_parallel_and_opposite_points(depth):
    x, y = np.random.default_rng(1).normal(size=(2, 4))
    points = np.array([x, y, -x, 2 * x, x, 0.5 * y - 0.2 * x, -3 * y])
    found, asked = covariance(orders(7, 1), points, depth)
    expected = closed(points, depth)[np.ix_(asked, asked)]
    assert error(found, expected) < rounding(found)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8, 1e-12])
def test_points_that_are_close(depth, distance):
    """What is dropped has a variance of at most `FRESH`, and the changes of ∇f one ~ distance."""
    x, u, v = np.random.default_rng(2).normal(size=(3, 5))
    points = np.array([x, x + distance * u, x + distance * v, x + u])
    questions = [("g", 0), ("g", 3), ("f", 1), ("g", 1), ("g", 2), ("f", 2)]
    found, asked = covariance(questions, points, depth)
    expected = closed(points, depth)[np.ix_(asked, asked)]
    assert error(found, expected) < rounding(found) + 2 * np.sqrt(FRESH * distance)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("angle", [0.3, 1e-3, 1e-4, 1e-5])
def test_what_a_gradient_leaves_of_a_value_nearby(depth, angle):
    """The fresh part of f(y), on which it depends whether a short step reaches −f(x)."""
    y = np.array([np.cos(angle), 0, np.sin(angle)])
    points = np.array([[1.0, 0, 0], y, [0, 1, 0]])
    for questions in ([("g", 0), ("f", 1)], [("f", 2), ("g", 0), ("g", 2), ("f", 1)]):
        _, normals = answers(questions, points, depth, -1)
        fresh = answers(questions, points, depth, normals - 1)[0][4] ** 2 * 3 * 2**depth
        # 1 − κ² − κ′² sin²θ in extended precision, of which at 10⁻⁵ a few digits are left.
        theta = last = np.longdouble(angle)
        slope, pi = np.longdouble(1), np.longdouble("3.14159265358979323846")
        for _ in range(depth):
            slope *= 1 - last / pi
            last = np.arccos(np.cos(last) + (np.sin(last) - last * np.cos(last)) / pi)
        left = float(np.sin(last) ** 2 - (slope * np.sin(theta)) ** 2)
        slack = 1e-10 + 1e-18 / angle**3  # of what is told, ~ θ², and of the extended precision
        if len(questions) == 2:
            assert fresh == pytest.approx(left, rel=slack)
        else:  # the third point tells a little more
            assert 0.3 * left < fresh < (1 + slack) * left


@pytest.mark.parametrize("distance", [1e-1, 1e-3, 1e-5, 1e-7, 1e-9])
def test_crowds_of_points(distance):
    """Values and gradients in any order, where those before leave little of those after."""
    for seed in range(4):
        generator = np.random.default_rng(seed)
        points = generator.normal(size=4) + distance * generator.normal(size=(7, 4))
        found, asked = covariance(orders(7, seed), points, 1 + seed)
        expected = closed(points, 1 + seed)[np.ix_(asked, asked)]
        # Where no fresh part was dropped, and none was near to it, there is rounding only.
        dropped = FRESH ** (2 / 3) + 4 * EPS / FRESH
        assert error(found, expected) < (rounding(found) if distance == 1e-1 else dropped)


@pytest.mark.parametrize("depth", [0, 1, 4])
@pytest.mark.parametrize(("init", "variance"), [("paper", 1), ("he", 2)])
def test_biases_and_scales(depth, init, variance):
    points = np.random.default_rng(3).normal(size=(3, 4)) * [[0.3], [2], [1]]
    for bias in (0.0, 0.4):
        found, asked = covariance(orders(3, 2), points, depth, init=init, bias=bias)
        expected = by_differences(points, depth, variance, bias)[np.ix_(asked, asked)]
        # The difference's error is of the order of its step squared; third derivatives are
        # below 10.
        assert error(found, expected) < 1e-9


def test_close_points_where_there_are_biases():
    """With one hidden layer, biases are a further coordinate: f(x) = g(x, √d bias) + a constant."""
    x, u = np.random.default_rng(5).normal(size=(2, 4))
    bias = 0.6
    for distance in (1e-2, 1e-8):
        points = np.array([x, x + distance * u, u])
        questions = [("g", 0), ("f", 1), ("g", 2), ("g", 1)]
        found, _ = covariance(questions, points, 1, bias=bias)
        longer = np.column_stack([points, np.full(3, 2 * bias)])  # √d is 2
        expected = closed(longer, 1).reshape(3, 6, 3, 6)[:, :5, :, :5] * 5 / 4
        expected[:, 0, :, 0] += bias**2
        slack = 4 * np.sqrt(FRESH * distance)
        assert error(found, expected.reshape(15, 15)) < rounding(found) + slack


def test_a_thousand_layers():
    """The oracle loses ε/θ in each layer, where the angles fall to about 3π/1000."""
    points = np.random.default_rng(6).normal(size=(2, 3))
    found, asked = covariance(orders(2, 0), points, 1000)
    expected = closed(points, 1000)[np.ix_(asked, asked)]
    assert error(found, expected) < 1000 * EPS / 0.009


def test_the_origin_where_there_are_biases():
    """f(0) and ∇f(0), as the limit of what is found near 0."""
    x = np.array([0.7, -0.2, 0.4])
    questions = [("g", 0), ("f", 1), ("g", 1)]
    at, near = (
        covariance(questions, np.array([o, x]), 2, bias=0.5)[0] for o in (0 * x, np.full(3, 1e-9))
    )
    assert error(at, near) < 1e-8  # 0 and the point are 2e-9 apart, in units of the bias 4e-9
    one, other = (
        covariance(order, np.array([0 * x, x]), 2, bias=0.5)[0]
        for order in (questions, questions[::-1])
    )
    assert error(one, other) < rounding(one)


def test_several_outputs_are_independent():
    x, y = np.random.default_rng(4).normal(size=(2, 3))
    rows = []
    for one in range(-1, 40):
        net = LimitNetwork(3, 2, rng=0, outputs=2)
        net._normal = Basis(one)
        rows.append(
            np.concatenate([net.jacobian(x), net.jacobian(y), net.forward(x + y)[:, None]], 1)
        )
    assert net._normal.drawn == 20 and not np.array(rows)[[0, *range(21, 41)]].any()
    matrix = np.array(rows)[1:21].reshape(20, -1)
    first, second = np.split(matrix.T @ matrix, 2)
    np.testing.assert_allclose(first[:, 7:], 0, atol=1e-16)
    np.testing.assert_allclose(first[:, :7], second[:, 7:], atol=1e-15)
    expected = closed(np.array([x, y, x + y]), 2)
    kept = [1, 2, 3, 5, 6, 7, 8]
    np.testing.assert_allclose(first[:, :7], expected[np.ix_(kept, kept)], atol=1e-14)
