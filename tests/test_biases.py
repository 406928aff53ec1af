"""Biases: their stream, and values, patterns and gradients of networks that have them."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
import reference
from randrelu import Network, flips

SHAPES = [(1, 1), (5, 1), (3, 1, 2, 1), (64, 63, 65, 1), (17, 1100, 40, 1), (65, 128, 64, 63, 10)]
DTYPES = ["float32", "float64"]
STORAGES = ["stored", "streamed"]


def sample(shape, points, seed=0):
    """Points that both dtypes hold exactly."""
    x = np.random.default_rng(seed).normal(size=(points, shape[0]))
    return x.astype(np.float32).astype(float)


def given(shape, seed=0, **keywords):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairwise(shape)]
    return Network.from_weights(weights, [rng.normal(size=b) for b in shape[1:]], **keywords)


# --- the stream


@pytest.mark.parametrize("bias", [0.1, 3.0])
def test_biases_are_the_documented_normals(bias):
    """Each is within 4 ulp of the exact transform before it is scaled, and rounded once after."""
    shape = (3, 70, 200, 5)
    for seed in (0, 11, 2**64 - 1):
        net = Network.random(shape, rng=seed, bias=bias)
        scale = float(np.float32(bias))
        for i, width in enumerate(shape[1:], start=1):
            exact = reference.normals(seed, i, 0, -(-width // 64), purpose=5)[:width]
            got = net.bias(i)
            assert got.shape == (width,) and got.dtype == np.float32
            error = 4 * scale * np.spacing(np.abs(exact).astype(np.float32)).astype(float)
            error += np.spacing(np.abs(got)) / 2
            assert (np.abs(got - scale * exact) <= error).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", STORAGES)
def test_no_biases_change_nothing_and_biases_leave_the_weights(storage, dtype):
    shape = (20, 30, 40, 3)
    without, zero, some = (
        Network.random(shape, rng=5, storage=storage, dtype=dtype, **keywords)
        for keywords in ({}, {"bias": 0}, {"bias": 0.5})
    )
    assert not without.has_biases and not zero.has_biases and some.has_biases
    assert repr(zero) == repr(without) and "bias=0.5" in repr(some)
    x = sample(shape, 9)
    assert np.array_equal(zero.forward(x), without.forward(x))
    assert np.array_equal(zero.jacobian(x), without.jacobian(x))
    for i in (1, 2, 3):
        assert zero.bias(i) is None and some.bias(i).any()
        assert np.array_equal(zero.weights(i), without.weights(i))
        assert np.array_equal(some.weights(i), without.weights(i))


def test_a_deferred_network_without_biases_is_what_it_was():
    a, b = (
        Network.random((20, 30, 1), rng=5, storage="deferred", **k) for k in ({}, {"bias": 0.0})
    )
    assert a.forward(np.ones(20)) == b.forward(np.ones(20)) and b.bias(1) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_storage_has_the_same_biases(dtype):
    nets = [
        Network.random((20, 300, 40, 3), rng=8, bias=0.3, storage=storage, dtype=dtype)
        for storage in (*STORAGES, "deferred")
    ]
    for i in (1, 2, 3):
        assert all(np.array_equal(net.bias(i), nets[0].bias(i)) for net in nets)
    x = sample((20,), 40)
    assert np.array_equal(nets[0].forward(x), nets[1].forward(x))
    # A deferred network's biases are those that `bias` tells: at 0 no weight is asked.
    z = nets[2].preactivations(np.zeros(20))[0]
    assert np.array_equal(z, nets[0].bias(1))


# --- against plain NumPy


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("points", [0, 1, 4, 33])
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_agrees_with_plain_numpy(shape, points, dtype, storage):
    net = Network.random(shape, rng=points, bias=0.7, dtype=dtype, storage=storage)
    (weights, biases), x = reference.layers(net), sample(shape, points)
    bounds = [  # ours, and that of the reference in double
        2 * bound for bound in reference.preactivation_bounds(weights, x, dtype, biases)
    ]
    masks = []
    for got, a, bits, z, bound in zip(
        net.preactivations(x), net.activations(x), net.pattern(x).unpack(),
        reference.preactivations(weights, x, biases), bounds[:-1], strict=True,
    ):  # fmt: skip
        assert got.dtype == np.dtype(dtype) and (np.abs(got - z) <= bound).all()
        assert np.array_equal(a, np.maximum(got, 0)) and np.array_equal(bits, got > 0)
        masks.append(bits)
    values = net.forward(x).reshape(points, shape[-1])
    assert (np.abs(values - reference.outputs(weights, x, biases)) <= bounds[-1]).all()
    exact = reference.jacobian(weights, masks)
    bound = 2 * reference.jacobian_bound(weights, masks, dtype)
    assert (np.abs(net.jacobian(x) - exact) <= bound).all()
    if shape[-1] == 1:
        assert (np.abs(net.gradient(x) - exact[:, 0]) <= bound[:, 0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_and_batches_change_nothing(dtype):
    net = Network.random((300, 600, 200, 3), rng=6, bias=1.0, dtype=dtype)
    x = sample((300,), 700)
    whole = net.forward(x, threads=1)
    assert np.array_equal(net.forward(x, threads=3), whole)
    for first, last in [(0, 1), (3, 7), (512, 700)]:
        assert np.array_equal(net.forward(x[first:last]), whole[first:last])
    assert np.array_equal(net.forward(x[2]), whole[2])


@pytest.mark.parametrize("dtype", DTYPES)
def test_some_layers_may_have_no_bias(dtype):
    weights = [np.array([[1.0, 2], [-1, 0]]), np.array([[3.0, 1], [0, -1]]), np.array([[2.0, 5]])]
    x = np.array([[1.0, -1], [4, 2], [0, 0]])
    for biases in ([[1, -2], None, [7]], [None, [0.5, -0.25], None], [None] * 3):
        net = Network.from_weights(weights, biases, dtype=dtype)
        assert net.has_biases == any(b is not None for b in biases)
        for i, b in enumerate(biases, start=1):
            got = net.bias(i)
            assert got is None if b is None else got.tolist() == b and got.dtype == dtype
        plain = [None if b is None else np.array(b, float) for b in biases]
        assert net.forward(x).tolist() == reference.forward(weights, x, plain).tolist()


def test_biases_that_are_float64_make_the_network_so():
    w = [np.ones((2, 3), np.float32), np.ones((1, 2), np.float32)]
    b = np.array([0.1, 0.2])
    assert Network.from_weights(w).dtype == np.float32
    net = Network.from_weights(w, [b, None])
    assert net.dtype == np.float64 and net.bias(1).tolist() == b.tolist()
    b[0] = 9
    assert net.bias(1)[0] == 0.1  # a copy
    rounded = Network.from_weights(w, [b, None], dtype="float32").bias(1)
    assert rounded.dtype == np.float32 and np.array_equal(rounded, b.astype(np.float32))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("shape", [(5, 1), (6, 9, 1), (20, 64, 70, 3)])
def test_a_bias_is_a_weight_from_a_unit_that_is_always_1(shape, storage):
    net = Network.random(shape, rng=2, bias=0.8, storage=storage, dtype="float64")
    weights, biases = reference.layers(net)
    without = Network.from_weights(reference.appended(weights, biases))
    x = sample(shape, 30)
    one = np.column_stack([x, np.ones(30)])
    bounds = [2 * b for b in reference.preactivation_bounds(weights, x, "float64", biases)]
    pairs = zip(net.preactivations(x), without.preactivations(one), bounds[:-1], strict=True)
    for z, there, bound in pairs:
        assert (np.abs(z - there[:, :-1]) <= bound).all() and (there[:, -1] == 1).all()
        assert (np.abs(z) > bound).all()  # so the patterns are certain
    gap = (net.forward(x) - without.forward(one)).reshape(30, -1)
    assert (np.abs(gap) <= bounds[-1]).all()
    masks = net.pattern(x).unpack()
    for a, b in zip(masks, without.pattern(one).unpack(), strict=True):
        assert np.array_equal(a, b[:, :-1])
    bound = 2 * reference.jacobian_bound(weights, masks, "float64")
    assert (np.abs(net.jacobian(x) - without.jacobian(one)[..., :-1]) <= bound).all()


# --- units at exactly 0

# Units 0 to 149 of layer 1 are at 0 where x₁ = 1, by their biases; the last one is not. Layer 2 has
# three units that are at 0 for any x, two without a bias, and one that is not.
TIED = 150
AT_ZERO = np.column_stack([np.repeat([1.0, 2.0], [TIED, 1]), np.zeros(TIED + 1)])
SHIFTS = np.repeat([-1.0, 1.0], [TIED, 1])
NEXT = np.zeros((4, TIED + 1))
NEXT[3] = 1


def tied(ties):
    last = np.array([[1.0, 2, 4, 8]])
    return Network.from_weights([AT_ZERO, NEXT, last], [SHIFTS, None, [3.0]], ties=ties)


@pytest.mark.parametrize("ties", ["zero", "one", "coin"])
def test_a_unit_at_0_is_active_as_ties_say(ties):
    net = tied(ties)
    assert net.ties == ties
    fixed = {"zero": lambda *_: False, "one": lambda *_: True}
    bit = fixed.get(ties, lambda layer, unit: reference.coin(0, layer, unit))
    x = np.array([1.0, 5.0])
    first, second = net.pattern(x).unpack()
    expected = [bit(1, unit) for unit in range(TIED)]
    assert first.tolist() == [*expected, True]
    assert second.tolist() == [*(bit(2, unit) for unit in range(3)), True]
    assert len(set(expected)) == (2 if ties == "coin" else 1)
    # f = 8 (Σ_{j<150} σ(x₁ − 1) + σ(2x₁ + 1)) + 3
    assert net.forward(x) == 27
    slope = 8 * (sum(expected) + 2)
    for got in (net.gradient(x), net.value_and_gradient(x)[1], net.jacobian(x)[0]):
        assert got.tolist() == [slope, 0]
    # Above x₁ = 1 all are active, and below none.
    counts = flips(net, x, points=[[2.0, 0], [0.5, 0]]).counts[:, 0]
    assert counts.tolist() == [TIED - sum(expected), sum(expected)]


def test_ties_are_kept_by_margins_and_copies():
    weights, biases = [AT_ZERO, np.ones((2, TIED + 1))], [SHIFTS, None]
    net = Network.from_weights(weights, biases, ties="one")
    for other in (net.margin(0), net.margin(1, 0), pickle.loads(pickle.dumps(net))):
        assert other.ties == "one"
        assert other.pattern([1.0, 0]).unpack()[0].all()
    assert Network.from_weights(weights, biases).ties == Network.random((2, 1)).ties == "coin"


# --- copies, and what is refused


@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_have_the_biases(again):
    nets = [
        Network.random((8, 6, 3), rng=3, bias=0.25, dtype="float64"),
        Network.random((8, 6, 3), rng=3, bias=0.25, storage="streamed"),
        given((8, 6, 3), dtype="float32", ties="one"),
        Network.from_weights([np.eye(4, 8), np.ones(4)], [None, [2.0]], ties="zero"),
    ]
    for net in nets:
        other = again(net)
        assert repr(other) == repr(net) and other.ties == net.ties
        for i in (1, 2):
            a, b = net.bias(i), other.bias(i)
            assert (a is b is None) or (np.array_equal(a, b) and a.dtype == b.dtype)
        x = sample(net.widths, 5)
        assert np.array_equal(net.forward(x), other.forward(x))
    assert len(pickle.dumps(nets[0])) < 250


W = (np.ones((3, 2)), np.ones((1, 3)))


@pytest.mark.parametrize(
    ("biases", "error", "message"),
    [
        ([np.ones(3)], ValueError, "biases"),
        ([np.ones(3), np.ones(1), np.ones(1)], ValueError, "biases"),
        ([np.ones(2), None], ValueError, r"biases\[0\]"),
        ([np.ones((3, 1)), None], ValueError, r"biases\[0\]"),
        ([None, np.array([np.nan])], ValueError, r"biases\[1\]"),
        ([None, np.array([np.inf])], ValueError, r"biases\[1\]"),
        ([np.array(["a", "b", "c"]), None], TypeError, r"biases\[0\]"),
        ([np.ones(3) * 1j, None], TypeError, r"biases\[0\]"),
    ],
)
def test_biases_that_do_not_fit_are_refused_by_name(biases, error, message):
    with pytest.raises(error, match=message):
        Network.from_weights(W, biases)


def test_what_else_is_refused():
    with pytest.raises(ValueError, match="float32"):
        Network.from_weights(W, [None, [1e39]], dtype="float32")
    with pytest.raises(ValueError, match="ties must be"):
        Network.from_weights(W, ties="two")
    for bias in (-1.0, np.nan, np.inf, 1e38):
        with pytest.raises(ValueError, match="bias must be"):
            Network.random((2, 3, 1), bias=bias)
    assert np.isfinite(Network.random((2, 10**6, 1), bias=4e37).bias(1)).all()
    with pytest.raises(TypeError, match="bias must be"):
        Network.random((2, 3, 1), bias="a")
    net = given((2, 3, 1))
    for i in (0, 3):
        with pytest.raises(IndexError, match="i must be a layer from 1 to 2"):
            net.bias(i)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bias_that_takes_a_value_out_of_range_is_an_overflow(dtype):
    largest = float(np.finfo(dtype).max)
    net = Network.from_weights([np.ones((1, 1)), np.ones((1, 1))], [None, [largest]], dtype=dtype)
    assert net.forward([1.0]) == largest
    with pytest.raises(OverflowError, match=dtype):
        net.forward([largest])
