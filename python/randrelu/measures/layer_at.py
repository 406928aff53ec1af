"""One layer of a network near a point: where ascent on its preactivations goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu.network import Network

_Vector = NDArray[np.float64]


def layer_at(
    net: Network, y: _Vector, layer: int, threads: int
) -> tuple[_Vector, Callable[[_Vector], _Vector]]:
    """Return the preactivations of a layer (from 0) at y, and their gradient for given weights.

    The latter is a function: of weights v, one for each unit, it returns the gradient of the sum of
    the weighted preactivations, Jᵀv with their Jacobian J at y.
    """
    at_y = core.BasePoint(net._core, y, layers=layer + 1, gradient=False, threads=threads)
    return at_y.preactivations(layer), partial(at_y.pull_back, layer, threads=threads)
