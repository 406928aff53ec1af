"""How far a decision does not change, certified."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import Progress
from randrelu._support.progress import Count
from randrelu.measures.certified.bounding import Bounding
from randrelu.measures.certified.scaled import Scaled
from randrelu.measures.decided import Decided, sizes

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_NEAR = 1.005  # of the largest radius that the bounds certify
_PROBES = 40
_LONG = 4  # probes that end alike
_ITERATIONS = 5  # of the slopes for the few margins, which cost little beside all the units
_LARGEST = 2.0**20  # radii, in norms of the point, that are tried where nothing was attained
_ENTRIES = 2**25  # of the bounds that are held at once
_FINE = 1000  # parts of a point that are reported
_LEFT = 0.8  # of what is left of a search, after one more probe, as it is reported


def certified_distances(
    decided: Decided,
    norm: float,
    attained: _Doubles,
    *,
    threads: int | None,
    progress: Progress | None,
) -> _Doubles:
    """Return radii (N,) in which no point has another decision, rounding included.

    They are within half a percent of the largest ones for which bounds of the margins say so.
    """
    net, count = decided.net, len(attained)
    found = np.zeros(count)
    if not count:
        return found
    largest = max(np.abs(decided.points).max(), attained[np.isfinite(attained)].max(initial=0))
    scaled = Scaled(net, net.depth + 1, largest, threads=threads)
    at_once = int(np.clip(_ENTRIES // (2 * max(net.widths) ** 2), 1, 32))
    for first in range(0, count, at_once):
        some = np.arange(first, min(first + at_once, count))
        bounded = _searching(progress, some, count, sum(net.widths[1:]))
        found[some] = _search(scaled, decided, norm, some, attained[some], bounded)
        if progress is not None:
            progress(_FINE * (int(some[-1]) + 1), _FINE * count)
    return found


def _searching(progress: Progress | None, some: _Ints, of: int, units: int) -> Count:
    """Return what hears how many units are bounded in the search for some of the points.

    A probe bounds all of them. How many probes it will be nobody knows, so that each is reported
    as the same share of what is left.
    """
    bounded = 0

    def count(more: int) -> None:
        nonlocal bounded
        bounded += more
        if progress is not None:
            done = len(some) * (1 - _LEFT ** (bounded / units))
            progress(int(_FINE * (some[0] + done)), _FINE * of)

    return count


def _search(
    scaled: Scaled, decided: Decided, norm: float, who: _Ints, attained: _Doubles, count: Count
) -> _Doubles:
    """Narrow between the radii that are certified and those that are not.

    Every probe is sound by itself. The next radius is where the line through what the bounds left
    of the margin at either end is 0, the end that stays counting half each time (Illinois); and in
    the middle, once one end has stayed for long: what is left may touch 0 and go no further.
    """
    low, high = np.zeros(len(who)), attained.copy()
    left_low = decided.values[who].copy()
    left_high = np.full(len(who), np.nan)  # not known before it was probed
    usual = sizes(decided.points[who], norm)
    usual = np.where(usual > 0, usual, 1.0)
    same = np.flatnonzero(_constant(decided, who))
    if len(same):
        least = _least(scaled, decided, norm, who[same], np.zeros(len(same)), count)
        low[same[least > 0]] = np.inf
    was_certified = np.zeros(len(who), bool)
    repeated = np.zeros(len(who), np.int64)  # how often probes have ended alike
    for probe in range(_PROBES):
        going = np.flatnonzero(
            (left_low > 0)
            & (high > low * _NEAR)
            & ~((low >= _LARGEST * usual) & np.isinf(high))
        )  # fmt: skip
        if not len(going):
            break
        radii = _next(
            low[going], high[going], left_low[going], left_high[going], usual[going],
            repeated[going] >= _LONG,
        )  # fmt: skip
        left = _least(scaled, decided, norm, who[going], radii, count)
        certified = left > 0
        up, down = going[certified], going[~certified]
        low[up], left_low[up] = radii[certified], left[certified]
        high[down], left_high[down] = radii[~certified], left[~certified]
        if probe:
            left_high[up[was_certified[up]]] /= 2
            left_low[down[~was_certified[down]]] /= 2
        repeated[going] = np.where(was_certified[going] == certified, repeated[going] + 1, 1)
        was_certified[up], was_certified[down] = True, False
    return low


def _next(
    low: _Doubles, high: _Doubles, left_low: _Doubles, left_high: _Doubles, usual: _Doubles,
    halve: NDArray[np.bool_],
) -> _Doubles:  # fmt: skip
    """Return the radii to probe next."""
    with np.errstate(invalid="ignore"):
        middle = np.where(low > 0, np.sqrt(low) * np.sqrt(high), high / 2)
        share = left_low / (left_low - left_high)
        crossing = low + share * (high - low)
    known = np.isfinite(crossing) & np.isfinite(left_high)
    radii = np.where(known & ~halve, crossing, middle)
    near = np.sqrt(_NEAR)
    radii = np.maximum(radii, np.where(low > 0, low * near, high / 32))
    radii = np.where(np.isinf(high), np.where(low > 0, 8 * low, usual), radii)
    probes: _Doubles = np.minimum(radii, high / near)
    return probes


def _least(
    scaled: Scaled, decided: Decided, norm: float, who: _Ints, radii: _Doubles, count: Count
) -> _Doubles:
    """Return what the smallest margin is at least in balls around the points `who`, (n,)."""
    net = decided.net
    bounding = Bounding(scaled, decided.points[who], radii, norm, count)
    for i in range(1, net.depth + 1):
        bounding.add_layer(i)
    if decided.tops is None:
        bounding.add_layer(net.depth + 1, _ITERATIONS)
        lower, upper = bounding.unscaled()
        f_least: _Doubles = np.where(decided.signs[who] > 0, lower[-1][:, 0], -upper[-1][:, 0])
        return f_least
    least: _Doubles = bounding.margins(decided.tops[who], _others(decided, who), _ITERATIONS).min(
        axis=1
    )
    return least


def _others(decided: Decided, who: _Ints) -> _Ints:
    """Return the outputs that the largest is compared with, (n, rows)."""
    assert decided.tops is not None
    if decided.against is not None:
        return decided.against[who, np.newaxis]
    rest = np.arange(decided.net.outputs - 1)
    others: _Ints = rest + (rest >= decided.tops[who, np.newaxis])
    return others


def _constant(decided: Decided, who: _Ints) -> NDArray[np.bool_]:
    """Return whether weights of 0 keep the margins what they are everywhere, (n,)."""
    net = decided.net
    if any(not net.weights(i).any() for i in range(1, net.depth + 1)):
        return np.ones(len(who), bool)
    last = net.weights(net.depth + 1)
    if decided.tops is None:
        return np.full(len(who), not last.any())
    other = _others(decided, who)
    rows = [last[j] for j in decided.tops[who]]
    same = [(last[o] == row).all() for row, o in zip(rows, other, strict=True)]
    return np.array(same, bool)
