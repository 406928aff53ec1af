"""The command line: randrelu check, reproduce, attack, flips, sweep, show, plot and info."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer
from rich.console import Console

import randrelu as rr
from randrelu._support import versions
from randrelu.cli import tables
from randrelu.cli.commands.checks import check, reproduce
from randrelu.cli.commands.networks import attack, flips
from randrelu.cli.commands.sweeps import plot, show, sweep
from randrelu.cli.options import Json

app = typer.Typer(
    name="randrelu",
    help="See why random ReLU networks have adversarial examples.",
    no_args_is_help=True,
    add_completion=False,
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


def info(as_json: Json = False) -> None:
    """Say what is installed: version, instruction set, threads, Eigen."""
    facts = versions.facts()
    if as_json:
        tables.print_json(facts)
    else:
        Console().print(tables.info_table(facts))


for command in (check, reproduce, attack, flips, sweep, show, plot, info):
    app.command()(command)


def main() -> None:
    """Run the command line; bad usage exits with 2, Ctrl-C with 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ∇ prints ? instead
    try:
        app(standalone_mode=True)
    except (
        ValueError, TypeError, MemoryError, OverflowError, OSError, ImportError, RuntimeError,
    ) as error:  # fmt: skip
        Console(stderr=True, soft_wrap=True).print(f"randrelu: {error}", markup=False)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
