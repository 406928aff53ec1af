"""What a limit network promises besides its law."""

import copy
import pickle
import time

import numpy as np
import pytest
import randrelu as rr
from randrelu import LimitNetwork


def points(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_seed_and_the_questions_determine_the_answers():
    x = points(6, 9)
    one, other = LimitNetwork(9, 2, rng=5), LimitNetwork(9, 2, rng=5)
    f, g = one.value_and_gradient(x)
    for k in range(6):  # a batch is asked one by one
        value, gradient = other.value_and_gradient(x[k])
        assert value == f[k] and (gradient == g[k]).all()
    assert (one.forward(x[:2] + x[2:4]) == other.forward(x[:2] + x[2:4])).all()
    assert (LimitNetwork(9, 2, rng=6).forward(x) != f).all()
    assert LimitNetwork(9, 2, rng=one.seed).seed == 5
    generator = np.random.default_rng(1)
    assert LimitNetwork(9, 2, rng=generator).seed != LimitNetwork(9, 2, rng=generator).seed
    seeds = np.random.SeedSequence(3)
    assert LimitNetwork(9, 2, rng=seeds).forward(x[0]) == LimitNetwork(9, 2, rng=seeds).forward(
        x[0]
    )


def test_answers_do_not_depend_on_the_number_of_threads(run_python):
    code = (
        "import numpy as np, randrelu as rr\n"
        "x = np.random.default_rng(0).normal(size=(12, 40_000))\n"
        "net = rr.LimitNetwork(40_000, 2, rng=0)\n"
        "f, g = net.value_and_gradient(x)\n"
        "print(f.tobytes().hex(), g.sum(), net.forward(g).tobytes().hex())"
    )
    one, two = (run_python(code, OMP_NUM_THREADS=n, OPENBLAS_NUM_THREADS=n) for n in "12")
    assert one.stdout and one.stdout == two.stdout


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_repeated_and_scaled_points(depth):
    """f(αx) = αf(x), and the gradients are equal; to rounding, and what it leaves is not fresh."""
    net, (x, y) = LimitNetwork(30, depth, rng=0), points(2, 30)
    f, g = net.value_and_gradient(x)
    net.gradient(y)
    then = net.revealed
    slack = 1e-14 * np.linalg.norm(g)
    for scale in (1, 2.5, 1e-200, 1e200):
        value, gradient = net.value_and_gradient(scale * x)
        assert abs(value / scale - f) <= slack * np.linalg.norm(x)
        np.testing.assert_allclose(gradient, g, atol=slack)
    assert net.revealed == then
    opposite = net.forward(-x)
    assert (opposite == pytest.approx(-f)) == (depth == 0)


@pytest.mark.parametrize("dim", [1, 2, 50])
def test_the_derivative_along_x_is_the_value(dim):
    net = LimitNetwork(dim, 2, rng=0)
    for x in points(7, dim):
        f, g = net.value_and_gradient(x)
        # The d terms of the sum are rounded, and so are those along the point and across it.
        size = np.linalg.norm(g) * np.linalg.norm(x)
        assert abs(g @ x - f) <= (dim + 20) * np.finfo(float).eps * size


def test_shapes_come_back():
    x = points(3, 4)
    net = LimitNetwork(4, 2, rng=0)
    assert np.shape(net.forward(x[0])) == () and net.forward(x).shape == (3,)
    assert net.gradient(x[0]).shape == (4,) and net.gradient(x).shape == (3, 4)
    assert net.forward(np.zeros((0, 4))).shape == (0,)
    several = LimitNetwork(4, 2, rng=0, outputs=5)
    assert several.forward(x[0]).shape == (5,) and several.forward(x).shape == (3, 5)
    assert several.jacobian(x[0]).shape == (5, 4) and several.jacobian(x).shape == (3, 5, 4)
    assert net.jacobian(x).shape == (3, 1, 4)
    np.testing.assert_allclose(
        np.einsum("nkd,nd->nk", several.jacobian(x), x), several.forward(x), atol=1e-14
    )


def test_what_is_revealed_and_forgotten():
    net, x = LimitNetwork(8, 2, rng=0), points(3, 8)
    assert net.revealed == rr.Revealed((0,), (0,), (0,))
    first = net.forward(x[0])
    assert (net.revealed.forward, net.revealed.backward) == ((1,), (0,))
    net.gradient(x)
    assert net.revealed.backward == (3,)
    assert net.forward(x[0]) == pytest.approx(first, rel=1e-12)
    net.forget()
    assert net.revealed == rr.Revealed((0,), (0,), (0,))
    assert net.forward(x[0]) != pytest.approx(first, rel=1e-3)


def test_what_is_not_remembered():
    """Each point is answered given what was known, and leaves nothing."""
    net, x = LimitNetwork(8, 2, rng=0), points(3, 8)
    f = net.forward(x[0])
    then = net.revealed
    one, other = (net.value_and_gradient(x, remember=False) for _ in range(2))
    assert net.revealed == then
    assert one[0][0] == pytest.approx(f) and other[0][0] == pytest.approx(f)
    assert (np.abs(one[0][1:] - other[0][1:]) > 1e-3).all()


def test_zero():
    net = LimitNetwork(5, 3, rng=0)
    assert net.forward(np.zeros(5)) == 0
    assert net.revealed.forward == (0,)
    with pytest.raises(ValueError, match="x must not be 0 where there are no biases"):
        net.gradient(np.zeros(5))
    for bias in (1e-250, 0.3, 1e30):  # f(x) is bias times a function of x/bias
        biased = LimitNetwork(5, 3, rng=0, bias=bias)
        f, g = biased.value_and_gradient(np.zeros(5))
        near = biased.forward(1e-3 * bias * g)
        assert near - f == pytest.approx(1e-3 * bias * g @ g, rel=0.05)
        assert f == pytest.approx(bias * LimitNetwork(5, 3, rng=0, bias=1).forward(np.zeros(5)))


@pytest.mark.parametrize("depth", [0, 1, 1000])
@pytest.mark.parametrize("init", ["paper", "he"])
def test_any_depth(depth, init):
    net = LimitNetwork(784, depth, rng=0, init=init)
    x = points(1, 784)[0]
    a = rr.gradient_step(net, x)
    rate = 2.0 ** ((depth + 1) / 2) if init == "he" else 1
    assert a.grad_norm == pytest.approx(rate * 2.0 ** (-depth / 2), rel=0.2)
    if depth == 0:
        assert a.f_after == pytest.approx(-a.f_before)
    if depth == 1000:  # theorem 3.1: nearly constant on the sphere
        assert a.f_after / a.f_before == pytest.approx(1, abs=0.3)


def test_a_million_dimensions():
    dim, start = 1_000_000, time.perf_counter()
    a = rr.gradient_step(LimitNetwork(dim, 3, rng=0), np.ones(dim))
    assert time.perf_counter() - start < 20  # some tenths of a second
    assert a.grad_norm == pytest.approx(2**-1.5, rel=0.01)
    assert a.sign_flipped


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"dim": 2.5}, "dim must be an integer"),
        ({"depth": -1}, "depth must be at least 0, got -1"),
        ({"depth": 1100}, "depth must be smaller for init='paper'.*take init='he'"),
        ({"init": "unit"}, "with 'unit' the values grow with the widths, and there is no limit"),
        ({"init": "xavier"}, "init must be one of 'paper', 'he', got 'xavier'"),
        ({"outputs": 0}, "outputs must be at least 1"),
        ({"bias": -1}, "bias must be a finite number of at least 0"),
        ({"rng": "a"}, "rng must be None, an integer"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        LimitNetwork(**({"dim": 4, "depth": 2} | change))


def test_bad_points():
    net = LimitNetwork(4, 2, rng=0)
    for x, message in [
        (np.ones(3), r"x must have shape \(4,\) or \(N, 4\), got \(3,\)"),
        ([1, 2, np.nan, 4], "x must be finite"),
        (["a"] * 4, "x must hold real numbers"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            net.forward(x)
    for bias in (0.0, 0.1):
        net = LimitNetwork(4, 1, rng=0, bias=bias)
        for huge in (1.7e308, 1e300):
            with pytest.raises(OverflowError, match="x must have a norm of at most 1e"):
                net.forward([np.full(4, huge)])
        assert np.isfinite(net.forward([[1, 1, 1, 1], [1e69, 0, 0, 1]])).all()
    net = LimitNetwork(3000, 2, rng=0)
    with pytest.raises(MemoryError, match="with remember=False"):
        net.gradient(np.eye(3000))
    with pytest.raises(ValueError, match="this network has 2 outputs"):
        LimitNetwork(4, 2, rng=0, outputs=2).gradient(np.ones(4))


def test_what_needs_units_refuses():
    net, x = LimitNetwork(4, 2, rng=0), np.ones(4)
    message = 'a limit network has no units; take Network.random with storage="deferred"'
    for measure in (
        lambda: rr.flips(net, x, 0.1),
        lambda: rr.line(net, x, x, 1.0),
        lambda: rr.bounds(net, x, 0.1),
        lambda: rr.distance(net, x),
        lambda: rr.lipschitz(net),
        lambda: rr.worst_flips(net, x, 0.1),
        lambda: rr.worst_deviation(net, x, 0.1),
        lambda: rr.extremes(net, radius=1.0),
        lambda: rr.min_perturbation(net, x),
        lambda: rr.gradient_decomposition(net, x, -x),
    ):
        with pytest.raises(TypeError, match=message):
            measure()
    for name in ("pattern", "weights", "preactivations", "activations", "widths"):
        with pytest.raises(AttributeError, match=message):
            getattr(net, name)
    assert not hasattr(net, "no_such_thing")


def test_no_copies():
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            duplicate(LimitNetwork(3, 2, rng=0))


def test_repr():
    net = LimitNetwork(784, 3, rng=7)
    assert repr(net) == "LimitNetwork(dim=784, depth=3, init='paper', seed=7, 0 bytes)"
    net = LimitNetwork(4, 3, rng=7, init="he", outputs=2, bias=0.25)
    assert "outputs=2, init='he', seed=7, bias=0.25" in repr(net)
