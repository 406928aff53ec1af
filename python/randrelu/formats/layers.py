"""The matrices and biases of a network, as what takes them has them: all in one dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from randrelu.formats.chain import Floats

if TYPE_CHECKING:
    from randrelu.network import Network


def layers_of(net: Network) -> tuple[list[Floats], list[Floats | None]]:
    """Return W_1, …, W_{ℓ+1} and b_1, …, b_{ℓ+1}, in the dtype that holds all of them exactly.

    The last layer of a margin is float64, where the others may be float32.
    """
    layers = range(1, net.depth + 2)
    weights = [net.weights(i) for i in layers]
    dtype = np.result_type(*weights)
    biases = [net.bias(i) for i in layers]
    return (
        [w.astype(dtype, copy=False) for w in weights],
        [None if b is None else b.astype(dtype, copy=False) for b in biases],
    )
