"""The search for points at which the gradient is large, or far from another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid, memory
from randrelu._support.arguments import Progress
from randrelu.measures.steepest import Steepness, lengths, unit
from randrelu.network import Network

_Doubles = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_ROWS = 8  # that are moved at once; one where the network remembers every question
_FACTORS = 4.0 ** np.arange(-1, 4)  # of the scale of the biases, at which networks are searched
_WIDEST, _NARROWEST = 2.0, 0.3  # of the gates, in typical changes of their preactivations
_LONGEST, _SHORTEST = 2.0, 0.2  # of the steps, in radii


def steepest_in_ball(
    sought: Steepness,
    x: _Doubles,
    radius: float,
    norm: float,
    steps: int,
    *,
    progress: Progress | None,
) -> _Doubles:
    """Return the steepest point of the ball around x that was found, (d,)."""
    net, size = sought.net, euclid.norm(x) if norm == 2 else float(np.abs(x).max())
    # x + u is rounded; with a u that is so much shorter it stays in the ball.
    length = radius * (1 - 32 * _EPS) - _EPS * (size + radius)
    if not (net.depth and length > 0):
        return x
    rows = 1 if net.storage == "deferred" else _ROWS
    _require_room(net, rows, steps)
    starts = _drawn(rows, x.size) if norm == 2 else np.sign(_drawn(rows, x.size))
    if rows > 1:
        gradient = sought.gradients(x[np.newaxis])
        ahead = unit(gradient) if norm == 2 else np.sign(gradient)
        starts[:3] = np.concatenate([0 * ahead, ahead, -ahead])
    return _climb(sought, x, np.full(rows, length), starts, norm, steps, progress=progress)


def steepest_anywhere(sought: Steepness, steps: int, *, progress: Progress | None) -> _Doubles:
    """Return the steepest point that was found, (d,)."""
    net = sought.net
    zero = np.zeros(net.widths[0])
    if not net.depth:
        return zero
    scales: _Doubles = _scale(sought) * _FACTORS if net.has_biases else np.ones(1)
    of_each = _ROWS // 2 if net.has_biases else _ROWS
    radii = np.repeat(scales, 1 if net.storage == "deferred" else of_each)
    _require_room(net, len(radii), steps)
    starts = _drawn(len(radii), zero.size)
    return _climb(sought, zero, radii, starts, 2, steps, progress=progress)


def _drawn(rows: int, dim: int) -> _Doubles:
    """Return vectors of length 1, the same in every call."""
    return unit(np.random.default_rng(0).standard_normal((rows, dim)))


def _scale(sought: Steepness) -> float:
    """Return the length of points at which weights make as much of a difference as biases do."""
    one = _drawn(1, sought.net.widths[0])
    at_zero, at_one = (sought.preactivations(points) for points in (0 * one, one))
    scales = [
        euclid.norm(z[0]) / euclid.norm(z_one[0] - z[0])
        for z, z_one in zip(at_zero, at_one, strict=True)
        if z.any() and (z_one != z).any()
    ]
    return max(scales, default=1.0)


def _require_room(net: Network, rows: int, steps: int) -> None:
    memory.require(
        8 * 6 * rows * sum(net.widths),
        f"an ascent from {rows} points",
        "take a narrower network",
    )
    if net.storage == "deferred":
        memory.require_revealing(
            net.widths,
            2 * rows * (steps + 1) + 3,
            net.dtype.itemsize,
            backward=3 * rows * (steps + 1) + 3,
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
    as steps become shorter. Returns the best point that a row has passed, (d,). A point at which
    a unit is at exactly 0 is passed over for any other: what its gradient is, is a convention.
    """
    u, momentum = starts, np.zeros_like(starts)
    widths = _changes(sought, centre, radii, starts)
    found, best, best_tied = centre, -1.0, True
    for step in range(steps + 1):
        points = centre + radii[:, np.newaxis] * u
        preactivations = sought.preactivations(points)
        sizes = sought.sizes_at(preactivations)
        tied = np.any([(z == 0).any(axis=1) for z in preactivations], axis=0)
        first = np.lexsort((-sizes, tied))[0]
        if (not tied[first], sizes[first]) > (not best_tied, best):
            found, best, best_tied = points[first], sizes[first], tied[first]
        if progress is not None:
            progress(step + 1, steps + 1)
        if step == steps:
            break
        done = step / max(steps - 1, 1)
        softness = _WIDEST * (_NARROWEST / _WIDEST) ** done
        gradients = sought.uphill(preactivations, [softness * width for width in widths])
        momentum = (momentum + (unit(gradients) if norm == 2 else np.sign(gradients))) / 2
        u = u + (_LONGEST + (_SHORTEST - _LONGEST) * done) * momentum
        u = u / np.maximum(lengths(u), 1)[:, np.newaxis] if norm == 2 else np.clip(u, -1, 1)
    return found


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
        change = lengths(z - z_centre)[:, np.newaxis] / np.sqrt(z.shape[1])
        change[~moved] = change[moved].mean()
        changes.append(np.where(change > 0, change, 1))
    return changes
