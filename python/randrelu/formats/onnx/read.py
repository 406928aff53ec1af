"""An ONNX file as the layers of a network."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import extras
from randrelu.formats.chain import Chain
from randrelu.formats.onnx.layout import Layout
from randrelu.formats.onnx.operators import CONSTANTS, EITHER_SIDE, MAPS, MOVES
from randrelu.formats.onnx.tensors import FLOAT_TYPES, Array, Tensors
from randrelu.formats.onnx.walk import Walk

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LARGEST_FILE = 2**31 - 1  # bytes, which is as much as ONNX's encoding can have
# Inputs may have as many entries as the largest tensor, or this many, before memory is asked for.
_FEW = 2**16

# What turns a decision's values into probabilities or a class, and leaves the largest in its place.
_LAST = ("Softmax", "LogSoftmax", "ArgMax")
_DOMAINS = ("", "ai.onnx")


def read_onnx(path: str | os.PathLike[str]) -> Chain:
    """Read a fully connected ReLU network from an ONNX file.

    Parameters
    ----------
    path : path-like
        The file. External data are read from files in its folder.

    Returns
    -------
    Chain
        The layers, in the dtypes of the file (16-bit floats become float32), in float64 where
        several maps were folded.

    Warns
    -----
    UserWarning
        Where the file ends with a Softmax, LogSoftmax or ArgMax, which is left off.

    Raises
    ------
    ValueError
        If the file is no ONNX file or has anything else than affine maps and ReLUs, one after the
        other.
    OSError
        If it cannot be opened.
    """
    path = Path(path)
    model = _parse(path)
    try:
        chain, last = _read_graph(model, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if last:
        warnings.warn(
            f"{path}: {last} at the end is left off, so that the outputs are what it takes",
            UserWarning,
            stacklevel=3,  # who called the function that reads files of all kinds
        )
    return chain


def _parse(path: Path) -> ModelProto:
    extras.require("reading .onnx files needs onnx", "onnx", "onnx")
    import onnx
    from google.protobuf.message import DecodeError

    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _LARGEST_FILE:
            raise ValueError(f"{path}: expected at most {_LARGEST_FILE} bytes, got {size}")
        content = file.read()
    try:
        model: ModelProto = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise ValueError(
            f"{path}: expected an ONNX file, got {size} bytes that are none, or a part of one"
        ) from error
    return model


@np.errstate(all="ignore")  # what overflows is refused where it is found
def _read_graph(model: ModelProto, folder: Path) -> tuple[Chain, str]:
    """Return the layers of a graph, and the node that was left off at its end, or nothing."""
    graph = model.graph
    walk = _start(model, Tensors(folder, graph.initializer))
    for i, node in enumerate(graph.node):
        called = f"node {node.name!r} ({node.op_type})" if node.name else f"{node.op_type} node {i}"
        try:
            _take(walk, node)
        except ValueError as error:
            raise ValueError(f"{called}: {error}") from error
        if node.op_type in _LAST and not walk.last:
            walk.last = called
    outputs = [output.name for output in graph.output]
    if outputs != [walk.name]:
        raise ValueError(f"expected one output, the last node's {walk.name!r}, got {outputs[:9]}")
    walk.chain.reorder(walk.layout.entries.ravel())
    return walk.chain.finish(), walk.last


def _start(model: ModelProto, tensors: Tensors) -> Walk:
    """Return the walk at the input of a graph."""
    inputs = [value for value in model.graph.input if value.name not in tensors]
    if len(inputs) != 1:
        raise ValueError(f"expected one input, got {[value.name for value in inputs[:9]]}")
    (value,) = inputs
    called = f"input {value.name!r}"
    kind = value.type.tensor_type
    if kind.elem_type not in FLOAT_TYPES:
        raise ValueError(f"{called}: expected floats, got ONNX's type number {kind.elem_type}")
    if not kind.HasField("shape"):
        raise ValueError(f"{called}: expected a shape, got none")
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim]
    opened = [i for i, size in enumerate(sizes) if size == -1]
    if len(opened) > 1 or len(sizes) > 64 or any(size < 1 and size != -1 for size in sizes):
        raise ValueError(
            f"{called}: expected a shape of at least 1, of which one axis may be open (the batch), "
            f"got {sizes[:65]}"
        )
    shape = [1 if size == -1 else size for size in sizes]
    dim = math.prod(shape)
    if dim > max(_FEW, tensors.largest):
        raise ValueError(
            f"{called}: expected at most as many entries as the largest tensor, "
            f"{tensors.largest}, got {dim} of the shape {sizes}"
        )
    layout = Layout(np.arange(dim).reshape(shape), opened[0] if opened else None)
    versions = [o.version for o in model.opset_import if o.domain in _DOMAINS]
    if not versions:
        raise ValueError("expected the version of ONNX's operators (opset_import), got none")
    return Walk(Chain(dim), layout, value.name, tensors, max(versions))


def _take(walk: Walk, node: NodeProto) -> None:
    """Append what a node does."""
    operator = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
    known = [*MOVES, *MAPS, *CONSTANTS, *_LAST]
    if operator not in known:
        raise ValueError(
            f"expected an affine map, a ReLU or what moves entries "
            f"({', '.join(sorted(known))}), got {operator}"
        )
    if not node.output or not node.output[0]:
        raise ValueError("expected an output, got none")
    name, inputs = node.output[0], list(node.input)
    if walk.taken.intersection(inputs) or inputs.count(walk.name) > 1:
        raise ValueError("expected one node after the other, got a branch")
    if walk.name not in inputs or operator == "Shape":
        walk.tensors[name] = _constant(walk, node)
        return
    if inputs[0] != walk.name and operator not in EITHER_SIDE:
        raise ValueError(f"expected constants besides input 0, got {walk.name!r} among them")
    if walk.last:
        if operator not in _LAST and (operator not in MOVES or operator == "Transpose"):
            raise ValueError(f"expected nothing that computes after {walk.last}")
    elif operator in MOVES:
        walk.layout = MOVES[operator](walk, node, walk.layout)
    elif operator in MAPS:
        MAPS[operator](walk, node)
    elif operator in CONSTANTS:
        raise ValueError("expected constants, got what depends on the network's input")
    walk.taken.add(walk.name)
    walk.name = name


def _constant(walk: Walk, node: NodeProto) -> Array:
    """Return what a node makes that does not depend on the input."""
    if node.op_type in CONSTANTS:
        return CONSTANTS[node.op_type](walk, node)
    values = walk.constant(node, 0)
    if node.op_type not in MOVES:
        raise ValueError("expected one of its inputs to depend on the network's input")
    return MOVES[node.op_type](walk, node, Layout(values)).entries
