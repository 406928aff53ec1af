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
    module(need, package, f"'randrelu[{extra}]'")


def module(need: str, package: str, source: str) -> Any:
    """Import and return a package, or raise ImportError with what pip installs it from.

    What no extra brings, such as PyTorch, comes from here, and needs no types.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{need}: pip install {source}") from error


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
