"""Arrays with names: which belong together, in which order, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from randrelu.formats.named import chain_of_named

RNG = np.random.default_rng(0)


def layers(*widths, dtype="float32"):
    """Matrices (fan_out, fan_in) and biases that chain."""
    return [
        (RNG.normal(size=(b, a)).astype(dtype), RNG.normal(size=b).astype(dtype))
        for a, b in pairwise(widths)
    ]


def named(form, of):
    """Arrays by name, of patterns for the matrix and the bias, in an order that says nothing."""
    arrays = {}
    for i, (w, b) in reversed(list(enumerate(of, start=1))):
        arrays[form[1].format(i)] = b
        arrays[form[0].format(i)] = w
    return arrays


def assert_same(chain, expected):
    """The same bits: of the matrices, and of the biases or None."""
    assert chain.dim == expected[-1][0].shape[0]
    for got, want in zip(chain.weights, [w for w, _ in expected], strict=True):
        assert got.dtype == want.dtype and got.tobytes() == want.tobytes()
    for got, want in zip(chain.biases, [b for _, b in expected], strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            assert got.dtype == want.dtype and got.tobytes() == want.tobytes()


@pytest.mark.parametrize(
    "form",
    [
        ("{}.weight", "{}.bias"),
        ("model.layers.{}.weight", "model.layers.{}.bias"),
        ("fc{}.weight", "fc{}.bias"),
        ("W_{}", "b_{}"),
        ("W{}", "b{}"),
        ("dense_{}/kernel", "dense_{}/bias"),
        ("weights.{}", "biases.{}"),
        ("{}", "{}.bias"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_names_in_natural_order_are_the_layers(form, dtype):
    """Twelve layers: 10 comes after 9, though not as text; the same bits come out."""
    of = layers(*range(3, 16), dtype=dtype)
    if form[0] == "{}":
        of = [(w, None) for w, _ in of]
        arrays = {str(i): w for i, (w, _) in reversed(list(enumerate(of)))}
    else:
        arrays = named(form, of)
    assert_same(chain_of_named(arrays), of)


def test_a_layer_may_have_no_bias():
    (w1, b1), (w2, _) = of = layers(4, 3, 2)
    of[1] = (w2, None)
    assert_same(chain_of_named({"2.weight": w2, "0.bias": b1, "0.weight": w1}), of)


def test_numbers_compare_as_numbers_whatever_their_length():
    (w1, _), (w2, _) = layers(4, 3, 2)
    chain = chain_of_named({"9" * 5000 + "1": w2, "0" * 6000 + "9": w1})
    assert_same(chain, [(w1, None), (w2, None)])


def test_a_transposed_chain_is_recognised_when_only_that_fits():
    of = layers(4, 3, 2)
    arrays = {name: a.T if a.ndim == 2 else a for name, a in named(("W{}", "b{}"), of).items()}
    assert_same(chain_of_named(arrays), of)


def test_a_bias_alone_tells_that_a_matrix_is_transposed():
    ((w, b),) = of = layers(4, 3)
    assert_same(chain_of_named({"weight": w.T, "bias": b}), of)


def test_matrices_that_fit_both_ways_are_taken_as_they_are():
    of = layers(3, 3, 3)
    assert_same(chain_of_named(named(("{}.weight", "{}.bias"), of)), of)
    w = np.ones((5, 3), np.float32)
    assert chain_of_named({"weight": w}).weights[0].shape == (5, 3)


def test_float16_becomes_float32_exactly():
    ((w, b),) = layers(4, 3, dtype="float16")
    assert_same(
        chain_of_named({"weight": w, "bias": b}), [(w.astype("float32"), b.astype("float32"))]
    )


M = np.ones((3, 3), np.float32)
V = np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "expected a matrix, such as '0.weight', got nothing"),
        ({"0.bias": V}, "expected a matrix"),
        ({"0.weight": M, "1.bias": V}, "1.bias: expected a matrix of the same layer.*'0.weight'"),
        ({"0.weight": M, "1.weight": V}, "1.weight: expected a matrix of shape"),
        ({"0.weight": M[None, None]}, r"0.weight: expected a matrix.*got shape \(1, 1, 3, 3\)"),
        ({"0.weight": M, "0.kernel": M}, "0.kernel: expected one matrix.*'0.weight' too"),
        ({"0.weight": M, "0.bias": V, "0.b": V}, "0.b: expected one bias.*'0.bias' too"),
        (
            {"0.weight": M, "1.running_mean": V, "1.num_batches_tracked": np.int64(1)},
            "1.running_mean: .*batch normalization.*from_torch",
        ),
        (
            {"0.weight": M, "1.weight": M[:, :2], "2.weight": M},
            r"1.weight: expected shape \(fan_out, 3\).*got \(3, 2\)",
        ),
        ({"0.weight": M, "0.bias": V[:2]}, r"0.bias: expected shape \(3,\).*got \(2,\)"),
        ({"0.weight": M[:0]}, "0.weight: expected shape.*none of them 0"),
        ({"0.weight": M.astype(int)}, "0.weight: expected floating-point numbers, got dtype int"),
        ({"0.weight": M * np.inf}, "0.weight: expected finite numbers"),
        ({"0.weight": M, "0.bias": V * np.nan}, "0.bias: expected finite numbers"),
    ],
)
def test_what_is_no_chain_is_refused_by_name(arrays, words):
    with pytest.raises(ValueError, match=words):
        chain_of_named(arrays)
