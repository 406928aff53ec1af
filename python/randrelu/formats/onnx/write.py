"""The layers of a network as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from randrelu._support import extras
from randrelu.formats.chain import Floats

_OPSET, _IR = 13, 8  # what readers of 2021 and later know
_LARGEST_FILE = 2**31 - 2**20  # bytes of tensors, so that the encoding has room for the rest


def onnx_bytes(weights: Sequence[Floats], biases: Sequence[Floats | None]) -> bytes:
    """Return the ONNX file of a network: a Gemm for every layer, a Relu between two of them.

    Parameters
    ----------
    weights : sequence of ndarray
        W_1, …, each (fan_out, fan_in), of one dtype, float32 or float64.
    biases : sequence of (ndarray or None)
        b_1, …, each (fan_out,), as many as weights.

    Returns
    -------
    bytes
        The file. Its input "x" has the shape (N, d), its output "y" (N, k), N open; the weights of
        layer i are called "W_i", its bias "b_i".

    Raises
    ------
    ValueError
        If the tensors take 2 GB or more, which an ONNX file cannot have.
    """
    extras.require("writing .onnx files needs onnx", "onnx", "onnx")
    from onnx import helper, numpy_helper

    size = sum(a.nbytes for a in (*weights, *biases) if a is not None)
    if size > _LARGEST_FILE:
        raise ValueError(
            f"expected weights of at most {_LARGEST_FILE} bytes, which an .onnx file can have, got "
            f"{size}: save them as .npz or .safetensors"
        )
    tensors, nodes, name = [], [], "x"
    for i, (matrix, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        inputs = [name, f"W_{i}"]
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(matrix), f"W_{i}"))
        if bias is not None:
            inputs.append(f"b_{i}")
            tensors.append(numpy_helper.from_array(np.ascontiguousarray(bias), f"b_{i}"))
        last = i == len(weights)
        name = "y" if last else f"z_{i}"
        nodes.append(helper.make_node("Gemm", inputs, [name], f"layer_{i}", transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [name], [f"x_{i}"], f"relu_{i}"))
            name = f"x_{i}"
    kind = helper.np_dtype_to_tensor_dtype(weights[0].dtype)
    ends = [
        helper.make_tensor_value_info(end, kind, ["N", size])
        for end, size in (("x", weights[0].shape[1]), ("y", weights[-1].shape[0]))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    model = helper.make_model(
        graph,
        producer_name="randrelu",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
    )
    content: bytes = model.SerializeToString()
    return content
