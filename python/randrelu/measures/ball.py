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
from randrelu.measures.places import Places, places_of
from randrelu.network import Network, require_network, require_one_output


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
    sample = core.Sample(
        count=count, seed=arguments.seed_of(rng), surface=arguments.flag("surface", surface)
    )
    return centre + size * core.sample_ball(centre.size, sample, threads=thread_number(threads))


@dataclass(frozen=True, eq=False)
class Visit:
    """What was found at the N points of one visit; None where it was not asked for.

    A sequence of K radii puts an axis K in front, but for the gradient at x.

    Attributes
    ----------
    radius : float, ndarray of shape (K,), or None
        The radius of the ball, or those of the balls, as they were given; None of given points.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    lawful : bool
        Whether the network is random and has no biases.
    angles : ndarray, shape ([K,] N), or None
        The angles between x and the points; NaN where x is 0.
    flips : ndarray of int64, shape ([K,] N, L), or None
        Tr‖D_i(x) − D_i(y)‖.
    image_angles : ndarray, shape ([K,] N, L − 1), or None
        The angles between f_i(x) and f_i(y) for 1 ≤ i < L, see `Flips`.
    gradient : ndarray, shape (d,), or None
        ∇f(x).
    deviations : ndarray, shape ([K,] N), or None
        ‖∇f(x) − ∇f(y)‖.
    term_norms : ndarray, shape ([K,] N, L), or None
        ‖Δ_j‖ of (GD-DECOMP).
    terms : ndarray, shape ([K,] N, L, d), or None
        Δ_j.
    """

    radius: float | NDArray[np.float64] | None
    widths: tuple[int, ...]
    lawful: bool
    angles: NDArray[np.float64] | None
    flips: NDArray[np.int64] | None
    image_angles: NDArray[np.float64] | None
    gradient: NDArray[np.float64] | None
    deviations: NDArray[np.float64] | None
    term_norms: NDArray[np.float64] | None
    terms: NDArray[np.float64] | None


def visit(
    net: Network,
    x: ArrayLike,
    radius: ArrayLike | None = None,
    samples: int = 0,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    antithetic: bool = False,
    flips: bool = False,
    gradient: bool = False,
    term_norms: bool = False,
    terms: bool = False,
    dtype: np.dtype[np.floating[Any]] | None = None,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Visit:
    """Visit given or sampled points once, for everything that is asked of them.

    The first parameters are those of `randrelu.flips`; `flips` asks for all angles, too,
    `gradient` for the deviations and the angles to x. The differences are computed in `dtype`, by
    default that of the network.
    """
    require_network(net)
    remember, terms = arguments.flag("remember", remember), arguments.flag("terms", terms)
    arguments.callback(progress)
    base = arguments.point("x", x, net.widths[0])
    places = places_of(base, radius, samples, points, rng, surface, antithetic)
    backward = gradient or term_norms or terms
    if backward:
        require_one_output(net, "a gradient")
    _require_room(net, places, flips, gradient, term_norms or terms, remember or backward)
    number = thread_number(threads)
    at_x = core.BasePoint(net._core, base, layers=net.depth, gradient=backward, threads=number)
    found = core.explore(
        at_x,
        places.directions,
        scales=places.scales.tolist(),
        mirrored=places.mirrored,
        float32=(dtype or net.dtype) == np.float32,
        angles=flips or gradient,
        flips=flips,
        deviations=gradient,
        terms=term_norms,
        decomposition=terms,
        remember=remember,
        threads=number,
        progress=progress,
    )
    return Visit(
        radius=places.radius,
        widths=net.widths[1:-1],
        lawful=net._follows_laws,
        angles=places.by_radius(found.angles),
        flips=places.by_radius(found.flips),
        image_angles=places.by_radius(found.image_angles),
        gradient=at_x.gradient if backward else None,
        deviations=places.by_radius(found.deviations),
        term_norms=places.by_radius(found.terms),
        terms=places.by_radius(found.decomposition),
    )


def _require_room(
    net: Network, places: Places, flips: bool, gradient: bool, terms: bool, remember: bool
) -> None:
    columns = net.depth * (2 if terms else 1) + (2 if gradient else 1)
    columns += net.depth if flips else 0  # the angles of the images
    radii = places.which.size
    points = places.count * radii
    balls = f" in each of {radii} balls" if places.which.ndim else ""
    memory.require(
        8 * columns * points,
        f"visiting {places.count} points{balls}",
        f"visit fewer{' points or balls' if balls else ''} at a time",
    )
    if net.storage == "deferred":
        asked = places.count * places.scales.size
        backward = 1 + asked * (net.depth if terms else 1) if gradient or terms else 0
        memory.require_revealing(
            net.widths,
            asked + 1,
            net.dtype.itemsize,
            backward=backward,
            remember=remember,
            explored=True,
        )
