"""The command line: randrelu and a command, such as check, reproduce, study, attack or sweep."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated

import typer
from rich.console import Console

import randrelu as rr
from randrelu.cli import exits
from randrelu.cli.commands.checks import check, reproduce
from randrelu.cli.commands.distance import distance
from randrelu.cli.commands.info import info
from randrelu.cli.commands.networks import attack, flips
from randrelu.cli.commands.plane import plane
from randrelu.cli.commands.study import app as study
from randrelu.cli.commands.sweeps import plot, show, sweep

app = typer.Typer(
    name="randrelu",
    help="See why random ReLU networks have adversarial examples.",
    no_args_is_help=True,
    epilog=exits.in_words(),
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"randrelu {rr.__version__}")
        raise typer.Exit


@app.callback()
def _all(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """See why random ReLU networks have adversarial examples."""


for command in (check, reproduce, attack, flips, distance, plane, sweep, show, plot, info):
    app.command()(command)
app.add_typer(study)


def main() -> None:
    """Run the command line; `exits` has the codes that it exits with."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ∇ prints ? instead
    warnings.formatwarning = lambda message, *_: f"randrelu: {message}\n"  # not where it is raised
    try:
        # Also `python -m randrelu` completes the command of this name.
        app(prog_name="randrelu", standalone_mode=True)
    except (
        ValueError, TypeError, MemoryError, OverflowError, OSError, ImportError, RuntimeError,
    ) as error:  # fmt: skip
        message = str(error)
        if isinstance(error, OSError) and error.strerror and error.filename is not None:
            message = f"{error.filename}: {error.strerror}"  # without Python's [Errno 2]
        Console(stderr=True, soft_wrap=True).print(f"randrelu: {message}", markup=False)
        raise SystemExit(exits.NOT_DONE) from None
    except KeyboardInterrupt:
        raise SystemExit(exits.STOPPED) from None
