"""The commands about sweeps: sweep, show and plot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import randrelu as rr
from randrelu.cli import exits, tables
from randrelu.cli.executors import Scheduler, Workers, executor
from randrelu.cli.options import Json, Threads
from randrelu.figures import style
from randrelu.sweeps.reading import contents
from randrelu.sweeps.spec import read_spec

Store = Annotated[Path, typer.Argument(help="The folder of a sweep.")]


def sweep(
    spec: Annotated[Path, typer.Argument(help="The sweep, a .toml file.")],
    store: Annotated[
        Path | None,
        typer.Option(help="The folder to keep it in; what is already there is not run again."),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Run an experiment over a grid, or what is left of it; exit with 1 if trials failed."""
    wanted = read_spec(spec)
    folder = wanted.store if store is None else store
    if folder is None:
        raise ValueError(f"--store is missing, and {spec} has no store: where is it to be kept?")
    with executor(workers, scheduler) as chosen:
        try:
            found = rr.sweep(
                wanted.experiment,
                grid=wanted.grid,
                points=wanted.points,
                trials=wanted.trials,
                rng=wanted.rng,
                store=folder,
                executor=chosen,
                threads=threads,
            )
        except KeyboardInterrupt:
            print(f"stopped; the same command goes on from {folder}", file=sys.stderr)
            raise
    if as_json:
        tables.print_json(contents(folder))
    else:
        print(found)
    if found.failures:
        Console(stderr=True, soft_wrap=True).print(tables.failures_text(found.failures))
        raise typer.Exit(exits.FAILED)


def show(store: Store, as_json: Json = False) -> None:
    """Say what a sweep's folder has: its points, how many trials are done, and what failed."""
    if as_json:
        tables.print_json(contents(store))
    else:
        Console().print(tables.store_table(contents(store), rr.read_sweep(store).failures))


def plot(
    store: Store,
    x: Annotated[str, typer.Option(help="The column on the horizontal axis.")],
    y: Annotated[str, typer.Option(help="The column whose medians are drawn.")],
    by: Annotated[
        str | None, typer.Option(help="The column whose every value gets a curve of its own.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Make both axes logarithmic.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The .svg, .pdf or .png file to write; by default y-x.svg."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the medians of one column of a sweep over another, beside the theory."""
    path = Path(f"{y}-{x}.svg") if out is None else out
    style.require_format(path)
    rr.read_sweep(store).plot(x, y, by=by, log=log).savefig(path)
    if as_json:
        tables.print_json({"store": str(store), "x": x, "y": y, "by": by, "out": str(path)})
    else:
        print(path)
