"""Which columns of a sweep are drawn for a first look, where nobody has chosen any."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# What an experiment is about, of what it measures.
_ABOUT = {
    "attack": "relative_norm",
    "flips": "share",
    "deviation": "median",
    "worst": "attained_share",
    "distance": "attained",
    "cell": "distance",
    "min-perturbation": "ratio",
    "deep": "ratio",
    "line": "zero_at",
    "regions": "regions",
}
_PLACES = ("relative_radius", "layer")  # columns that are no results
_MOST_CURVES = 8
_MOST_ROWS = 100_000  # more would keep a notebook waiting


def axes_of(
    experiment: str, points: Sequence[Mapping[str, Any]], table: pa.Table
) -> dict[str, Any] | None:
    """Return the arguments of `Sweep.plot` for a first look, or None where no picture suggests one.

    Over the first parameter that has several numbers there is what the experiment is about, or of
    one's own function the first number that it returns; by the next parameter that varies, or by
    layer.
    """
    names = table.column_names
    params = dict.fromkeys(name for point in points for name in point)
    values = {name: _distinct(point.get(name) for point in points) for name in params}
    for name in _PLACES:
        if name in names:
            values[name] = _distinct(table[name].unique().to_pylist())
    varying = [name for name in values if len(values[name]) > 1 and name in names]
    measured = [name for name in names if name not in values and name not in ("trial", "row")]
    y = _ABOUT.get(experiment, next((n for n in measured if _is_numeric(table, n)), None))
    x = next((name for name in varying if all(map(_is_number, values[name]))), None)
    if x is None or y not in names or table.num_rows > _MOST_ROWS or "measurement" in names:
        return None
    others = [name for name in varying if name != x and len(values[name]) <= _MOST_CURVES]
    log = min(values[x]) > 0 and max(values[x]) >= 10 * min(values[x])
    return {"x": x, "y": y, "by": others[0] if others else None, "log": log}


def _distinct(values: Any) -> list[Any]:
    return list({repr(value): value for value in values}.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_numeric(table: pa.Table, name: str) -> bool:
    kind = str(table.schema.field(name).type)
    return kind.startswith(("int", "uint", "float", "double", "bool"))
