"""A bar on a terminal that shows how far a sweep is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from randrelu._support import arguments


class _Throughput(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:.3g} trials/s")


@contextmanager
def bar() -> Iterator[arguments.Progress]:
    """Show a bar with the throughput and the time that remains."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), _Throughput())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True,
                  speed_estimate_period=120) as shown:  # fmt: skip
        task = None

        def show(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = shown.add_task("", completed=done, total=total)
            shown.update(task, completed=done)

        yield show
