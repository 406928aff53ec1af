"""An ONNX file as the layers of a network."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import extras
from randrelu.formats.chain import LARGEST, Chain
from randrelu.formats.files import content, naming, require_few, require_file
from randrelu.formats.onnx.last import LAST
from randrelu.formats.onnx.layout import Layout
from randrelu.formats.onnx.operators import CONSTANTS, EITHER_SIDE, MAPS, MOVES
from randrelu.formats.onnx.tensors import FLOAT_TYPES, Array, Tensors, cut
from randrelu.formats.onnx.walk import Walk

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_LARGEST_FILE = 2**31 - 1  # bytes, which is as much as ONNX's encoding can have
_FEW = math.isqrt(LARGEST)  # entries of an input that may have no matrix after it
_MOST_PLACES = 10**4

_DOMAINS = ("", "ai.onnx")
_KNOWN = {*MOVES, *MAPS, *CONSTANTS, *LAST}
_ONE_OUTPUT = "; export all outputs of the network: net.margin(i) is the one at i"
_WAYS_OUT = {
    "Sigmoid": "; a last one is above ½ where what it takes is above 0: export without it",
    "Slice": _ONE_OUTPUT,
}


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
    extras.require("reading .onnx files needs onnx", "onnx", "onnx")
    with naming(path):
        chain, last = _read_graph(_parse(path), path.parent)
    if last:
        warnings.warn(
            f"{path}: {last} at the end is left off, so that the outputs are what it takes",
            UserWarning,
            stacklevel=3,  # who called the function that reads files of all kinds
        )
    return chain


def _parse(path: Path) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    size = require_file(path)
    if size > _LARGEST_FILE:
        raise ValueError(f"expected at most {_LARGEST_FILE} bytes, got {size}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content(path))
    except DecodeError:
        model.Clear()
    if not model.HasField("graph"):
        raise ValueError(f"expected an ONNX file, got {size} bytes that are none, or a part of one")
    return model


@np.errstate(all="ignore")  # what overflows is refused where it is found
def _read_graph(model: ModelProto, folder: Path) -> tuple[Chain, str]:
    """Return the layers of a graph, and the node that was left off at its end, or nothing."""
    graph = model.graph
    require_few(len(graph.initializer))
    _require_few_nodes(graph)
    constants = (node for node in graph.node if node.op_type == "Constant")
    others = (given.t for node in constants for given in node.attribute if given.HasField("t"))
    walk = _start(model, Tensors(folder, graph.initializer, others))
    for i, node in enumerate(graph.node):
        kind = cut(node.op_type)
        called = f"node {cut(node.name)!r} ({kind})" if node.name else f"{kind} node {i}"
        try:
            _take(walk, node)
        except ValueError as error:
            raise ValueError(f"{called}: {error}") from None
        if node.op_type in LAST and not walk.last:
            walk.last = called
    outputs = [output.name for output in graph.output]
    if outputs != [walk.name]:
        raise ValueError(
            f"expected one output, the last node's {cut(walk.name)!r}, got "
            f"{[cut(name) for name in outputs[:9]]}; onnx.utils.extract_model cuts a file that "
            "has one of them out of it"
        )
    walk.chain.reorder(walk.layout.entries.ravel())
    return walk.chain.finish(), walk.last


def _require_few_nodes(graph: GraphProto) -> None:
    places = sum(1 + len(node.input) for node in graph.node)
    if places > _MOST_PLACES:
        raise ValueError(f"expected at most {_MOST_PLACES} nodes and inputs of nodes, got {places}")


def _start(model: ModelProto, tensors: Tensors) -> Walk:
    """Return the walk at the input of a graph."""
    inputs = [value for value in model.graph.input if value.name not in tensors]
    if len(inputs) != 1:
        raise ValueError(f"expected one input, got {[cut(value.name) for value in inputs[:9]]}")
    (value,) = inputs
    called = f"input {cut(value.name)!r}"
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
            f"got {sizes[:65]}; export the network with an input of a given size"
        )
    shape = [1 if size == -1 else size for size in sizes]
    dim = math.prod(shape)
    if dim > max(_FEW, tensors.largest):
        raise ValueError(
            f"{called}: expected at most {_FEW} entries, or as many as the largest tensor, "
            f"{tensors.largest}, got {dim} of the shape {sizes}"
        )
    layout = Layout(np.arange(dim).reshape(shape), opened[0] if opened else None)
    chain = Chain(dim, held=tensors.held)
    return Walk(chain, layout, value.name, tensors, _opset(model))


def _opset(model: ModelProto) -> int:
    """Return the version of ONNX's operators, which have to be what their names say here."""
    from onnx import defs

    versions: list[int] = [o.version for o in model.opset_import if o.domain in _DOMAINS]
    if not versions:
        raise ValueError("expected the version of ONNX's operators (opset_import), got none")
    version, newest = max(versions), defs.onnx_opset_version()
    if version > newest:
        raise ValueError(
            f"expected ONNX's operators of version {newest} or older, which the onnx that is "
            f"installed knows, got {version}; install a newer onnx, or export an older one"
        )
    for function in model.functions:
        if function.domain in _DOMAINS:
            raise ValueError(
                f"expected ONNX's own operators, got a function of the file that is called "
                f"{cut(function.name)!r} like one"
            )
    return version


def _take(walk: Walk, node: NodeProto) -> None:
    """Append what a node does."""
    operator = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
    if operator not in _KNOWN:
        raise ValueError(
            f"expected an affine map, a ReLU or what moves entries ({', '.join(sorted(_KNOWN))}), "
            f"got {cut(operator)}{_WAYS_OUT.get(operator, '')}"
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
        raise ValueError(f"expected constants besides input 0, got {cut(walk.name)!r} among them")
    walk.chain.spend(walk.chain.dim)
    if walk.last and operator not in LAST and operator not in MOVES:
        raise ValueError(f"expected nothing that computes after {walk.last}")
    if operator in LAST:
        LAST[operator](walk, node)
    elif operator in MAPS:
        MAPS[operator](walk, node)
    elif operator in CONSTANTS:
        raise ValueError(
            f"expected constants, got what depends on the network's input{_ONE_OUTPUT}"
        )
    elif not walk.decided:  # a class is one number, wherever it is moved
        walk.layout = MOVES[operator](walk, node, walk.layout)
    walk.taken.add(walk.name)
    walk.name = name


def _constant(walk: Walk, node: NodeProto) -> Array:
    """Return what a node makes that does not depend on the input."""
    if node.op_type in CONSTANTS:
        return CONSTANTS[node.op_type](walk, node)
    values = walk.constant(node, 0)
    if node.op_type not in MOVES:
        raise ValueError("expected one of its inputs to depend on the network's input")
    moved = MOVES[node.op_type](walk, node, Layout(values)).entries
    if not np.may_share_memory(moved, values):
        walk.tensors.copied(moved.size)
    return moved
