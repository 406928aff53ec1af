"""What a command's sweeps run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from randrelu._support import extras

Workers = Annotated[
    int | None, typer.Option(min=1, help="How many processes to run on; by default this one.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="The address of a Dask scheduler, to run on its cluster instead."),
]


@contextmanager
def executor(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Give what a sweep runs on."""
    if workers is not None and scheduler is not None:
        raise ValueError("give either --workers or --scheduler")
    if scheduler is None:
        yield workers
        return
    extras.require("--scheduler needs Dask", "distributed", "dask")
    from distributed import Client

    with Client(scheduler) as client:  # type: ignore[no-untyped-call]
        yield client.get_executor()
