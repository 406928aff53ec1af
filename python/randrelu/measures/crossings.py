"""Where segments first come to another decision, exactly, and nearer places from there."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.rounding import EPS
from randrelu.measures.decided import Decided, distances, sizes

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_TINY = 1e-300
_WITHIN = 1e-9  # of a segment, beyond which units that were turned off are not on by rounding
_FOLLOWED = 2  # times that a crossing is followed along its own gradient
# Around the nearest points, in networks where that costs little.
_SCATTERED, _CHEAP = 64, 2**20  # points at once, and weights that they may pass then
_ROUNDS = 24
_NARROWER = 0.6  # after a round that found nothing
_INNER = 0.995  # of the distance, at which they are


def dual_sizes(gradients: _Doubles, norm: float) -> _Doubles:
    """Return by how much a unit step changes a linear function at most."""
    return sizes(gradients, 2) if norm == 2 else np.abs(gradients).sum(axis=1)


def downhill(gradients: _Doubles, signs: _Doubles, slopes: _Doubles, norm: float) -> _Doubles:
    """Return the unit steps that change margins most, towards 0; 0 where the gradient is 0."""
    if norm == np.inf:
        return np.sign(gradients) * -signs[:, np.newaxis]
    return gradients * (-signs / np.maximum(slopes, _TINY))[:, np.newaxis]


def crossings(
    decided: Decided, norm: float, who: _Ints, ends: _Doubles
) -> tuple[_Doubles, _Doubles]:
    """Return where the segments to `ends` first show another decision, and how far that is.

    That is the exact crossing, and beyond it the first of a few roundings, each 16 times the one
    before, after which an evaluation shows it. NaN, and inf, where none does.
    """
    x = decided.points[who]
    shares = decided.first_changes(who, ends)
    shares = np.where(np.isfinite(shares), np.minimum(shares, 1), 1)
    found, size = np.full_like(ends, np.nan), np.full(len(who), np.inf)
    left, more = np.arange(len(who)), EPS
    while len(left):
        longer = np.minimum(shares[left] * (1 + more), 1)[:, np.newaxis]
        y = np.where(longer < 1, x[left] + longer * (ends[left] - x[left]), ends[left])
        within = (longer[:, 0] == 1) | (more > _WITHIN)
        shown = decided.changed(who[left], y, within)
        done = left[shown]
        found[done], size[done] = y[shown], distances(x[done], y[shown], norm)
        left, more = left[~shown & (longer[:, 0] < 1)], 16 * more
    return found, size


def follow(
    decided: Decided, norm: float, who: _Ints, y: _Doubles, size: _Doubles
) -> tuple[_Doubles, _Doubles]:
    """Follow the gradients at crossings from the points, as long as that leads to nearer ones."""
    y, size = y.copy(), size.copy()
    left = np.flatnonzero(np.isfinite(size))
    for _ in range(_FOLLOWED):
        if not len(left):
            break
        x = decided.points[who[left]]
        gradients = decided.margins(who[left], y[left]).gradients
        ways = downhill(gradients, decided.signs[who[left]], dual_sizes(gradients, norm), norm)
        last, shorter = crossings(decided, norm, who[left], x + size[left][:, np.newaxis] * ways)
        better = shorter < size[left]
        left = left[better]
        y[left], size[left] = last[better], shorter[better]
    return y, size


def scatter(decided: Decided, norm: float, who: _Ints, y: _Doubles, size: _Doubles) -> _Doubles:
    """Look for nearer changes among random points, of spheres that are a little smaller.

    They are scattered about the direction of the nearest change so far, first anywhere and then
    ever closer: they may hit what gradients, which know of one linear region, do not see. Large
    networks are left as they are.
    """
    net = decided.net
    weights = sum(a * b for a, b in pairwise(net.widths))
    if net.storage == "deferred" or weights * _SCATTERED > _CHEAP:
        return y
    x, (count, dim) = decided.points[who], y.shape
    y, size = y.copy(), size.copy()
    missing = np.isinf(size)
    far = sizes(x, norm)
    size[missing] = 2 * np.where(far > 0, far, 1.0)[missing]
    y[missing] = x[missing]
    spread = np.ones(count)
    runs, each = np.repeat(who, _SCATTERED), np.arange(count)
    rng = np.random.default_rng(1)
    for _ in range(_ROUNDS):
        ways = ((y - x) / size[:, np.newaxis])[:, np.newaxis]
        ways = ways + spread[:, np.newaxis, np.newaxis] * rng.normal(size=(_SCATTERED, dim))
        if norm == 2:
            ways /= np.sqrt(np.einsum("psk,psk->ps", ways, ways))[:, :, np.newaxis]
        ways = np.clip(ways, -1, 1) * (_INNER * size)[:, np.newaxis, np.newaxis]
        points = (x[:, np.newaxis] + ways).reshape(-1, dim)
        here = decided.margins(runs, points)
        margins = np.where(decided.beyond(runs, here), decided.signs[runs] * here.values, np.inf)
        lowest = margins.reshape(count, _SCATTERED).argmin(axis=1) + _SCATTERED * each
        hit = np.flatnonzero(np.isfinite(margins[lowest]))
        ends, shorter = crossings(decided, norm, who[hit], points[lowest[hit]])
        better = shorter < np.where(missing[hit], np.inf, size[hit])
        y[hit[better]], size[hit[better]] = ends[better], shorter[better]
        missing[hit[better]] = False
        spread *= _NARROWER
        spread[hit[better]] /= _NARROWER
    y[missing] = np.nan
    return y
