"""The nearest change of decision that an attack finds, to where its line exactly crosses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import memory
from randrelu._support.arguments import Progress
from randrelu.measures.crossings import crossings, downhill, dual_sizes, follow, scatter
from randrelu.measures.decided import Decided, sizes
from randrelu.network import Network

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Report = Callable[[int], object]

_TINY = 1e-300
_STARTS, _MOST_STARTS = 9, 48  # more than the first in small networks, where they cost little
_CHEAP = 2**20  # weights that the starts of a point pass at once, then
# How much of the directions so far a step keeps: the signs of single gradients flip at every ridge.
_MOMENTUM = {2.0: 0.0, np.inf: 0.8}
_BEYOND = 1.001  # of the segment to where a rough evaluation saw a change is followed exactly
# Of the starts, which part goes on: in norm inf the race tells less.
_KEPT = {2.0: 1 / 4, np.inf: 1 / 3}


@dataclass(frozen=True)
class _Phase:
    """Steps whose length, and the change of the radius after each, fall along a cosine."""

    steps: int
    length: tuple[float, float]  # in radii, at first and in the end
    change: tuple[float, float]  # of the radius


_RACE = _Phase(15, (1.0, 0.1), (0.4, 0.05))
_REST = _Phase(60, (2.0, 0.02), (0.15, 0.005))


def nearest_changes(decided: Decided, norm: float, *, progress: Progress | None) -> _Doubles:
    """Return for every point one where the decision is another, (N, d); NaN where none was found.

    It is a race of several starts. Each is a minimum-norm attack in the family of DDN (Rony et al.
    2019): it steps down the gradient of a margin and then to a sphere around the point, which
    shrinks where the decision has changed, and grows where not. The starts are for different other
    outputs, and some of them away from the point. The best go on against all outputs; where their
    line first crosses is found exactly, and then along the gradient at that place, and so on. In
    small networks random points around the nearest place follow.
    """
    found = np.full_like(decided.points, np.nan)
    who = np.flatnonzero(decided.values > 0)
    found[decided.values <= 0] = decided.points[decided.values <= 0]  # on the boundary
    if not len(who):
        return found
    starts = _starts(decided.net)
    memory.require(
        8 * starts * decided.points.nbytes,
        f"attacking {len(decided.points)} points from {starts} starts each",
        "pass fewer points at a time",
    )
    times = starts * _RACE.steps + int(starts * _KEPT[norm]) * _REST.steps
    decided.net._require_room(decided.points, times=times, gradient=True)
    steps = _RACE.steps + _REST.steps
    ends = _attack(decided, norm, who, progress and (lambda done: progress(done, steps)))
    count = len(ends)
    owners = np.repeat(who, count)
    last, size = crossings(decided, norm, owners, ends.transpose(1, 0, 2).reshape(len(owners), -1))
    best = size.reshape(len(who), count).argmin(axis=1) + count * np.arange(len(who))
    nearest, size = follow(decided, norm, who, last[best], size[best])
    found[who] = scatter(decided, norm, who, nearest, size)
    return found


def _starts(net: Network) -> int:
    """Return how many starts there are for a point."""
    weights = sum(a * b for a, b in pairwise(net.widths))
    return min(max(_STARTS, _CHEAP // weights), _MOST_STARTS)


def _attack(decided: Decided, norm: float, who: _Ints, report: _Report | None) -> _Doubles:
    """Return ends of segments to follow: of the best starts, and the origin."""
    x, dim = decided.points[who], decided.points.shape[1]
    count = _starts(decided.net)
    kept = int(count * _KEPT[norm])
    rivals = _rivals(decided, who, count)
    runs = np.tile(who, count)
    here = decided.margins(runs, decided.points[runs], rivals)
    starts, radii = _places(decided, norm, who, here)
    lengths, points = _descend(decided, norm, runs, starts, radii, rivals, _RACE, report)
    lengths, points = lengths.reshape(count, -1), points.reshape(count, len(who), dim)
    order = lengths.argsort(axis=0, kind="stable")[:kept]
    points = np.take_along_axis(points, order[:, :, np.newaxis], axis=0)
    lengths = np.take_along_axis(lengths, order, axis=0)
    gone = sizes((points - x).reshape(-1, dim), norm).reshape(kept, -1)
    again = np.where(np.isfinite(lengths), lengths, np.maximum(gone, radii[: len(who)]))
    later = report and (lambda done: report(_RACE.steps + done))
    shorter, ends = _descend(
        decided, norm, np.tile(who, kept), points.reshape(-1, dim), again.ravel(), None, _REST,
        later,
    )  # fmt: skip
    better = shorter.reshape(kept, -1) <= lengths
    ends = np.where(better[:, :, np.newaxis], ends.reshape(points.shape), points)
    ends = x + _BEYOND * (ends - x)
    if not decided.net.has_biases:  # at the origin all outputs are 0
        ends = np.concatenate([ends, np.zeros((1, *x.shape))])
    return ends


def _places(
    decided: Decided, norm: float, who: _Ints, here: core.Margins
) -> tuple[_Doubles, _Doubles]:
    """Return where the attacks start, (starts n, d), and the radii of their first spheres.

    The first start at the points, one for each other output. The rest are away from them, up to
    twice as far as the origin.
    """
    x = decided.points[who]
    count = len(here.values) // len(who)
    slopes = dual_sizes(here.gradients, norm)
    near = np.full(len(here.values), np.inf)
    np.divide(np.abs(here.values), slopes, out=near, where=slopes > 0)
    nearest = near.reshape(count, -1).min(axis=0)  # where the margins are linear
    far = sizes(x, norm)
    far = 2 * np.where(far > 0, far, 1.0)
    radii = np.where(np.isfinite(nearest), nearest, far)
    ways = np.random.default_rng(0).normal(size=(count, x.shape[1]))
    ways /= sizes(ways, norm)[:, np.newaxis]
    own = 1 if decided.tops is None or decided.against is not None else decided.net.outputs - 1
    ways[:own] = 0
    shares = np.linspace(0, 1, count)[:, np.newaxis]
    away = radii * (np.maximum(far, radii) / radii) ** shares
    away[:own] = radii
    starts = x + ways[:, np.newaxis] * away[:, :, np.newaxis]
    return starts.reshape(-1, x.shape[1]), away.ravel()


def _rivals(decided: Decided, who: _Ints, count: int) -> _Ints | None:
    """Return the output that each start is for, (starts n,), or None where there is no choice."""
    if decided.tops is None or decided.against is not None:
        return None
    outputs = decided.outputs[who].copy()
    outputs[np.arange(len(who)), decided.tops[who]] = -np.inf
    largest = np.argsort(-outputs, axis=1, kind="stable")[:, :-1]
    which = np.arange(count) % largest.shape[1]
    return np.ascontiguousarray(largest[:, which].T).ravel()


def _descend(
    decided: Decided, norm: float, who: _Ints, y: _Doubles, radii: _Doubles,
    against: _Ints | None, phase: _Phase, report: _Report | None,
) -> tuple[_Doubles, _Doubles]:  # fmt: skip
    """Return the smallest distances at which a margin was negative, and these points."""
    x = decided.points[who]
    signs = decided.signs[who]
    best, found = np.full(len(who), np.inf), y.copy()
    moved = y - x
    mean = np.zeros_like(x)
    for k in range(phase.steps):
        share = (1 + np.cos(np.pi * k / phase.steps)) / 2
        length, change = (b + (a - b) * share for a, b in (phase.length, phase.change))
        y = x + moved
        here = decided.rough_margins(who, y, against)
        beyond = decided.beyond(who, here, any_other=against is None)
        size = sizes(moved, norm)
        better = beyond & (size < best)
        best[better], found[better] = size[better], y[better]
        gradients = here.gradients.astype(np.float64, copy=False)
        slopes = dual_sizes(gradients, norm)
        if _MOMENTUM[norm]:  # in norm inf, where the length of a gradient does not matter
            mean *= _MOMENTUM[norm]
            mean += gradients / np.maximum(slopes, _TINY)[:, np.newaxis]
            gradients = mean
        ways = downhill(gradients, signs, slopes, norm)
        dead = (slopes == 0) & (size > 0)  # further out then
        ways[dead] = moved[dead] / size[dead, np.newaxis]
        moved += (length * radii)[:, np.newaxis] * ways
        radii = np.where(beyond, np.minimum(radii, size) * (1 - change), radii * (1 + change))
        radii = np.minimum(radii, best)
        if norm == 2:
            reached = sizes(moved, norm)
            far = reached > radii * _TINY  # a step may lead back to x, which is in no direction
            moved *= np.divide(radii, reached, out=np.ones_like(radii), where=far)[:, np.newaxis]
        else:
            np.clip(moved, -radii[:, np.newaxis], radii[:, np.newaxis], out=moved)
        if report is not None:
            report(k + 1)
    return best, found
