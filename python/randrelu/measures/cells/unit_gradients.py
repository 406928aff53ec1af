"""The gradients of all hidden preactivations on the linear region of a point, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support.arguments import Progress
from randrelu._support.progress import counting
from randrelu.measures.masked_product import masked_product
from randrelu.network import Network
from randrelu.pattern import Pattern

_MOST_AT_ONCE = 256  # rows, as products of fewer are slower and of more not faster
_TO_GATHER = 32  # multiplications for each weight of a row, which take as long as making it
_ENTRIES = 2**22  # of such rows, in the widest layer: 34 MB


class Block(NamedTuple):
    """Some entries of the gradients of a layer, shape (units, coordinates)."""

    layer: int  # from 1
    units: slice
    coordinates: slice
    entries: NDArray[np.float64]


def unit_gradients(
    net: Network, pattern: Pattern, *, threads: int | None, progress: Progress | None
) -> Iterator[Block]:
    """Yield ∇f̃_i = W_i D_{i−1} W_{i−1} … D_1 W_1 for every hidden layer i, in blocks.

    They are found from the input on, for some coordinates at a time, or from each layer back, for
    some of its units at a time, whichever takes fewer operations. Which it is and the blocks depend
    on the widths alone, so the numbers do not depend on storage or threads.

    Some five arrays of 34 MB are held at once at most, or of eight rows of the widest layer where
    these take more.
    """
    bits = [np.ascontiguousarray(layer) for layer in pattern.bits]
    at_once = int(np.clip(_ENTRIES // max(net.widths), 8, _MOST_AT_ONCE))
    forward, backward = _operations(net.widths)
    ways = _from_input if forward <= backward else _from_layers
    return ways(net, bits, at_once, threads, progress)


def _operations(widths: tuple[int, ...]) -> tuple[int, int]:
    """Count the multiplications of either way."""
    forward = backward = below = 0
    for i in range(1, len(widths) - 1):
        forward += widths[0] * widths[i] * widths[i - 1]
        backward += widths[i] * (_TO_GATHER * widths[i - 1] + below)
        below += widths[i] * widths[i - 1]
    return forward, backward


def _from_input(
    net: Network,
    bits: Sequence[NDArray[np.uint8]],
    at_once: int,
    threads: int | None,
    progress: Progress | None,
) -> Iterator[Block]:
    """Send unit vectors of the input forward."""
    dim = net.widths[0]
    count = counting(progress, dim * net.depth)
    every = [np.full_like(layer, 255) for layer in bits]
    for some in _slices(dim, at_once):
        rows = _unit_vectors(some, dim)
        for i in range(1, net.depth + 1):
            # The gradients of the layer's own units do not ask whether these are active.
            rows = masked_product(net, every, i - 1, i, rows, transposed=False, threads=threads)
            width = net.widths[i]
            yield Block(i, slice(0, width), some, rows.T)
            rows = rows * np.unpackbits(bits[i - 1], count=width, bitorder="little")
            count(some.stop - some.start)


def _from_layers(
    net: Network,
    bits: Sequence[NDArray[np.uint8]],
    at_once: int,
    threads: int | None,
    progress: Progress | None,
) -> Iterator[Block]:
    """Send unit vectors of every layer back."""
    count = counting(progress, sum(net.widths[1:-1]))
    for i in range(1, net.depth + 1):
        for some in _slices(net.widths[i], at_once):
            rows = _weights(net, i, some, threads)
            if i > 1:
                rows = masked_product(net, bits, 0, i - 1, rows, transposed=True, threads=threads)
            yield Block(i, some, slice(0, net.widths[0]), rows)
            count(some.stop - some.start)


def _weights(net: Network, i: int, some: slice, threads: int | None) -> NDArray[np.float64]:
    """Return some rows of W_i, of which those of streamed networks are made only here.

    So few vectors at once pass by the rows of the weights that they multiply by 0.
    """
    every = [np.full(-(-width // 8), 255, np.uint8) for width in net.widths[1:-1]]
    rows = [
        masked_product(
            net, every, i - 1, i, _unit_vectors(few, net.widths[i]), transposed=True,
            threads=threads,
        )
        for few in _slices(some.stop, core.FEW_POINTS, some.start)
    ]  # fmt: skip
    return np.concatenate(rows)


def _slices(last: int, at_once: int, first: int = 0) -> Iterator[slice]:
    for start in range(first, last, at_once):
        yield slice(start, min(start + at_once, last))


def _unit_vectors(some: slice, size: int) -> NDArray[np.float64]:
    vectors = np.zeros((some.stop - some.start, size))
    vectors[np.arange(len(vectors)), np.arange(some.start, some.stop)] = 1
    return vectors
