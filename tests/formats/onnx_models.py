"""Small ONNX models, and what onnx.reference and the layers that were read compute.

Weights, biases and points are small integers, and factors powers of two, so that every sum is
exact in float32, whatever its order, and results have to be equal.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from randrelu.formats.onnx import read_onnx

RNG = np.random.default_rng(1)
BATCH = 7  # a length that no other axis has


def whole(*shape, dtype=np.float32):
    return RNG.integers(-3, 4, shape).astype(dtype)


def node(operator, *inputs, output=None, **attributes):
    """A node whose input "_" is what the nodes before it made; arrays become constants.

    One with an output of its own makes a constant, which others call by that name.
    """
    return operator, inputs, output, attributes


def model_of(shape, nodes, *, opset=13, dtype=np.float32, hold="initializer"):
    """A model of nodes one after the other; "N" in the shape is an open axis.

    `hold` says where constants are: "initializer", "input" (listed there too), "node" (Constant).
    """
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    tensors, made, live = [], [], "x"
    for i, (operator, given, output, attributes) in enumerate(nodes):
        called = []
        for k, value in enumerate(given):
            if isinstance(value, str):
                called.append(live if value == "_" else value)
                continue
            tensor = numpy_helper.from_array(np.asarray(value), f"c_{i}_{k}")
            called.append(tensor.name)
            if hold == "node":
                made.append(helper.make_node("Constant", [], [tensor.name], value=tensor))
                continue
            tensors.append(tensor)
            if hold == "input":
                inputs.append(
                    helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
                )
        made.append(
            helper.make_node(operator, called, [output or f"y_{i}"], f"n_{i}", **attributes)
        )
        live = live if output else f"y_{i}"
    graph = helper.make_graph(made, "test", inputs, [onnx.ValueInfoProto(name=live)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def forward(chain, points):
    """(N, d) → (N, k), in float64."""
    y = points.astype(np.float64)
    for i, (weights, bias) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        y = np.maximum(y, 0) if i else y
        y = y @ weights.T.astype(np.float64) + (0 if bias is None else bias.astype(np.float64))
    return y


def read(model, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return read_onnx(path)


def compare(shape, model, chain):
    """Every output of the file's, for one point and for several, is that of the layers."""
    evaluator = ReferenceEvaluator(model)
    sizes = [1 if n == "N" else n for n in shape]
    points = whole(BATCH, chain.weights[0].shape[1])
    expected = forward(chain, points)
    for x, y in zip(points, expected, strict=True):
        (found,) = evaluator.run(None, {"x": x.reshape(sizes)})
        assert np.array_equal(np.ravel(found), y)
    if "N" in shape:
        at = shape.index("N")
        batch = np.moveaxis(points.reshape(BATCH, *sizes[:at], *sizes[at + 1 :]), 0, at)
        (found,) = evaluator.run(None, {"x": batch})
        axis = found.shape.index(BATCH)
        assert np.array_equal(np.moveaxis(found, axis, 0).reshape(BATCH, -1), expected)


def check(shape, nodes, tmp_path, **options):
    model = model_of(shape, nodes, **options)
    chain = read(model, tmp_path)
    compare(shape, model, chain)
    return chain
