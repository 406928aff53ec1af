"""Maps in file order become layers: each case is evaluated map by map, in float64."""

import numpy as np
import pytest
from randrelu.formats.chain import LARGEST, Chain

RNG = np.random.default_rng(0)
W = {shape: RNG.normal(size=shape).astype(np.float32) for shape in [(4, 3), (5, 4), (3, 3)]}
B3, B4, B5 = (RNG.normal(size=n).astype(np.float32) for n in (3, 4, 5))
ORDER3, ORDER4 = np.array([2, 0, 1]), np.array([1, 3, 0, 2])

MAPS = {
    "linear": lambda x, w, b=None: w.astype(float) @ x + (0 if b is None else b),
    "add": lambda x, b: x + b,
    "multiply": lambda x, c: x * c,
    "reorder": lambda x, order: x[order],
    "relu": lambda x: np.maximum(x, 0),
}

CASES = {
    "two layers": [("linear", W[4, 3], B4), ("relu",), ("linear", W[5, 4], None)],
    "two matrices": [("linear", W[4, 3], B4), ("linear", W[5, 4], B5)],
    "order, then a matrix": [("reorder", ORDER3), ("linear", W[4, 3])],
    "two orders": [("reorder", ORDER3), ("reorder", ORDER3), ("linear", W[4, 3])],
    "an order of outputs": [("linear", W[4, 3], B4), ("reorder", ORDER4)],
    "everything before a matrix": [
        ("multiply", B3),
        ("reorder", ORDER3),
        ("add", B3),
        ("multiply", np.float32(3)),
        ("reorder", ORDER3),
        ("linear", W[4, 3], B4),
    ],
    "everything after a matrix": [
        ("linear", W[4, 3], B4),
        ("multiply", B4),
        ("reorder", ORDER4),
        ("add", B4),
        ("multiply", np.float32(-2)),
        ("add", np.float32(1)),
    ],
    "no matrix": [("multiply", B3), ("reorder", ORDER3), ("add", B3), ("relu",)],
    "a ReLU first": [("relu",), ("linear", W[4, 3])],
    "a ReLU last": [("linear", W[4, 3], B4), ("relu",)],
    "a ReLU of a ReLU": [("relu",), ("reorder", ORDER3), ("relu",), ("linear", W[4, 3])],
    "a ReLU of what a ReLU was shifted to": [("relu",), ("add", B3), ("relu",)],
    "a ReLU of what a ReLU was multiplied with": [("relu",), ("multiply", B3), ("relu",)],
    "zeros": [("add", np.zeros(3, np.float32)), ("linear", W[4, 3]), ("add", 0 * B4), ("add", B4)],
    "no map": [],
}


def chain_of(maps, dim=3):
    chain = Chain(dim)
    for name, *arguments in maps:
        getattr(chain, name)(*arguments)
    return chain.finish()


def forward(chain, x):
    for i, (weights, bias) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        x = np.maximum(x, 0) if i else x
        x = weights.astype(np.float64) @ x + (0 if bias is None else bias.astype(np.float64))
    return x


@pytest.mark.parametrize("maps", CASES.values(), ids=CASES)
def test_the_layers_compute_what_the_maps_do(maps):
    chain = chain_of(maps)
    for x in RNG.normal(size=(20, 3)):
        y, size = x, np.abs(x)  # the size bounds every sum of absolute values on the way
        for name, *arguments in maps:
            y = MAPS[name](y, *arguments)
            if name != "reorder":
                arguments = [None if a is None else np.abs(a) for a in arguments]
            size = MAPS[name](size, *arguments)
        # Of each number at most 2 · 6 maps with sums of 5 terms, there and here.
        assert np.all(np.abs(forward(chain, x) - y) <= 120 * np.finfo(float).eps * size)


@pytest.mark.parametrize(
    "before",
    [[], [("reorder", ORDER3), ("reorder", np.argsort(ORDER3))], [("add", np.zeros(3))]],
    ids=["alone", "an order and its inverse", "zeros"],
)
@pytest.mark.parametrize("after", [[], [("add", np.zeros(4))]], ids=["alone", "zeros"])
def test_a_matrix_and_a_bias_are_kept_bit_for_bit(before, after):
    chain = chain_of([*before, ("linear", W[4, 3], B4), *after])
    assert chain.weights[0].tobytes() == W[4, 3].tobytes()
    assert chain.biases[0].tobytes() == B4.tobytes()
    assert chain.weights[0].dtype == chain.biases[0].dtype == np.float32


def test_zeros_with_a_sign_are_kept():
    (bias,) = chain_of([("linear", W[4, 3], np.full(4, -0.0, np.float32))]).biases
    assert np.signbit(bias).all()


def test_an_order_moves_the_columns_and_nothing_else():
    (weights,) = chain_of([("reorder", ORDER3), ("linear", W[4, 3])]).weights
    assert weights.dtype == np.float32
    assert np.array_equal(weights[:, ORDER3], W[4, 3])


def test_folding_is_in_float64():
    chain = chain_of([("linear", W[3, 3], B3), ("linear", W[4, 3], B4)])
    assert chain.weights[0].dtype == chain.biases[0].dtype == np.float64


def test_a_relu_of_relus_makes_no_layer():
    assert len(chain_of(CASES["a ReLU of a ReLU"]).weights) == 2
    assert len(chain_of(CASES["a ReLU of what a ReLU was shifted to"]).weights) == 3


@pytest.mark.parametrize("shape", [(4, 2), (0, 3), (3,), (1, 4, 3)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected weights of shape \(fan_out, 3\)"):
        Chain(3).linear(np.zeros(shape))


@pytest.mark.parametrize(
    "maps",
    [
        [("linear", np.full((1, 1), 1e200)), ("linear", np.full((1, 1), 1e200))],
        [("linear", np.ones((1, 1)), np.full(1, 1e200)), ("multiply", np.float64(1e200))],
        [("multiply", np.float64(1e200)), ("multiply", np.float64(1e200))],
        [("add", np.full(1, 1.7e308)), ("add", np.full(1, 1.7e308))],
        [("multiply", np.float64(1e200)), ("linear", np.full((1, 1), 1e200))],
    ],
)
def test_an_overflow_of_folding_is_refused(maps):
    with pytest.raises(ValueError, match="range of float64"):
        chain_of(maps, dim=1)


def test_what_would_be_larger_than_all_that_was_given_is_refused():
    wide = int(LARGEST**0.5) + 4
    with pytest.raises(ValueError, match=f"{wide} units"):
        Chain(wide).relu()
    chain = Chain(wide)
    chain.linear(np.ones((1, wide), np.float32))
    with pytest.raises(ValueError, match="got the product of"):
        chain.linear(np.ones((wide, 1), np.float32))


@pytest.mark.parametrize(("held", "layers"), [(10, 8), (10**6, 16)])
def test_all_layers_together_are_bounded_by_what_the_file_has(held, layers):
    """Of 500 units an identity has LARGEST / 8 entries, and of 10⁶ twice as many fit besides."""
    chain = Chain(500, held=held)
    for _ in range(layers):
        chain.add(np.ones(500))
        chain.relu()
    chain.add(np.ones(500))
    with pytest.raises(
        ValueError, match=f"an identity, .* 500 units after layers of {layers * 250_000}"
    ):
        chain.relu()


def test_a_matrix_for_each_layer_is_always_taken():
    square = np.zeros((1000, 1000), np.float32)
    chain = Chain(1000)
    for _ in range(9):
        chain.linear(square)
        chain.relu()
    assert len(chain.weights) == 9


def test_maps_that_take_long_to_fold_are_refused():
    chain = Chain(400)
    chain.linear(np.eye(400))
    for _ in range(725):  # of (10⁸ + 100 · 400²) / 400²
        chain.multiply(np.float64(-1))
    with pytest.raises(ValueError, match="computing at most"):
        chain.multiply(np.float64(-1))
