"""How far a command has come, as bars on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from randrelu.cli import tables
from randrelu.reproduction.run import Standing

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show one bar on standard error, where that is a terminal."""
    from rich.progress import TimeRemainingColumn

    with _bars(Console(stderr=True), TimeRemainingColumn()) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def reproduction(*, errors: bool = False) -> Iterator[Callable[[Standing], None]]:
    """Show two bars on a terminal; elsewhere print a line for every run that has ended.

    That is on standard output, or else with `errors` on standard error.
    """
    from rich.progress import TimeElapsedColumn

    console = Console(stderr=errors, soft_wrap=True, highlight=False)
    with _bars(console, TimeElapsedColumn()) as bars:
        whole, part = (bars.add_task(name, total=None) for name in ("runs", ""))

        def show(standing: Standing) -> None:
            ended = standing.outcome is not None
            bars.update(whole, completed=standing.number - (not ended), total=standing.of)
            if standing.outcome is not None:
                if not console.is_terminal:
                    console.print(tables.outcome_line(standing.outcome), markup=False)
            elif standing.total == 0:
                bars.reset(part, total=None, description=standing.run.name)
            else:
                bars.update(part, completed=standing.done, total=standing.total)

        yield show


def _bars(console: Console, time: ProgressColumn) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # slow to import

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        time,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
