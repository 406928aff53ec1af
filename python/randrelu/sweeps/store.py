"""A folder that a sweep writes to, block by block, and that a killed one goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import files
from randrelu.sweeps.tables import conform, joined, require, unified

if TYPE_CHECKING:
    import pyarrow as pa
    from filelock import FileLock

_FORMAT = 1
_MANIFEST, _FAILURES, _CHANGING = "_manifest.json", "_failures.json", "_changing"
# The process that holds the lock writes its number into another file: nobody can read a locked
# file on Windows.
_LOCK, _WRITER = "_lock", "_writer"


class Store:
    """A folder with the finished blocks of one sweep.

    ``trials/`` holds nothing but Parquet files of one schema, one per block, which any program
    reads as one table; ``_manifest.json`` says what they are of. A block is written beside them,
    synced and renamed, so that a file in ``trials/`` is whole. One process writes at a time: the
    folder is locked while a store is open, and a process that died holds no lock.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open a folder, which is made where there is none."""
        self.folder = Path(folder)
        self._trials = self.folder / "trials"
        try:
            self._trials.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder)
        except BlockingIOError:
            raise
        except OSError as error:
            raise self._refusal(error) from None
        try:
            for left in self.folder.glob(".*.part"):  # of a process that was killed
                left.unlink(missing_ok=True)
        except OSError as error:
            self.close()
            raise self._refusal(error) from None

    def close(self) -> None:
        """Let another process write."""
        self._lock.release()

    def claim(self, manifest: Mapping[str, Any]) -> None:
        """Say whose blocks these are, and begin."""
        self._write(_MANIFEST, _json({"format": _FORMAT, **manifest}))
        self.fail([])
        if (self.folder / _CHANGING).exists():  # killed while the files' schema was changed
            self._change(unified(map(_schema, self._trials.glob("*.parquet"))))
        # The columns are the same in all blocks.
        self._schema = next(map(_schema, self._trials.glob("*.parquet")), None)

    def write(self, key: str, trials: range, table: pa.Table) -> None:
        """Add a finished block; columns that other blocks have with other types are widened."""
        wider = unified([table.schema] if self._schema is None else [self._schema, table.schema])
        if self._schema is not None and not wider.equals(self._schema):
            self._change(wider)
        self._schema = wider
        self._write(f"trials/{key}-{trials.start}-{trials.stop}.parquet", _parquet(table, wider))

    def fail(self, failures: Iterable[Mapping[str, Any]]) -> None:
        """Keep what failed in this run."""
        self._write(_FAILURES, _json(list(failures)))

    def _change(self, schema: pa.Schema) -> None:
        """Rewrite every block with another schema; a killed change is gone on with."""
        self._write(_CHANGING, b"")
        for file in self._trials.glob("*.parquet"):
            table = _table(file)
            if not table.schema.equals(schema):
                self._write(f"trials/{file.name}", _parquet(table, schema))
        (self.folder / _CHANGING).unlink()

    def _write(self, name: str, content: bytes) -> None:
        try:
            files.write_whole(self.folder / name, content, within=self.folder)
        except OSError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: OSError) -> OSError:
        return type(error)(
            error.errno,
            f"store cannot be written to ({error.strerror}); what was finished is kept, and the "
            "same call goes on from there once it can",
            str(self.folder),
        )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return what the blocks of a folder are of, or None where there is none."""
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
        known = manifest["format"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{folder / _MANIFEST} is not the manifest of a sweep's store") from None
    if known != _FORMAT:
        raise ValueError(f"store {str(folder)!r} must have format {_FORMAT}, got {known!r}")
    return manifest


def read_failures(folder: Path) -> list[dict[str, Any]]:
    """Return what failed in the last run."""
    try:
        failures: list[dict[str, Any]] = json.loads((folder / _FAILURES).read_bytes())
    except FileNotFoundError:
        return []
    return failures


def blocks(folder: Path) -> dict[str, list[range]]:
    """Return the trials that are done, for every point by its key, in their order."""
    found: dict[str, list[range]] = {}
    for entry in os.scandir(folder / "trials"):
        stem, _, suffix = entry.name.rpartition(".")
        parts = stem.split("-")
        if suffix == "parquet" and len(parts) == 3:
            found.setdefault(parts[0], []).append(range(int(parts[1]), int(parts[2])))
    for ranges in found.values():
        ranges.sort(key=lambda trials: trials.start)
    return found


def read(folder: Path, keys: Iterable[str]) -> pa.Table | None:
    """Return the rows of points, in their order, by trial; None where there are none.

    Columns may be widened at the same time: a file is opened once, and has then the rows of its
    block, with the old columns or the new ones.
    """
    have = blocks(folder)
    return joined(
        [
            _table(folder / "trials" / f"{key}-{trials.start}-{trials.stop}.parquet")
            for key in keys
            for trials in have.get(key, ())
        ]
    )


def _schema(file: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    return pq.read_schema(file)


def _table(file: Path) -> pa.Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        return opened.read()


def _parquet(table: pa.Table, schema: pa.Schema) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(conform(table, schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()


def _locked(folder: Path) -> FileLock:
    """Lock the folder, until the lock is released or the process ends, however it does."""
    require("a sweep's store needs", "filelock")
    from filelock import FileLock, Timeout

    # The lock belongs to the store, not to the thread that opened it.
    lock = FileLock(folder / _LOCK, blocking=False, thread_local=False)
    try:
        lock.acquire()
        (folder / _WRITER).write_text(f"{os.getpid()}\n")
    except Timeout:
        raise BlockingIOError(
            f"store {str(folder)!r} is being written to by process {_writer(folder)}; wait for it, "
            "or choose another folder"
        ) from None
    except OSError:
        lock.release()
        raise
    return lock


def _writer(folder: Path) -> str:
    try:
        return (folder / _WRITER).read_text().strip()
    except FileNotFoundError:  # that process has only just locked the folder
        return "(unknown)"
