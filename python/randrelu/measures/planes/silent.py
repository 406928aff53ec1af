"""What f is on faces where a layer is silent: a constant, which does not depend on rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.masked_product import masked_product
from randrelu.measures.planes.faces import Faces
from randrelu.network import Network

_Doubles = NDArray[np.float64]


def exact_where_silent(
    net: Network,
    faces: Faces,
    patterns: list[NDArray[np.uint8]],
    outputs: _Doubles,
    *,
    threads: int | None,
) -> _Doubles:
    """Return the outputs (V, k) at the vertices, constant on faces where a layer is silent.

    At the vertices of such a face, where units are 0, rounding leaves tiny numbers of either sign,
    and f would seem to pass its constant there, which often is 0.
    """
    silent: list[NDArray[np.bool_]] = [np.logical_not(bits.any(axis=1)) for bits in patterns]
    if not any(some.any() for some in silent):
        return outputs
    result = outputs.copy()
    for layer, some in enumerate(silent, start=1):
        if some.any():  # the last silent layer decides
            result[faces.some(some).corners] = _after_silence(net, layer, threads)
    return result


def _after_silence(net: Network, layer: int, threads: int | None) -> _Doubles:
    """Return the outputs (k,) where no unit of a layer (from 1) is active."""
    every = [np.full(-(-width // 8), 255, np.uint8) for width in net.widths[1:-1]]
    values = np.zeros(net.widths[layer])
    for i in range(layer + 1, net.depth + 2):
        rows = np.maximum(values, 0)[np.newaxis]
        values = masked_product(net, every, i - 1, i, rows, transposed=False, threads=threads)[0]
        bias = net.bias(i)
        if bias is not None:
            values = values + bias
    return values
