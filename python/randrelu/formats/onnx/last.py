"""What is left off at the end of an ONNX graph, since it leaves the largest value in its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from randrelu.formats.onnx.walk import Walk, attribute

if TYPE_CHECKING:
    from onnx import NodeProto


def _softmax(walk: Walk, node: NodeProto) -> None:
    rank = walk.layout.entries.ndim
    axis = attribute(node, "axis", "i", -1 if walk.opset >= 13 else 1)
    axis = axis + rank if axis < 0 else axis
    _all_of_a_point(walk, range(axis, axis + 1 if walk.opset >= 13 else rank), axis)


def _argmax(walk: Walk, node: NodeProto) -> None:
    axis = attribute(node, "axis", "i", 0)
    axis = axis + walk.layout.entries.ndim if axis < 0 else axis
    _all_of_a_point(walk, range(axis, axis + 1), axis)
    walk.decided = True


def _all_of_a_point(walk: Walk, axes: range, axis: int) -> None:
    """Raise ValueError unless these axes hold all outputs of a point, and of no other one."""
    shape = walk.layout.entries.shape
    if math.prod(shape[axes.start : axes.stop]) != math.prod(shape) or walk.layout.batch in axes:
        raise ValueError(
            f"expected an axis of all outputs of one point, which is left off, got axis {axis} of "
            f"{walk.layout}; export the network without it"
        )
    if walk.decided:
        raise ValueError("expected a class once, got what computes with it")


LAST: dict[str, Callable[[Walk, NodeProto], None]] = {
    "ArgMax": _argmax,
    "LogSoftmax": _softmax,
    "Softmax": _softmax,
}
