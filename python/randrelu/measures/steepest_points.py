"""The search for points at which the gradient is large, or far from another one."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid, memory
from randrelu._support.arguments import Progress
from randrelu._support.progress import part
from randrelu.measures.certified.rounding import EPS
from randrelu.measures.steepness import Steepness, unit
from randrelu.network import Network

_Doubles = NDArray[np.float64]

_LEAST = 1e-290  # radius of balls that are searched: the roundings of smaller ones are not relative
_FEWEST, _MOST = 8, 64  # rows that are moved at once
_WORTH = 2**20  # weights of all rows together, that take no time
_SAMPLES = 32  # for each row, among whose best half of the rows begin
_MOVES, _ROUNDS = 80, 4  # at random, of each row at last: from a radius to 1/100 of it each round
_FACTORS = 4.0 ** np.arange(-1, 4)  # of the scale of the biases, at which networks are searched
_WIDEST, _NARROWEST = 2.0, 0.3  # of the gates, in typical changes of their preactivations
_LONGEST, _SHORTEST = 2.0, 0.2  # of the steps, in radii
_CAREFUL = 0.15  # of such steps, that every other row takes: it finds what lies inside of the ball


def steepest_in_balls(
    sought: Steepness,
    x: _Doubles,
    radii: _Doubles,
    norm: float,
    steps: int,
    *,
    progress: Progress | None,
) -> _Doubles:
    """Return the steepest points of the balls around x that were found, (K, d) for K radii."""
    net, size = sought.net, euclid.norm(x) if norm == 2 else float(np.abs(x).max())
    # x + u is rounded; with a u that is so much shorter it stays in the ball.
    lengths = radii * (1 - 32 * EPS) - EPS * (size + radii)
    points = np.tile(x, (len(radii), 1))
    searched = np.flatnonzero((lengths > _LEAST) & (net.depth > 0))
    if not searched.size:
        return points
    rows = _rows(net)
    _require_room(net, rows, steps, searched.size)
    starts = _drawn(rows, x.size, norm)
    if rows > 1:
        gradient = sought.gradients(x[np.newaxis])
        ahead = unit(gradient) if norm == 2 else np.sign(gradient)
        starts[:5:2] = np.concatenate([0 * ahead, ahead, -ahead])
    for n, k in enumerate(searched):
        points[k] = _climb(
            sought, x, np.full(rows, lengths[k]), starts, norm, steps,
            progress=part(progress, n, searched.size),
        )  # fmt: skip
    return points


def steepest_anywhere(sought: Steepness, steps: int, *, progress: Progress | None) -> _Doubles:
    """Return the steepest point that was found, (d,)."""
    net = sought.net
    zero = np.zeros(net.widths[0])
    if not net.depth:
        return zero
    scales = np.multiply(_scale(sought), _FACTORS) if net.has_biases else np.ones(1)
    radii = np.repeat(scales, -(-_rows(net) // len(scales)))
    _require_room(net, len(radii), steps)
    starts = _drawn(len(radii), zero.size, 2)
    return _climb(sought, zero, radii, starts, 2, steps, progress=progress)


def _rows(net: Network) -> int:
    """Return how many rows are moved: one where the network remembers every question."""
    if net.storage == "deferred":
        return 1
    weights = sum(a * b for a, b in itertools.pairwise(net.widths))
    return min(max(_WORTH // weights, _FEWEST), _MOST)


def _drawn(rows: int, dim: int, norm: float, seed: int = 0) -> _Doubles:
    """Return points of the unit ball, the same in every call: half of them are on its sphere."""
    rng = np.random.default_rng(seed)
    if norm == np.inf:
        drawn = rng.uniform(-1, 1, (rows, dim))
        drawn[::2] = np.sign(drawn[::2])
    else:
        drawn = unit(rng.standard_normal((rows, dim)))
        drawn[1::2] *= rng.random((rows // 2, 1)) ** (1 / dim)
    return drawn


def _scale(sought: Steepness) -> float:
    """Return the length of points at which weights make as much of a difference as biases do."""
    one = unit(_drawn(1, sought.net.widths[0], 2))
    at_zero, at_one = (sought.preactivations(points) for points in (0 * one, one))
    scales = [
        euclid.norm(z[0]) / euclid.norm(z_one[0] - z[0])
        for z, z_one in zip(at_zero, at_one, strict=True)
        if z.any() and (z_one != z).any()
    ]
    return max(scales, default=1.0)


def _require_room(net: Network, rows: int, steps: int, balls: int = 1) -> None:
    """Ask for the memory of ascents in some balls: of one, but for what is remembered of all."""
    memory.require(
        8 * 6 * rows * sum(net.widths),
        f"an ascent from {rows} points",
        "take a narrower network",
    )
    if net.storage == "deferred":
        memory.require_revealing(
            net.widths,
            balls * (2 * rows * (steps + 1) + 3),
            net.dtype.itemsize,
            backward=balls * (3 * rows * (steps + 1) + 3),
            explored=True,
        )


def _climb(
    sought: Steepness,
    centre: _Doubles,
    radii: _Doubles,
    starts: _Doubles,
    norm: float,
    steps: int,
    *,
    progress: Progress | None,
) -> _Doubles:
    """Move rows of points uphill in balls around a centre, of radii (N,) and norm 2 or inf.

    The rows `starts`, (N, d), are in radii, from the centre. Gates begin soft and become harder
    as steps become shorter. Returns the best point that a row has passed, (d,).
    """
    # Where questions cost no memory, many more of them are asked, unless the steps are few.
    samples, moves = min(_SAMPLES, steps), min(_MOVES, 2 * steps)
    if sought.net.storage == "deferred":
        samples, moves = 0, 0
    best = _Best(
        sought, centre, radii[:, np.newaxis], starts, samples + steps + 1 + moves, progress
    )
    for k in range(samples):
        best.look(_drawn(len(starts), centre.size, norm, seed=1 + k))
    u, momentum = starts.copy(), np.zeros_like(starts)
    if samples:
        u[1::2] = best.u[1::2]
    widths = _changes(sought, centre, radii, u)
    care = np.where(np.arange(len(starts)) % 2, _CAREFUL, 1)[:, np.newaxis]
    for step in range(steps):
        preactivations = best.look(u)
        done = step / max(steps - 1, 1)
        softness = _WIDEST * (_NARROWEST / _WIDEST) ** done
        gradients = sought.uphill(preactivations, [softness * width for width in widths])
        momentum = (momentum + (unit(gradients) if norm == 2 else np.sign(gradients))) / 2
        u = _inside(u + care * (_LONGEST + (_SHORTEST - _LONGEST) * done) * momentum, norm)
    best.look(u)
    for k in range(moves):
        move = _drawn(len(starts), centre.size, norm, seed=1 + samples + k)
        best.look(_inside(best.u + 0.01 ** (_ROUNDS * k / moves % 1) * move, norm))
    return best.point()


class _Best:
    """The best place that each row has passed.

    A place on the boundary of a unit is passed over for any other: what its gradient is, is a
    convention.
    """

    def __init__(
        self,
        sought: Steepness,
        centre: _Doubles,
        radii: _Doubles,
        starts: _Doubles,
        looks: int,
        progress: Progress | None,
    ) -> None:
        self._sought, self._centre, self._radii = sought, centre, radii
        self._looked, self._looks, self._progress = 0, looks, progress
        self.u = starts.copy()
        self._sizes, self._tied = np.full(len(starts), -1.0), np.ones(len(starts), bool)

    def look(self, u: _Doubles) -> list[_Doubles]:
        """Look at a place of each row, in radii from the centre; return the preactivations."""
        preactivations = self._sought.preactivations(self._centre + self._radii * u)
        sizes = self._sought.sizes_at(preactivations)
        tied = self._sought.tied(preactivations)
        better = np.where(tied == self._tied, sizes > self._sizes, self._tied)
        self.u[better], self._sizes[better] = u[better], sizes[better]
        self._tied[better] = tied[better]
        self._looked += 1
        if self._progress is not None:
            self._progress(self._looked, self._looks)
        return preactivations

    def point(self) -> _Doubles:
        """Return the best point of all rows."""
        first = np.lexsort((-self._sizes, self._tied))[0]
        found: _Doubles = self._centre + self._radii[first] * self.u[first]
        return found


def _inside(u: _Doubles, norm: float) -> _Doubles:
    """Return the rows of the unit ball that are nearest to some rows."""
    if norm == np.inf:
        return np.clip(u, -1, 1)
    return u / np.maximum(euclid.norms(u), 1)[:, np.newaxis]


def _changes(
    sought: Steepness, centre: _Doubles, radii: _Doubles, starts: _Doubles
) -> list[_Doubles]:
    """Return how far the preactivations of the starts are from those of the centre, (N, 1).

    It is a root mean square over the units of each layer. A row at the centre has that of others.
    """
    at_centre = sought.preactivations(centre[np.newaxis])
    moved = starts.any(axis=1)
    changes = []
    for z, z_centre in zip(
        sought.preactivations(centre + radii[:, np.newaxis] * starts), at_centre, strict=True
    ):
        change = euclid.norms(z - z_centre)[:, np.newaxis] / np.sqrt(z.shape[1])
        change[~moved] = change[moved].mean()
        changes.append(np.where(change > 0, change, 1))
    return changes
