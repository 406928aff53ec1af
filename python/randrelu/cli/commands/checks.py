"""The commands that check the paper: check and reproduce."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import randrelu as rr
from randrelu.checks import STATEMENTS
from randrelu.checks.attacks import STEPS, WIDEST_EXACT
from randrelu.cli import bars, exits, options, tables
from randrelu.cli.options import Json, Seed, Threads, Widths
from randrelu.reproduction.report import summary
from randrelu.reproduction.run import FOLDER


def check(
    statement: Annotated[str, typer.Argument(help=f"One of {', '.join(STATEMENTS)}.")],
    widths: Widths = None,
    trials: Annotated[
        int | None, typer.Option(help="How many independent random networks, or draws.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="The failure probability δ, in (0, 1).")
    ] = None,
    eta: Annotated[
        str | None,
        typer.Option(
            help=f"For theorem-1.1 and its scaling: {', '.join(STEPS)}, or a number. By default "
            "exact, the shortest step that succeeds, and where a layer has more than "
            f"{WIDEST_EXACT} units shortest, of a few multiples of the linear step."
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="How the networks are held: deferred, auto, stored or streamed."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p", help="Any other parameter of the check, as name=value; one -p for each."
        ),
    ] = None,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Check one of the paper's statements, by default on deferred networks."""
    given = {
        "widths": None if widths is None else options.widths_or_infinite(widths),
        "trials": trials,
        "delta": delta,
        "eta": None if eta is None else options.eta(eta),
        "storage": storage,
        "threads": threads,
        **options.parameters(parameter or ()),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    with bars.bar(statement) as progress:
        result = rr.check(statement, rng=seed, progress=progress, **chosen)
    if as_json:
        tables.print_json(result.to_dict())
    else:
        Console().print(tables.check_table(result))


def reproduce(
    out: Annotated[
        Path, typer.Option(help="The folder to write to; it is made if it does not exist.")
    ] = Path(FOLDER),
    quick: Annotated[
        bool,
        typer.Option(
            "--quick/--full",
            help="Run for a minute, or for half an hour at length (on two cores).",
        ),
    ] = True,
    seed: Seed = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Run every check and write a report; exit with 1 if one failed, 3 if a claim is violated."""
    with bars.reproduction(errors=as_json) as progress:
        try:
            report = rr.reproduce(out, full=not quick, rng=seed, threads=threads, progress=progress)
        except KeyboardInterrupt:
            print(f"stopped; what was finished is in {out}", file=sys.stderr)
            raise
    if as_json:
        tables.print_json({"page": str(report.page), **report.to_dict()})
    else:
        Console().print(tables.report_table(report))
        for line in (summary(report), f"The report is {report.page}"):
            print(line)
    if report.violated or report.failed or report.undrawn:
        raise typer.Exit(exits.VIOLATED if report.violated else exits.FAILED)
