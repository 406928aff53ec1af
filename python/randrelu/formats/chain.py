"""Affine maps and ReLUs in the order in which a file has them, as the layers of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass
class Chain:
    """The layers that were read so far: y = W_{ℓ+1} σ(… σ(W_1 x + b_1) …) + b_{ℓ+1}.

    What comes between two ReLUs is one affine map, folded in float64 where it is made of several; a
    matrix and a bias that stand alone are kept as they are, bit for bit.

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
    """

    dim: int
    weights: list[Floats] = field(default_factory=list)
    biases: list[Floats | None] = field(default_factory=list)
    input_range: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    # The affine map since the last ReLU: None is the identity, and no shift.
    _matrix: Floats | None = None
    _shift: Floats | None = None
    _rectified: bool = False  # whether a ReLU came last

    def linear(self, weights: Floats, bias: Floats | None = None) -> None:
        """Append y = W x + b, W of shape (fan_out, dim)."""
        if weights.ndim != 2 or weights.shape[1] != self.dim or 0 in weights.shape:
            raise ValueError(
                f"expected weights of shape (fan_out, {self.dim}), none of them 0, got "
                f"{weights.shape}"
            )
        if self._matrix is None and self._shift is None:
            self._matrix = weights
        else:
            wide = weights.astype(np.float64)
            if self._shift is not None:
                self._shift = wide @ self._shift.astype(np.float64)
            self._matrix = (
                weights if self._matrix is None else wide @ self._matrix.astype(np.float64)
            )
        self.dim = weights.shape[0]
        self._rectified = False
        if bias is not None:
            self.add(bias)

    def add(self, bias: Floats) -> None:
        """Append y = x + b, b of shape (dim,), or a scalar."""
        shift = np.broadcast_to(bias, (self.dim,))
        if self._shift is not None:
            shift = self._shift.astype(np.float64) + shift.astype(np.float64)
        self._shift = shift
        self._rectified = False

    def multiply(self, factors: Floats) -> None:
        """Append y = c x, entry by entry, c of shape (dim,), or a scalar."""
        scale = np.broadcast_to(factors, (self.dim,)).astype(np.float64)
        if np.all(scale == 1):
            return
        if self._shift is not None:
            self._shift = scale * self._shift.astype(np.float64)
        matrix = np.eye(self.dim) if self._matrix is None else self._matrix.astype(np.float64)
        self._matrix = scale[:, np.newaxis] * matrix
        self._rectified = False

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Append y = x[order], a permutation."""
        if np.array_equal(order, np.arange(self.dim)):
            return
        if self._matrix is None:
            self._matrix = np.eye(self.dim, dtype=np.float32)
        self._matrix = self._matrix[order]
        if self._shift is not None:
            self._shift = self._shift[order]
        self._rectified = False

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

    def _close(self) -> None:
        matrix = np.eye(self.dim, dtype=np.float32) if self._matrix is None else self._matrix
        shift = self._shift
        if shift is not None and not shift.any():
            shift = np.zeros_like(shift)  # −0 and 0 are one bias
        self.weights.append(matrix)
        self.biases.append(shift)
        self._matrix = self._shift = None


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
