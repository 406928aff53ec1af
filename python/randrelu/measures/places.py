"""The points of a visit: on rays from x, at every radius the same ones; or given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.arguments import Rng


@dataclass(frozen=True)
class Places:
    """The points x + s u of a visit, for all scales s and `count` directions u."""

    directions: NDArray[np.float64] | core.Sample
    count: int
    mirrored: bool
    radius: float | NDArray[np.float64] | None
    scales: NDArray[np.float64]  # the radii, ascending, each once
    which: NDArray[np.intp]  # of the scales, for every radius as it was given; () for a single one

    def by_radius(self, found: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return what was found at every scale as what was asked for at every radius."""
        if found is None:
            return None
        if np.array_equal(self.which, np.arange(len(found))):
            return found  # as it is: a copy would take as much memory again
        result: NDArray[Any] = found[self.which if self.which.ndim else 0]
        return result


def places_of(
    x: NDArray[np.float64],
    radius: ArrayLike | None,
    samples: int,
    points: ArrayLike | None,
    rng: Rng,
    surface: bool,
    antithetic: bool,
) -> Places:
    """Return the points of a visit, as the core takes them."""
    surface = arguments.flag("surface", surface)
    antithetic = arguments.flag("antithetic", antithetic)
    if points is not None:
        if radius is not None:
            raise TypeError("give either radius or points, not both")
        if antithetic:
            raise TypeError("antithetic is for points that are sampled; leave it out, or points=")
        given, single = arguments.points("points", points, x.size, x.dtype)
        if single:
            raise ValueError(f"points must have shape (N, {x.size}), got {np.shape(points)}")
        return Places(given - x, len(given), False, None, np.ones(1), np.zeros((), np.intp))
    if radius is None:
        raise TypeError("radius is missing; give it, or the points themselves as points=")
    kept, scales, which = ascending(radius)
    count = arguments.integer("samples", samples, at_least=0, at_most=2**62)
    sample = core.Sample(count=count, seed=arguments.seed_of(rng), surface=surface)
    return Places(sample, count, antithetic, kept, scales, which)


def ascending(
    radius: ArrayLike,
) -> tuple[float | NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the radius or radii as given, the same ascending and each once, and which is which.

    The last are of shape (), or (K,).
    """
    radii = _radii(radius)
    scales, which = np.unique(radii, return_inverse=True)
    return radii.copy() if radii.ndim else float(radii), scales, which.reshape(radii.shape)


def _radii(radius: ArrayLike) -> NDArray[np.float64]:
    """Return a radius as an array of shape (), or a sequence of K as one of shape (K,)."""
    if not isinstance(radius, (list, tuple)) and np.ndim(radius) == 0:
        return np.array(arguments.number("radius", radius))  # type: ignore[arg-type]
    given = arguments.real_array("radius", radius)
    if given.ndim != 1:
        raise ValueError(
            f"radius must be a number or a sequence of K numbers, got an array of shape "
            f"{given.shape}"
        )
    radii = arguments.converted("radius", given, np.dtype(np.float64))
    if (radii < 0).any():
        k = int(np.argmax(radii < 0))
        raise ValueError(f"radius must hold numbers of at least 0, got {given[k]} at index {k}")
    return radii


def balls_in_words(radii: NDArray[np.float64]) -> str:
    """Return how a repr begins that is about K ≥ 1 radii."""
    return f"{radii.size} radii from {radii.min():.4g} to {radii.max():.4g}, "
