"""The state of a walk along an ONNX graph, and what its nodes say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from randrelu.formats.chain import Chain, Floats
from randrelu.formats.onnx.layout import MOST_AXES, OPEN, Layout
from randrelu.formats.onnx.tensors import Array, Tensors, cut

if TYPE_CHECKING:
    from onnx import NodeProto


@dataclass
class Walk:
    """The one tensor of a graph that depends on the input, and the layers that make it.

    Attributes
    ----------
    chain : Chain
        The layers: they make a flat vector.
    layout : Layout
        Which entry of that vector is where in the tensor.
    name : str
        The name of the tensor.
    tensors : Tensors
        The constants.
    opset : int
        The version of the operators.
    taken : set of str
        The tensors that it was before.
    last : str
        The node from which on nothing is read, since it is left off; empty before it.
    decided : bool
        Whether what is left off has come to a class.
    """

    chain: Chain
    layout: Layout
    name: str
    tensors: Tensors
    opset: int
    taken: set[str] = field(default_factory=set)
    last: str = ""
    decided: bool = False

    def constant(self, node: NodeProto, i: int) -> Array:
        """Return the i-th input of a node, which has to be a constant."""
        name = input_name(node, i)
        if name not in self.tensors:
            raise ValueError(f"expected a constant as input {i}, got {cut(name) or 'none'}")
        return self.tensors[name]

    def numbers(self, node: NodeProto, i: int) -> Floats:
        """Return a constant of finite numbers; integers become float64."""
        values = self.constant(node, i)
        known_length(values)
        finite = np.isfinite(values)
        if not finite.all():
            raise ValueError(
                f"expected finite numbers in tensor {cut(input_name(node, i))!r}, got "
                f"{values[~finite][0]} among them"
            )
        floating = np.issubdtype(values.dtype, np.floating)
        return cast(Floats, values if floating else values.astype(np.float64))

    def integers(self, node: NodeProto, name: str, i: int = 1) -> list[int] | None:
        """Return integers that older files have in an attribute and newer ones in an input."""
        if not input_name(node, i):
            return cast("list[int] | None", attribute(node, name, "ints"))
        values = self.constant(node, i)
        if (
            values.ndim > 1
            or values.size > MOST_AXES
            or not np.issubdtype(values.dtype, np.integer)
        ):
            raise ValueError(
                f"expected at most {MOST_AXES} integers as {name}, got {values.dtype} of shape "
                f"{values.shape}"
            )
        return [int(v) for v in values.ravel()]

    def spread(self, values: Floats) -> Floats:
        """Return which of the numbers meets each entry of the flat vector, as ONNX broadcasts.

        A single one stays a scalar.
        """
        shape = np.broadcast_shapes(self.layout.entries.shape, values.shape)
        if math.prod(shape) != self.chain.dim:
            raise ValueError(
                f"expected a constant of one number, or of one for every entry of "
                f"{self.layout}, got the shape {values.shape}"
            )
        self.layout = self.layout.unsqueeze(range(len(shape) - self.layout.entries.ndim))
        if values.size == 1:
            return values.reshape(())
        flat = np.empty(self.chain.dim, values.dtype)
        flat[self.layout.entries] = np.broadcast_to(values, shape)
        return flat

    def multiply_matrix(self, matrix: Floats, *, left: bool) -> None:
        """Append W x, or x W, where W may be a vector, or have axes of length 1 before."""
        x, rank = self.layout.entries, matrix.ndim
        if rank == 0 or math.prod(matrix.shape[:-2]) != 1:
            raise ValueError(f"expected one matrix or vector, got the shape {matrix.shape}")
        axis = x.ndim - 2 if left and x.ndim > 1 else x.ndim - 1
        if axis < 0 or x.shape[axis] != x.size or axis == self.layout.batch:
            raise ValueError(
                f"expected one point whose entries are along "
                f"{'the axis before the last' if left and x.ndim > 1 else 'the last axis'}, got "
                f"{self.layout}; export a network of one point, or with an open batch axis"
            )
        flat = matrix.reshape(matrix.shape[-2:] if rank > 1 else (1, -1))
        self.chain.reorder(x.ravel())
        self.chain.linear(flat if left or rank == 1 else flat.T)
        shape = [1] * x.ndim
        shape[axis] = self.chain.dim
        self.layout = Layout(np.arange(self.chain.dim).reshape(shape), self.layout.batch)
        if rank == 1:
            self.layout = self.layout.squeeze([axis])
        else:
            self.layout = self.layout.unsqueeze(range(rank - max(x.ndim, 2)))


def known_length(values: Array) -> None:
    """Raise ValueError where the length of the batch axis is among the integers."""
    if np.issubdtype(values.dtype, np.integer) and np.any(values == OPEN):
        raise ValueError("expected constants, got the number of points, which is open")


# ONNX's numbers of the types of attributes, by the field that has the value.
_FIELDS = {"f": 1, "i": 2, "t": 4, "floats": 6, "ints": 7}


def input_name(node: NodeProto, i: int) -> str:
    """Return the name of a node's i-th input, empty where it has none."""
    return node.input[i] if i < len(node.input) else ""


def attribute(node: NodeProto, name: str, kind: str, default: Any = None) -> Any:
    """Return an attribute of a node, of the type whose value is in the field `kind`."""
    for given in node.attribute:
        if given.name == name:
            if given.type != _FIELDS[kind]:
                raise ValueError(
                    f"expected the attribute {name} to be of ONNX's type {_FIELDS[kind]}, got "
                    f"{given.type}"
                )
            value = getattr(given, kind)
            return list(value) if kind.endswith("s") else value
    return default
