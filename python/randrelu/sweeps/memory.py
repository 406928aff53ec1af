"""Finished trials that are kept in memory, as a store keeps them in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from randrelu._support import arguments
from randrelu._support.arguments import Rng
from randrelu.sweeps import tables
from randrelu.sweeps.failures import Failure
from randrelu.sweeps.grid import Point

if TYPE_CHECKING:
    import pyarrow as pa


class Memory:
    """The finished blocks of one sweep, for as long as the process lives."""

    folder = None

    def __init__(self) -> None:
        self._tables: dict[str, list[tuple[int, pa.Table]]] = {}
        self._schema: pa.Schema | None = None

    def claim(self, name: str, points: Sequence[Point], trials: int, rng: Rng) -> int:
        """Return the seed; raise ValueError where the points' values mix types."""
        tables.table([point.params for point in points])
        return arguments.seed_of(rng)

    def finished(self) -> dict[str, list[range]]:
        """Return the trials that are done before the sweep begins: none."""
        return {}

    def write(self, key: str, trials: range, table: pa.Table) -> None:
        """Add a finished block; raise ValueError where its columns are not those of the others."""
        known = [] if self._schema is None else [self._schema]
        self._schema = tables.unified([*known, table.schema])
        self._tables.setdefault(key, []).append((trials.start, table))

    def read(self, keys: Iterable[str]) -> pa.Table | None:
        """Return the rows of points, in their order, by trial; None where there are no blocks."""
        return tables.joined(
            [
                table
                for key in keys
                for _, table in sorted(self._tables.get(key, ()), key=lambda pair: pair[0])
            ]
        )

    def fail(self, failures: Iterable[Failure]) -> None:
        """Do nothing: the result of the sweep has the failures."""

    def close(self) -> None:
        """Do nothing."""
