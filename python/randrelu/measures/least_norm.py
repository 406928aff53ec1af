"""The nearest change of decision that an attack finds, to where its line exactly crosses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu._load import core
from randrelu._support import euclid, memory
from randrelu._support.arguments import Progress
from randrelu._support.threads import thread_number
from randrelu.measures.trace import most_flips
from randrelu.network import Network

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Report = Callable[[int], object]

_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-300
_ROUNDINGS = 16  # beyond which an evaluation that sums in another order sees the same
_STARTS, _MOST_STARTS = 9, 48  # more than the first in small networks, where they cost little
_CHEAP = 2**20  # weights that the starts of a point pass at once, then
# How much of the directions so far a step keeps: the signs of single gradients flip at every ridge.
_MOMENTUM = {2.0: 0.0, np.inf: 0.8}
_POLISHED = 4  # times that a crossing is followed along its own gradient


@dataclass(frozen=True)
class _Phase:
    """Steps whose length, and the change of the radius after each, fall along a cosine."""

    steps: int
    length: tuple[float, float]  # in radii, at first and in the end
    change: tuple[float, float]  # of the radius


_RACE = _Phase(15, (1.0, 0.1), (0.4, 0.05))
_REST = _Phase(80, (2.0, 0.02), (0.15, 0.005))


class Decided:
    """Points, their decisions, and the margins of these elsewhere.

    Attributes
    ----------
    points : ndarray, shape (N, d)
        The points.
    tops : ndarray of int64, shape (N,), or None
        The largest outputs; None where there is one output.
    signs : ndarray, shape (N,)
        The sign of f, or 1 where there are several outputs.
    against : ndarray of int64, shape (N,), or None
        The outputs that are to be as large; None is any other.
    values : ndarray, shape (N,)
        The margins there.
    rivals : ndarray of int64, shape (N,), or None
        The outputs that they are over.
    """

    def __init__(
        self, net: Network, points: _Doubles, against: _Ints | None, *, threads: int | None
    ) -> None:
        self.net, self.points, self.against = net, points, against
        self._threads = thread_number(threads)
        self.outputs = net._evaluate(points, value=True, threads=threads)[0].reshape(
            len(points), net.outputs
        )
        several = net.outputs > 1
        self.tops = self.outputs.argmax(axis=1) if several else None
        self.signs = np.ones(len(points)) if several else np.sign(self.outputs[:, 0])
        here = self.margins(np.arange(len(points)), points)
        self.values = self.signs * here.values
        self.rivals = here.rivals if several else None

    def margins(self, who: _Ints, y: _Doubles, against: _Ints | None = None) -> core.Margins:
        """Evaluate margins (without the signs) of the points `who` at y (n, d)."""
        if against is None and self.against is not None:
            against = self.against[who]
        tops = None if self.tops is None else self.tops[who]
        return core.margins(
            self.net._core, np.ascontiguousarray(y), tops, against, threads=self._threads
        )

    def first_changes(self, who: _Ints, y: _Doubles) -> _Doubles:
        """Return which shares of the segments from the points `who` to y come first to a change."""
        return core.first_changes(
            self.net._core, self.points[who], np.ascontiguousarray(y),
            None if self.tops is None else self.tops[who],
            None if self.against is None else self.against[who],
            most_flips=most_flips(self.net), threads=self._threads,
        )  # fmt: skip

    def changed(self, who: _Ints, y: _Doubles) -> NDArray[np.bool_]:
        """Return where an evaluation shows another decision, whichever way it sums, (n,)."""
        found = self.margins(who, y)
        clear = np.abs(found.values) >= _ROUNDINGS * found.roundings
        return clear & self.beyond(who, found)

    def beyond(
        self, who: _Ints, found: core.Margins, *, any_other: bool = True
    ) -> NDArray[np.bool_]:
        """Return where margins say that the decision is another, (n,).

        Of equal outputs the first decides, but one that `against` or a start is for need not.
        """
        margins = self.signs[who] * found.values
        equal = margins == 0
        if self.tops is not None and self.against is None and any_other:
            equal &= found.rivals < self.tops[who]
        other: NDArray[np.bool_] = (margins < 0) | equal
        return other


def sizes(vectors: _Doubles, norm: float) -> _Doubles:
    """Return the norms of vectors (N, d), of any size."""
    if norm == np.inf:
        largest: _Doubles = np.abs(vectors).max(axis=1, initial=0)
        return largest
    with np.errstate(over="ignore", under="ignore"):
        plain: _Doubles = np.sqrt(np.einsum("pk,pk->p", vectors, vectors))
    unsure = ~((plain > 1e-140) & (plain < 1e140))  # a square may have left the range
    if unsure.any():
        plain[unsure] = euclid.norms(vectors[unsure])
    return plain


def distances(x: _Doubles, y: _Doubles, norm: float) -> _Doubles:
    """Return no less than ‖y − x‖ of rows, by a few roundings more."""
    rounding = x.shape[1] + 8 if norm == 2 else 2
    return sizes(y - x, norm) * (1 + rounding * _EPS)


def nearest_changes(decided: Decided, norm: float, *, progress: Progress | None) -> _Doubles:
    """Return for every point one where the decision is another, (N, d); NaN where none was found.

    It is a race of several starts. Each is a minimum-norm attack in the family of DDN (Rony et al.
    2019): it steps down the gradient of a margin and then to a sphere around the point, which
    shrinks where the decision has changed, and grows where not. The starts are for different other
    outputs, and some of them away from the point. The best go on against all outputs; where their
    line first crosses is found exactly, and then along the gradient at that place, and so on.
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
    times = starts * _RACE.steps + starts // 3 * _REST.steps
    decided.net._require_room(decided.points, times=times, gradient=True)
    steps = _RACE.steps + _REST.steps
    ends = _attack(decided, norm, who, progress and (lambda done: progress(done, steps)))
    count = len(ends)
    owners = np.repeat(who, count)
    last, size = _finish(decided, norm, owners, ends.transpose(1, 0, 2).reshape(len(owners), -1))
    best = size.reshape(len(who), count).argmin(axis=1) + count * np.arange(len(who))
    found[who] = _polish(decided, norm, who, last[best], size[best])
    return found


def _starts(net: Network) -> int:
    """Return how many starts there are for a point."""
    weights = sum(a * b for a, b in pairwise(net.widths))
    return min(max(_STARTS, _CHEAP // weights), _MOST_STARTS)


def _attack(decided: Decided, norm: float, who: _Ints, report: _Report | None) -> _Doubles:
    """Return the best points of the starts that went on, and the origin, (starts, n, d)."""
    x, dim = decided.points[who], decided.points.shape[1]
    count = _starts(decided.net)
    kept = count // 3
    rivals = _rivals(decided, who, count)
    runs = np.tile(who, count)
    starts, radii = _places(decided, norm, who, decided.margins(runs, decided.points[runs], rivals))
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
    slopes = _dual(here.gradients, norm)
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
        here = decided.margins(who, y, against)
        beyond = decided.beyond(who, here, any_other=against is None)
        size = sizes(moved, norm)
        better = beyond & (size < best)
        best[better], found[better] = size[better], y[better]
        gradients = here.gradients
        slopes = _dual(gradients, norm)
        mean *= _MOMENTUM[norm]
        mean += gradients / np.maximum(slopes, _TINY)[:, np.newaxis]
        ways = _downhill(mean, signs, _dual(mean, norm), norm)
        dead = (slopes == 0) & (size > 0)  # further out then
        ways[dead] = moved[dead] / size[dead, np.newaxis]
        moved += (length * radii)[:, np.newaxis] * ways
        radii = np.where(beyond, np.minimum(radii, size) * (1 - change), radii * (1 + change))
        radii = np.minimum(radii, best)
        if norm == 2:
            moved *= (radii / np.maximum(sizes(moved, norm), _TINY))[:, np.newaxis]
        else:
            np.clip(moved, -radii[:, np.newaxis], radii[:, np.newaxis], out=moved)
        if report is not None:
            report(k + 1)
    return best, found


def _dual(gradients: _Doubles, norm: float) -> _Doubles:
    """Return by how much a unit step changes a linear function at most."""
    return sizes(gradients, 2) if norm == 2 else np.abs(gradients).sum(axis=1)


def _downhill(gradients: _Doubles, signs: _Doubles, slopes: _Doubles, norm: float) -> _Doubles:
    """Return the unit steps that change margins most, towards 0; 0 where the gradient is 0."""
    if norm == np.inf:
        return np.sign(gradients) * -signs[:, np.newaxis]
    return gradients * (-signs / np.maximum(slopes, _TINY))[:, np.newaxis]


def _finish(decided: Decided, norm: float, who: _Ints, ends: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Return where the segments to `ends` first show another decision, and how far that is.

    That is the exact crossing, and beyond it the first of a few roundings, each four times the one
    before, after which an evaluation shows it. NaN, and inf, where none does.
    """
    x = decided.points[who]
    shares = decided.first_changes(who, ends)
    shares = np.where(np.isfinite(shares), np.minimum(shares, 1), 1)
    found, size = np.full_like(ends, np.nan), np.full(len(who), np.inf)
    left, more = np.arange(len(who)), _EPS
    while len(left):
        longer = np.minimum(shares[left] * (1 + more), 1)[:, np.newaxis]
        y = np.where(longer < 1, x[left] + longer * (ends[left] - x[left]), ends[left])
        shown = decided.changed(who[left], y)
        done = left[shown]
        found[done], size[done] = y[shown], distances(x[done], y[shown], norm)
        left, more = left[~shown & (longer[:, 0] < 1)], 4 * more
    return found, size


def _polish(decided: Decided, norm: float, who: _Ints, y: _Doubles, size: _Doubles) -> _Doubles:
    """Follow the gradients at crossings from the points, as long as that leads to nearer ones."""
    y, size = y.copy(), size.copy()
    left = np.flatnonzero(np.isfinite(size))
    for _ in range(_POLISHED):
        if not len(left):
            break
        x = decided.points[who[left]]
        gradients = decided.margins(who[left], y[left]).gradients
        ways = _downhill(gradients, decided.signs[who[left]], _dual(gradients, norm), norm)
        last, shorter = _finish(decided, norm, who[left], x + size[left][:, np.newaxis] * ways)
        better = shorter < size[left]
        left = left[better]
        y[left], size[left] = last[better], shorter[better]
    return y
