"""Sweeps: an experiment over a grid of parameters, many trials each, that survive being killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import arguments, versions
from randrelu._support.arguments import Progress, Rng
from randrelu.sweeps import store as stores
from randrelu.sweeps import tables
from randrelu.sweeps.blocks import Block, Experiment, Failure, Finished, Job, missing, pieces
from randrelu.sweeps.experiments import BuiltIn, chosen, name_of
from randrelu.sweeps.grid import Point, points_of
from randrelu.sweeps.store import Store

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure

    from randrelu.sweeps.workers import Workers


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """What `randrelu.sweep` found.

    Attributes
    ----------
    experiment : str
        The experiment's name.
    seed : int
        The root seed, which repeats all of it.
    points : tuple of mapping
        The points of the grid.
    trials : int
        How many trials each has.
    failures : tuple of Failure
        What failed twice in this run; the same call tries it again.
    store : Path or None
        The folder that it is kept in.
    """

    experiment: str
    seed: int
    points: tuple[Mapping[str, Any], ...]
    trials: int
    failures: tuple[Failure, ...]
    store: Path | None
    _read: Callable[[], pa.Table | None]

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(dict.fromkeys(name for point in self.points for name in point))

    def to_arrow(self) -> pa.Table:
        """Return a table with a row per trial, or several where the experiment returns several.

        Rows are in the order of the points and trials; columns are the parameters, ``trial``, for
        several rows ``row``, and what was measured, by name. It is the same table whatever the
        executor, and however often the sweep was stopped.
        """
        return self._table

    @cached_property
    def _table(self) -> pa.Table:
        import pyarrow.compute as pc

        table = self._read()
        if table is None or not table.num_columns:  # no trial, or none with a row
            return tables.table([])
        table = tables.ordered(table, self.params)
        return table.filter(pc.less(table["trial"], self.trials)).combine_chunks()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table of `to_arrow` as a data frame; needs pandas."""
        tables.require("to_pandas() needs", "pandas")
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def plot(self, x: str, y: str, *, by: str | None = None, log: bool = False) -> Figure:
        """Draw medians of a column over another, in bands from the 5 % to the 95 % quantile.

        Parameters
        ----------
        x, y : str
            Columns. Where y is true or false, its share is drawn with the exact 95 % interval.
        by : str, optional
            The column that tells the curves apart. What else differs between rows is pooled.
        log : bool, default False
            Whether the axes are logarithmic; where a number is not positive, its axis is not.

        Returns
        -------
        matplotlib.figure.Figure
            With the theory's line where one is known: the exact median of the linear step, near
            that of a half-normal over √d; the arc-cosine prediction of flips; √(k/d) of Figure 1;
            and for other steps a guide of slope −1/2 on logarithmic axes.
        """
        from randrelu.figures.sweeps import curves

        return curves(self.experiment, self._table, x, y, by=by, log=log)

    def __repr__(self) -> str:
        failed = sum(len(failure.trials) for failure in self.failures)
        where = "" if self.store is None else f"; {self.store}"
        return (
            f"Sweep({self.experiment!r}, {len(self.points)} points × {self.trials} trials, "
            f"{failed} failed{where})"
        )


def sweep(
    experiment: str | Experiment,
    *,
    grid: Mapping[str, Iterable[Any]] | None = None,
    points: Iterable[Mapping[str, Any]] | None = None,
    trials: int,
    rng: Rng = None,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run an experiment at every point of a grid, many times, and go on where a run was killed.

    Parameters
    ----------
    experiment : str or callable
        One of `randrelu.sweeps.EXPERIMENTS`: "attack", "flips", "deviation", "min-perturbation",
        "deep", "line", or a statement of the paper, as for `check`. Or your own function
        ``f(params, rng)`` of a dict and a NumPy Generator, which returns a dict, or a list of them,
        of numbers, texts or sequences of them. All its randomness must come from ``rng``.
    grid : mapping of names to sequences, optional
        The values of every parameter; all combinations are run. Networks take ``width`` and
        ``depth`` (and ``dim``, by default the width), or whole ``widths``.
    points : sequence of mappings, optional
        Or the combinations themselves.
    trials : int
        How often every point is run.
    rng : None, int, SeedSequence or Generator
        Where the root seed comes from; by default that of the store, if there is one. The
        randomness of a trial depends on it, the parameters and the trial's number alone: a further
        width changes no other result, and every executor gives the same table.
    store : path, optional
        A folder to keep finished trials in, as Parquet files in ``trials/``, which other programs
        read as one table. The same call goes on from there, after any end; a call with further
        points or trials adds them.
    executor : int or concurrent.futures.Executor, optional
        How many processes to run on, or what runs the trials: a thread or process pool, or for a
        cluster Dask's ``Client.get_executor()``. By default this process does. Processes need the
        usual ``if __name__ == "__main__":`` in a script, and functions that they can import.
    threads : int, optional
        The number of threads; by default OMP_NUM_THREADS or all. The workers of a pool share them.
    progress : callable, optional
        Called as ``progress(done, total)``, in trials. By default a terminal shows a bar.

    Returns
    -------
    Sweep

    Raises
    ------
    BlockingIOError
        If another run is writing to the store.
    ImportError
        If pyarrow is missing.
    OSError
        If the store cannot be written to; what was finished is kept.
    RuntimeError
        If the executor's workers do not start.
    TypeError, ValueError
        If an argument is not as described, or the store belongs to another experiment or seed.

    Notes
    -----
    A trial that raises an error, or whose worker dies, is run once more behind the others; if it
    fails again it is one of `Sweep.failures`, and the rest goes on. Ctrl-C stops at once, what was
    finished is in the store, and the processes of a pool are ended, yours too. Blocks of trials are
    kept as they end: at first every second, in long sweeps after a twentieth of the time so far, at
    most a minute.
    """
    from randrelu.sweeps.workers import Workers  # loads what runs processes

    tables.require("sweeps need", "pyarrow")
    run = chosen(experiment)
    everything = points_of(grid, points)
    if isinstance(run, BuiltIn):
        for point in everything:
            run.require(point.params)
    trials = arguments.integer("trials", trials, at_least=1)
    name = name_of(run)
    workers = Workers(executor, threads)
    kept: _Memory | Store = _Memory() if store is None else Store(store)
    try:
        seed = _claim(kept, name, everything, trials, rng)
        try:
            job = Job(run, seed, workers.threads, os.urandom(8).hex())
            failures = _run(job, workers, kept, everything, trials, progress)
        except BaseException as error:
            workers.close(after=error)
            raise
        workers.close()
    finally:
        kept.close()
    keys = [point.key for point in everything]
    params = tuple(point.params for point in everything)
    if isinstance(kept, Store):
        folder = kept.folder
        return Sweep(
            name, seed, params, trials, failures, folder, lambda: stores.read(folder, keys)
        )
    memory = kept
    return Sweep(name, seed, params, trials, failures, None, lambda: memory.read(keys))


def read_sweep(store: str | os.PathLike[str]) -> Sweep:
    """Read what a store has, while it is written to, too.

    Parameters
    ----------
    store : path
        The folder.

    Returns
    -------
    Sweep
        With the points of all runs, and the failures of the last one.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not the store of a sweep.
    """
    tables.require("sweeps need", "pyarrow")
    folder = Path(store)
    manifest = contents(folder)
    points = tuple(Point(point["params"]) for point in manifest["points"])
    keys = [point.key for point in points]
    failures = tuple(
        Failure(f["params"], range(*f["trials"]), f["traceback"]) for f in manifest["failures"]
    )
    return Sweep(
        manifest["experiment"],
        manifest["seed"],
        tuple(point.params for point in points),
        manifest["trials"],
        failures,
        folder,
        lambda: stores.read(folder, keys),
    )


def contents(folder: Path) -> dict[str, Any]:
    """Return the manifest of a store, with the number of trials that every point has."""
    manifest = stores.read_manifest(folder)
    if manifest is None:
        raise FileNotFoundError(f"there is no store of a sweep in {str(folder)!r}")
    done = stores.blocks(folder)
    points = [
        {"params": params, "done": sum(len(trials) for trials in done.get(Point(params).key, ()))}
        for params in manifest["points"]
    ]
    return {**manifest, "points": points, "failures": stores.read_failures(folder)}


class _Memory:
    """Keeps finished trials as a store does, for as long as the process lives."""

    def __init__(self) -> None:
        self._tables: dict[str, list[tuple[int, pa.Table]]] = {}
        self._schema: pa.Schema | None = None

    def write(self, key: str, trials: range, table: pa.Table) -> None:
        known = [] if self._schema is None else [self._schema]
        self._schema = tables.unified([*known, table.schema])
        self._tables.setdefault(key, []).append((trials.start, table))

    def read(self, keys: Iterable[str]) -> pa.Table | None:
        found = [
            table
            for key in keys
            for _, table in sorted(self._tables.get(key, ()), key=lambda pair: pair[0])
        ]
        return tables.joined(found)

    def fail(self, failures: Iterable[Mapping[str, Any]]) -> None:
        pass

    def close(self) -> None:
        pass


def _claim(
    kept: _Memory | Store, name: str, points: tuple[Point, ...], trials: int, rng: Rng
) -> int:
    """Return the seed; make a store this sweep's, and refuse that of another one."""
    if not isinstance(kept, Store):
        tables.table([point.params for point in points])  # raises where values mix types
        return arguments.seed_of(rng)
    before = stores.read_manifest(kept.folder)
    installed = [versions.facts("pyarrow")]
    everything = {point.key: point for point in points}
    if before is None:
        if stores.blocks(kept.folder):
            raise ValueError(
                f"store {str(kept.folder)!r} has trials, but no _manifest.json to say what they "
                "are of; choose another folder"
            )
        seed = arguments.seed_of(rng)
    else:
        seed = before["seed"] if rng is None else arguments.seed_of(rng)
        for what, theirs, ours in (
            ("experiment", before["experiment"], name),
            ("seed", before["seed"], seed),
        ):
            if theirs != ours:
                raise ValueError(
                    f"store {str(kept.folder)!r} belongs to the {what} {theirs!r}, got {ours!r}; "
                    "choose another folder"
                )
        trials = max(trials, before["trials"])
        installed = before["versions"] + [v for v in installed if v not in before["versions"]]
        everything = {p.key: p for p in map(Point, before["points"])} | everything
    tables.table([point.params for point in everything.values()])
    kept.claim(
        {
            "experiment": name,
            "seed": seed,
            "trials": trials,
            "points": [point.params for point in everything.values()],
            "versions": installed,
        }
    )
    return seed


def _run(
    job: Job,
    workers: Workers,
    kept: _Memory | Store,
    points: tuple[Point, ...],
    trials: int,
    progress: Progress | None,
) -> tuple[Failure, ...]:
    """Run what is missing and keep it as it comes."""
    from randrelu.sweeps.drive import drive

    finished = stores.blocks(kept.folder) if isinstance(kept, Store) else {}
    left = [(p, rest) for p in points for rest in missing(finished.get(p.key, ()), trials)]
    count = sum(len(rest) for _, rest in left)
    total = len(points) * trials
    failures: list[Failure] = []
    if not count:
        return ()
    workers.require(job.experiment)
    size = -(-count // (2 * workers.ahead))  # so that there is work for all of them
    blocks = [Block(p, piece) for p, rest in left for piece in pieces(rest, size)]
    with _shown(progress) as show:
        done = total - count
        show(done, total)
        due = time.monotonic()
        try:
            for result in drive(blocks, job, workers):
                if isinstance(result, Failure):
                    failures.append(result)
                else:
                    failures += _keep(kept, result)
                done += len(result.trials)
                show(done, total)
                if failures and (began := time.monotonic()) >= due:
                    kept.fail(_described(failures))
                    due = began + max(1.0, 20 * (time.monotonic() - began))
        finally:
            if failures:
                kept.fail(_described(failures))
    return tuple(_merged(failures))


def _keep(kept: _Memory | Store, done: Finished) -> Iterator[Failure]:
    """Keep finished trials; yield those whose columns are not those of the others."""
    try:
        kept.write(done.point.key, done.trials, tables.table(done.rows))
    except ValueError as error:
        if len(done.trials) == 1:
            yield Failure(done.point.params, done.trials, f"ValueError: {error}")
            return
        for part in pieces(done.trials, (len(done.trials) + 1) // 2):
            rows = [row for row in done.rows if row["trial"] in part]
            yield from _keep(kept, Finished(done.point, part, rows))


def _merged(failures: Iterable[Failure]) -> Iterator[Failure]:
    """Yield failures by point and trial, those side by side with the same traceback as one."""
    order: dict[str, list[Failure]] = {}
    for failure in failures:
        order.setdefault(Point(failure.params).key, []).append(failure)
    for group in order.values():
        last: Failure | None = None
        for failure in sorted(group, key=lambda f: f.trials.start):
            if (
                last is not None
                and last.trials.stop == failure.trials.start
                and last.traceback == failure.traceback
            ):
                joined = range(last.trials.start, failure.trials.stop)
                last = Failure(last.params, joined, last.traceback)
                continue
            if last is not None:
                yield last
            last = failure
        if last is not None:
            yield last


def _described(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    return [
        {"params": f.params, "trials": [f.trials.start, f.trials.stop], "traceback": f.traceback}
        for f in _merged(failures)
    ]


@contextmanager
def _shown(progress: Progress | None) -> Iterator[Progress]:
    """Tell the caller, or show a bar on a terminal."""
    if progress is not None or not sys.stderr.isatty():
        yield progress or (lambda done, total: None)
        return
    from randrelu.sweeps.bar import bar

    with bar() as show:
        yield show
