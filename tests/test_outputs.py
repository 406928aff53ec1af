"""Networks of several outputs: values, Jacobians, decisions, and margins of two outputs."""

import copy
import pickle

import numpy as np
import pytest
import reference
from randrelu import (
    Network,
    flips,
    gradient_decomposition,
    gradient_deviation,
    line,
    worst_flips,
)
from randrelu._support import memory
from randrelu.measures.masked_product import masked_product_norm

SHAPES = [(5, 2), (3, 1, 3), (20, 30, 40, 10), (64, 63, 65, 2)]
DTYPES = ["float32", "float64"]
EXPLICIT = ["stored", "streamed"]
STORAGES = [*EXPLICIT, "deferred"]


def sample(net, points, seed=0):
    """Points that both dtypes hold exactly."""
    x = np.random.default_rng(seed).normal(size=(points, net.widths[0]))
    return x.astype(np.float32).astype(float)


# --- values and gradients


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_dtypes(shape, storage):
    k, d = shape[-1], shape[0]
    for dtype in DTYPES:
        net = Network.random(shape, rng=1, storage=storage, dtype=dtype)
        assert net.outputs == k and net.margin(0).outputs == 1
        for points, batch in [
            (sample(net, 4), (4,)),
            (sample(net, 0), (0,)),
            (sample(net, 1)[0], ()),
        ]:
            assert net.forward(points).shape == (*batch, k)
            assert net.jacobian(points).shape == (*batch, k, d)
            assert net.forward(points).dtype == net.jacobian(points).dtype == dtype
            for found in net.decision(points):
                assert np.shape(found) == batch and found.dtype == np.int64
    one = Network.random((*shape[:-1], 1), rng=1, storage=storage)
    x = sample(one, 4)
    assert one.outputs == 1 and one.jacobian(x).shape == (4, 1, d)


@pytest.mark.parametrize("bias", [0, 0.5])
@pytest.mark.parametrize("storage", EXPLICIT)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_jacobians_agree_with_plain_numpy(shape, dtype, storage, bias):
    net = Network.random(shape, rng=2, bias=bias, storage=storage, dtype=dtype)
    (weights, biases), x = reference.layers(net), sample(net, 20)
    bound = 2 * reference.preactivation_bounds(weights, x, dtype, biases)[-1]
    assert (np.abs(net.forward(x) - reference.outputs(weights, x, biases)) <= bound).all()
    masks = net.pattern(x).unpack()
    exact = reference.jacobian(weights, masks)
    bound = 2 * reference.jacobian_bound(weights, masks, dtype)
    found = net.jacobian(x)
    assert (np.abs(found - exact) <= bound).all()
    assert np.array_equal(net.jacobian(x, threads=3), found)
    for top in range(net.outputs):
        gap = net.margin(top).gradient(x) - found[:, top]
        assert (np.abs(gap) <= 2 * bound[:, top]).all()


def test_the_only_output_has_its_gradient_for_jacobian():
    net = Network.random((20, 30, 1), rng=0, bias=1.0, dtype="float64")
    x = sample(net, 5)
    weights, _ = reference.layers(net)
    bound = 2 * reference.gradient_bound(weights, net.pattern(x).unpack(), "float64")
    assert (np.abs(net.jacobian(x)[:, 0] - net.gradient(x)) <= bound).all()


def test_more_points_than_a_block_holds():
    net = Network.random((20, 30, 4), rng=8, bias=0.5, dtype="float64")
    x = sample(net, 2500)
    weights, biases = reference.layers(net)
    bound = 2 * reference.preactivation_bounds(weights, x, "float64", biases)[-1]
    assert (np.abs(net.forward(x) - reference.outputs(weights, x, biases)) <= bound).all()
    masks = net.pattern(x).unpack()
    bound = 2 * reference.jacobian_bound(weights, masks, "float64")
    assert (np.abs(net.jacobian(x) - reference.jacobian(weights, masks)) <= bound).all()


def test_jacobians_that_no_memory_holds_are_refused_before_any_is_made(monkeypatch):
    net = Network.random((1000, 2, 50), rng=0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 19_000_000)
    monkeypatch.setattr(Network, "_evaluate", None)
    with pytest.raises(MemoryError, match=r"gradients of 50 outputs at 100 points.*are free"):
        net.jacobian(np.ones((100, 1000)))


# --- decisions


@pytest.mark.parametrize("bias", [0, 0.5])
@pytest.mark.parametrize("storage", STORAGES)
def test_decisions_are_the_two_largest_outputs(storage, bias):
    net = Network.random((20, 30, 7), rng=3, bias=bias, storage=storage)
    x = sample(net, 200)
    top, runner_up = net.decision(x)
    order = np.argsort(-net.forward(x), axis=1, kind="stable")
    assert np.array_equal(top, order[:, 0]) and np.array_equal(runner_up, order[:, 1])
    assert len(set(top)) > 3
    assert net.decision(x[3]) == (top[3], runner_up[3])


@pytest.mark.parametrize(
    ("outputs", "decision"),
    [
        ([1, 1, 1], (0, 1)),
        ([0, 1, 1], (1, 2)),
        ([1, 0, 1], (0, 2)),
        ([1, 2, 1], (1, 0)),
        ([1, 1, 2], (2, 0)),
        ([2, 1, 1], (0, 1)),
        ([-1, -2, -1], (0, 2)),
        ([0.0, -0.0, -1], (0, 1)),
        ([-0.0, 0.0], (0, 1)),
    ],
)
def test_the_first_of_equal_outputs_decides(outputs, decision):
    net = Network.from_weights([np.zeros((len(outputs), 2))], [outputs])
    assert net.decision([1.0, 2.0]) == decision
    assert [a.tolist() for a in net.decision(np.ones((2, 2)))] == [[a, a] for a in decision]


def test_a_decision_is_not_that_of_one_output():
    with pytest.raises(ValueError, match="whose sign decides: see forward"):
        Network.random((3, 1), rng=0).decision(np.ones(3))


@pytest.mark.parametrize(
    "measure",
    [
        lambda net, x: net.gradient(x),
        lambda net, x: net.value_and_gradient(x),
        lambda net, x: gradient_deviation(net, x, 1.0, 3),
        lambda net, x: gradient_decomposition(net, x, 2 * x),
        lambda net, x: line(net, x, x + 1, 1.0),
    ],
)
def test_measures_of_one_number_name_the_margin(measure):
    net, x = Network.random((5, 4, 3), rng=0), np.arange(5.0)
    with pytest.raises(ValueError, match=r"has 3 outputs: take net\.margin\(top, other\)"):
        measure(net, x)
    measure(net.margin(2, 0), x)


@pytest.mark.parametrize("bias", [0, 0.5])
def test_measures_of_the_hidden_layers_do_not_see_the_outputs(bias):
    net = Network.random((20, 30, 40, 3), rng=0, bias=bias, dtype="float64")
    one, x = net.margin(1), np.ones(20)
    assert np.array_equal(
        flips(net, x, 1.0, 50, rng=0).counts, flips(one, x, 1.0, 50, rng=0).counts
    )
    for layer in (1, 2):
        several, single = (worst_flips(n, x, 2.0, layer=layer) for n in (net, one))
        assert (several.attained, several.certified) == (single.attained, single.certified)
        assert several.attained > 0
    assert masked_product_norm(net, x, 0, 2) == masked_product_norm(one, x, 0, 2) > 0


# --- margins


@pytest.mark.parametrize("bias", [0, 0.5])
@pytest.mark.parametrize("storage", EXPLICIT)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_margins_agree_with_plain_numpy(shape, dtype, storage, bias):
    net = Network.random(shape, rng=4, bias=bias, storage=storage, dtype=dtype)
    (weights, biases), x = reference.layers(net), sample(net, 12)
    values, masks = net.forward(x), net.pattern(x).unpack()
    bounds = reference.preactivation_bounds(weights, x, dtype, biases)[-1]
    for top, other in [(0, 1), (1, 0), (net.outputs - 1, 0)]:
        one = net.margin(top, other)
        assert one.widths == (*shape[:-1], 1) and one.dtype == net.dtype
        assert one.storage == storage and one.seed == net.seed
        w, b = reference.margin(weights, biases, top, other)
        exact = reference.forward(w, x, b)
        # Of either output, of their difference, of that of the biases, and of the sum.
        bound = 2 * (bounds[:, top] + bounds[:, other]) + 3 * np.finfo(dtype).eps * (
            np.abs(values[:, top]) + np.abs(values[:, other]) + 2 * np.abs(b[-1])
        )
        got = one.forward(x)
        assert got.shape == (12,) and (np.abs(got - exact) <= bound).all()
        if not bias:  # its outputs are those of the network, bit for bit
            assert np.array_equal(got, values[:, top] - values[:, other])
        size = [
            *(np.abs(v) for v in w[:-1]),
            np.abs(weights[-1][[top]]) + np.abs(weights[-1][[other]]),
        ]
        bound = 2 * reference.gradient_bound(size, masks, dtype)
        assert (np.abs(one.gradient(x) - reference.gradient(w, masks)) <= bound).all()
        for a, c in zip(one.pattern(x).unpack(), masks, strict=True):
            assert np.array_equal(a, c)
    for top in range(net.outputs):
        assert np.array_equal(net.margin(top).forward(x), values[:, top])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_margin_is_minus_that_of_the_other(dtype):
    net = Network.random((20, 30, 40, 10), rng=5, dtype=dtype, bias=0.5)
    x = sample(net, 30)
    a, b = net.margin(3, 8), net.margin(8, 3)
    assert np.array_equal(a.forward(x), -b.forward(x))
    assert np.array_equal(a.gradient(x), -b.gradient(x))


@pytest.mark.parametrize("storage", EXPLICIT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_and_biases_of_margins(dtype, storage):
    net = Network.random((6, 5, 4), rng=1, bias=0.5, dtype=dtype, storage=storage)
    w, b = net.weights(2), net.bias(2)
    single, double = net.margin(2), net.margin(2, 1)
    assert np.array_equal(single.weights(1), net.weights(1)) and single.depth == 1
    assert np.array_equal(single.weights(2), w[2:3]) and single.weights(2).dtype == w.dtype
    assert np.array_equal(single.bias(2), b[2:3]) and single.bias(2).dtype == b.dtype
    # Of two, in float64, where float32 numbers have their difference but for its last digits.
    assert np.array_equal(double.weights(2), w[2:3].astype(float) - w[1:2])
    assert np.array_equal(double.bias(2), b[2:3].astype(float) - b[1:2])
    assert np.array_equal(double.bias(1), net.bias(1)) and double.bias(1).dtype == np.float32
    # A margin of a margin is that margin.
    again, x = double.margin(0), np.ones(6)
    assert np.array_equal(again.weights(2), double.weights(2))
    assert np.array_equal(again.bias(2), double.bias(2)) and again.forward(x) == double.forward(x)


def test_a_margin_shares_the_weights_instead_of_copying_them():
    net = Network.random((600, 500, 400, 10), rng=0)
    margins = [net.margin(i, j) for i in range(10) for j in range(10) if i != j]
    assert all(np.shares_memory(m.weights(i), net.weights(i)) for m in margins for i in (1, 2))


@pytest.mark.parametrize("storage", EXPLICIT)
@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_margins_can_be_copied_and_sent_to_other_processes(again, storage):
    net = Network.random((6, 5, 4), rng=1, bias=0.5, storage=storage)
    given = Network.from_weights(
        reference.layers(net)[0], reference.layers(net)[1], ties="one", dtype="float32"
    )
    x = sample(net, 5)
    for one in (net.margin(2), net.margin(2, 1), given.margin(0, 3)):
        other = again(one)
        assert repr(other) == repr(one) and other.widths == one.widths and other.ties == one.ties
        assert np.array_equal(other.forward(x), one.forward(x))
    assert "f_2 − f_1" in repr(net.margin(2, 1)) and "f_2, init" in repr(net.margin(2))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4,), ValueError, "top"),
        ((-1,), ValueError, "top"),
        ((1.5,), TypeError, "top"),
        ((1, 4), ValueError, "other must be an output from 0 to 3 and not 1, got 4"),
        ((1, 1), ValueError, "other must be an output from 0 to 3 and not 1, got 1"),
        ((1, -1), ValueError, "other"),
        ((1, "a"), TypeError, "other"),
    ],
)
def test_margins_of_outputs_that_are_not_there_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Network.random((6, 5, 4), rng=1).margin(*arguments)


def test_jacobians_of_many_points_are_found_block_by_block():
    net = Network.random((3, 5, 300), rng=0, bias=0.1, dtype="float64")
    x = np.random.default_rng(0).normal(size=(20, 3))
    found = net.jacobian(x)
    assert found.shape == (20, 300, 3)
    for n in (0, 3, 19):
        np.testing.assert_allclose(found[n], net.jacobian(x[n]), rtol=1e-12, atol=1e-14)


def test_the_margin_of_the_only_output_is_the_network():
    net = Network.random((3, 5, 4), rng=0).margin(1, 2)
    assert net.margin(0) is net


def test_a_margin_of_many_outputs_takes_its_points_some_at_a_time():
    net = Network.random((2, 3, 30_000), rng=0, dtype="float64")
    x = np.random.default_rng(0).normal(size=(400, 2))
    outputs = net.forward(x)
    gaps = net.margin(7, 29_999).forward(x) - (outputs[:, 7] - outputs[:, 29_999])
    assert np.abs(gaps).max() < 1e-14
