"""What the store of a sweep has; reading needs no lock, also while another process writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu.sweeps import tables
from randrelu.sweeps.grid import Point

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
MANIFEST, FAILURES, TRIALS = "_manifest.json", "_failures.json", "trials"


def contents(folder: Path) -> dict[str, Any]:
    """Return the manifest of a store with the number of trials of every point, and the failures."""
    found = manifest(folder)
    if found is None:
        raise FileNotFoundError(f"there is no store of a sweep in {str(folder)!r}")
    done = blocks(folder)
    points = [
        {"params": params, "done": sum(len(trials) for trials in done.get(Point(params).key, ()))}
        for params in found["points"]
    ]
    return {**found, "points": points, "failures": _failures(folder)}


def manifest(folder: Path) -> dict[str, Any] | None:
    """Return which sweep a folder belongs to, or None where no sweep has claimed it."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        known = found["format"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{folder / MANIFEST} is not the manifest of a sweep's store") from None
    if known != FORMAT:
        raise ValueError(f"store {str(folder)!r} must have format {FORMAT}, got {known!r}")
    return found


def blocks(folder: Path) -> dict[str, list[range]]:
    """Return the trials that are done, in their order, for every point by its key."""
    found: dict[str, list[range]] = {}
    for entry in os.scandir(folder / TRIALS):
        stem, _, suffix = entry.name.rpartition(".")
        parts = stem.split("-")
        if suffix == "parquet" and len(parts) == 3:
            found.setdefault(parts[0], []).append(range(int(parts[1]), int(parts[2])))
    for ranges in found.values():
        ranges.sort(key=lambda trials: trials.start)
    return found


def file_of(key: str, trials: range) -> str:
    """Return the name of a block's file, from which `blocks` reads the key and the trials."""
    return f"{TRIALS}/{key}-{trials.start}-{trials.stop}.parquet"


def rows(folder: Path, keys: Iterable[str]) -> pa.Table | None:
    """Return the rows of points, in their order, by trial; None where there are no blocks.

    Every file is opened once: when a writer replaces it meanwhile because columns are widened, the
    block has either the old columns or the new ones, and `joined` gives it those of all files.
    """
    have = blocks(folder)
    return tables.joined(
        [block(folder / file_of(key, trials)) for key in keys for trials in have.get(key, ())]
    )


def block(file: Path) -> pa.Table:
    """Return the rows of a block."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        return opened.read()


def _failures(folder: Path) -> list[dict[str, Any]]:
    """Return what failed in the last run."""
    try:
        found: list[dict[str, Any]] = json.loads((folder / FAILURES).read_bytes())
    except FileNotFoundError:
        return []
    return found
