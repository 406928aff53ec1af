"""The text format .nnet: what the file says, line by line."""

from itertools import pairwise

import numpy as np
import pytest
from formats.hostile import EXAMPLES, FLIPS, attempt, finite, flipped, refused, same
from hypothesis import given
from hypothesis import strategies as st
from randrelu.formats.nnet import read_nnet

# Powers of two, so that folding them rounds nothing.
MEANS, RANGES = [1.0, -2.0, 0.5, 4.0], [2.0, 4.0, 0.5, 8.0]
LOWEST, HIGHEST = [-1.0, -2.0, 0.0], [1.0, 6.0, 0.25]


def network(sizes, seed=0):
    """Weights and biases with a few bits each."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(sizes))
    weights = [rng.integers(-9, 10, size=(b, a)) / 4 for a, b in pairs]
    return weights, [rng.integers(-9, 10, size=b) / 4 for _, b in pairs]


def text(weights, biases, *, ends=(LOWEST, HIGHEST), means=MEANS, ranges=RANGES, comma=","):
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    rows = [[len(weights), sizes[0], sizes[-1], max(sizes)], sizes, [0], *ends, means, ranges]
    for w, b in zip(weights, biases, strict=True):
        rows += [*w.tolist(), *([value] for value in b.tolist())]
    return "// a network\n// of the tests\n" + "".join(
        ",".join(map(repr, row)) + comma + "\n" for row in rows
    )


def evaluate(weights, biases, x, means=MEANS, ranges=RANGES):
    """The network of raw inputs and outputs, as the format defines it."""
    y = [(value - m) / r for value, m, r in zip(x, means, ranges, strict=False)]
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        y = [
            sum(a * c for a, c in zip(row, y, strict=True)) + e for row, e in zip(w, b, strict=True)
        ]
        if i < len(weights) - 1:
            y = [max(value, 0.0) for value in y]
    if len(means) > len(x):
        y = [value * ranges[-1] + means[-1] for value in y]
    return y


def forward(chain, x):
    for i, (w, b) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        x = w @ x + b
        if i < len(chain.weights) - 1:
            x = np.maximum(x, 0)
    return x


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "net.nnet"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 5, 5, 1), (3, 2)])
def test_the_network_is_that_of_the_raw_inputs_and_outputs(write, sizes):
    weights, biases = network(sizes)
    chain = read_nnet(write(text(weights, biases)))
    for x in np.random.default_rng(1).integers(-40, 40, size=(20, 3)) / 4:
        assert forward(chain, x).tolist() == evaluate(weights, biases, x)  # nothing is rounded
    np.testing.assert_array_equal(chain.input_range, [LOWEST, HIGHEST])
    assert all(a.dtype == np.float64 for a in (*chain.weights, *chain.biases))


def test_inputs_outside_of_the_range_are_not_clipped(write):
    weights, biases = network((3, 4, 2))
    chain = read_nnet(write(text(weights, biases)))
    x = np.array([100.0, -50.0, 30.0])
    assert forward(chain, x).tolist() == evaluate(weights, biases, x)


def test_the_normalized_network_is_the_file_s_bit_for_bit(write):
    weights, biases = network((3, 4, 2))
    weights[0][0, 0] = 0.1  # no power of two
    chain = read_nnet(write(text(weights, biases, ranges=[3.0, 7.0, 1.1, 9.0])), normalized=True)
    for ours, theirs in zip(chain.weights + chain.biases, weights + biases, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_range_of_the_normalized_network_is_in_its_own_units(write):
    weights, biases = network((3, 4, 2))
    content = text(weights, biases, ranges=[2.0, -4.0, 0.5, 8.0])
    lowest, highest = read_nnet(write(content), normalized=True).input_range
    # (−1 − 1) / 2, (6 + 2) / −4, (0 − 0.5) / 0.5 and so on: a range below 0 swaps the ends.
    np.testing.assert_array_equal(lowest, [-1.0, -2.0, -1.0])
    np.testing.assert_array_equal(highest, [0.0, 0.0, -0.5])


def test_without_a_mean_of_the_outputs_these_are_not_normalized(write):
    weights, biases = network((3, 4, 2))
    chain = read_nnet(write(text(weights, biases, means=MEANS[:3], ranges=RANGES[:3])))
    x = np.array([1.0, 2.0, -3.0])
    assert forward(chain, x).tolist() == evaluate(weights, biases, x, MEANS[:3], RANGES[:3])


def odd_texts():
    plain = text(*network((3, 4, 2)))
    lines = plain.splitlines()
    yield "no trailing commas", text(*network((3, 4, 2)), comma="")
    yield "no line end at the end", plain.removesuffix("\n")
    yield "Windows", plain.replace("\n", "\r\n")
    yield "blank lines", plain.replace("\n", "\n\n  \n")
    yield "a comment further down", "\n".join([*lines[:12], "// more", *lines[12:]])
    yield "no comment", "\n".join(lines[2:])
    yield "spaces", plain.replace(",", " , ")
    yield "letters in a comment", "// Grüße\n" + plain
    yield (
        "weights with commas, biases without",
        "\n".join(line.removesuffix(",") if line.count(",") == 1 else line for line in lines),
    )


@pytest.mark.parametrize(("what", "content"), list(odd_texts()))
def test_ways_to_write_the_same_file(write, what, content):
    plain = read_nnet(write(text(*network((3, 4, 2)))))
    odd = read_nnet(write(content))
    assert same(plain, odd)
    np.testing.assert_array_equal(odd.input_range, plain.input_range)


@pytest.mark.parametrize("comma", [",", ""])
def test_empty_lines_of_minima_and_maxima_are_no_range(write, comma):
    content = text(*network((3, 4, 2)), ends=([], []), comma=comma)
    chain = read_nnet(write(content))
    assert chain.input_range is None
    assert same(chain, read_nnet(write(text(*network((3, 4, 2))))))


def edited(number, line):
    lines = text(*network((3, 4, 2))).splitlines()
    lines[number - 1] = line
    return "\n".join(lines) + "\n"


REFUSED = {
    "nothing": ("", "line"),
    "only comments": ("// a\n// b\n", "line"),
    "bytes": (bytes(range(256)) * 8, "line 1"),
    "a header of words": (edited(3, "two,3,2,4,"), "line 3", "'two'"),
    "a header of reals": (edited(3, "2.5,3,2,4,"), "line 3", "'2.5'"),
    "a short header": (edited(3, "2,3,2,"), "line 3", "got 3"),
    "layers below 0": (edited(3, "-1,3,2,4,"), "line 4"),
    "no layers": (edited(3, "0,3,2,4,"), "line 4"),
    "a layer more": (
        edited(3, "3,3,2,4,"),
        "line 4",
        "expected 4 integers, the sizes of the layers, got 3",
    ),
    "other inputs": (edited(3, "2,5,2,4,"), "line 4", "5 inputs"),
    "an empty layer": (edited(4, "3,0,2,"), "line 4", "(3, 0, 2)"),
    "a layer below 0": (edited(4, "3,-4,2,"), "line 4", "(3, -4, 2)"),
    "a wide layer": (edited(4, f"3,{10**12},2,"), "line 4", "bytes"),
    "a size of many digits": (edited(4, f"3,{'9' * 5000},2,"), "line 4"),
    "a wider layer": (edited(4, "3,5,2,"), "expected 21 lines", "got 19"),
    "minima that are short": (edited(6, "-1.0,-2.0,"), "line 6", "3 minima", "got 2"),
    "many means": (edited(8, "1,2,3,4,5,"), "line 8", "4 means", "got 5"),
    "a mean that is none": (edited(8, "1,nan,3,4,"), "line 8", "nan"),
    "a minimum that is none": (edited(6, "-inf,0,0,"), "line 6", "-inf"),
    "a minimum above its maximum": (edited(6, "5.0,-2.0,0.0,"), "line 7", "below its minimum"),
    "a number that is one in Python alone": (edited(11, "1,3_0,3,"), "line 11", "'3_0'"),
    "a size that is one in Python alone": (edited(4, "3,0_4,2,"), "line 4", "'0_4'"),
    "a range of 0": (edited(9, "1,0.0,3,4,"), "line 9", "0"),
    "an output range of 0": (edited(9, "1,1,3,-0,"), "line 9", "0"),
    "an infinite range": (edited(9, "1,inf,3,4,"), "line 9", "inf"),
    "a weight of 1e999": (edited(11, "1,1e999,3,"), "line 11", "inf"),
    "a weight that is none": (edited(11, "1,nan,3,"), "line 11", "nan"),
    "a row that is short": (edited(11, "1,2,"), "line 11", "3 weights", "got 2"),
    "a row that is long": (edited(11, "1,2,3,4,"), "line 11", "got 4"),
    "a very long row": (edited(11, "," * 10**7 + "1"), "line 11", "got 10000001"),
    "a gap in a row": (edited(11, "1,,3,"), "line 11", "''"),
    "a word in a row": (edited(11, "1,two,3,"), "line 11", "'two'"),
    "two biases in a line": (edited(15, "1,2,"), "line 15", "1 bias", "got 2"),
    "a line more": (text(*network((3, 4, 2))) + "0.5,\n", "expected 19 lines", "got 20"),
    "ranges that overflow": (edited(9, "1,1e-308,3,4,").replace("2.25", "1e9"), "normalized=True"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(write, what):
    content, *words = REFUSED[what]
    path = write(content)
    with refused(path, *words):
        read_nnet(path)


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 4, 1)])
def test_a_file_that_is_cut_is_refused_or_the_same(write, sizes):
    content = text(*network(sizes)).encode()
    whole = read_nnet(write(content))
    kept = 0
    for end in range(len(content)):
        chain = attempt(read_nnet, write(content[:end]))
        if chain is not None:
            assert same(chain, whole)
            kept += 1
    assert kept == 1  # without the last line's end


@EXAMPLES
@given(flips=FLIPS, end=st.one_of(st.none(), st.floats(0, 1)))
def test_other_bytes_are_refused_or_finite(tmp_path_factory, flips, end):
    content = text(*network((3, 4, 2))).encode()
    content = flipped(content, flips)[: None if end is None else int(end * len(content))]
    path = tmp_path_factory.getbasetemp() / "flipped.nnet"
    path.write_bytes(content)
    chain = attempt(read_nnet, path)
    assert chain is None or finite(chain)
