"""A bar on a terminal; see `bars`."""

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
        return Text("" if not task.speed else f"{task.speed:.3g} {task.description}/s")


@contextmanager
def bar(words: str) -> Iterator[arguments.Progress]:
    """Show a bar of so many `words`, with the throughput and the time that remains."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Throughput(),
    )  # fmt: skip
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True,
                  speed_estimate_period=120) as shown:  # fmt: skip
        task = None

        def show(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = shown.add_task(words, completed=done, total=total)
            shown.update(task, completed=done)

        yield show
