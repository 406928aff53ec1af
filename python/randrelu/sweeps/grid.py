"""Points of a grid, known by their content, which also decides the randomness of their trials."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from randrelu._support import arguments


@dataclass(frozen=True)
class Point:
    """A point of a grid, and its key, a hash of its parameters."""

    params: Mapping[str, Any]
    key: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        content = json.dumps(_canonical(self.params), sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "key", hashlib.sha256(content.encode()).hexdigest()[:24])

    def generator(self, seed: int, trial: int) -> np.random.Generator:
        """Return the generator of a trial, given by the seed, the parameters and its number."""
        words = (int(self.key[i : i + 8], 16) for i in range(0, 24, 8))
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*words, trial)))


def points_of(
    grid: Mapping[str, Iterable[Any]] | None, points: Iterable[Mapping[str, Any]] | None
) -> tuple[Point, ...]:
    """Return all combinations of a grid, or the points given, each once, in their order."""
    if (grid is None) == (points is None):
        raise TypeError("give either grid= or points=")
    if grid is not None:
        rows = _product(grid)
    else:
        if not arguments.is_iterable(points):
            raise TypeError(f"points must be a sequence of mappings, got {points!r}")
        rows = []
        for i, row in enumerate(points):
            if not isinstance(row, Mapping):
                raise TypeError(f"points[{i}] must be a mapping of names to values, got {row!r}")
            rows.append(dict(row))
    for row in rows:
        for taken in {"trial", "row"} & set(row):
            raise ValueError(
                f"a parameter must not be called {taken!r}, which is a column of every table"
            )
    found = {point.key: point for point in (Point(plain(row)) for row in rows)}
    if not found:
        name = "points" if grid is None else "grid"
        raise ValueError(f"{name} must hold at least one point, got none")
    return tuple(found.values())


def plain(value: Any) -> Any:
    """Return parameters or rows in types of Python's own, which JSON and Parquet can hold."""
    if isinstance(value, Mapping):
        return {str(name): plain(v) for name, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        "parameters and rows must be numbers, texts, None or sequences of them, got "
        f"{value!r} of type {type(value).__name__}"
    )


def _product(grid: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping):
        raise TypeError(f"grid must be a mapping of names to sequences of values, got {grid!r}")
    values = {}
    for name, given in grid.items():
        if isinstance(given, Mapping) or not arguments.is_iterable(given):
            raise TypeError(f"grid[{name!r}] must be a sequence of values, got {given!r}")
        values[str(name)] = list(given)
        if not values[str(name)]:
            raise ValueError(f"grid[{name!r}] must hold at least one value, got none")
    return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]


def _canonical(value: Any) -> Any:
    """Return a form in which equal values look the same: 1.0 becomes 1."""
    if isinstance(value, Mapping):
        return {name: _canonical(v) for name, v in value.items()}
    if isinstance(value, list):
        return [_canonical(v) for v in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value
