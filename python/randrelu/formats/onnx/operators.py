"""What each operator of an ONNX graph does to the layers that were read so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from randrelu.formats.chain import LARGEST
from randrelu.formats.onnx.layout import MOST_AXES, OPEN, Layout
from randrelu.formats.onnx.tensors import FLOAT_TYPES, Array, cut
from randrelu.formats.onnx.walk import Walk, attribute, input_name, known_length

if TYPE_CHECKING:
    from onnx import NodeProto

# Older files write the largest float32 where a bound is infinite.
_FAR = 1e38


# What only moves entries, those of the tensor that depends on the input or those of a constant.


def _cast(walk: Walk, node: NodeProto, layout: Layout) -> Layout:
    to = attribute(node, "to", "i")
    if to not in FLOAT_TYPES:
        raise ValueError(f"expected a cast to floats, got ONNX's type number {to}")
    if input_name(node, 0) == walk.name:
        return layout
    if FLOAT_TYPES[to] == "bfloat16":
        raise ValueError("expected a cast of a constant to another type than bfloat16")
    known_length(layout.entries)
    cast = layout.entries.astype(FLOAT_TYPES[to])
    return Layout(cast.astype(np.float32) if cast.dtype == np.float16 else cast)


def _dropout(walk: Walk, node: NodeProto, layout: Layout) -> Layout:
    if input_name(node, 2) and walk.constant(node, 2).any():
        raise ValueError("expected training_mode to be False, got True")
    _not_training(walk, node)
    return layout


def _not_training(walk: Walk, node: NodeProto) -> None:
    if walk.opset < 7 and not attribute(node, "is_test", "i", 0):
        raise ValueError("expected is_test to be 1, got 0")
    if attribute(node, "training_mode", "i", 0):
        raise ValueError("expected training_mode to be 0, got 1")


def _reshape(walk: Walk, node: NodeProto, layout: Layout) -> Layout:
    target = walk.integers(node, "shape")
    if target is None:
        raise ValueError("expected a shape, got none")
    return layout.reshape(target, allowzero=bool(attribute(node, "allowzero", "i", 0)))


def _unsqueeze(walk: Walk, node: NodeProto, layout: Layout) -> Layout:
    axes = walk.integers(node, "axes")
    if axes is None:
        raise ValueError("expected axes, got none")
    return layout.unsqueeze(axes)


MOVES: dict[str, Callable[[Walk, NodeProto, Layout], Layout]] = {
    "Cast": _cast,
    "Dropout": _dropout,
    "Flatten": lambda walk, node, layout: layout.flatten(attribute(node, "axis", "i", 1)),
    "Identity": lambda walk, node, layout: layout,
    "Reshape": _reshape,
    "Squeeze": lambda walk, node, layout: layout.squeeze(walk.integers(node, "axes")),
    "Transpose": lambda walk, node, layout: layout.transpose(attribute(node, "perm", "ints")),
    "Unsqueeze": _unsqueeze,
}


# What computes with the tensor that depends on the input.


def _place(walk: Walk, node: NodeProto) -> int:
    return list(node.input).index(walk.name)


def _aligned(walk: Walk, node: NodeProto, i: int) -> Array:
    """Return a constant of arithmetic along the axes that it meets.

    Before opset 7 an attribute says at which axis they begin.
    """
    values = walk.numbers(node, i)
    axis = attribute(node, "axis", "i") if walk.opset < 7 and i == 1 else None
    after = walk.layout.entries.ndim - values.ndim - (axis or 0)
    if axis is None or not 0 < after <= walk.layout.entries.ndim:
        return values
    return values.reshape(values.shape + (1,) * after)


def _add(walk: Walk, node: NodeProto) -> None:
    walk.chain.add(walk.spread(_aligned(walk, node, 1 - _place(walk, node))))


def _sub(walk: Walk, node: NodeProto) -> None:
    place = _place(walk, node)
    values = walk.spread(_aligned(walk, node, 1 - place))
    if place == 1:
        walk.chain.multiply(np.array(-1.0))
    walk.chain.add(-values if place == 0 else values)


def _mul(walk: Walk, node: NodeProto) -> None:
    walk.chain.multiply(walk.spread(_aligned(walk, node, 1 - _place(walk, node))))


def _div(walk: Walk, node: NodeProto) -> None:
    values = walk.spread(_aligned(walk, node, 1)).astype(np.float64)
    if not values.all():
        name = cut(input_name(node, 1))
        raise ValueError(f"expected no 0 in tensor {name!r}, by which it divides")
    walk.chain.multiply(1 / values)


def _matmul(walk: Walk, node: NodeProto) -> None:
    place = _place(walk, node)
    walk.multiply_matrix(walk.numbers(node, 1 - place), left=place == 1)


def _gemm(walk: Walk, node: NodeProto) -> None:
    place = _place(walk, node)
    if place == 2:
        raise ValueError("expected a constant as input 2")
    other = walk.numbers(node, 1 - place)
    if other.ndim != 2 or walk.layout.entries.ndim != 2:
        raise ValueError(f"expected two matrices, got {walk.layout} and {other.shape}")
    flips = [attribute(node, name, "i", 0) for name in ("transA", "transB")]
    if flips[place]:
        walk.layout = walk.layout.transpose()
    walk.multiply_matrix(other.T if flips[1 - place] else other, left=place == 1)
    walk.chain.multiply(np.array(_factor(node, "alpha")))
    if input_name(node, 2):
        beta, bias = _factor(node, "beta"), walk.spread(walk.numbers(node, 2))
        walk.chain.add(bias if beta == 1 else beta * bias.astype(np.float64))


def _factor(node: NodeProto, name: str) -> float:
    value = float(attribute(node, name, "f", 1.0))
    if not math.isfinite(value):
        raise ValueError(f"expected a finite {name}, got {value}")
    return value


def _batch_normalization(walk: Walk, node: NodeProto) -> None:
    _not_training(walk, node)
    if any(node.output[1:]) or not attribute(node, "spatial", "i", 1):
        raise ValueError("expected the form of inference: one output, and one number per channel")
    if walk.layout.entries.ndim < 2 or walk.layout.batch == 1:
        raise ValueError(f"expected channels along axis 1 of {walk.layout}")
    wide = [walk.numbers(node, i).astype(np.float64) for i in range(1, 5)]
    if len({values.shape for values in wide}) > 1 or wide[0].ndim != 1:
        raise ValueError(f"expected four vectors, got {', '.join(str(v.shape) for v in wide)}")
    scale, bias, mean, variance = wide
    variance = variance + float(attribute(node, "epsilon", "f", 1e-5))
    if not np.all(variance > 0):
        raise ValueError(f"expected variances above 0, got {variance.min()} with epsilon")
    factor = scale / np.sqrt(variance)
    along = (-1,) + (1,) * (walk.layout.entries.ndim - 2)
    walk.chain.multiply(walk.spread(factor.reshape(along)))
    walk.chain.add(walk.spread((bias - mean * factor).reshape(along)))


def _clip(walk: Walk, node: NodeProto) -> None:
    low, high = (
        walk.constant(node, i) if input_name(node, i) else np.array(attribute(node, name, "f", far))
        for i, name, far in ((1, "min", -np.inf), (2, "max", np.inf))
    )
    if low.size != 1 or high.size != 1 or low.item() != 0 or not high.item() >= _FAR:
        raise ValueError(
            f"expected to clip at 0 and ∞, got {low.ravel()[:3]} and {high.ravel()[:3]}"
        )
    walk.chain.relu()


def _max(walk: Walk, node: NodeProto) -> None:
    for i in range(len(node.input)):
        walk.chain.spend(walk.chain.dim)
        if node.input[i] != walk.name and walk.spread(walk.numbers(node, i)).any():
            raise ValueError(f"expected the maximum with 0, got other numbers in input {i}")
    if len(node.input) > 1:
        walk.chain.relu()


MAPS: dict[str, Callable[[Walk, NodeProto], None]] = {
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Clip": _clip,
    "Div": _div,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Max": _max,
    "Mul": _mul,
    "Neg": lambda walk, node: walk.chain.multiply(np.array(-1.0)),
    "Relu": lambda walk, node: walk.chain.relu(),
    "Sub": _sub,
}
# Those whose other operand may come first.
EITHER_SIDE = ("Add", "Gemm", "MatMul", "Max", "Mul", "Sub")


# What makes constants.


def _constant(walk: Walk, node: NodeProto) -> Array:
    for name, field, dtype in (
        ("value_float", "f", np.float32),
        ("value_floats", "floats", np.float32),
        ("value_int", "i", np.int64),
        ("value_ints", "ints", np.int64),
    ):
        value = attribute(node, name, field)
        if value is not None:
            return np.array(value, dtype=dtype)
    tensor = attribute(node, "value", "t")
    if tensor is None:
        raise ValueError("expected a tensor, floats or integers, got none of them")
    return walk.tensors.decode(tensor)


def _constant_of_shape(walk: Walk, node: NodeProto) -> Array:
    shape = walk.integers(node, "shape", 0)
    tensor = attribute(node, "value", "t")
    value = np.zeros(1, np.float32) if tensor is None else walk.tensors.decode(tensor)
    if shape is None or min(shape, default=0) < 0 or value.size != 1:
        raise ValueError(f"expected a shape and one number, got {shape} and {value.size} numbers")
    if math.prod(shape) > LARGEST:
        raise ValueError(f"expected a shape of at most {LARGEST} entries, got {shape}")
    return np.broadcast_to(value.ravel(), shape) if shape else value.reshape(())


def _shape(walk: Walk, node: NodeProto) -> Array:
    """Return the shape of the tensor that depends on the input: files make others of it."""
    if input_name(node, 0) != walk.name:
        raise ValueError("expected a tensor that depends on the network's input")
    sizes = [OPEN if i == walk.layout.batch else n for i, n in enumerate(walk.layout.entries.shape)]
    start, end = (attribute(node, name, "i") for name in ("start", "end"))
    return np.array(sizes[start:end], dtype=np.int64)


def _gather(walk: Walk, node: NodeProto) -> Array:
    values, places = walk.constant(node, 0), walk.constant(node, 1)
    along = attribute(node, "axis", "i", 0)
    if values.ndim != 1 or along or places.dtype.kind != "i" or places.size > MOST_AXES:
        raise ValueError(f"expected entries of a shape, got those of {values.shape}")
    if not np.all((-values.size <= places) & (places < values.size)):
        raise ValueError(f"expected places in a shape of {values.size} axes, got others")
    return values[places]


def _concat(walk: Walk, node: NodeProto) -> Array:
    parts = [walk.constant(node, i) for i in range(len(node.input))]
    if not parts or any(part.ndim != 1 for part in parts) or attribute(node, "axis", "i", 0) != 0:
        raise ValueError("expected parts of a shape")
    if sum(part.size for part in parts) > MOST_AXES:
        raise ValueError(f"expected parts of a shape of at most {MOST_AXES} axes, got more")
    return np.concatenate(parts)


CONSTANTS: dict[str, Callable[[Walk, NodeProto], Array]] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Gather": _gather,
    "Shape": _shape,
}
