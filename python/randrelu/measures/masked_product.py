"""The masked weight products M_{i,j} = D_i W_i … D_{j+1} W_{j+1} of layers j + 1 to i."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.threads import thread_number
from randrelu.network import Network


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
) -> float:
    """Return the spectral norm of M_{i,j}(x), the Jacobian of layer i by layer j (Lemma 2.6).

    Found by Lanczos iteration from products with the matrix and its transpose, so that no matrix is
    held, whatever the storage; to a relative error of about 1e-6, and never too large.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The point whose pattern masks the weights.
    j, i : int
        The layers, 0 ≤ j < i ≤ ℓ; layer 0 is the input.
    threads : int, optional
        The number of threads.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    from scipy.sparse.linalg import LinearOperator, svds

    low = arguments.integer("j", j, at_least=0)
    high = arguments.integer("i", i, at_least=low + 1, at_most=net.depth)
    bits = net.pattern(arguments.point("x", x, net.widths[0]), threads=threads).bits

    def product(v: NDArray[np.float64], transposed: bool) -> NDArray[np.float64]:
        rows = np.ascontiguousarray(v, np.float64).reshape(-1, v.shape[-1])
        return masked_product(net, bits, low, high, rows, transposed=transposed, threads=threads)

    shape = net.widths[high], net.widths[low]
    small = min(shape)
    if small <= 3:  # too few for an iteration: the matrix from its short side
        return float(np.linalg.norm(product(np.eye(small), shape[0] == small), 2))
    operator = LinearOperator(
        shape,
        matvec=lambda v: product(v.ravel(), False)[0],
        rmatvec=lambda v: product(v.ravel(), True)[0],
        dtype=np.float64,
    )
    start = np.random.default_rng(0).standard_normal(small)
    if not product(start, shape[0] == small).any():  # dead units all the way across
        return 0.0
    # The square of `tol` is that of the eigenvalues of MᵀM.
    return float(svds(operator, k=1, tol=1e-3, v0=start, return_singular_vectors=False)[0])
