"""The weights of a ReLU network, its biases, and the ways to hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Floats
from randrelu._support.shown import Shown


@dataclass(frozen=True)
class Revealed(Shown):
    """What a deferred network has revealed of its matrices, an entry per layer W_1, …, W_{ℓ+1}.

    For what it says of a limit network, which has no matrices, see `LimitNetwork.revealed`.

    Attributes
    ----------
    forward : tuple of int
        The directions v along which W_i v is known.
    backward : tuple of int
        The directions v along which vᵀW_i is known.
    nbytes : tuple of int
        The bytes that they and the answers take.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    nbytes: tuple[int, ...]

    def _shown_columns(self) -> dict[str, Any]:
        names = ("forward", "backward", "nbytes")
        layers = range(1, len(self.forward) + 1)
        return {"layer": layers, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, eq=False, repr=False)
class Weights(Shown):
    """The matrices W_1, …, W_{ℓ+1}, however they are held; a `Network` computes with them."""

    widths: tuple[int, ...]
    init: str | None
    seed: int | None
    dtype: np.dtype[np.floating[Any]]
    storage: str
    _core: core.Network
    ties: str = "coin"
    input_range: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    _deviation: float = 0.0  # of the biases of a random network
    _margin_of: tuple[Self, int, int | None] | None = None  # the network, top and other

    @property
    def dim(self) -> int:
        """The input dimension d."""
        return self.widths[0]

    @property
    def depth(self) -> int:
        """The number ℓ of hidden layers."""
        return len(self.widths) - 2

    @property
    def outputs(self) -> int:
        """The number k of outputs."""
        return self.widths[-1]

    @property
    def has_biases(self) -> bool:
        """Whether any bias is not 0; without them f(αx) = αf(x) for α > 0."""
        return self._core.has_biases

    @property
    def _is_difference(self) -> bool:
        """Whether it is the margin of one output over another."""
        return self._margin_of is not None and self._margin_of[2] is not None

    @property
    def _follows_laws(self) -> bool:
        """Whether the weights are random and there are no biases, as the laws of the paper ask."""
        return self.init is not None and not self.has_biases

    @property
    def nbytes(self) -> int:
        """The bytes that the weights and biases take; of a streamed network those of the biases.

        Of a deferred network those of what is revealed.
        """
        return self._core.nbytes

    @property
    def revealed(self) -> Revealed:
        """What a deferred network has revealed so far.

        Raises
        ------
        ValueError
            If the network is not deferred: all of its weights are there.
        """
        self._require_deferred("revealed")
        found = self._core.revealed()
        return Revealed(tuple(found.forward), tuple(found.backward), tuple(found.nbytes))

    def forget(self) -> None:
        """Start a fresh network of the same law, of which nothing is revealed.

        Raises
        ------
        ValueError
            If the network is not deferred.
        """
        self._require_deferred("forget()")
        self._core.forget()

    def weights(self, i: int) -> Floats:
        """Return W_i, read-only, shape (d_i, d_{i−1}); a streamed one is generated in full.

        Parameters
        ----------
        i : int
            The layer, from 1 to ℓ+1, as in the paper.

        Raises
        ------
        IndexError
            If there is no such layer.
        MemoryError
            If a streamed matrix does not fit in the memory that is free.
        ValueError
            If the network is deferred: its matrices do not exist.
        """
        layer = self._layer(i)
        if self.storage == "deferred":
            raise ValueError(
                f"W_{layer} does not exist: a deferred network only reveals what its methods ask "
                "for; draw one with storage='stored' or 'streamed' where you need weights"
            )
        if self.storage == "streamed":
            fan_in, fan_out = self.widths[layer - 1 : layer + 1]
            memory.require(
                4 * fan_in * fan_out, f"the matrix W_{layer}", "use the network without it"
            )
        return self._in_own_dtype(layer, self._core.weights(layer - 1))

    def bias(self, i: int) -> Floats | None:
        """Return b_i, shape (d_i,), or None where layer i has none.

        Parameters
        ----------
        i : int
            The layer, from 1 to ℓ+1, as in the paper.

        Raises
        ------
        IndexError
            If there is no such layer.
        """
        layer = self._layer(i)
        values = self._core.bias(layer - 1)
        return None if values is None else self._in_own_dtype(layer, values)

    def _layer(self, i: int) -> int:
        layer = arguments.integer("i", i)
        if not 1 <= layer <= self.depth + 1:
            raise IndexError(f"i must be a layer from 1 to {self.depth + 1}, got {i}")
        return layer

    def _in_own_dtype(self, layer: int, values: Floats) -> Floats:
        """Return numbers of a layer in the dtype that holds them exactly."""
        if self._margin_of is not None and layer == self.depth + 1:
            network, _, other = self._margin_of  # the difference of two takes float64
            return values if other is not None else network._in_own_dtype(layer, values)
        if self.dtype == np.float64 and self.seed is None:
            return values
        narrow: Floats = values.astype(np.float32, copy=False)
        return narrow

    def _require_deferred(self, what: str) -> None:
        if self.storage != "deferred":
            raise ValueError(
                f"{what} is for storage='deferred'; this network is {self.storage}: all of its "
                "weights are there"
            )

    def _shown_columns(self) -> dict[str, Any]:
        ins, outs = self.widths[:-1], self.widths[1:]
        return {
            "layer": range(1, len(outs) + 1),
            "inputs": ins,
            "units": outs,
            "weights": [fan_in * fan_out for fan_in, fan_out in zip(ins, outs, strict=True)],
        }

    def __repr__(self) -> str:
        origin = "given" if self.init is None else f"init={self.init!r}, seed={self.seed}"
        if self._deviation:
            origin += f", bias={self._deviation:g}"
        elif self.has_biases:
            origin += " with biases"
        if self._margin_of is not None:
            _, top, other = self._margin_of
            which = f"f_{top}" if other is None else f"f_{top} − f_{other}"
            origin = f"{which}, {origin}"
        return (
            f"Network({memory.in_short(self.widths)}, {origin}, dtype='{self.dtype}', "
            f"storage={self.storage!r}, {memory.in_words(self.nbytes)})"
        )
