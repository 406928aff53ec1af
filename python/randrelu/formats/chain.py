"""Affine maps and ReLUs in the order in which a file has them, as the layers of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

# What a file of a few bytes may ask for: all layers together may have so many entries, and twice
# those of the file, with identities, products and tensors that are used again. 16 MB as doubles.
LARGEST = 2 * 10**6
# The entries that may be computed on the way, and how often each of the file's: a second, or less.
_WORK, _TIMES = 10**8, 100
_PRODUCTS = 40  # multiplications of a product of matrices that take as long as one entry elsewhere


@dataclass
class Chain:
    """The layers that were read so far: y = W_{ℓ+1} σ(… σ(W_1 x + b_1) …) + b_{ℓ+1}.

    What comes between two ReLUs is one affine map, folded in float64 where it is made of several; a
    matrix and a bias that stand alone are kept as they are, bit for bit, and so are those that only
    entries in another order, or zeros, stand beside.

    Attributes
    ----------
    dim : int
        The dimension of what the next map takes.
    weights : list of ndarray
        W_1, …, each (fan_out, fan_in).
    biases : list of (ndarray or None)
        b_1, …, each (fan_out,).
    input_range : tuple of ndarray, or None
        The smallest and the largest inputs that the file has, each (d,).
    held : int, or None
        The entries of the tensors that the file has, which bound what comes of them; None where
        every matrix has its own.
    """

    dim: int
    weights: list[Floats] = field(default_factory=list)
    biases: list[Floats | None] = field(default_factory=list)
    input_range: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    held: int | None = None
    # The affine map since the last ReLU: M x + s, or c x[order] + s before the first matrix. None
    # is an identity, a c of ones, the order that there is, and an s of zeros.
    _matrix: Floats | None = None
    _scale: Floats | None = None
    _order: NDArray[np.intp] | None = None
    _shift: Floats | None = None
    _rectified: bool = False  # whether no entry can be negative, since a ReLU came last
    _given: int = 0  # the entries of all matrices that came
    _closed: int = 0  # those of `weights`
    _work: int = 0

    @np.errstate(all="ignore")
    def linear(self, weights: Floats, bias: Floats | None = None) -> None:
        """Append y = W x + b, W of shape (fan_out, dim)."""
        if weights.ndim != 2 or weights.shape[1] != self.dim or 0 in weights.shape:
            raise ValueError(
                f"expected weights of shape (fan_out, {self.dim}), none of them 0, got "
                f"{weights.shape}"
            )
        self._given += weights.size
        if self._shift is not None:
            moved = self._shift.any()  # zeros stay zeros, of whatever dtype is to come
            self._shift = _finite(_wide(weights) @ _wide(self._shift)) if moved else None
        if self._matrix is None:
            self._require_room(weights.size, f"weights of shape {weights.shape}")
            self._matrix = self._columns(weights)
        else:
            size = weights.shape[0] * self._matrix.shape[1]
            self._require_room(size, f"the product of {weights.shape} and {self._matrix.shape}")
            self.spend(size * self.dim // _PRODUCTS)
            self._matrix = _finite(_wide(weights) @ _wide(self._matrix))
        self.dim = weights.shape[0]
        self._rectified = False
        if bias is not None:
            self.add(bias)

    @np.errstate(all="ignore")
    def add(self, bias: Floats) -> None:
        """Append y = x + b, b of shape (dim,), or a scalar."""
        shift = np.broadcast_to(bias, (self.dim,))
        self._rectified = False
        if self._shift is None or not self._shift.any():
            self._shift = shift
        elif shift.any():
            self._shift = _finite(_wide(self._shift) + _wide(shift))

    @np.errstate(all="ignore")
    def multiply(self, factors: Floats) -> None:
        """Append y = c x, entry by entry, c of shape (dim,), or a scalar."""
        scale = np.broadcast_to(_wide(factors), (self.dim,))
        if np.all(scale == 1):
            return
        self._rectified = False
        if self._shift is not None:
            self._shift = _finite(scale * self._shift)
        if self._matrix is not None:
            self.spend(self._matrix.size)
            self._matrix = _finite(scale[:, np.newaxis] * self._matrix)
        else:
            self._scale = scale if self._scale is None else _finite(scale * self._scale)

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Append y = x[order], a permutation."""
        if np.array_equal(order, np.arange(self.dim)):
            return
        if self._shift is not None:
            self._shift = self._shift[order]
        if self._matrix is not None:
            self.spend(self._matrix.size)
            self._matrix = self._matrix[order]
        else:
            self._scale = None if self._scale is None else self._scale[order]
            self._order = order if self._order is None else self._order[order]

    def relu(self) -> None:
        """Append y = σ(x)."""
        if self._rectified:  # once is enough
            return
        self._close()
        self._rectified = True

    def finish(self) -> Chain:
        """Return the chain once its last map has come.

        A ReLU that came last makes a last hidden layer, which an identity follows.
        """
        self._close()
        return self

    def spend(self, entries: int) -> None:
        """Count entries that are about to be computed; ValueError where it would not end soon."""
        self._work += entries
        if self._work > _WORK + _TIMES * self._source:
            raise ValueError(
                f"expected maps that are made layers by computing at most {_WORK} entries, and "
                f"{_TIMES} for each that the file has, got more"
            )

    def _require_room(self, entries: int, what: str) -> None:
        """Raise ValueError where the layers would be much larger than what they are made of."""
        if self._closed + entries > 2 * self._source + LARGEST:
            raise ValueError(
                f"expected layers of at most {LARGEST} entries, and twice those of the matrices "
                f"that they are made of, got {what} after layers of {self._closed}"
            )

    @property
    def _source(self) -> int:
        return self._given if self.held is None else self.held

    def _close(self) -> None:
        if self._matrix is None:
            self._require_room(
                self.dim**2, f"an identity, where no matrix is before a ReLU over {self.dim} units"
            )
            self._matrix = self._columns(np.eye(self.dim, dtype=np.float32))
        self.weights.append(self._matrix)
        self.biases.append(self._shift)
        self._closed += self._matrix.size
        self._matrix = self._shift = None

    def _columns(self, weights: Floats) -> Floats:
        """Return W' with W' x = W (c x[order]), and forget c and the order."""
        if self._scale is not None:
            weights = _finite(weights * self._scale)
        if self._order is not None:
            weights = weights[:, np.argsort(self._order)]
        self._scale = self._order = None
        return weights


def _wide(values: Floats) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _finite(folded: Floats) -> Floats:
    """Return what was folded, unless it left the range of float64."""
    if not np.isfinite(folded).all():
        raise ValueError(
            "expected maps whose product is within the range of float64, got an overflow where "
            "those between two ReLUs are made one"
        )
    return folded


def layered(layers: Iterable[tuple[str, Floats, Floats | None]]) -> Chain:
    """Return the chain of (name, W_i, b_i) with a ReLU between each two of them."""
    chain = None
    for name, weights, bias in layers:
        if chain is None:
            chain = Chain(weights.shape[-1] if weights.ndim else 0)
        else:
            chain.relu()
        try:
            chain.linear(weights)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if bias is not None:
            if bias.shape != (chain.dim,):
                raise ValueError(
                    f"{name}: expected a bias of shape ({chain.dim},), got {bias.shape}"
                )
            chain.add(bias)
    if chain is None:
        raise ValueError("expected at least one matrix, got none")
    return chain.finish()
