"""How steep a network is at points, with gates that are softened so that there is an uphill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid
from randrelu._support.threads import thread_number
from randrelu.network import Network

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Steepness:
    """What is sought: points y where ‖∇f(y) − g‖ is large.

    Attributes
    ----------
    net : Network
        The network, of one output.
    target : ndarray, shape (d,)
        The vector g.
    norm : float
        The norm, 2 or 1.
    threads : int, optional
        The number of threads.
    """

    net: Network
    target: _Doubles
    norm: float
    threads: int | None

    def sizes(self, vectors: _Doubles) -> _Doubles:
        """Return the norms of rows."""
        found: _Doubles = euclid.norms(vectors) if self.norm == 2 else np.abs(vectors).sum(axis=1)
        return found

    def preactivations(self, points: _Doubles) -> list[_Doubles]:
        """Return those of the hidden layers, (N, d_i), in float64."""
        return self.net._core.preactivations(
            points, threads=thread_number(self.threads), progress=None
        )

    def gradients(self, points: _Doubles) -> _Doubles:
        """Return ∇f at points, (N, d), in float64."""
        _, _, found = self.net._evaluate(points, gradient=True, threads=self.threads)
        return found

    def sizes_at(self, preactivations: list[_Doubles]) -> _Doubles:
        """Return ‖∇f − g‖ at points that have these preactivations, (N,)."""
        bits = [np.packbits(z > 0, axis=1, bitorder="little") for z in preactivations]
        ones = np.ones((len(preactivations[0]), 1))
        return self.sizes(self._product(bits, ones, 0, self.net.depth + 1, True) - self.target)

    def tied(self, preactivations: list[_Doubles]) -> NDArray[np.bool_]:
        """Return which points are on a boundary, (N,): a unit is at 0, and is not so around them.

        One that stays at 0 in a direction that knows nothing of it does so in all of them.
        """
        zeros = [z == 0 for z in preactivations]
        tied: NDArray[np.bool_] = np.any([zero.any(axis=1) for zero in zeros], axis=0)
        some = np.flatnonzero(tied)
        if not some.size or self.net.storage == "deferred":  # which would remember the direction
            return tied
        tied[some] = False
        ahead = np.random.default_rng(2).standard_normal(self.net.widths[0])
        pushed = np.tile(ahead, (some.size, 1))
        for i, (z, zero) in enumerate(zip(preactivations, zeros, strict=True), start=1):
            pushed = self._layer(i, pushed)
            tied[some] |= (zero[some] & (pushed != 0)).any(axis=1)
            pushed = pushed * (z[some] > 0)
        return tied

    def uphill(self, preactivations: list[_Doubles], widths: list[_Doubles]) -> _Doubles:
        """Return the gradients by y of ‖g(y) − g‖, g(y) being ∇f(y) with softer gates, (N, d).

        These are sigmoids of the preactivations in units of some widths, each (N, 1), which are
        computed with ReLUs as ever. A unit's gate counts in g(y) with the backward vector that
        meets it; the difference g(y) − g, pushed forward to the unit, says how much that helps.
        """
        gates = [(1 + np.tanh(z / w / 2)) / 2 for z, w in zip(preactivations, widths, strict=True)]
        vector = np.ones((len(gates[0]), 1))
        met: list[_Doubles] = []
        for i in range(len(gates), 0, -1):
            met.insert(0, self._layer(i + 1, vector, transposed=True))
            vector = met[0] * gates[i - 1]
        residual = self._layer(1, vector, transposed=True) - self.target
        ahead = unit(residual) if self.norm == 2 else np.sign(residual)
        pulls = []
        for i, (s, w, backward) in enumerate(zip(gates, widths, met, strict=True), start=1):
            pushed = self._layer(i, ahead)
            pulls.append(backward * (s * (1 - s) / w) * pushed)
            ahead = pushed * s
        pull = pulls[-1]
        for i in range(len(gates) - 1, 0, -1):
            pull = pulls[i - 1] + (preactivations[i - 1] > 0) * self._layer(
                i + 1, pull, transposed=True
            )
        return self._layer(1, pull, transposed=True)

    def _layer(self, k: int, rows: _Doubles, *, transposed: bool = False) -> _Doubles:
        """Multiply rows v by W_k, as W_k v, or as v W_k if `transposed`."""
        all_on = [
            np.packbits(np.ones(width, bool), bitorder="little") for width in self.net.widths[1:-1]
        ]
        return self._product(all_on, rows, k - 1, k, transposed)

    def _product(
        self, bits: list[NDArray[np.uint8]], rows: _Doubles, j: int, i: int, transposed: bool
    ) -> _Doubles:
        return core.masked_product(
            self.net._core, bits, np.ascontiguousarray(rows), j=j, i=i, transposed=transposed,
            threads=thread_number(self.threads),
        )  # fmt: skip


def unit(rows: _Doubles) -> _Doubles:
    """Return rows of length 1, or 0 where they were."""
    sizes = euclid.norms(rows)
    found: _Doubles = rows / np.where(sizes > 0, sizes, 1)[:, np.newaxis]
    return found
