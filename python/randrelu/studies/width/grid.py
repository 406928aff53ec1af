"""The sweeps of the study: widths by dimension and depth, and what each of them is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from randrelu.studies.kind import Part

_LIMIT: Mapping[str, Any] = {}  # without a width the network is infinitely wide


def parts(full: bool) -> tuple[Part, ...]:
    """Return the sweeps, quick or full.

    Parameters
    ----------
    full : bool
        Whether to take the time of the full study.
    """
    every = (_ladder, _wide, _widest, _law, _distance, _small, _signs)
    return tuple(part(full) for part in every)


def _ladder(full: bool) -> Part:
    """Go from widths far below d to 10⁴, and to the limit, at a few depths."""
    widths = (10, 30, 100, 300, 1000, 10_000)
    shapes = [*({"width": k} for k in widths), _LIMIT]
    return Part("ladder", "width", _points((16, 100), (1, 2, 3), shapes), 3000 if full else 200)


def _wide(full: bool) -> Part:
    """Take very wide networks, of which fewer can be had."""
    points = _points((100,), (1, 2, 3), [{"width": 100_000}])
    return Part("wide", "width", points, 1000 if full else 100)


def _widest(full: bool) -> Part:
    """Take the widest networks, of which very few can be had."""
    points = _points((100,), (1, 2, 3), [{"width": 1_000_000}])
    return Part("widest", "width", points, 200 if full else 10)


def _law(full: bool) -> Part:
    """Draw from the exact law of the linear step at depth 1, at next to no cost."""
    count = 10 if full else 8
    widths = {16: _doubled(10, count), 100: _doubled(20, count)}
    points = [{"dim": d, "width": k, "draws": 2000} for d, every in widths.items() for k in every]
    return Part("law", "linear-step-law", tuple(points), 200 if full else 30)


def _distance(full: bool) -> Part:
    """Take many networks of two and three hidden layers, and their linear step alone."""
    widths = _doubled(10, 10 if full else 8)
    points = _points((16, 100), (2, 3), [{"width": k} for k in widths])
    return Part("distance", "attack", points, 30_000 if full else 3000)


def _small(full: bool) -> Part:
    """Take inputs so small that the width passes exp(√d)."""
    dims = (4, 6, 8, 12, 16, 24, 32) if full else (4, 8, 16, 32)
    widths = [2**i for i in range(2, 18)] if full else [4**i for i in range(1, 9)]
    points = _points(dims, (1, 2) if full else (1,), [{"width": k} for k in widths])
    return Part("small", "width", points, 1000 if full else 300)


def _signs(full: bool) -> Part:
    """Put random signs on one hidden layer, and normal weights on another beside it."""
    widths = [4**i for i in range(1, 9 if full else 7)]
    points = [
        {"dim": d, "depth": 1, "width": k, "top": top}
        for d, k, top in product((16, 64), widths, ("signs", "normal"))
    ]
    return Part("signs", "width", tuple(points), 1000 if full else 200)


def _points(
    dims: Iterable[int], depths: Iterable[int], shapes: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    every = product(dims, depths, list(shapes))
    return tuple({"dim": d, "depth": depth, **shape} for d, depth, shape in every)


def _doubled(first: int, count: int) -> list[int]:
    return [first * 2**i for i in range(count)]
