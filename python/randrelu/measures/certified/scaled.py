"""The layers of a network in float64, in units in which no square over- or underflows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import memory
from randrelu._support.threads import thread_number
from randrelu.measures.certified.rounding import EPS, TINY, gamma
from randrelu.network import Network

_Doubles = NDArray[np.float64]

# Of the points: they may be far smaller, and their products with all weights be in range still.
_SMALLEST = 2.0**-400


class Scaled:
    """The first layers of a network, each divided by a power of two, which rounds nothing.

    Attributes
    ----------
    widths : tuple of int
        The widths of the network.
    weights, biases : list of ndarray
        Those of the layers 1, …, top.
    scales : list of float
        The powers of two by which f̃_0 (the input), …, f̃_top are divided.
    """

    def __init__(self, net: Network, top: int, largest: float, *, threads: int | None) -> None:
        """Copy the layers, for points with no coordinate above `largest`, nor a radius."""
        layers = range(1, top + 1)
        memory.require(
            3 * 8 * sum(net.widths[i] * net.widths[i - 1] for i in layers),
            "bounding with three copies of the weights in float64",
            "take a narrower network",
        )
        self.widths, self._threads = net.widths, thread_number(threads)
        self.scales = [max(power_of_two(largest), _SMALLEST)]
        self.weights: list[_Doubles] = []
        self.biases: list[_Doubles] = []
        for i in layers:
            stored = net.weights(i)
            with np.errstate(over="ignore"):
                weights = stored.astype(np.float64) * self.scales[-1]
            if not np.isfinite(weights).all():
                raise OverflowError("a bound leaves the range of float64")
            given = net.bias(i)
            bias = np.zeros(net.widths[i]) if given is None else given.astype(np.float64)
            self.scales.append(power_of_two(np.abs(weights).max(), np.abs(bias).max()))
            self.weights.append(weights / self.scales[-1])
            self.biases.append(bias / self.scales[-1])
            # Weights that underflow are not those of the network.
            if not np.array_equal(self.weights[-1] * self.scales[-1] / self.scales[-2], stored):
                raise OverflowError("a bound leaves the range of float64")
        self._plain = [only_layer(rows) for rows in self.weights]
        self._absolute = [only_layer(np.abs(rows)) for rows in self.weights]

    def product(
        self, k: int, rows: _Doubles, *, absolute: bool = False, transposed: bool = False
    ) -> _Doubles:
        """Multiply every row v by W_k, or |W_k|, as W_k v, or as v W_k if `transposed`."""
        return core.masked_product(
            (self._absolute if absolute else self._plain)[k - 1], [],
            np.ascontiguousarray(rows), j=0, i=1, transposed=transposed, threads=self._threads,
        )  # fmt: skip

    def between(
        self, k: int, low: _Doubles, high: _Doubles, *, transposed: bool = False
    ) -> tuple[_Doubles, _Doubles]:
        """Bound W_k v + b_k, or v W_k if `transposed`, for every row v between low and high."""
        bias = 0.0 if transposed else self.biases[k - 1]
        middle, reach = (low + high) / 2, (high - low) / 2 * (1 + 2 * EPS)
        reach = reach + 2 * EPS * np.abs(middle)
        size = np.abs(middle) + reach
        at_middle = self.product(k, middle, transposed=transposed) + bias
        spread = self.product(k, reach, absolute=True, transposed=transposed)
        sums = self.product(k, size, absolute=True, transposed=transposed) + np.abs(bias)
        spread = spread + 2 * gamma(middle.shape[1]) * sums + TINY
        return at_middle - spread, at_middle + spread


def only_layer(rows: _Doubles | NDArray[np.float32]) -> core.Network:
    """Return a network of one layer, whose products have the same bits on any number of threads."""
    return core.Network.from_weights([rows], [None], seed=0, ties=core.Ties.zero)


def power_of_two(*sizes: float) -> float:
    """Return the power of two just above some sizes, or 1 where all are 0."""
    largest = float(max(sizes))
    return 2.0 ** math.frexp(largest)[1] if 0 < largest < 2.0**1000 else 1.0
