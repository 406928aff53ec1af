"""The sweeps of the study: over d, over ℓ/√d, and over ℓd/k."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from randrelu.studies.kind import Part

LIMIT, WIDTHS, GRADIENTS, SPREAD = "limit", "widths", "gradients", "spread"
_FOLLOWED = 128  # the widest layers of networks that are also followed exactly
_SEVERAL = 1000  # networks of infinite width in a trial


def parts(full: bool) -> tuple[Part, ...]:
    """Return the sweeps: at infinite width, at finite ones, of gradients, and over the sphere."""
    if full:
        ratios = [2.0 ** (k / 2) for k in range(-6, 13)]
        return (
            _limit((8, 16, 32, 64, 128, 256, 512, 1024, 4096), ratios, most=4096, trials=4),
            _widths((16, 64, 256, 1024), (0.5, 1, 2), (0.5, 1, 2, 4, 8, 16, 32), 32_768, 200),
            _gradients((64, 256), 16_384, 128, trials=100),
            _spread((8, 16), 1000, 512, trials=40),
        )
    return (
        _limit((8, 16, 64, 256, 1024), [2.0**k for k in range(-3, 7)], most=512, trials=1),
        _widths((16, 64, 256), (0.5, 1, 2), (0.5, 2, 8, 32), 8192, 100),
        _gradients((64,), 4096, 64, trials=40),
        _spread((8, 16), 500, 512, trials=12),
    )


def _limit(dims: Sequence[int], ratios: Iterable[float], *, most: int, trials: int) -> Part:
    """Return ℓ = λ√d for every d, up to so many layers; for d ≤ 16 as far as d³."""
    points = []
    for dim in dims:
        depths = {max(1, round(ratio * math.sqrt(dim))) for ratio in ratios} | {1}
        if dim <= 16:
            depths |= {min(dim**3, most)}
        points += [
            {"dim": dim, "depth": depth, "networks": _SEVERAL}
            for depth in sorted(depths)
            if depth <= most
        ]
    return Part(LIMIT, "depth", tuple(points), trials)


def _widths(
    dims: Sequence[int],
    ratios: Sequence[float],
    corrections: Sequence[float],
    widest: int,
    trials: int,
) -> Part:
    """Return ℓ = λ√d and k = ℓd/x for every λ and x, from 8 units to the widest."""
    points: list[dict[str, Any]] = []
    for dim in dims:
        for ratio in ratios:
            depth = max(1, round(ratio * math.sqrt(dim)))
            for correction in corrections:
                width = round(depth * dim / correction)
                if 8 <= width <= widest:
                    followed = width <= _FOLLOWED and dim <= _FOLLOWED
                    storage = "stored" if followed else "deferred"
                    points.append({"dim": dim, "depth": depth, "width": width, "storage": storage})
    return Part(WIDTHS, "depth", tuple(points), trials)


def _gradients(dims: Sequence[int], width: int, most: int, *, trials: int) -> Part:
    """Return depths from 1 to the most, twice as deep each, on wide layers."""
    depths = [2**k for k in range(most.bit_length())]
    points = [{"dim": dim, "depth": depth, "width": width} for dim in dims for depth in depths]
    return Part(GRADIENTS, "depth", tuple(points), trials)


def _spread(dims: Sequence[int], width: int, most: int, *, trials: int) -> Part:
    """Return depths from 1 to d³, or to the most, four times as deep each."""
    points = [
        {"dim": dim, "depth": depth, "width": width}
        for dim in dims
        for depth in sorted({4**k for k in range(5)} | {min(dim**3, most)})
        if depth <= min(dim**3, most)
    ]
    return Part(SPREAD, "depth-spread", tuple(points), trials)
