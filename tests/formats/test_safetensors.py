"""Matrices and biases in a .safetensors, under the names that people give them."""

import json
import struct
import sys

import numpy as np
import pytest
from formats.hostile import EXAMPLES, FLIPS, attempt, finite, flipped, refused
from hypothesis import given
from randrelu.formats.safetensors import read_safetensors, safetensors_bytes

safetensors_numpy = pytest.importorskip("safetensors.numpy")

RNG = np.random.default_rng(0)
W_1, b_1 = RNG.normal(size=(4, 3)).astype(np.float32), RNG.normal(size=4).astype(np.float32)
W_2, b_2 = RNG.normal(size=(2, 4)).astype(np.float32), RNG.normal(size=2).astype(np.float32)


def plain(tensors):
    """A file, written from its description: eight bytes, a JSON header, the numbers."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        ends = [len(data), len(data) + len(content)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": ends}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(array, dtype="F32"):
    return dtype, list(array.shape), array.tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "net.safetensors"
        path.write_bytes(content)
        return path

    return write


NAMES = [
    ("0.weight", "0.bias", "2.weight", "2.bias"),  # nn.Sequential
    ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
    (
        "model.layers.9.weight",
        "model.layers.9.bias",
        "model.layers.10.weight",
        "model.layers.10.bias",
    ),
    ("W_1", "b_1", "W_2", "b_2"),
    ("W9", "b9", "W10", "b10"),
    ("hidden_w", "hidden_b", "out_w", "out_b"),
]


@pytest.mark.parametrize("names", NAMES)
def test_names_are_paired_and_put_into_their_natural_order(tmp_path, names):
    arrays = dict(zip(names, (W_1, b_1, W_2, b_2), strict=True))
    safetensors_numpy.save_file(arrays, tmp_path / "net.safetensors")
    chain = read_safetensors(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(chain.weights[0], W_1)
    np.testing.assert_array_equal(chain.weights[1], W_2)
    np.testing.assert_array_equal(chain.biases[0], b_1)
    np.testing.assert_array_equal(chain.biases[1], b_2)
    assert chain.input_range is None


def test_a_tensor_that_only_the_metadata_name_is_refused(tmp_path):
    """What save_model writes of layers that share their weights."""
    shared, last = np.ones((4, 4), np.float32), W_2
    path = tmp_path / "n"
    metadata = {"format": "pt", "2.weight": "0.weight"}
    safetensors_numpy.save_file({"0.weight": shared, "4.weight": last}, path, metadata)
    with refused(path, "2.weight", "another name of '0.weight'", "save_file"):
        read_safetensors(path)
    safetensors_numpy.save_file(
        {"0.weight": shared, "2.weight": shared, "4.weight": last}, path, metadata
    )
    assert len(read_safetensors(path).weights) == 3


def test_a_bias_may_be_absent(tmp_path):
    safetensors_numpy.save_file({"0.weight": W_1, "2.weight": W_2, "2.bias": b_2}, tmp_path / "n")
    chain = read_safetensors(tmp_path / "n")
    assert chain.biases[0] is None
    np.testing.assert_array_equal(chain.biases[1], b_2)


def test_a_chain_that_fits_only_transposed_is(tmp_path):
    arrays = {"0.kernel": W_1.T.copy(), "0.bias": b_1, "1.kernel": W_2.T.copy(), "1.bias": b_2}
    safetensors_numpy.save_file(arrays, tmp_path / "n")
    chain = read_safetensors(tmp_path / "n")
    np.testing.assert_array_equal(chain.weights[0], W_1)
    np.testing.assert_array_equal(chain.weights[1], W_2)


def test_a_bias_says_that_a_single_matrix_is_transposed(tmp_path):
    safetensors_numpy.save_file({"kernel": W_1.T.copy(), "bias": b_1}, tmp_path / "n")
    np.testing.assert_array_equal(read_safetensors(tmp_path / "n").weights[0], W_1)


def test_what_fits_both_ways_is_fan_out_by_fan_in(tmp_path):
    square = RNG.normal(size=(3, 3)).astype(np.float32)
    safetensors_numpy.save_file({"0.weight": square, "1.weight": square + 1}, tmp_path / "n")
    chain = read_safetensors(tmp_path / "n")
    np.testing.assert_array_equal(chain.weights[0], square)
    np.testing.assert_array_equal(chain.weights[1], square + 1)


def test_float64_stays_and_float16_becomes_float32(tmp_path):
    for dtype, expected in (("f8", "f8"), ("f4", "f4"), ("f2", "f4")):
        safetensors_numpy.save_file({"weight": W_1.astype(dtype)}, tmp_path / "n")
        (weights,) = read_safetensors(tmp_path / "n").weights
        assert weights.dtype == expected
        np.testing.assert_array_equal(weights, W_1.astype(dtype))


def test_bfloat16_becomes_float32(write):
    # Sign, eight bits of exponent, seven of fraction: 1, −2, 3.140625 and 2^−126.
    bits = np.array([[0x3F80, 0xC000], [0x4049, 0x0080]], "<u2")
    (weights,) = read_safetensors(write(plain({"w": tensor(bits, "BF16")}))).weights
    assert weights.dtype == np.float32
    assert weights.tolist() == [[1.0, -2.0], [3.140625, 2.0**-126]]


@pytest.mark.parametrize("biases", [(b_1, b_2), (None, b_2), (None, None)])
def test_what_is_written_is_read(write, biases):
    path = write(safetensors_bytes([W_1, np.asfortranarray(W_2)], biases))
    loaded = safetensors_numpy.load_file(path)
    expected = {"0.weight", "2.weight"} | {f"{2 * i}.bias" for i in (0, 1) if biases[i] is not None}
    assert set(loaded) == expected
    np.testing.assert_array_equal(loaded["2.weight"], W_2)
    chain = read_safetensors(path)
    assert [w.tobytes() for w in chain.weights] == [W_1.tobytes(), W_2.tobytes()]
    assert [b is None for b in chain.biases] == [b is None for b in biases]


REFUSED = {
    "nothing": (b"",),
    "text": (b"0.weight = [[1, 2], [3, 4]]\n", "header"),
    "no tensors": (plain({}), "expected a matrix", "nothing"),
    "a header of 10^12 bytes": (struct.pack("<Q", 10**12) + b"{}", "header", "1000000000000"),
    "a header that is no object": (struct.pack("<Q", 2) + b"[]", "broken"),
    "a shape of 10^12": (plain({"w": ("F32", [10**6, 10**6], b"")}), "broken"),
    "a shape of 10^30": (plain({"w": ("F32", [10**15, 10**15], b"")}), "broken"),
    "a type that is none": (plain({"w": ("F33", [1, 1], bytes(4))}), "broken"),
    "integers": (
        plain({"0.weight": tensor(np.ones((2, 2), "i4"), "I32")}),
        "0.weight",
        "I32",
        "BF16",
    ),
    "eight bits": (plain({"w": tensor(np.ones((2, 2), "u1"), "F8_E4M3")}), "w", "F8_E4M3"),
    "NaN": (plain({"0.weight": tensor(np.float32([[1, np.nan]]))}), "0.weight", "NaN"),
    "infinity in bfloat16": (plain({"w": tensor(np.full((1, 1), 0x7F80, "<u2"), "BF16")}), "inf"),
    "no rows": (plain({"w": tensor(np.ones((0, 3), "f4"))}), "w", "(0, 3)"),
    "a scalar": (plain({"w": tensor(np.float32(1).reshape(()))}), "w", "()"),
    "three axes": (plain({"w": tensor(np.ones((2, 2, 2), "f4"))}), "w", "(2, 2, 2)"),
    "a chain that breaks": (
        plain({"0.weight": tensor(W_1), "2.weight": tensor(W_1)}),
        "2.weight",
        "(fan_out, 4)",
        "(4, 3)",
    ),
    "a bias that is short": (plain({"0.weight": tensor(W_1), "0.bias": tensor(b_2)}), "(2,)"),
    "a bias of no matrix": (plain({"0.weight": tensor(W_1), "2.bias": tensor(b_1)}), "2.bias"),
    "two matrices of a name": (
        plain({"0.weight": tensor(W_1), "0.kernel": tensor(W_1)}),
        "0.weight",
        "0.kernel",
    ),
    "integers of 64 bits": (plain({"w": tensor(np.ones((2, 2), "i8"), "I64")}), "w", "int64"),
    "a batch normalization": (
        plain(
            {
                "1.running_mean": tensor(b_1),
                "1.num_batches_tracked": tensor(np.zeros((), "i8"), "I64"),
                "0.weight": tensor(W_1),
            }
        ),
        "batch normalization",
        "Network.from_torch",
    ),
    "100 000 tensors": (
        plain({f"{i}.weight": ("F32", [1, 1], bytes(4)) for i in range(10**5)}),
        "header of at most 1000000 bytes",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(write, what):
    content, *words = REFUSED[what]
    path = write(content)
    with refused(path, *words):
        read_safetensors(path)


def test_10_001_tensors_are_not_written():
    one = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match="at most 10000 matrices and biases, got 10001"):
        safetensors_bytes([one] * 10_001, [None] * 10_001)


def test_without_the_package_the_extra_is_named(write, monkeypatch):
    path = write(safetensors_bytes([W_1], [b_1]))
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"randrelu\[safetensors\]"):
        read_safetensors(path)
    with pytest.raises(ImportError, match=r"randrelu\[safetensors\]"):
        safetensors_bytes([W_1], [b_1])


def test_a_file_that_is_cut_is_refused(write):
    content = safetensors_bytes([W_1, W_2], [b_1, b_2])
    for end in range(len(content)):
        assert attempt(read_safetensors, write(content[:end])) is None


@EXAMPLES
@given(flips=FLIPS)
def test_other_bytes_are_refused_or_finite(tmp_path_factory, flips):
    content = flipped(safetensors_bytes([W_1, W_2], [b_1, b_2]), flips)
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    chain = attempt(read_safetensors, path)
    assert chain is None or finite(chain)
