"""The sweeps that look at what neighbours of the paper say of trained networks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from randrelu.studies.kind import Part

Points = tuple[Mapping[str, Any], ...]

SLUGS = ("lazy-ball", "lazy-travel", "boundary-random", "boundary-trained")

# Small enough that W₁ is pushed to the end of every ball here.
_PUSHED = 0.01
_AGAINST = 0.25  # 2/√d at 8 × 8 pixels


def parts(full: bool) -> tuple[Part, ...]:
    """Return the sweeps, in a quick and in a full size."""
    trials = 16 if full else 6
    return (
        Part("lazy-ball", "lazy", _ball(full), trials),
        Part("lazy-travel", "lazy", _travel(full), trials),
        Part("boundary-random", "boundary", _random(full), 150 if full else 32),
        Part("boundary-trained", "boundary-trained", _trained(full), 16 if full else 6),
    )


def _ball(full: bool) -> Points:
    """Balls of many radii, for images of many sizes."""
    sizes = (8, 12, 16, 24, 32) if full else (8, 12, 16, 24)
    reaches = (1, 3, 10, 30, 100, 300, 1000) if full else (1, 3, 10, 30, 100, 1000)
    return tuple(
        {"size": size, "reach": reach, "width": 1024 if full else 512, **_schedule(full, _PUSHED)}
        for size, reach in product(sizes, reaches)
    )


def _travel(full: bool) -> Points:
    """Let W₁ travel at 8 × 8 pixels: in balls of other widths, by the scale, with an adversary."""
    widths = (128, 4096) if full else (64, 1024)
    scales = (3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if full else (1, 0.1, 0.01, 0.001)
    reaches = (1, 3, 10, 30, 100, 1000) if full else (1, 10, 100)
    width = {"size": 8, "width": 1024 if full else 512}
    return (
        *({**width, **_schedule(full, scale)} for scale in scales),
        *(
            {"size": 8, "width": width, "reach": reach, **_schedule(full, _PUSHED)}
            for width, reach in product(widths, reaches)
        ),
        *(
            {**width, "reach": reach, **_schedule(full, 1.0), "adversary": _AGAINST}
            for reach in (1, 3, 10, 30)
        ),
    )


def _schedule(full: bool, scale: float) -> dict[str, Any]:
    return {"scale": scale, "updates": 128 if full else 32, "adversary": 0.0}


def _random(full: bool) -> Points:
    dims = (16, 32, 64, 128, 256, 512, 1024) if full else (16, 64, 256, 1024)
    width, depths = (512, (1, 2, 3)) if full else (256, (1, 3))
    return tuple(
        {"dim": dim, "depth": depth, "width": width, "bias": 0.5}
        for depth, dim in product(depths, dims)
    )


def _trained(full: bool) -> Points:
    sizes = (8, 12, 16, 24, 32) if full else (8, 16, 32)
    depths = (1, 2) if full else (1,)
    return tuple(
        {"size": size, "depth": depth, "width": 64, "images": 32 if full else 16}
        for depth, size in product(depths, sizes)
    )
