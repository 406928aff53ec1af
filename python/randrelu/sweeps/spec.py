"""A sweep as a TOML file; an error names the key and the line that are wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from randrelu._support import arguments, extras
from randrelu.sweeps import tables
from randrelu.sweeps.grid import points_of
from randrelu.sweeps.named import EXPERIMENTS, BuiltIn

_KEYS = ("experiment", "trials", "seed", "store", "grid", "points")


@dataclass(frozen=True)
class Spec:
    """The content of the file, as arguments of `randrelu.sweep`."""

    experiment: str
    trials: int
    rng: int | None
    store: Path | None
    grid: dict[str, Any] | None
    points: list[dict[str, Any]] | None


def read_spec(path: Path) -> Spec:
    """Read a sweep; raise ValueError with the key and the line that are wrong."""
    extras.require("sweeps need pyarrow", "pyarrow", "sweep")
    text = path.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None

    def refuse(key: str, error: object) -> NoReturn:
        line = _line(text, key)
        place = f"line {line}, " if line else ""
        raise ValueError(f"{path}: {place}{key}: {error}")

    def checked(key: str, check: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return check(*args, **options)
        except (ValueError, TypeError) as error:
            refuse(key, error)

    for key in content:
        if key not in _KEYS:
            refuse(key, f"unknown; a sweep has {', '.join(_KEYS)}")
    for key in ("experiment", "trials"):
        if key not in content:
            refuse(key, "is missing")
    if ("grid" in content) == ("points" in content):
        refuse("grid", "give either [grid] or [[points]]")
    name, grid, points = content["experiment"], content.get("grid"), content.get("points")
    checked("experiment", arguments.one_of, "experiment", name, EXPERIMENTS)
    trials = checked("trials", arguments.integer, "trials", content["trials"], at_least=1)
    seed = content.get("seed")
    if seed is not None:
        checked("seed", arguments.integer, "seed", seed, at_least=0)
    if not isinstance(content.get("store", ""), str):
        refuse("store", f"must be the path of a folder, got {content['store']!r}")
    _require_points(BuiltIn(name), grid, points, refuse, checked)
    store = Path(content["store"]) if "store" in content else None
    return Spec(name, trials, seed, store, grid, points)


def _require_points(
    run: BuiltIn,
    grid: Any,
    points: Any,
    refuse: Callable[[str, object], NoReturn],
    checked: Callable[..., Any],
) -> None:
    """Check every parameter by itself, so that an error names it; then all of them together."""
    if grid is not None:
        if not isinstance(grid, dict):
            refuse("grid", f"must be a table of lists, got {grid!r}")
        for key, values in grid.items():
            alone = checked(f"grid.{key}", points_of, {key: values}, None)
            for point in alone:
                checked(f"grid.{key}", run.require_values, point.params)
            checked(f"grid.{key}", tables.table, [point.params for point in alone])
        for point in checked("grid", points_of, grid, None):
            checked("grid", run.require, point.params)
        return
    if not isinstance(points, list):
        refuse("points", f"must be tables, [[points]], got {points!r}")
    for i, row in enumerate(points):
        for point in checked(f"points[{i}]", points_of, None, [row]):
            for key, value in point.params.items():
                checked(f"points[{i}].{key}", run.require_values, {key: value})
            checked(f"points[{i}]", run.require, point.params)
    every = checked("points", points_of, None, points)
    checked("points", tables.table, [point.params for point in every])


def _line(text: str, key: str) -> int | None:
    """Return the line of a key of the file, or else that of its table; None where there is none."""
    table, _, _ = key.rpartition(".")
    here, fallback, tables_so_far = "", None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[+)\s*([\w.-]+)\s*\]+", line)
        if header:
            here = header[2]
            if header[1] == "[[":  # one of several of that name
                fallback = fallback or (number if here == key else None)
                here, tables_so_far = f"{here}[{tables_so_far}]", tables_so_far + 1
            if here in (key, table):
                fallback = fallback or number
            continue
        given = re.match(r"""\s*["']?([\w.-]+?)["']?\s*=""", line)
        if given is None:
            continue
        full = f"{here}.{given[1]}" if here else given[1]
        if full == key:
            return number
        if full == re.sub(r"\[\d+\]$", "", table or key) and fallback is None:
            fallback = number
    return fallback
