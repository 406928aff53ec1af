"""ONNX files that are cut or changed, or small and ask for much, are refused soon.

RANDRELU_EXAMPLES sets how many examples the property is tried on.
"""

import contextlib
import tracemalloc
import warnings

import numpy as np
import pytest
from formats.hostile import EXAMPLES
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto
from onnx_models import model_of, node, read, whole
from randrelu.formats.onnx import read_onnx

W54, B5 = whole(5, 4), whole(5)
GEMM = node("Gemm", "_", W54, B5, transB=1)
ONE = np.float32([1])

# Small files that ask for much: the first axes, the nodes, and what is said.
MUCH = {
    "identities": ((1, 1000), [node("Add", "_", ONE), node("Relu", "_")] * 20, "an identity"),
    "products": (
        (1, 1000),
        [
            node("MatMul", "_", whole(1000, 1)),
            node("MatMul", "_", whole(1, 1000)),
            node("Relu", "_"),
        ]
        * 10,
        "the product of",
    ),
    "zeros": (
        (1, 1000),
        [node("ConstantOfShape", [1000, 1000], output="W")]
        + [node("MatMul", "_", "W"), node("Relu", "_")] * 100,
        "weights of shape",
    ),
    "copies of zeros": (
        (1, 10),
        [
            node("ConstantOfShape", [1000, 1000], output="W"),
            *[node("Cast", "W", to=1 + 10 * (i % 2), output=f"W_{i}") for i in range(9)],
        ],
        "made of others",
    ),
    "copies in another order": (
        (1, 10),
        [
            node("Transpose", np.eye(1000, dtype=np.float32), output="W"),
            *[node("Reshape", "W", [10, -1], output=f"W_{i}") for i in range(9)],
        ],
        "made of others",
    ),
    "a tensor that is used again": (
        (1, 1000),
        [node("Identity", np.eye(1000, dtype=np.float32), output="W")]
        + [node("MatMul", "_", "W"), node("Relu", "_")] * 9,
        "weights of shape",
    ),
    "a matrix in a thousand orders": (
        (1, 1000),
        [node("MatMul", "_", np.eye(1000, dtype=np.float32))]
        + [node("Mul", "_", ONE + ONE), node("Div", "_", ONE + ONE)] * 500,
        "computing at most",
    ),
    "a product of many": (
        (1, 500),
        [node("Identity", np.eye(500, dtype=np.float32), output="W")]
        + [node("MatMul", "_", "W")] * 1000,
        "computing at most",
    ),
    "an input in a thousand orders": (
        (1, 250, 250),
        [node("Add", "_", whole(1, 250, 250))] + [node("Transpose", "_", perm=[0, 2, 1])] * 2000,
        "computing at most",
    ),
    "sums": ((1, 4), [node("Add", "_", ONE)] * 4000, "nodes and inputs of nodes"),
    "a sum of many": ((1, 4), [node("Max", "_", *["_"] * 10**5)], "nodes and inputs of nodes"),
}


@pytest.mark.parametrize(("shape", "nodes", "said"), MUCH.values(), ids=MUCH)
def test_a_small_file_that_asks_for_much_is_refused(shape, nodes, said, tmp_path):
    model = model_of(shape, nodes)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"net\.onnx: .*{said}"):
            read(model, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_tensors_are_not_read_from_the_same_bytes(tmp_path):
    names = [f"W_{i}" for i in range(9)]
    model = model_of(("N", 100), [node("MatMul", "_", name) for name in names])
    for name in names:
        tensor = model.graph.initializer.add(name=name, data_type=1, dims=[100, 100])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="net.bin")
    (tmp_path / "net.bin").write_bytes(bytes(40_000))
    with pytest.raises(
        ValueError, match=r"net\.onnx: .*do not overlap, got 360000 .* 40000 of 'net"
    ):
        read(model, tmp_path)


def test_long_names_are_cut(tmp_path):
    for change in ("name", "op_type"):
        model = model_of(("N", 4), [node("Tanh", "_")])
        setattr(model.graph.node[0], change, "n" * 10**6)
        with pytest.raises(
            ValueError, match=r"net\.onnx: .*n{80}….*expected an affine map"
        ) as caught:
            read(model, tmp_path)
        assert len(str(caught.value)) < 1000
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


NETWORK = model_of(
    ("N", 2, 2),
    [
        node("Sub", "_", ONE[0]),
        node("Flatten", "_"),
        GEMM,
        node("Relu", "_"),
        node("MatMul", "_", whole(5, 3)),
        node("Reshape", "_", [-1, 3]),
    ],
).SerializeToString()


def test_a_part_of_a_file_is_refused(tmp_path):
    for end in range(len(NETWORK)):
        (tmp_path / "net.onnx").write_bytes(NETWORK[:end])
        with pytest.raises(ValueError, match=r"net\.onnx: "):
            read_onnx(tmp_path / "net.onnx")


@EXAMPLES
@given(
    flips=st.lists(
        st.tuples(st.integers(0, len(NETWORK) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )
)
@example(flips=[(0, NETWORK[0])])  # nothing is changed
def test_changed_bytes_are_read_or_refused(flips, tmp_path_factory):
    content = bytearray(NETWORK)
    for place, byte in flips:
        content[place] = byte
    path = tmp_path_factory.getbasetemp() / "net.onnx"
    path.write_bytes(content)
    with warnings.catch_warnings(), contextlib.suppress(ValueError):
        warnings.simplefilter("ignore", UserWarning)  # of what has become a Softmax
        chain = read_onnx(path)
        assert all(np.isfinite(weights).all() for weights in chain.weights)
