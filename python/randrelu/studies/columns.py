"""The table of a sweep as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
