"""What needs packages that only an extra of this one brings, such as pandas and pyarrow."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def require(need: str, package: str, extra: str) -> None:
    """Raise ImportError, with the extra that brings it, unless there is a package.

    `need` says what needs it, as the error does: "figures need Matplotlib".
    """
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{need}: pip install 'randrelu[{extra}]'") from error


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a data frame of equally long columns."""
    require("to_frame() needs pandas", "pandas", "pandas")
    import pandas as pd

    return pd.DataFrame(dict(columns))


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
