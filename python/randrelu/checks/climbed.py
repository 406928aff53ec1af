"""Points of the sphere where a deep network is small or large: `extremes` from sampled points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.extremes import climb_on_sphere
from randrelu.measures.masked_product import masked_product
from randrelu.network import Network

_Doubles = NDArray[np.float64]


def climbed(
    nets: Sequence[Network],
    points: _Doubles,
    values: _Doubles,
    depth: int,
    readout: _Doubles,
    steps: int,
    threads: int | None,
) -> _Doubles:
    """Return f at points that one ascent and one descent pass, so many `steps` each.

    They begin at those of the `points` (N, d) of a sphere where f has its extreme `values` (N,).
    The networks follow each other; f is the `readout` of the image after so many layers.
    """
    passed = []

    def evaluate(x: _Doubles) -> tuple[_Doubles, _Doubles]:
        found = value_and_gradient(nets, x, depth, readout, threads)
        passed.append(found[0])
        return found

    ends = points[[int(values.argmin()), int(values.argmax())]]
    radius = float(np.linalg.norm(ends[0]))
    climb_on_sphere(evaluate, ends, np.array([-1.0, 1.0]), radius, steps)
    return np.concatenate(passed)


def value_and_gradient(
    nets: Sequence[Network],
    x: _Doubles,
    depth: int,
    readout: _Doubles,
    threads: int | None,
) -> tuple[_Doubles, _Doubles]:
    """Return f (N,) and ∇f (N, d) of networks that follow each other, read out after `depth`."""
    passed, left = [], depth
    for net in nets:
        if not left:
            break
        layers = min(net.depth, left)
        left -= layers
        images = net.activations(x, threads=threads)
        bits = [np.packbits(a > 0, axis=1, bitorder="little") for a in images]
        passed.append((net, layers, bits))
        x = images[layers - 1].astype(np.float64, copy=False)
    rows = np.tile(readout, (len(x), 1))
    for net, layers, bits in reversed(passed):
        rows = masked_product(net, bits, 0, layers, rows, transposed=True, threads=threads)
    return x @ readout, rows
