"""Where the entries of a tensor are, while operators rename its axes and reorder its entries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The length of the batch axis where a file computes shapes: a number that no axis has.
OPEN = -(2**40)
MOST_AXES = 64  # of a tensor, which is NumPy's limit


@dataclass(frozen=True)
class Layout:
    """A tensor of any entries, for one point of a batch.

    Attributes
    ----------
    entries : ndarray
        What stands where: of a constant its numbers, of a tensor that depends on the input which
        entry of a flat vector it is. The batch axis has length 1 here.
    batch : int or None
        The axis of the points, if their number is open; a tensor that has none is for one point,
        also where its first axis has length 1.
    """

    entries: NDArray[Any]
    batch: int | None = None

    def reshape(self, target: Sequence[int], *, allowzero: bool = False) -> Layout:
        """Return the entries in row-major order under another shape, as Reshape does.

        0 stands for the axis that was there (unless `allowzero`), −1 for what is left over, and
        `OPEN` for the batch axis.
        """
        old = [OPEN if i == self.batch else n for i, n in enumerate(self.entries.shape)]
        if not allowzero and any(t == 0 and i >= len(old) for i, t in enumerate(target)):
            raise ValueError(f"expected zeros at axes of {self}, got {list(target)}")
        if any(t < -1 and t != OPEN for t in target):  # NumPy would take it for −1
            raise ValueError(f"expected lengths of 0 or more, or −1, got {list(target)}")
        lengths = [old[i] if t == 0 and not allowzero else t for i, t in enumerate(target)]
        entries = self.entries.reshape([1 if n == OPEN else n for n in lengths])
        if lengths.count(OPEN) > (self.batch is not None):
            raise ValueError(f"expected the batch axis once where there is one, got {list(target)}")
        if self.batch is None:
            return Layout(entries)
        batch = lengths.index(OPEN) if OPEN in lengths else -1
        if batch < 0 and -1 in lengths and entries.shape[lengths.index(-1)] == 1:
            batch = lengths.index(-1)
        if batch < 0:  # what is written for one point mixes several, or fails with them
            raise ValueError(
                f"expected the batch axis to be kept, got the shape {list(target)}, which has no "
                "place for it; where the file is for one point, export it with a fixed batch of 1"
            )
        return self._with_batch(entries, batch, f"the shape {list(target)}")

    def flatten(self, axis: int) -> Layout:
        """Return a matrix: the axes before `axis` are its rows."""
        old = self.entries.shape
        if not -len(old) <= axis <= len(old):
            raise ValueError(f"expected an axis of {old}, got {axis}")
        axis = axis + len(old) if axis < 0 else axis
        entries = self.entries.reshape(math.prod(old[:axis]), math.prod(old[axis:]))
        batch = 0 if self.batch is None or self.batch < axis else 1
        return self._with_batch(entries, batch, f"axis {axis}")

    def _with_batch(self, entries: NDArray[Any], batch: int, what: str) -> Layout:
        """Return the entries with their batch axis, unless points are not left apart there."""
        if self.batch is None:
            return Layout(entries)
        shape = entries.shape
        apart = (
            batch < len(shape)
            and shape[batch] == 1
            and math.prod(shape[:batch]) == math.prod(self.entries.shape[: self.batch])
        )
        if not apart:
            raise ValueError(f"expected the batch axis to be kept, got {what}, which changes it")
        return Layout(entries, batch)

    def transpose(self, axes: Sequence[int] | None = None) -> Layout:
        """Return the axes in another order, the reverse one by default."""
        order = list(range(self.entries.ndim))[::-1] if axes is None else list(axes)
        if sorted(order) != list(range(self.entries.ndim)):
            raise ValueError(f"expected an order of {self.entries.ndim} axes, got {order}")
        batch = None if self.batch is None else order.index(self.batch)
        return Layout(self.entries.transpose(order), batch)

    def squeeze(self, axes: Sequence[int] | None = None) -> Layout:
        """Return the tensor without some axes of length 1, by default all but the batch axis."""
        shape = self.entries.shape
        if axes is None:
            axes = [i for i, n in enumerate(shape) if n == 1 and i != self.batch]
        gone = _within(axes, len(shape))
        if self.batch in gone or any(shape[i] != 1 for i in gone):
            raise ValueError(f"expected axes of length 1, got {list(axes)} of {self}")
        batch = None if self.batch is None else self.batch - sum(i < self.batch for i in gone)
        return Layout(self.entries.squeeze(tuple(gone)), batch)

    def unsqueeze(self, axes: Sequence[int]) -> Layout:
        """Return the tensor with more axes of length 1, at these places of the new shape."""
        rank = self.entries.ndim + len(axes)
        new = _within(axes, rank)
        old = [i for i in range(rank) if i not in new]
        batch = None if self.batch is None else old[self.batch]
        return Layout(np.expand_dims(self.entries, tuple(new)), batch)

    def __str__(self) -> str:
        sizes = ["N" if i == self.batch else str(n) for i, n in enumerate(self.entries.shape)]
        return f"({', '.join(sizes)})"


def _within(axes: Sequence[int], rank: int) -> list[int]:
    """Return axes counted from the front, each of them once."""
    found = [i + rank if i < 0 else i for i in axes]
    if len(set(found)) < len(found) or not all(0 <= i < rank for i in found) or rank > MOST_AXES:
        most = min(rank, MOST_AXES)
        raise ValueError(f"expected different axes of at most {most}, got {list(axes)}")
    return found
