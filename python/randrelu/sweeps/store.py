"""A folder that a sweep writes its finished blocks to, and where a killed sweep continues."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import arguments, extras, files, versions
from randrelu._support.arguments import Rng
from randrelu._support.locks import locked
from randrelu.sweeps import failures as failed
from randrelu.sweeps import reading, tables
from randrelu.sweeps.failures import Failure
from randrelu.sweeps.grid import Point

if TYPE_CHECKING:
    import pyarrow as pa

# There is a file of this name while the columns of the blocks are being widened.
_CHANGING = "_changing"


class Store:
    """A folder with the finished blocks of one sweep.

    ``trials/`` holds nothing but Parquet files of one schema, one per block, which any program
    reads as one table; ``_manifest.json`` says which sweep they belong to. A block is written
    outside ``trials/``, synced and renamed, so that every file in ``trials/`` is whole. One process
    writes at a time: the folder is locked while a store is open, and a process that died holds no
    lock.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open a folder, which is made where there is none."""
        self.folder = Path(folder)
        self._schema: pa.Schema | None = None
        with self._explained():
            (self.folder / reading.TRIALS).mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.folder, f"store {str(folder)!r}")
        try:
            with self._explained():
                for part in self.folder.glob(".*.part"):  # of a process that was killed
                    part.unlink(missing_ok=True)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process write."""
        self._lock.release()

    def claim(self, name: str, points: Sequence[Point], trials: int, rng: Rng) -> int:
        """Make the store this sweep's, or add to it, and return the seed.

        Raises ValueError, before anything is written, where the store belongs to another sweep, or
        the values of the points mix types.
        """
        before = reading.manifest(self.folder)
        seed = before["seed"] if before and rng is None else arguments.seed_of(rng)
        if before is None:
            before = {"experiment": name, "seed": seed, "trials": 0, "points": [], "versions": []}
            if self.finished():
                raise ValueError(
                    f"store {str(self.folder)!r} has trials, but no {reading.MANIFEST} to say "
                    "which sweep they belong to; choose another folder"
                )
        for what, theirs, ours in (
            ("experiment", before["experiment"], name),
            ("seed", before["seed"], seed),
        ):
            if theirs != ours:
                raise ValueError(
                    f"store {str(self.folder)!r} belongs to the {what} {theirs!r}, got {ours!r}; "
                    "choose another folder"
                )
        every = {point.key: point for point in (*map(Point, before["points"]), *points)}
        params = [point.params for point in every.values()]
        tables.table(params)
        installed = [*before["versions"], versions.facts("pyarrow")]
        manifest = {
            "format": reading.FORMAT,
            "experiment": name,
            "seed": seed,
            "trials": max(trials, before["trials"]),
            "points": params,
            "versions": [v for i, v in enumerate(installed) if v not in installed[:i]],
        }
        self._write(reading.MANIFEST, _json(manifest))
        self.fail([])
        self._begin()
        return seed

    def finished(self) -> dict[str, list[range]]:
        """Return the trials that are done, in their order, for every point by its key."""
        return reading.blocks(self.folder)

    def write(self, key: str, trials: range, table: pa.Table) -> None:
        """Add a finished block, and widen the columns of the others where they need it.

        Raises ValueError where no column holds the values of both.
        """
        wider = tables.unified(
            [table.schema] if self._schema is None else [self._schema, table.schema]
        )
        if self._schema is not None and not wider.equals(self._schema):
            self._widen(wider)
        self._schema = wider
        self._write_block(reading.file_of(key, trials), table, wider)

    def read(self, keys: Iterable[str]) -> pa.Table | None:
        """Return the rows of points, in their order, by trial; None where there are no blocks."""
        return reading.rows(self.folder, keys)

    def fail(self, failures: Iterable[Failure]) -> None:
        """Keep the failures of this run."""
        self._write(reading.FAILURES, _json(failed.to_json(failures)))

    def _begin(self) -> None:
        """Finish widening columns where that was killed, and learn the schema."""
        if (self.folder / _CHANGING).exists():
            self._widen(tables.unified(map(_schema, self._files())))
        self._schema = next(map(_schema, self._files()), None)

    def _files(self) -> Iterator[Path]:
        return (self.folder / reading.TRIALS).glob("*.parquet")

    def _widen(self, schema: pa.Schema) -> None:
        """Give every block the columns of a schema; if this is killed, `_begin` does it again."""
        self._write(_CHANGING, b"")
        for file in self._files():
            table = reading.block(file)
            if not table.schema.equals(schema):
                self._write_block(f"{reading.TRIALS}/{file.name}", table, schema)
        (self.folder / _CHANGING).unlink()

    def _write_block(self, name: str, table: pa.Table, schema: pa.Schema) -> None:
        self._write(name, extras.parquet_bytes(tables.conform(table, schema)))

    def _write(self, name: str, content: bytes) -> None:
        with self._explained():
            files.write_whole(self.folder / name, content, within=self.folder)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say of an OSError what it means for the sweep."""
        try:
            yield
        except BlockingIOError:  # the folder is locked, which the error says itself
            raise
        except OSError as error:
            raise type(error)(
                error.errno,
                f"store cannot be written to ({error.strerror}); what was finished is kept, and "
                "the same call continues there once it can",
                str(self.folder),
            ) from None


def _schema(file: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    return pq.read_schema(file)


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()
