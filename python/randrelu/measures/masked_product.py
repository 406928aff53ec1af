"""The masked weight products M_{i,j} = D_i W_i … D_{j+1} W_{j+1} of layers j + 1 to i."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.threads import thread_number
from randrelu.network import Network

_AT_ONCE = 128  # points, each of which holds as many vectors as there are steps


def masked_product(
    net: Network,
    bits: Sequence[NDArray[np.uint8]],
    j: int,
    i: int,
    rows: NDArray[np.float64],
    *,
    transposed: bool,
    threads: int | None,
) -> NDArray[np.float64]:
    """Multiply every row v by M_{i,j}, as M_{i,j} v, or as v M_{i,j} if `transposed`.

    `bits` holds the pattern of every hidden layer: of one point, (bytes,), or a row of bytes for
    every row of `rows`.
    """
    return core.masked_product(
        net._core, list(bits), rows, j=j, i=i, transposed=transposed,
        threads=thread_number(threads),
    )  # fmt: skip


def masked_product_norm(
    net: Network, x: ArrayLike, j: int, i: int, *, threads: int | None = None
) -> Any:
    """Return the spectral norm of M_{i,j}(x), the Jacobian of layer i by layer j (Lemma 2.6).

    Found by Lanczos iteration from products with the matrix and its transpose, so that no matrix is
    held, whatever the storage; to a relative error of about 1e-6, and never too large.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,) or (N, d)
        The points whose patterns mask the weights.
    j, i : int
        The layers, 0 ≤ j < i ≤ ℓ; layer 0 is the input.
    threads : int, optional
        The number of threads.

    Returns
    -------
    float, or ndarray of shape (N,)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    low = arguments.integer("j", j, at_least=0)
    high = arguments.integer("i", i, at_least=low + 1, at_most=net.depth)
    points, single = arguments.points("x", x, net.widths[0], np.dtype(np.float64))
    if not len(points):
        return np.empty(0)
    start = np.random.default_rng(0).standard_normal(min(net.widths[low], net.widths[high]))
    norms = np.empty(len(points))
    for first in range(0, len(points), _AT_ONCE):
        some = points[first : first + _AT_ONCE]
        bits = net.pattern(some, threads=threads).bits
        norms[first : first + _AT_ONCE] = core.masked_product_norms(
            net._core, list(bits), len(some), start, j=low, i=high, threads=thread_number(threads)
        )
    return float(norms[0]) if single else norms
