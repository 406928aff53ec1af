"""The masked weight products M_{i,j} = D_i W_i … D_{j+1} W_{j+1} of layers j + 1 to i."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.threads import thread_number
from randrelu.network import Network

_Rows = NDArray[np.float64]

_LOOK_EVERY = 4  # steps of the iteration
_GAIN = 1e-6  # since the last look, that is small enough: every look gains a fraction of the last
_NOISE = 1e-13  # of the square, that rounding may be


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
    bits = net.pattern(points, threads=threads).bits
    tall = net.widths[high] > net.widths[low]

    def product(rows: NDArray[np.float64], transposed: bool) -> NDArray[np.float64]:
        return masked_product(net, bits, low, high, rows, transposed=transposed, threads=threads)

    small = min(net.widths[low], net.widths[high])
    norms = _lanczos(lambda v: product(v, not tall), lambda u: product(u, tall), len(points), small)
    return float(norms[0]) if single else norms


def _lanczos(
    there: Callable[[_Rows], _Rows], back: Callable[[_Rows], _Rows], count: int, size: int
) -> NDArray[np.float64]:
    """Return the spectral norms of `count` matrices, all of them at once.

    `there` multiplies a vector of `size` components by each matrix, `back` the images by their
    transposes. The iteration is that for the squares, of which it sees more and more.
    """
    v: _Rows = np.random.default_rng(0).standard_normal((1, size)).repeat(count, axis=0)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    basis = np.empty((count, 0, size))  # orthonormal rows, in which the square is tridiagonal:
    diagonal, beside = np.empty((count, 0)), np.empty((count, 0))
    squares = np.zeros(count)
    for k in range(1, size + 1):
        basis = np.concatenate((basis, v[:, np.newaxis]), axis=1)
        image = there(v)
        diagonal = np.column_stack((diagonal, np.sum(image**2, axis=1)))
        v = back(image)
        for _ in range(2):  # once more, for what rounding left of the basis
            # No BLAS: its threads would get in the way of what runs beside this.
            along = np.einsum("pkn,pn->pk", basis, v)
            v = v - np.einsum("pk,pkn->pn", along, basis)
        left = np.linalg.norm(v, axis=1)
        # Noise is all that is left once every direction has been seen that the matrix has.
        left[left <= _NOISE * diagonal.max(axis=1)] = 0
        if k % _LOOK_EVERY == 0 or k == size or not left.any():
            before, squares = squares, _largest_eigenvalues(diagonal, beside)
            if np.all(squares - before <= _GAIN * squares):
                break
        beside = np.column_stack((beside, left))
        v = v * np.divide(1, left, out=np.zeros(count), where=left > 0)[:, np.newaxis]
    return np.sqrt(squares)


def _largest_eigenvalues(diagonal: _Rows, beside: _Rows) -> NDArray[np.float64]:
    """Return the largest eigenvalue, at least 0, of the tridiagonal matrix of every row."""
    count, k = diagonal.shape
    i = np.arange(k)
    matrices = np.zeros((count, k, k))  # the lower triangles, which are all that is looked at
    matrices[:, i, i] = diagonal
    matrices[:, i[1:], i[:-1]] = beside
    largest: NDArray[np.float64] = np.maximum(np.linalg.eigvalsh(matrices)[:, -1], 0)
    return largest
