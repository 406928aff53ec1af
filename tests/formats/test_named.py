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
        ("weights.{}", "biases.{}"),
        ("block{}_out/w", "block{}_out/b"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_names_in_natural_order_are_the_layers(form, dtype):
    """Twelve layers: 10 comes after 9, though not as text; the same bits come out."""
    of = layers(*range(3, 16), dtype=dtype)
    assert_same(chain_of_named(named(form, of)), of)


def test_names_may_be_numbers_alone():
    of = [(w, None) for w, _ in layers(*range(3, 16))]
    assert_same(chain_of_named({str(i): w for i, (w, _) in reversed(list(enumerate(of)))}), of)


@pytest.mark.parametrize("widths", [(3, 3, 3), (4, 3, 4), (3, 4, 2)])
@pytest.mark.parametrize("biases", [True, False])
def test_a_kernel_is_fan_in_by_fan_out(widths, biases):
    of = [(w, b if biases else None) for w, b in layers(*widths)]
    arrays = {}
    for place, (w, b) in zip(("Dense", "Dense_1"), of, strict=True):
        arrays[f"{place}/kernel:0"] = w.T
        if biases:
            arrays[f"{place}/bias:0"] = b
    assert_same(chain_of_named(arrays), of)


@pytest.mark.parametrize(
    "places",
    [
        ("fc", "fc2", "fc3"),
        ("dense", "dense_1", "dense_10"),
        ("net.0.linear", "net.2.linear", "net.10.linear"),
        ("4", "22.0", "22.2"),
    ],
)
def test_where_names_differ_in_numbers_these_are_the_order(places):
    """Square matrices fit in any order."""
    of = layers(3, 3, 3, 3)
    arrays = {}
    for place, (w, b) in reversed(list(zip(places, of, strict=True))):
        arrays |= {f"{place}.bias": b, f"{place}.weight": w}
    assert_same(chain_of_named(arrays), of)


def arrays_of(places, widths, biases=True):
    """The layers, and their arrays by names that are sorted as texts."""
    of = [(w, b if biases else None) for w, b in layers(*widths)]
    arrays = {f"{place}.weight": w for place, (w, _) in zip(places, of, strict=True)}
    if biases:
        arrays |= {f"{place}.bias": b for place, (_, b) in zip(places, of, strict=True)}
    return of, dict(sorted(arrays.items()))


@pytest.mark.parametrize(
    ("places", "widths"),
    [
        (("input", "hidden", "classifier"), (5, 4, 3, 2)),
        (("fc1", "fc2", "fc3", "embed_out"), (5, 3, 3, 3, 2)),
        (("stem", "blocks.0.a", "blocks.0.b", "blocks.1.a", "blocks.1.b"), (5, 3, 4, 3, 4, 2)),
        ((*(f"net.{i}" for i in range(40)), "head"), (*[3] * 41, 2)),
    ],
)
def test_where_names_differ_in_words_the_shapes_may_leave_one_order(places, widths):
    of, arrays = arrays_of(places, widths)
    assert_same(chain_of_named(arrays), of)
    of, arrays = arrays_of(places, widths, biases=False)
    assert_same(chain_of_named(arrays, transposable=False), of)


@pytest.mark.parametrize(
    ("places", "widths"),
    [
        (("encoder", "decoder"), (64, 32, 64)),
        (("input", "hidden", "output"), (64, 64, 64, 10)),
        (("layers.0", "embed_out"), (3, 3, 3)),
        (("blocks.0.b", "blocks.0.a", "blocks.1.a"), (3, 3, 3, 3)),
        (("W_1", "W1"), (3, 3, 3)),
        (tuple("zyxwvutsrq"), [3] * 11),
        ([f"{'abc'[i % 3]}{i}" for i in range(5000)], [1] * 5001),
    ],
)
def test_where_names_and_shapes_leave_several_orders_none_is_guessed(places, widths):
    for biases in (True, False):
        with pytest.raises(ValueError, match=r"several that chain; pass the nn\.Sequential"):
            chain_of_named(arrays_of(places, widths, biases)[1])


def test_a_search_without_an_end_is_refused():
    """Whatever the first twenty, the last one fits none: there are 20! orders to try."""
    _, arrays = arrays_of([*"abcdefghijklmnopqrst", "u"], [2] * 22)
    arrays["u.weight"], arrays["u.bias"] = np.ones((7, 5)), np.ones(7)
    with pytest.raises(ValueError, match="expected names that say the order"):
        chain_of_named(arrays)


def test_without_biases_words_do_not_say_which_way_a_file_has_its_matrices():
    """W_2 W_1 chains, and so does the transpose, in the other order."""
    of, arrays = arrays_of(("hidden", "classifier"), (784, 64, 10), biases=False)
    assert_same(chain_of_named(arrays, transposable=False), of)
    with pytest.raises(ValueError, match="several that chain"):
        chain_of_named(arrays)


def test_a_transposed_chain_is_refused_where_matrices_cannot_be():
    _, arrays = arrays_of(("0", "2"), (4, 3, 2), biases=False)
    turned = {name: a.T for name, a in arrays.items()}
    assert chain_of_named(turned).dim == 2
    with pytest.raises(ValueError, match=r"2.weight: expected weights of shape \(fan_out, 4\)"):
        chain_of_named(turned, transposable=False)


@pytest.mark.parametrize("prefix", ["", "net."])
def test_indices_without_room_for_a_relu_are_refused_beside_those_with_some(prefix):
    """Sequential(Linear, Linear, ReLU, Linear) has 0, 1 and 3; a list of layers 0, 1 and 2."""
    places = [f"{prefix}{i}" for i in (0, 1, 3)]
    with pytest.raises(ValueError, match=f"^{prefix}1.weight: .*room for a ReLU.*from_torch"):
        chain_of_named(arrays_of(places, (3, 3, 3, 3))[1])
    for room in ((0, 1, 2), (0, 2, 5), (0, 3, 6)):
        of, arrays = arrays_of([f"{prefix}{i}" for i in room], (3, 3, 3, 3))
        assert_same(chain_of_named(arrays), of)


@pytest.mark.parametrize(
    "name",
    [
        "0.weight_mask",
        "0.weight_orig",
        "0.bias_mask",
        "0.weight_g",
        "0.weight_v",
        "0.parametrizations.weight.original0",
        "0.parametrizations.weight.original",
        "0.lora_A.weight",
        "rnn.weight_ih_l0",
        "attention.in_proj_weight",
    ],
)
def test_a_part_of_another_layer_is_refused(name):
    arrays = {"0.weight": M, name: M, "2.weight": M}
    with pytest.raises(ValueError, match=f"^{name}: expected the matrix of a Linear.*prune.remove"):
        chain_of_named(arrays)


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
            r"1.weight: expected weights of shape \(fan_out, 3\).*got \(3, 2\).*from_weights",
        ),
        (
            {"0.weight": M, "0.bias": V[:2]},
            r"0.weight: expected a bias of shape \(3,\), got \(2,\)",
        ),
        ({"0.weight": M[:0]}, "0.weight: expected weights of shape.*none of them 0"),
        ({"0.weight": M.astype(int)}, "0.weight: expected floating-point numbers, got dtype int"),
        ({"0.weight": M * np.inf}, "0.weight: expected finite numbers"),
        ({"0.weight": M, "0.bias": V * np.nan}, "0.bias: expected finite numbers"),
    ],
)
def test_what_is_no_chain_is_refused_by_name(arrays, words):
    with pytest.raises(ValueError, match=words):
        chain_of_named(arrays)
