"""The ball around a point: its points, and a visit to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.network import Network, require_network


def sample_ball(
    x: ArrayLike,
    radius: float,
    n: int,
    *,
    rng: Rng = None,
    surface: bool = False,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Draw points uniformly from the Euclidean ball B(x, radius).

    Parameters
    ----------
    x : array_like, shape (d,)
        The centre.
    radius : float
        The radius R ≥ 0.
    n : int
        The number of points.
    rng : None, int, SeedSequence or Generator
        Where the 64-bit seed comes from. Point k depends on (seed, k) alone, whatever `n` is.
    surface : bool
        Draw from the sphere ‖y − x‖ = R instead.
    threads : int, optional
        The number of threads.

    Returns
    -------
    ndarray of float64, shape (n, d)

    Raises
    ------
    MemoryError
        If the points do not fit in the memory that is free.
    TypeError, ValueError
        If an argument is not as described.
    """
    given = arguments.real_array("x", x)
    if given.ndim != 1 or not given.size:
        raise ValueError(f"x must be a single point of shape (d,), got {given.shape}")
    centre = arguments.converted("x", given, np.dtype(np.float64))
    size = arguments.number("radius", radius)
    count = arguments.integer("n", n, at_least=0)
    memory.require(2 * 8 * count * centre.size, f"drawing {count} points", "draw fewer at a time")
    return centre + core.sample_ball(
        centre.size, size, count, arguments.seed_of(rng), bool(surface), thread_number(threads)
    )


@dataclass(frozen=True, eq=False)
class Visit:
    """What was found at the N points of one visit; None where it was not asked for.

    Attributes
    ----------
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    flips : ndarray of int64, shape (N, L)
        Tr‖D_i(x) − D_i(y)‖.
    angles : ndarray, shape (N,)
        The angles between x and the points; NaN where x is 0.
    gradient : ndarray, shape (d,), or None
        ∇f(x).
    deviations : ndarray, shape (N,), or None
        ‖∇f(x) − ∇f(y)‖.
    term_norms : ndarray, shape (N, L), or None
        ‖Δ_j‖ of (GD-DECOMP).
    terms : ndarray, shape (N, L, d), or None
        Δ_j.
    """

    widths: tuple[int, ...]
    flips: NDArray[np.int64]
    angles: NDArray[np.float64]
    gradient: NDArray[np.float64] | None
    deviations: NDArray[np.float64] | None
    term_norms: NDArray[np.float64] | None
    terms: NDArray[np.float64] | None


def visit(
    net: Network,
    x: ArrayLike,
    radius: float | None = None,
    samples: int = 0,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    gradient: bool = False,
    term_norms: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Visit:
    """Visit given or sampled points once, for everything that is asked of them.

    The parameters are those of `flips`; flips are always counted, `gradient` asks for `deviations`,
    too, and `term_norms` for these. The differences are computed in ``net.dtype``.
    """
    require_network(net)
    base = arguments.point("x", x, net.widths[0])
    if points is not None:
        if radius is not None:
            raise TypeError("give either radius or points, not both")
        given, single = arguments.points("points", points, base.size, base.dtype)
        if single:
            raise ValueError(f"points must have shape (N, {base.size}), got {np.shape(points)}")
        return visit_points(
            net, base, given, float32=net.dtype == np.float32, gradient=gradient,
            term_norms=term_norms, remember=remember, threads=threads, progress=progress,
        )  # fmt: skip
    if radius is None:
        raise TypeError("radius is missing; give it, or the points themselves as points=")
    size = arguments.number("radius", radius)
    count = arguments.integer("samples", samples, at_least=0)
    _require_room(net, count, gradient, term_norms, remember)
    found = core.explore_ball(
        net._core,
        base,
        size,
        count,
        arguments.seed_of(rng),
        bool(surface),
        net.dtype == np.float32,
        gradient,
        term_norms,
        bool(remember),
        thread_number(threads),
        progress,
    )
    return _as_visit(net, found)


def visit_points(
    net: Network,
    x: NDArray[np.float64],
    points: NDArray[np.float64],
    *,
    float32: bool = False,
    gradient: bool = False,
    term_norms: bool = False,
    terms: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Visit:
    """Visit the points (N, d), with differences from x (d,) in float64, or in `float32`."""
    _require_room(net, len(points), gradient, term_norms or terms, remember)
    found = core.explore_points(
        net._core,
        x,
        points - x,
        float32,
        gradient,
        term_norms,
        terms,
        bool(remember),
        thread_number(threads),
        progress,
    )
    return _as_visit(net, found)


def _as_visit(net: Network, found: tuple[Any, ...]) -> Visit:
    flips, deviations, term_norms, terms, gradient, angles = found
    if not gradient.size:
        gradient = None
    return Visit(net.widths[1:-1], flips, angles, gradient, deviations, term_norms, terms)


def _require_room(net: Network, points: int, gradient: bool, terms: bool, remember: bool) -> None:
    columns = net.depth * (2 if terms else 1) + (2 if gradient else 1)
    memory.require(8 * points * columns, f"visiting {points} points", "visit fewer at a time")
    if net.storage == "deferred":
        gradients = gradient or terms
        backward = 1 + points * (net.depth if terms else 1) if gradients else 0
        memory.require_revealing(
            net.widths,
            points + 1,
            net.dtype.itemsize,
            backward=backward,
            remember=remember or gradients,
            explored=True,
        )
