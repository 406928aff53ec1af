"""What is no fully connected ReLU network, or no ONNX file, is refused and named."""

import sys
import tracemalloc

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_models import model_of, node, read, whole
from randrelu.formats.onnx import onnx_bytes, read_onnx

W54, B5 = whole(5, 4), whole(5)
GEMM = node("Gemm", "_", W54, B5, transB=1)
ZERO, INF = np.float32([0, np.inf])

# The first axes, the nodes, the operator that is named, and what is said of it.
REFUSED = {
    "a convolution": ((1, 1, 2, 2), [node("Conv", "_", whole(1, 1, 2, 2))], "Conv", "got Conv"),
    "a Tanh": (("N", 4), [GEMM, node("Tanh", "_")], "Tanh", r"\(Add, .*Relu.*got Tanh"),
    "another domain": (("N", 4), [node("Relu", "_", domain="a.b")], "Relu", r"got a\.b\.Relu"),
    "a branch": (("N", 4), [GEMM, node("Add", "_", "x")], "Add", "got a branch"),
    "a sum with itself": (("N", 4), [node("Add", "_", "_")], "Add", "got a branch"),
    "a name of nothing": (("N", 4), [node("Add", "_", "who")], "Add", "as input 1, got who"),
    "no constant": (("N", 4), [node("MatMul", "_")], "MatMul", "as input 1, got none"),
    "constants alone": (("N", 4), [node("Relu", W54)], "Relu", "depend on the network's input"),
    "Clip at 6": (
        ("N", 4),
        [node("Clip", "_", ZERO, np.float32(6))],
        "Clip",
        r"got \[0.\] and \[6.\]",
    ),
    "Clip at 1": (("N", 4), [node("Clip", "_", np.float32(1))], "Clip", r"got \[1.\] and \[inf\]"),
    "Clip at nothing": (("N", 4), [node("Clip", "_")], "Clip", r"got \[-inf\] and \[inf\]"),
    "Max with 1": (("N", 4), [node("Max", "_", np.float32(1))], "Max", "maximum with 0"),
    "c / x": (("N", 4), [node("Div", W54[0], "_")], "Div", "besides input 0, got 'x'"),
    "x / 0": (("N", 4), [node("Div", "_", ZERO)], "Div", "expected no 0 in tensor 'c_0_1'"),
    "a sum that repeats": ((1, 4), [node("Add", "_", whole(2, 4))], "Add", r"got .*\(2, 4\)"),
    "a sum over points": (("N", 4), [node("Add", "_", whole(7, 4))], "Add", r"got .*\(7, 4\)"),
    "a sum with nothing": ((1, 1), [node("Add", "_", whole(1, 0))], "Add", r"\(1, 0\)"),
    "a sum of other axes": ((1, 4), [node("Add", "_", whole(3))], "Add", "broadcast"),
    "rows": (
        (3, 4),
        [node("MatMul", "_", W54.T)],
        "MatMul",
        r"one point .*\(3, 4\); export .* open",
    ),
    "rows of points": (("N", 3, 4), [node("MatMul", "_", W54.T)], "MatMul", r"\(N, 3, 4\)"),
    "a sum over the points": ((1, "N"), [node("MatMul", "_", whole(1, 3))], "MatMul", "one point"),
    "another width": (("N", 4), [node("MatMul", "_", W54)], "MatMul", r"expected weights of shape"),
    "matrices": (("N", 4), [node("MatMul", "_", whole(2, 4, 5))], "MatMul", r"\(2, 4, 5\)"),
    "zero-sized": (("N", 4), [node("MatMul", "_", whole(4, 0))], "MatMul", "none of them 0"),
    "a scalar matrix": ((4,), [node("MatMul", "_", ZERO)], "MatMul", "one matrix or vector"),
    "Gemm of a vector": ((4,), [GEMM], "Gemm", "expected two matrices"),
    "x in Gemm's C": (("N", 5), [node("Gemm", whole(1, 4), W54.T, "_")], "Gemm", "input 2"),
    "Gemm by NaN": (("N", 4), [node("Gemm", "_", W54.T, alpha=np.nan)], "Gemm", "finite alpha"),
    "Reshape of points": (("N", 4), [node("Reshape", "_", [-1, 2])], "Reshape", "batch axis"),
    "Reshape to two": (("N", 4), [node("Reshape", "_", [2, -1])], "Reshape", "batch axis"),
    "Reshape to a vector": (("N", 4), [node("Reshape", "_", [-1])], "Reshape", "batch axis"),
    "Reshape across": (("N", 4), [node("Reshape", "_", [4, -1])] * 2, "Reshape", "batch axis"),
    "Reshape to one point": (
        ("N", 4),
        [node("Reshape", "_", [1, 4])],
        "Reshape",
        "a fixed batch of 1",
    ),
    "Reshape of points to one": (
        ("N", 3),
        [node("Reshape", "_", [1, -1])],
        "Reshape",
        "batch axis",
    ),
    "Reshape of rows to one": (
        ("N", 2, 3),
        [node("Reshape", "_", [1, -1, 3])],
        "Reshape",
        "batch axis",
    ),
    "Reshape of points to rows": (
        ("N", 2, 3),
        [node("Reshape", "_", [1, 0, -1])],
        "Reshape",
        "batch",
    ),
    "Reshape to −4": (
        ("N", 4),
        [node("Reshape", "_", [-4, 4])],
        "Reshape",
        r"or −1, got \[-4, 4\]",
    ),
    "Reshape to more": (("N", 4), [node("Reshape", "_", [0, 5])], "Reshape", "reshape"),
    "Reshape to 10^12": (("N", 4), [node("Reshape", "_", [10**12])], "Reshape", "reshape"),
    "Reshape by none": (
        ("N", 4),
        [node("Reshape", "_", [0, 0, 0])],
        "Reshape",
        r"zeros at axes of \(N, 4\)",
    ),
    "Reshape by x": (("N", 4), [node("Reshape", W54, "_")], "Reshape", "besides input 0, got 'x'"),
    "Gather of points": (("N", 4), [node("Gather", "_", [0])], "Gather", "got what depends"),
    "Gather of more": (
        ("N", 4),
        [node("Shape", "_", output="s"), node("Gather", "s", [2], output="n")],
        "Gather",
        "2 axes, got others",
    ),
    "the number of points as a number": (
        ("N", 4),
        [node("Shape", "_", output="s"), node("Add", "_", "s")],
        "Add",
        "the number of points",
    ),
    "the number of points as a float": (
        ("N", 4),
        [node("Shape", "_", output="s"), node("Cast", "s", to=1, output="f")],
        "Cast",
        "the number of points",
    ),
    "the batch axis twice": (
        ("N", 4),
        [
            node("Shape", "_", output="s"),
            node("Concat", "s", "s", axis=0, output="t"),
            node("Reshape", "_", "t"),
        ],
        "Reshape",
        "reshape",
    ),
    "Reshape by floats": (("N", 4), [node("Reshape", "_", B5)], "Reshape", "64 integers as shape"),
    "Concat of more than a shape": (
        ("N", 4),
        [node("Concat", np.zeros(40), np.zeros(40), axis=0, output="s")],
        "Concat",
        "at most 64 axes",
    ),
    "Gather of more than a shape": (
        ("N", 4),
        [node("Gather", np.zeros(4), np.zeros(65, int), output="s")],
        "Gather",
        "entries of a shape",
    ),
    "Gather of an output": (
        ("N", 4),
        [GEMM, node("Gather", "_", [0])],
        "Gather",
        r"net\.margin\(i\)",
    ),
    "Slice of an output": (("N", 4), [GEMM, node("Slice", "_")], "Slice", r"net\.margin\(i\)"),
    "a Sigmoid last": (("N", 4), [GEMM, node("Sigmoid", "_")], "Sigmoid", "above ½ where"),
    "a Softmax over points": (("N", 4), [GEMM, node("Softmax", "_", axis=0)], "Softmax", "axis 0"),
    "a Softmax over a part": (
        ("N", 6),
        [node("Reshape", "_", [-1, 2, 3]), node("Softmax", "_")],
        "Softmax",
        r"axis 2 of \(N, 2, 3\); export",
    ),
    "an ArgMax over points": (("N", 4), [GEMM, node("ArgMax", "_")], "ArgMax", "all outputs"),
    "an ArgMax over a part": (
        ("N", 6),
        [
            node("Softmax", "_"),
            node("Reshape", "_", [-1, 2, 3]),
            node("ArgMax", "_", axis=2),
        ],
        "ArgMax",
        "all outputs",
    ),
    "a Softmax of a class": (
        (1, 4),
        [node("ArgMax", "_", axis=1), node("Softmax", "_")],
        "Softmax",
        "a class once",
    ),
    "Flatten of points": (("N", 4), [node("Flatten", "_", axis=0)], "Flatten", "batch axis"),
    "Flatten at 3": (("N", 4), [node("Flatten", "_", axis=3)], "Flatten", "got 3"),
    "Squeeze of points": (("N", 4), [node("Squeeze", "_", [0])], "Squeeze", "of length 1"),
    "Squeeze of 4": (("N", 4), [node("Squeeze", "_", [1])], "Squeeze", "of length 1"),
    "Squeeze twice": ((1, 4), [node("Squeeze", "_", [0, 0])], "Squeeze", "different axes"),
    "Unsqueeze at 9": (("N", 4), [node("Unsqueeze", "_", [9])], "Unsqueeze", "different axes"),
    "Unsqueeze at none": (("N", 4), [node("Unsqueeze", "_")], "Unsqueeze", "axes, got none"),
    "Transpose of 3": (("N", 4), [node("Transpose", "_", perm=[0, 1, 2])], "Transpose", "2 axes"),
    "Cast to int": (("N", 4), [node("Cast", "_", to=7)], "Cast", "type number 7"),
    "an attribute of another type": (("N", 4), [node("Flatten", "_", axis=1.0)], "Flatten", "type"),
    "Dropout in training": (
        ("N", 4),
        [node("Dropout", "_", ZERO, np.array(True))],
        "Dropout",
        "training_mode",
    ),
    "normalisation in training": (
        ("N", 4),
        [node("BatchNormalization", "_", *whole(4, 4), training_mode=1)],
        "BatchNormalization",
        "training_mode",
    ),
    "normalisation by a negative variance": (
        ("N", 4),
        [node("BatchNormalization", "_", *whole(3, 4), -np.ones(4, np.float32))],
        "BatchNormalization",
        "variances above 0",
    ),
    "normalisation of other channels": (
        ("N", 4),
        [node("BatchNormalization", "_", *whole(3, 5), np.ones(5, np.float32))],
        "BatchNormalization",
        "broadcast",
    ),
    "NaN": (("N", 4), [node("Add", "_", np.float32("nan"))], "Add", "in tensor 'c_0_1', got nan"),
    "infinity": (("N", 4), [node("MatMul", "_", W54.T + INF)], "MatMul", "in tensor 'c_0_1', got"),
    "a Softmax within": (
        ("N", 4),
        [node("Softmax", "_"), GEMM],
        "Gemm",
        r"nothing that computes after node 'n_0' \(Softmax\)",
    ),
    "10^12 numbers": (
        ("N", 4),
        [node("ConstantOfShape", [10**6, 10**6], output="W"), node("MatMul", "_", "W")],
        "ConstantOfShape",
        "at most",
    ),
    "a wide ReLU": (
        (1, 2**16),
        [node("Add", "_", np.ones(2**16, np.float32)), node("Relu", "_")],
        "Relu",
        "65536 units",
    ),
}


@pytest.mark.parametrize(("shape", "nodes", "operator", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_supported_is_refused(shape, nodes, operator, said, tmp_path):
    with pytest.raises(ValueError, match=rf"net\.onnx: node 'n_\d' \({operator}\): .*{said}"):
        read(model_of(shape, nodes), tmp_path)


def changed(change):
    model = model_of(("N", 4), [GEMM])
    change(model, model.graph)
    return model


def sized(*shape):
    """Make the input one of this shape."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    return lambda model, graph: graph.input[0].CopyFrom(value)


def dims(*shape):
    """Declare this shape for the first tensor, whatever it has."""

    def change(model, graph):
        graph.initializer[0].ClearField("dims")
        graph.initializer[0].dims.extend(shape)

    return change


def function(model, graph):
    """Give the file a function of its own that is called like an operator."""
    body = [helper.make_node("Neg", ["a"], ["b"])]
    version = [helper.make_opsetid("", 13)]
    model.functions.append(helper.make_function("", "Relu", ["a"], ["b"], body, version))


WHOLE = {
    "a function like an operator": (function, "a function of the file that is called 'Relu'"),
    "operators of the future": (
        lambda m, g: setattr(m.opset_import[0], "version", 999),
        r"version \d+ or older, .* got 999; install",
    ),
    "no graph": (lambda m, g: m.ClearField("graph"), "expected an ONNX file"),
    "no version": (lambda m, g: m.ClearField("opset_import"), "opset_import"),
    "no input": (lambda m, g: g.ClearField("input"), r"expected one input, got \[\]"),
    "two inputs": (lambda m, g: g.input.add(name="z"), r"got \['x', 'z'\]"),
    "no output": (lambda m, g: g.ClearField("output"), r"expected one output.*'y_0', got \[\]"),
    "two outputs": (lambda m, g: g.output.add(name="x"), "got .*'y_0', 'x'.*extract_model"),
    "another output": (lambda m, g: setattr(g.output[0], "name", "x"), r"'y_0', got \['x'\]"),
    "integers": (
        lambda m, g: setattr(g.input[0].type.tensor_type, "elem_type", TensorProto.INT64),
        "input 'x': expected floats",
    ),
    "no shape": (lambda m, g: g.input[0].type.tensor_type.ClearField("shape"), "input 'x'"),
    "no type": (lambda m, g: g.input[0].ClearField("type"), "input 'x'"),
    "two open axes": (sized("N", "M"), r"got \[-1, -1\]; export .* a given size"),
    "an axis of 0": (sized("N", 0), r"got \[-1, 0\]"),
    "a negative axis": (sized("N", -4), r"got \[-1, -4\]"),
    "an input of 10^12": (sized("N", 10**12), r"largest tensor, 20, got 1000000000000"),
    "an input of 10^24": (sized(10**12, 10**12), "largest tensor"),
    "a tensor of 10^12": (dims(10**12), "tensor 'c_0_1': expected 4000000000000 bytes .* got 80"),
    "a tensor of 0": (dims(0, 4), "tensor 'c_0_1': expected 0 bytes .* got 80"),
    "a tensor of a negative axis": (dims(-5, -4), r"expected a shape, got \[-5, -4\]"),
    "a tensor of 99 axes": (dims(*[1] * 99), "expected a shape"),
    "a tensor of strings": (lambda m, g: setattr(g.initializer[0], "data_type", 8), "number 8"),
    "too few numbers": (
        lambda m, g: g.initializer[0].ClearField("raw_data"),
        "20 numbers",
    ),
    "a node without an output": (lambda m, g: g.node[0].ClearField("output"), "expected an output"),
}


@pytest.mark.parametrize(("change", "said"), WHOLE.values(), ids=WHOLE)
def test_what_is_wrong_with_the_whole_is_refused(change, said, tmp_path):
    model = changed(change)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"net\.onnx: .*{said}"):
            read(model, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_node_without_a_name_is_named_by_its_place(tmp_path):
    model = model_of(("N", 4), [GEMM, node("Tanh", "_")])
    model.graph.node[1].ClearField("name")
    with pytest.raises(ValueError, match="Tanh node 1: expected"):
        read(model, tmp_path)


@pytest.mark.parametrize("content", [b"", b"Hello, this is a text.\n", b"\0" * 100, b"\x08" * 999])
def test_what_is_no_onnx_file_is_refused(content, tmp_path):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"net\.onnx: expected"):
        read_onnx(tmp_path / "net.onnx")


def test_a_file_of_2_gb_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "net.onnx").open("wb") as file:
        file.truncate(2**31)  # a hole, which takes no room
    with pytest.raises(ValueError, match=r"net\.onnx: expected at most 2147483647 bytes"):
        read_onnx(tmp_path / "net.onnx")


def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'randrelu\[onnx\]'"):
        read_onnx(tmp_path / "net.onnx")
    with pytest.raises(ImportError, match=r"pip install 'randrelu\[onnx\]'"):
        onnx_bytes([W54], [None])


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_onnx(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_onnx(tmp_path / "absent.onnx")
