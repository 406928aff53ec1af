"""What a user can pass wrongly: the error names the argument, what was expected, what came."""

import re

import numpy as np
import pytest
from randrelu import Network, check, flips, gradient_step, line, sample_ball
from randrelu._support import memory

NET = Network.random((784, 5, 1), rng=0)
X = np.ones(784)

METHODS = ["forward", "preactivations", "activations", "pattern", "gradient", "value_and_gradient"]


def with_entry(value):
    x = np.ones((2, 784))
    x[1, 3] = value
    return x


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(783), ValueError, "x must have shape (784,) or (N, 784), got (783,)"),
        (np.ones((3, 5)), ValueError, "x must have shape (784,) or (N, 784), got (3, 5)"),
        (
            np.ones((3, 1, 784)),
            ValueError,
            "x must have shape (784,) or (N, 784), got (3, 1, 784); "
            "make every point one row, with .reshape(3, -1)",
        ),
        (np.ones((28, 28)), ValueError, "got (28, 28); make the point one row, with .reshape(-1)"),
        (3.0, ValueError, "x must have shape (784,) or (N, 784), got ()"),
        ([], ValueError, "x must have shape (784,) or (N, 784), got (0,)"),
        (with_entry(np.nan), ValueError, "x must be finite, got nan at index (1, 3)"),
        (with_entry(-np.inf), ValueError, "x must be finite, got -inf at index (1, 3)"),
        (
            with_entry(1e300),
            ValueError,
            "x must lie in the range of float32, got 1e+300 at index (1, 3); use dtype='float64'",
        ),
        (X * 1j, TypeError, "x must hold real numbers, got dtype complex128"),
        (X.astype(object), TypeError, "x must hold real numbers, got dtype object"),
        (["a"] * 784, TypeError, "x must hold real numbers, got dtype <U1"),
        (None, TypeError, "x must hold real numbers, got dtype object"),
        ([[1.0, 2.0], [3.0]], ValueError, "x must be a rectangular array of numbers"),
    ],
)
def test_points(method, x, error, message):
    with pytest.raises(error, match=re.escape(message)):
        getattr(NET, method)(x)


@pytest.mark.parametrize(
    ("widths", "error", "message"),
    [
        ((), ValueError, "widths must hold at least the input and the output dimension"),
        ((1,), ValueError, "widths must hold at least the input and the output dimension"),
        ((4, 0, 1), ValueError, "widths[1] must be at least 1, got 0"),
        ((4, 10**200, 1), ValueError, "widths[1] must be at most 2147483647, got 1000"),
        ((4, -3, 1), ValueError, "widths[1] must be at least 1, got -3"),
        ((4, 2.5, 1), TypeError, "widths[1] must be an integer, got 2.5 of type float"),
        ((4, True, 1), TypeError, "widths[1] must be an integer, got True of type bool"),
        ((4, "3", 1), TypeError, "widths[1] must be an integer, got '3' of type str"),
        ("4,3,1", TypeError, "widths must be a sequence of integers"),
        (7, TypeError, "widths must be a sequence of integers"),
    ],
)
def test_widths(widths, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Network.random(widths)
    for name in ("theorem-1.1", "lemma-2.2"):
        with pytest.raises(error, match=re.escape(message)):
            check(name, widths=widths)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"init": "xavier"}, ValueError, "init must be one of 'paper', 'he', 'unit', got 'xavier'"),
        ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"dtype": "real"}, ValueError, "dtype must be 'float32' or 'float64', got 'real'"),
        (
            {"storage": "disk"},
            ValueError,
            "storage must be one of 'auto', 'stored', 'streamed', 'deferred', got 'disk'",
        ),
        ({"rng": -1}, ValueError, "rng must not be negative, got -1"),
        ({"rng": 1.5}, TypeError, "rng must be None, an integer, a numpy SeedSequence"),
        ({"rng": True}, TypeError, "rng must be None, an integer, a numpy SeedSequence"),
        ({"rng": np.random.RandomState(0)}, TypeError, "rng must be None, an integer"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"threads": 1.0}, TypeError, "threads must be an integer, got 1.0"),
        ({"threads": 2**40}, ValueError, "threads must be at most 1024, got 1099511627776"),
    ],
)
def test_options_of_a_random_network(keywords, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Network.random((4, 3, 1), **keywords)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([], ValueError, "weights must hold at least one matrix"),
        (3, TypeError, "weights must be a sequence of matrices, got int"),
        ([np.ones((3, 2)), np.ones((1, 4))], ValueError,
         "weights[1] must have shape (fan_out, 3) to follow weights[0], got (1, 4)"),
        ([np.ones((2, 3)), np.ones((3, 4)), np.ones((4, 1))], ValueError,
         "got (3, 4); if these are (fan_in, fan_out), as in Keras and scikit-learn, pass"),
        ([np.ones((2, 3)), np.ones((3, 4)), np.ones((4, 1, 1))], ValueError,
         "weights[1] must have shape (fan_out, 2)"),
        ([np.ones((3, 2, 1)), np.ones(3)], ValueError,
         "weights[0] must be a matrix of shape (fan_out, fan_in), got (3, 2, 1)"),
        ([np.ones(3), np.ones(3)], ValueError, "weights[0] must be a matrix"),
        ([np.ones((3, 0)), np.ones(3)], ValueError, "weights[0] must be a matrix"),
        ([np.ones((3, 2)), [1, np.nan, 1]], ValueError,
         "weights[1] must be finite, got nan at index (1,)"),
        ([np.ones((3, 2)) * 1j, np.ones(3)], TypeError,
         "weights[0] must hold real numbers, got dtype complex128"),
        ([np.array([[None]]), np.ones(1)], TypeError, "weights[0] must hold real numbers"),
    ],
)  # fmt: skip
def test_given_weights(weights, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Network.from_weights(weights)


def test_given_weights_beyond_float32():
    weights = [np.full((2, 2), 1e200), np.ones(2)]
    assert Network.from_weights(weights).dtype == np.float64
    with pytest.raises(
        ValueError,
        match=re.escape("weights[0] must lie in the range of float32, got 1e+200 at index (0, 0)"),
    ):
        Network.from_weights(weights, dtype="float32")


@pytest.mark.parametrize("i", [0, 3, -1])
def test_layer_numbers(i):
    with pytest.raises(IndexError, match=f"i must be a layer from 1 to 2, got {i}"):
        NET.weights(i)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        (
            {"eta": "exactly"},
            ValueError,
            "eta must be a number or one of 'linear', 'paper', 'exact', 'flip', got",
        ),
        ({"eta": np.nan}, ValueError, "eta must be finite, got nan"),
        ({"eta": [[1.0]]}, ValueError, "got an array of shape (1, 1)"),
        ({"eta": None}, TypeError, "eta must hold real numbers"),
        ({"eta": 1j}, TypeError, "eta must hold real numbers, got dtype complex128"),
        ({"delta": 0}, ValueError, "delta must lie strictly between 0 and 1, got 0"),
        ({"delta": 1.0}, ValueError, "delta must lie strictly between 0 and 1, got 1.0"),
        ({"delta": 0.5j}, TypeError, "delta must be a number, got 0.5j of type complex"),
        ({"delta": "small"}, TypeError, "delta must be a number, got 'small' of type str"),
    ],
)
def test_options_of_a_step(keywords, error, message):
    with pytest.raises(error, match=re.escape(message)):
        gradient_step(NET, X, **keywords)


def test_a_number_may_be_an_array_without_axes():
    assert np.array_equal(
        gradient_step(NET, X, eta="paper", delta=np.array(0.1)).eta,
        gradient_step(NET, X, eta="paper", delta=0.1).eta,
    )


def test_zero_is_refused_by_the_theorem_only():
    with pytest.raises(ValueError, match=re.escape("x must not be 0: Theorem 1.1 asks for x ≠ 0")):
        gradient_step(NET, 0 * X)
    x = np.ones((3, 784))
    x[2] = 0
    with pytest.raises(ValueError, match=re.escape("x[2] must not be 0")):
        gradient_step(NET, x)
    for name in ("theorem-1.1", "lemma-2.2"):
        with pytest.raises(ValueError, match="x must not be 0"):
            check(name, widths=(784, 5, 1), x=0 * X)
    assert NET.forward(0 * X) == 0


def test_attack_wants_a_network():
    with pytest.raises(TypeError, match="net must be a Network, got list"):
        gradient_step([], X)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trials": 0}, ValueError, "trials must be at least 1, got 0"),
        ({"trials": 2.0}, TypeError, "trials must be an integer, got 2.0"),
        ({"delta": 2}, ValueError, "delta must lie strictly between 0 and 1, got 2"),
        ({"x": np.ones(5)}, ValueError, "x must have shape (4,) or (N, 4), got (5,)"),
        ({"x": np.ones((2, 4))}, ValueError, "x must be a single point of shape (4,), got (2, 4)"),
        ({"rng": "seed"}, TypeError, "rng must be None, an integer"),
        ({"colour": "red"}, TypeError, "got an unexpected keyword argument 'colour'"),
    ],
)
def test_options_of_the_checks(keywords, error, message):
    for name in ("theorem-1.1", "lemma-2.2"):
        with pytest.raises(error, match=re.escape(message)):
            check(name, widths=(4, 3, 1), **keywords)


def test_masked_entries_are_refused_not_used():
    """NumPy's own conversion drops the mask and takes what lies below it."""
    masked = np.ma.array(X, mask=False)
    assert NET.forward(masked) == NET.forward(X)
    masked[3] = np.ma.masked
    message = r"x must have no masked entries, got 1; .*\.filled"
    for points in (masked, masked[np.newaxis], [masked, X]):
        with pytest.raises(ValueError, match=message):
            NET.forward(points)
    for call, name in [
        (lambda a: gradient_step(NET, a), "x"),
        (lambda a: gradient_step(NET, X, eta=a[:5]), "eta"),
        (lambda a: flips(NET, X, points=a[np.newaxis]), "points"),
        (lambda a: flips(NET, X, a[3]), "radius"),
        (lambda a: line(NET, X, a, 1.0), "direction"),
        (lambda a: sample_ball(a, 1.0, 2), "x"),
        (lambda a: Network.from_weights([a[np.newaxis], [1.0]]), "weights[0]"),
        (lambda a: check("theorem-1.1", widths=NET.widths, x=a), "x"),
    ]:
        with pytest.raises(ValueError, match=re.escape(f"{name} must have no masked entries")):
            call(masked)


def test_unknown_statement():
    with pytest.raises(
        ValueError,
        match=r"statement must be one of 'theorem-1\.1', .*'lemma-2\.2', .*, got 'P = NP'",
    ):
        check("P = NP", widths=(4, 1))
    with pytest.raises(TypeError, match="missing a required argument: 'widths'"):
        check("theorem-1.1")
    for eta in ("longest", [1.0, 2.0], np.ones(2)):
        with pytest.raises(ValueError, match="eta must be a number or one of 'exact', 'shortest'"):
            check("theorem-1.1", widths=(4, 1), eta=eta)


def test_too_many_weights_are_refused_before_anything_is_allocated(monkeypatch):
    with pytest.raises(MemoryError, match=r"takes 4\.0 PB.*are free; choose storage='streamed'"):
        Network.random((10**9, 10**6, 1), storage="stored")
    with pytest.raises(MemoryError, match=r"the matrix W_1 takes 4\.0 PB"):
        Network.random((10**9, 10**6, 1), storage="streamed").weights(1)
    monkeypatch.setattr(memory, "available_bytes", lambda: 20_000_000)
    with pytest.raises(MemoryError, match=r"widths \(3000, 2000, 1\) takes 24\.0 MB, and 20\.0 MB"):
        Network.random((3000, 2000, 1), storage="stored")
    with pytest.raises(MemoryError, match=r"copying the weights takes 24\.0 MB"):
        Network.from_weights([np.ones((2000, 3000), np.float32), np.ones(2000, np.float32)])
    net = Network.random((3000, 10, 1), rng=0)
    x = np.ones((2000, 3000), np.float32)
    with pytest.raises(MemoryError, match=r"the gradients of 2000 points takes 24\.0 MB"):
        net.gradient(x)
    with pytest.raises(MemoryError, match=r"the hidden layers of 2000 points takes 24\.0 MB"):
        Network.random((5, 3000, 1)).preactivations(np.ones((2000, 5)))
    assert net.forward(x).shape == (2000,)


def test_values_beyond_the_arithmetic_are_an_error_not_a_nan():
    weights = [np.full((3, 3), 1e20, np.float32)] * 4 + [np.ones((1, 3), np.float32)]
    net = Network.from_weights(weights)
    for method in METHODS:
        with pytest.raises(OverflowError, match="leave the range of float32"):
            getattr(net, method)(np.ones(3))
    # … also where the ReLU, or a weight of the other sign, would hide it.
    for hidden in ([[1e30], [-1e30], [1.0]], [[-3e38], [[3.0]], [1.0]]):
        hidden = [np.reshape(w, (1, 1)).astype(np.float32) for w in hidden]
        with pytest.raises(OverflowError, match="leave the range of float32"):
            Network.from_weights(hidden).forward([1e9])
    assert np.isfinite(Network.from_weights(weights, dtype="float64").forward(np.ones(3)))
