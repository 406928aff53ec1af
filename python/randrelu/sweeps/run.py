"""Run a sweep, or read the store of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from randrelu._support import arguments, extras
from randrelu._support.arguments import Progress, Rng
from randrelu.sweeps import failures as failed
from randrelu.sweeps import reading
from randrelu.sweeps.blocks import Experiment, Job
from randrelu.sweeps.grid import Point, points_of
from randrelu.sweeps.memory import Memory
from randrelu.sweeps.named import BuiltIn, chosen, name_of
from randrelu.sweeps.result import Sweep
from randrelu.sweeps.store import Store

if TYPE_CHECKING:
    from concurrent.futures import Executor


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
    """Run an experiment at every point of a grid, many times; a killed sweep can be continued.

    Parameters
    ----------
    experiment : str or callable
        One of `randrelu.sweeps.EXPERIMENTS`: "attack", "flips", "deviation", "worst", "distance",
        "cell", "min-perturbation", "deep", "line", "regions", what the studies run, such as
        "depth", "width" and "training", or a statement of the paper, as for `check`. Or your own
        function ``f(params, rng)`` of a dict and a NumPy Generator, which returns a dict, or a list
        of them, of numbers, texts or sequences of them. All its randomness must come from ``rng``.
    grid : mapping of names to sequences, optional
        The values of every parameter; all combinations are run. Networks take ``width`` and
        ``depth`` (and ``dim``, by default the width), or whole ``widths``. A value of ``radius``
        may be a list, for "flips" and "deviation": every trial measures these radii in one pass,
        and has rows for each ``relative_radius``.
    points : sequence of mappings, optional
        Or the combinations themselves.
    trials : int
        How often every point is run.
    rng : None, int, SeedSequence or Generator
        Where the root seed comes from; by default that of the store, if there is one. The
        randomness of a trial depends on the seed, the parameters and the trial's number alone: one
        more width changes no other result, and every executor gives the same table.
    store : path, optional
        A folder to keep finished trials in, as Parquet files in ``trials/``, which other programs
        read as one table. However a sweep ended, the same call runs what is missing; a call with
        more points or trials adds them.
    executor : int or concurrent.futures.Executor, optional
        How many processes to start, or an executor to run the trials: a thread or process pool, or
        for a cluster Dask's ``Client.get_executor()``. By default this process runs them. Processes
        need ``if __name__ == "__main__":`` in a script, and functions that they can import.
    threads : int, optional
        The number of threads, by default OMP_NUM_THREADS or all. The workers of a pool share them.
    progress : callable, optional
        Called as ``progress(done, total)``, in trials. By default a terminal or
        a notebook shows a bar.

    Returns
    -------
    Sweep

    Raises
    ------
    BlockingIOError
        If another run is writing to the store.
    ImportError
        If pyarrow is missing, or for a store filelock.
    OSError
        If the store cannot be written to; what was finished is kept.
    RuntimeError
        If the executor's workers do not start.
    TypeError, ValueError
        If an argument is not as described, or the store belongs to another experiment or seed.

    Notes
    -----
    A trial that raises an error, or whose worker dies, is run once more after the others. If it
    fails again it is in `Sweep.failures`, and the sweep goes on with the rest. Ctrl-C stops the
    sweep at once and ends the processes of a pool, also of one that you made; the store has what
    was finished. Trials are kept in blocks: a block takes about a second at first, later a
    twentieth of the time so far, and at most a minute.
    """
    from randrelu.sweeps.running import run_missing
    from randrelu.sweeps.workers import Workers  # loads what runs processes

    extras.require("sweeps need pyarrow", "pyarrow", "sweep")
    run = chosen(experiment)
    every = points_of(grid, points)
    if isinstance(run, BuiltIn):
        for point in every:
            run.require(point.params)
    trials = arguments.integer("trials", trials, at_least=1, at_most=arguments.WIDEST)
    name = name_of(run)
    arguments.callback(progress)
    workers = Workers(executor, threads)
    kept = Memory() if store is None else Store(arguments.path("store", store))
    try:
        seed = kept.claim(name, every, trials, rng)
        job = Job(run, seed, workers.threads, os.urandom(8).hex())
        with workers:
            failures = run_missing(job, workers, kept, every, trials, progress)
    finally:
        kept.close()
    params, keys = zip(*((point.params, point.key) for point in every), strict=True)
    return Sweep(name, seed, params, trials, failures, kept.folder, partial(kept.read, keys))


def read_sweep(store: str | os.PathLike[str]) -> Sweep:
    """Read the store of a sweep, which may be running.

    Parameters
    ----------
    store : path
        The folder.

    Returns
    -------
    Sweep
        With the points of all calls, and the failures of the last one.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder is not the store of a sweep.
    """
    extras.require("sweeps need pyarrow", "pyarrow", "sweep")
    folder = arguments.path("store", store)
    has = reading.contents(folder)
    points = tuple(point["params"] for point in has["points"])
    return Sweep(
        has["experiment"],
        has["seed"],
        points,
        has["trials"],
        failed.from_json(has["failures"]),
        folder,
        partial(reading.rows, folder, [Point(params).key for params in points]),
    )
