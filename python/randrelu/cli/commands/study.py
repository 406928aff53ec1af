"""The command study, with a command for each question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import randrelu as rr
from randrelu._load import core
from randrelu._support.threads import thread_number
from randrelu.cli import bars, exits, tables
from randrelu.cli.executors import Scheduler, executor
from randrelu.cli.options import Json, Threads

app = typer.Typer(
    name="study",
    help="Study a question that the paper leaves open, and write a page about it.",
    no_args_is_help=True,
)

Out = Annotated[
    Path | None,
    typer.Option(
        help="The folder to write to, by default randrelu- and the study's name; what is already "
        "there is not run again."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many processes to run on; by default one for each thread, see --threads."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="The seed, to repeat a run; by default the folder's, or a fresh one."),
]
Full = Annotated[
    bool,
    typer.Option("--full", help="Run at length: about an hour on two cores, not minutes."),
]


@app.command()
def depth(
    out: Out = None,
    full: Full = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Find how the sensitivity falls with depth, between constant depth and d³."""
    _study("depth", out, full, workers, scheduler, seed, threads, as_json)


@app.command()
def width(
    out: Out = None,
    full: Full = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Find what changes at very large width, up to infinite width."""
    _study("width", out, full, workers, scheduler, seed, threads, as_json)


@app.command()
def training(
    data: Annotated[
        str | None,
        typer.Option(
            help="Your images: a .npz file with the arrays images and labels, or a .csv file with "
            "--label-column; by default scikit-learn's digits."
        ),
    ] = None,
    label_column: Annotated[
        int | None,
        typer.Option(
            help="The column of a .csv file that has the labels: 0 is the first, -1 the last."
        ),
    ] = None,
    trainer: Annotated[
        str | None, typer.Option(help="sklearn (the default), or torch where it is installed.")
    ] = None,
    out: Out = None,
    full: Full = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Find whether trained networks stay nearly linear, and are attacked as random ones are."""
    given = {"data": data, "label_column": label_column, "trainer": trainer}
    options = {name: value for name, value in given.items() if value is not None}
    _study("training", out, full, workers, scheduler, seed, threads, as_json, **options)


def _study(
    name: str,
    out: Path | None,
    full: bool,
    workers: int | None,
    scheduler: str | None,
    seed: int | None,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a study and say what it found; exit with 1 where trials failed."""
    if scheduler is None and workers is None:
        # The networks of a study are small, and there are many: a process for each core is faster.
        workers = core.thread_count(thread_number(threads))
    with executor(workers, scheduler) as chosen, bars.bar(f"study {name}") as progress:
        try:
            found = rr.study(
                name,
                out,
                full=full,
                rng=seed,
                executor=chosen,
                threads=threads,
                progress=progress,
                **options,
            )
        except KeyboardInterrupt:
            print("stopped; the same command goes on from there", file=sys.stderr)
            raise
    if as_json:
        tables.print_json(found.to_dict())
    else:
        Console(highlight=False).print(tables.study_text(found), markup=False)
    if found.failures:
        Console(stderr=True, soft_wrap=True).print(tables.failures_text(found.failures))
        raise typer.Exit(exits.FAILED)
