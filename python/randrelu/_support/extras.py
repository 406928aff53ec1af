"""What needs packages that only an extra of this one brings: tables of pandas and pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def missing(need: str, extra: str) -> ImportError:
    """Return the error that says what is needed, and which extra of this package brings it."""
    return ImportError(f"{need}: pip install 'randrelu[{extra}]'")


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a data frame of equally long columns."""
    try:
        import pandas as pd
    except ImportError as error:
        raise missing("to_frame() needs pandas", "pandas") from error
    return pd.DataFrame(dict(columns))


def parquet_bytes(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Return a Parquet file of equally long columns, the metadata in its schema."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(dict(columns)).replace_schema_metadata(dict(metadata))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def require_parquet() -> None:
    """Raise ImportError unless Parquet files can be written."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise missing("Parquet files need pyarrow", "report") from error
