"""The ball around a point: which units flip in it, and how much the gradient changes."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid, extras, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.network import Network

if TYPE_CHECKING:
    import pandas as pd

_FLOAT64 = np.dtype(np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Flips:
    """How many units differ between x and other points.

    Attributes
    ----------
    counts : ndarray of int64, shape (N, L)
        Tr‖D_i(x) − D_i(y)‖: the units of each layer whose bit differs.
    angles : ndarray, shape (N,)
        The angle between x and each point, in [0, π]; NaN where x is 0.
    widths : tuple of int
        The widths d_1, …, d_ℓ of the hidden layers.
    """

    counts: NDArray[np.int64]
    angles: NDArray[np.float64]
    widths: tuple[int, ...]

    @property
    def predicted(self) -> NDArray[np.float64]:
        """What `mean` is expected to be, shape (L,); NaN without points.

        Exactly for layer 1 over random networks, and for the others in the limit of infinite width
        (the arc-cosine map, from the angles). NaN where x is 0, which has no angle.
        """
        if not len(self.counts):
            return np.full(len(self.widths), np.nan)
        fractions = laws.flip_fractions(self.angles, len(self.widths)).mean(axis=0)
        result: NDArray[np.float64] = fractions * np.array(self.widths, np.float64)
        return result

    @property
    def fraction(self) -> NDArray[np.float64]:
        """The counts as shares of the widths, shape (N, L)."""
        result: NDArray[np.float64] = self.counts / np.array(self.widths)
        return result

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean count of each layer, shape (L,); NaN without points."""
        if not len(self.counts):
            return np.full(len(self.widths), np.nan)
        result: NDArray[np.float64] = self.counts.mean(axis=0)
        return result

    @property
    def max(self) -> NDArray[np.int64]:
        """The largest count of each layer among these points, shape (L,); 0 without points.

        The largest that was seen: see `worst_flips` about the largest there is.
        """
        result: NDArray[np.int64] = self.counts.max(axis=0, initial=0)
        return result

    def quantiles(self, q: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles of the counts of each layer, shape (..., L); NaN without points."""
        if not len(self.counts):
            return np.full((*np.shape(q), len(self.widths)), np.nan)
        shares = np.asarray(q, np.float64)
        result: NDArray[np.float64] = np.quantile(self.counts.astype(np.float64), shares, axis=0)
        return result

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a summary as columns, a row per layer."""
        low, median, high = self.quantiles([0.05, 0.5, 0.95])
        return {
            "layer": np.arange(1, len(self.widths) + 1),
            "width": np.array(self.widths, np.int64),
            "predicted": self.predicted,
            "mean": self.mean,
            "q05": low,
            "median": median,
            "q95": high,
            "max": self.max,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per layer; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        pairs = ", ".join(
            f"{mean:.4g} ({predicted:.4g})"
            for mean, predicted in zip(self.mean, self.predicted, strict=True)
        )
        return f"Flips({len(self.counts)} points, mean (predicted) by layer: {pairs or 'none'})"


@dataclass(frozen=True, eq=False, repr=False)
class Deviation:
    """How much the gradient differs between x and other points.

    Attributes
    ----------
    norms : ndarray, shape (N,)
        ‖∇f(x) − ∇f(y)‖.
    grad_norm : float
        ‖∇f(x)‖.
    terms : ndarray, shape (N, L), or None
        ‖Δ_j‖ of (GD-DECOMP), where they were asked for.
    """

    norms: NDArray[np.float64]
    grad_norm: float
    terms: NDArray[np.float64] | None

    @property
    def relative(self) -> NDArray[np.float64]:
        """‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, shape (N,); NaN or infinite where ∇f(x) = 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.norms / np.float64(self.grad_norm)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return everything as columns, a row per point."""
        columns = {"norm": self.norms, "relative": self.relative}
        if self.terms is not None:
            columns |= {f"term_{j}": t for j, t in enumerate(self.terms.T, start=1)}
        return columns

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a data frame, a row per point; needs pandas."""
        return extras.frame(self.columns())

    def __repr__(self) -> str:
        if not self.norms.size:
            return "Deviation(no points)"
        return (
            f"Deviation({self.norms.size} points, ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖: "
            f"median {np.median(self.relative):.4g}, largest seen {self.relative.max():.4g})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class WorstFlips:
    """A bracket of the largest number of units of a layer that flip anywhere in a ball.

    Attributes
    ----------
    layer : int
        The layer, from 1.
    attained : int
        The units that differ between x and `point`: the largest number is at least this.
    point : ndarray, shape (d,)
        A point of the ball at which they do.
    certified : int or None
        For layer 1: the units whose boundary meets the ball, #{j : |w_j·x| ≤ R‖w_j‖}, with room
        for rounding: the largest number is at most this. None for the layers behind it, and for
        deferred networks, whose w_j do not exist.
    """

    layer: int
    attained: int
    point: NDArray[np.float64]
    certified: int | None

    def __repr__(self) -> str:
        bound = "no certified bound" if self.certified is None else f"certified ≤ {self.certified}"
        return f"WorstFlips(layer {self.layer}: attained {self.attained}, {bound})"


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
    centre = arguments.real_array("x", x).astype(np.float64)
    if centre.ndim != 1 or not centre.size:
        raise ValueError(f"x must be a single point of shape (d,), got {centre.shape}")
    if not np.isfinite(centre).all():
        raise ValueError("x must be finite, got NaN or infinity")
    size = _radius(radius)
    count = arguments.integer("n", n, at_least=0)
    memory.require(2 * 8 * count * centre.size, f"drawing {count} points", "draw fewer at a time")
    number = thread_number(threads)
    return centre + core.sample_ball(
        centre.size, size, count, arguments.seed_of(rng), bool(surface), number
    )


def flips(
    net: Network,
    x: ArrayLike,
    radius: float | None = None,
    samples: int = 1000,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Flips:
    """Count the units that flip between x and points of the ball B(x, radius).

    The points are sampled uniformly (they say little about the largest number in the ball: a
    sampled point moves a preactivation by R/√d times its weights' norm only; see `worst_flips`), or
    given. A ball around the origin, ‖x‖ < R, is allowed; every pattern that occurs at all then
    occurs in it.

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0; left out where `points` are given.
    samples : int
        The number of points to sample.
    points : array_like, shape (N, d), optional
        The points to visit instead of sampled ones.
    rng : None, int, SeedSequence or Generator
        Where the seed comes from; the points are those of `sample_ball` with the same seed. Like
        `samples` and `surface` not looked at where `points` are given.
    surface : bool
        Sample the sphere instead of the ball.
    remember : bool
        Whether a deferred network keeps what these points reveal. Without, it takes less memory,
        and what is asked later knows x only.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of points, see `Network`.

    Returns
    -------
    Flips

    Raises
    ------
    MemoryError
        If the result does not fit in the memory that is free.
    OverflowError
        If a value inside the network leaves the range of its dtype.
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    x is evaluated once, in float64; the points carry their differences from it, in ``net.dtype``,
    from layer to layer. So float32 misjudges fewer units than comparing two forward passes: only
    such whose preactivation at the point is within rounding of the *difference* from 0.
    """
    return _visit(net, x, radius, samples, points, rng, surface, remember, threads, progress)[0]


def gradient_deviation(
    net: Network,
    x: ArrayLike,
    radius: float | None = None,
    samples: int = 1000,
    *,
    points: ArrayLike | None = None,
    rng: Rng = None,
    surface: bool = False,
    terms: bool = False,
    remember: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Deviation:
    """Measure ‖∇f(x) − ∇f(y)‖ at points y of the ball B(x, radius) (Lemma 2.8).

    Parameters
    ----------
    net, x, radius, samples, points, rng, surface, remember, threads, progress
        As for `flips`.
    terms : bool
        Measure the norm of every term Δ_j of (GD-DECOMP), too; it takes about L/2 times as long.

    Returns
    -------
    Deviation

    Raises
    ------
    MemoryError
        If the result does not fit in the memory that is free.
    OverflowError
        If a value inside the network leaves the range of its dtype.
    TypeError, ValueError
        If an argument is not as described.
    """
    return _visit(
        net, x, radius, samples, points, rng, surface, remember, threads, progress,
        gradient=True, terms=bool(terms),
    )[1]  # fmt: skip


def gradient_decomposition(
    net: Network, x: ArrayLike, y: ArrayLike, *, threads: int | None = None
) -> NDArray[np.float64]:
    """Compute the terms Δ_1, …, Δ_ℓ of (GD-DECOMP), which sum to ∇f(x) − ∇f(y).

    Δ_j = W_{ℓ+1} (∏_{i=ℓ}^{j+1} D_i(x) W_i) (D_j(x) − D_j(y)) W_j (∏_{i=j−1}^{1} D_i(y) W_i).

    Parameters
    ----------
    net : Network
        The network.
    x, y : array_like, shape (d,)
        The points.
    threads : int, optional
        The number of threads.

    Returns
    -------
    ndarray of float64, shape (L, d)
        In float64, whatever ``net.dtype`` is.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    """
    base, other = _one_point(net, "x", x), _one_point(net, "y", y)
    number = thread_number(threads)
    _require_room(net, 1, True, True, True)
    found = core.explore_points(
        net._core, base, other[np.newaxis] - base, False, False, False, True, True, number, None
    )
    terms = found[3]
    assert terms is not None
    decomposition: NDArray[np.float64] = terms[0]
    return decomposition


def worst_flips(
    net: Network,
    x: ArrayLike,
    radius: float,
    *,
    layer: int,
    steps: int = 60,
    threads: int | None = None,
) -> WorstFlips:
    """Bracket the largest number of units of a layer that flip anywhere in B(x, radius).

    From below by ascent: points of the sphere are moved towards the boundaries that are nearest
    (gradient steps on a smoothed count, whose width shrinks), and the best one is kept. From
    above, for layer 1, by the units whose boundary meets the ball at all. (A deferred network
    knows no boundaries, so `certified` is None, and remembers the points of the ascent.)

    Parameters
    ----------
    net : Network
        The network.
    x : array_like, shape (d,)
        The base point.
    radius : float
        The radius R ≥ 0.
    layer : int
        The hidden layer, from 1 to ℓ.
    steps : int
        The steps of the ascent; fewer find a few flips less.
    threads : int, optional
        The number of threads.

    Returns
    -------
    WorstFlips

    Raises
    ------
    IndexError
        If there is no such hidden layer.
    TypeError, ValueError
        If an argument is not as described.
    """
    base, size = _one_point(net, "x", x), _radius(radius)
    steps = arguments.integer("steps", steps, at_least=1)
    index = arguments.integer("layer", layer) - 1
    if not 0 <= index < net.depth:
        raise IndexError(f"layer must be a hidden layer from 1 to {net.depth}, got {layer}")
    number = thread_number(threads)
    if net.storage == "deferred":
        net._require_room(steps + 1, backward=steps, explored=True)
    z = net._core.preactivations(base[np.newaxis], number, None)[index][0].astype(np.float64)
    attained, point = _ascend(net, base, z, size, index, steps, number)
    certified = None
    if index == 0 and net.storage != "deferred":  # which has no w_j
        # |w·x| ≤ R‖w‖, and what rounding may have taken from either side.
        norms = core.row_norms(net._core, 0, number)
        slack = (base.size + 4) * np.finfo(np.float64).eps * (_length(base) + size)
        certified = int(np.sum(np.abs(z) <= (size + slack) * norms))
    return WorstFlips(index + 1, attained, point, certified)


def _ascend(
    net: Network,
    base: NDArray[np.float64],
    z: NDArray[np.float64],
    radius: float,
    index: int,
    steps: int,
    threads: int,
) -> tuple[int, NDArray[np.float64]]:
    """Return the largest number of flips found in the ball, and where."""
    most, best = 0, base
    # base + u is rounded; so much shorter, it stays in the ball.
    eps = float(np.finfo(np.float64).eps)
    length_u = radius * (1 - 4 * eps) - eps * (_length(base) + radius)
    if length_u <= 0:
        return 0, base
    side = np.where(z > 0, 1.0, -1.0)
    u = np.zeros_like(base)
    for step in range(steps + 1):
        y = base + u
        here = net._core.preactivations(y[np.newaxis], threads, None)[index][0].astype(np.float64)
        margin = side * here  # positive: still on the side of x
        if (count := int(np.count_nonzero(margin < 0))) > most:
            most, best = count, y
        if step == steps:
            break
        # The width of the smoothing: the nearest half of the units at first, a fiftieth at last.
        share = 0.5 * 0.04 ** (step / max(1, steps - 1))
        width = float(np.quantile(np.abs(margin), share)) or 1.0
        pull = 1.0 / np.cosh(np.clip(margin / width, -50, 50)) ** 2
        ascent = core.layer_gradient(net._core, y, index, -side * pull, threads)
        length = _length(ascent)
        if length == 0:
            break
        u = 0.7 * u + 0.3 * radius / length * ascent
        u *= length_u / (_length(u) or 1.0)
    counts = core.explore_points(
        net._core, base, (best - base)[np.newaxis], False, False, False, False, True, threads, None
    )[0]
    return int(counts[0, index]), best


def _visit(
    net: Network,
    x: ArrayLike,
    radius: float | None,
    samples: int,
    points: ArrayLike | None,
    rng: Rng,
    surface: bool,
    remember: bool,
    threads: int | None,
    progress: Progress | None,
    *,
    gradient: bool = False,
    terms: bool = False,
) -> tuple[Flips, Deviation]:
    """Visit given or sampled points; without `gradient` the deviations are empty."""
    base = _one_point(net, "x", x)
    single = net.dtype == np.float32
    number = thread_number(threads)
    if points is None:
        if radius is None:
            raise TypeError("radius is missing; give it, or the points themselves as points=")
        count = arguments.integer("samples", samples, at_least=0)
        _require_room(net, count, gradient, terms, bool(remember))
        found = core.explore_ball(
            net._core,
            base,
            _radius(radius),
            count,
            arguments.seed_of(rng),
            bool(surface),
            single,
            gradient,
            terms,
            bool(remember),
            number,
            progress,
        )
    else:
        if radius is not None:
            raise TypeError("give either radius or points, not both")
        given, one = arguments.points("points", points, base.size, _FLOAT64)
        if one:
            raise ValueError(f"points must have shape (N, {base.size}), got {np.shape(points)}")
        _require_room(net, len(given), gradient, terms, bool(remember))
        found = core.explore_points(
            net._core,
            base,
            given - base,
            single,
            gradient,
            terms,
            False,
            bool(remember),
            number,
            progress,
        )
    counts, norms, term_norms, _, at_x, angles = found
    if norms is None:
        norms = np.empty(0)
    return (
        Flips(counts, angles, net.widths[1:-1]),
        Deviation(norms, _length(at_x), term_norms),
    )


def _require_room(net: Network, points: int, gradient: bool, terms: bool, remember: bool) -> None:
    columns = net.depth * (2 if terms else 1) + (2 if gradient else 1)
    memory.require(8 * points * columns, f"visiting {points} points", "visit fewer at a time")
    if net.storage == "deferred":
        backward = 1 + points * (net.depth if terms else 1) if gradient else 0
        remember = remember or gradient
        net._require_room(points + 1, backward=backward, remember=remember, explored=True)


def _one_point(net: Network, name: str, x: ArrayLike) -> NDArray[np.float64]:
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")
    rows, single = arguments.points(name, x, net.widths[0], _FLOAT64)
    if not single:
        raise ValueError(
            f"{name} must be a single point of shape ({net.widths[0]},), got {rows.shape}"
        )
    point: NDArray[np.float64] = rows[0]
    return point


def _length(v: NDArray[np.float64]) -> float:
    return euclid.norm(v)


def _radius(radius: float) -> float:
    if isinstance(radius, bool) or not isinstance(radius, numbers.Real):
        raise TypeError(f"radius must be a number, got {type(radius).__name__}")
    if not math.isfinite(radius) or radius < 0:
        raise ValueError(f"radius must be finite and at least 0, got {radius}")
    return float(radius)
