"""The table of a sweep as arrays, and its rows and columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.kind import Columns

if TYPE_CHECKING:
    import pyarrow as pa


def of(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Return the columns of a table, which is empty where it has no rows.

    Numbers that may be missing are float64, with NaN where one is; what else may be missing is of
    objects, with None.
    """
    if not table.num_rows:
        return {}
    return {name: _array(table[name]) for name in table.column_names}


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    import pyarrow.types as types

    values: NDArray[Any] = column.to_numpy()
    if types.is_null(column.type):
        return np.full(len(column), np.nan)
    return values.astype(np.float64) if types.is_floating(column.type) else values


def numbers(table: Columns, name: str) -> NDArray[np.float64]:
    """Return a column as numbers; NaN where there is none, or no such column."""
    if name not in table:
        return np.full(_size(table), np.nan)
    return np.asarray(table[name], np.float64)


def rows(table: Columns, **equal: float | str) -> dict[str, NDArray[Any]]:
    """Return the rows where columns have these values; NaN is where a number is missing."""
    kept = np.ones(_size(table), bool)
    for name, value in equal.items():
        if isinstance(value, str):
            kept &= np.asarray(table[name], object) == value if name in table else False
        else:
            column = numbers(table, name)
            kept &= np.isnan(column) if math.isnan(value) else column == value
    return masked(table, kept)


def masked(table: Columns, kept: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Return the rows where a mask is true."""
    return {name: np.asarray(column)[kept] for name, column in table.items()}


def values(table: Columns, name: str) -> list[float]:
    """Return which numbers a column has, ascending, once each."""
    column = numbers(table, name)
    return [float(value) for value in np.unique(column[np.isfinite(column)])]


def _size(table: Columns) -> int:
    return len(next(iter(table.values()), ()))
