"""Run every check of the plan and write a report of what they found."""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from randrelu import checks
from randrelu._support import arguments, bars, extras, files, versions
from randrelu._support.arguments import Rng
from randrelu.checks import Check
from randrelu.checks.statements import STATEMENTS
from randrelu.figures.style import require_matplotlib
from randrelu.pages.artist import Artist
from randrelu.pages.draw import Drawn
from randrelu.pages.folder import writable
from randrelu.reproduction import lead
from randrelu.reproduction.picture import Picture
from randrelu.reproduction.plan import PLAN, Run
from randrelu.reproduction.report import Outcome, Report

FOLDER = "randrelu-report"


@dataclass(frozen=True)
class Standing:
    """How far a reproduction has come.

    Attributes
    ----------
    run : Run
        The run that is going on, or has just ended.
    number, of : int
        The number of that run, from 1, and how many runs there are.
    done, total : int
        How far that run has come; the total is 0 until it is known.
    outcome : Outcome or None
        What that run found, once it has ended.
    """

    run: Run
    number: int
    of: int
    done: int = 0
    total: int = 0
    outcome: Outcome | None = None


def reproduce(
    out: str | os.PathLike[str] | None = None,
    *,
    full: bool = False,
    rng: Rng = None,
    threads: int | None = None,
    progress: Callable[[Standing], object] | None = None,
) -> Report:
    """Run every check of `randrelu.reproduction.plan.PLAN` and write a report.

    Parameters
    ----------
    out : path, default "randrelu-report"
        The folder to write to; it is made if it does not exist. It gets ``report.html``, a page
        that needs no other file; ``results.json``, which holds every `Check.to_dict` and the
        numbers of the pictures that the page begins with; ``trials/``, a Parquet file for each run
        with everything that it measured; and ``figures/``, which are PNG and SVG. What a run found
        is written whenever it has ended, so that Ctrl-C keeps what was finished before it. Its
        figure comes a little later, as another process draws it beside the runs that follow; the
        pictures come after the last run.
    full : bool, default False
        Whether to run at length: half an hour instead of a minute on two cores.
    rng : None, int, SeedSequence or Generator
        Where the root seed comes from. A run's seed depends only on the root seed and on the run's
        statement and parameters; the same seed and versions give the same results.
    threads : int, optional
        The number of threads of the checks.
    progress : callable, optional
        Called with a `Standing`: when a run begins, while it goes on, and when it has ended. By
        default a terminal or a notebook shows a bar, in runs.

    Returns
    -------
    Report

    Raises
    ------
    ImportError
        If Matplotlib, pyarrow or Jinja2 is missing; no check was run then.
    OSError
        If the folder cannot be written to; no check was run then.
    """
    require_matplotlib("report")
    extras.require("Parquet files need pyarrow", "pyarrow", "report")
    extras.require("the report needs Jinja2", "jinja2", "report")
    from randrelu.reproduction import page  # here: it needs Jinja2

    root = arguments.seed_of(rng)
    installed = versions.facts("scipy", "matplotlib", "pyarrow", threads=threads)
    folder = writable(
        Path(FOLDER) if out is None else arguments.path("out", out), ("trials", "figures")
    )
    date, began = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    outcomes: list[Outcome] = []
    drawing: dict[int, Future[Drawn | str]] = {}

    def write(left: tuple[Run, ...], pictures: tuple[Picture, ...] = ()) -> Report:
        for k in [k for k, figure in drawing.items() if figure.done()]:
            outcomes[k] = _with_figure(outcomes[k], drawing.pop(k).result(), folder)
        seconds = time.perf_counter() - began
        report = Report(
            folder, root, full, date, seconds, installed, tuple(outcomes), left, pictures
        )
        _write(report, page.html(report))
        return report

    with _told(progress) as tell_all, Artist() as artist:
        for number, run in enumerate(PLAN, start=1):

            def tell(*, run: Run = run, number: int = number, **more: Any) -> None:
                tell_all(Standing(run, number, len(PLAN), **more))

            tell()
            outcome = _outcome(
                run,
                folder,
                root,
                full,
                threads=threads,
                progress=lambda done, total, tell=tell: tell(done=done, total=total),  # type: ignore[misc]
            )
            outcomes.append(outcome)
            if outcome.check is not None and outcome.error is None:
                figure_of = STATEMENTS[run.statement].figure
                if figure_of is not None:
                    drawing[number - 1] = artist.draw(partial(figure_of, outcome.check))
            write(PLAN[number:])
            tell(outcome=outcome)
        wait(drawing.values())
        pictures = lead.pictures(write(()).outcomes, root, full, threads, artist.draw)
    for picture in pictures:
        for name, content in picture.files.items():
            files.write_whole(folder / name, content)
    return write((), pictures)


@contextmanager
def _told(
    progress: Callable[[Standing], object] | None,
) -> Iterator[Callable[[Standing], object]]:
    """Yield what is told how far the reproduction is: the caller's function, or a bar."""
    if progress is not None:
        yield progress
        return
    with bars.shown(None, "runs") as show:
        yield lambda at: show(at.number - (at.outcome is None), at.of)


def _outcome(
    run: Run,
    folder: Path,
    root: int,
    full: bool,
    *,
    threads: int | None,
    progress: Callable[[int, int], object],
) -> Outcome:
    """Run one check and write its files; an error becomes part of the outcome."""
    check, error = None, None
    files: tuple[str, ...] = ()
    began = time.perf_counter()
    try:
        check = _check(run, root, full, threads=threads, progress=progress)
        files = _save_trials(run, check, folder)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(run, time.perf_counter() - began, check, error, files, None)


def _check(run: Run, root: int, full: bool, **common: Any) -> Check:
    """Run one check with its own parameters and with the common ones that it takes."""
    takes = inspect.signature(checks.STATEMENTS[run.statement].run).parameters
    given = {name: value for name, value in common.items() if name in takes}
    return checks.check(run.statement, rng=run.seed(root, full), **run.parameters(full), **given)


def _save_trials(run: Run, check: Check, folder: Path) -> tuple[str, ...]:
    """Write what was measured; return the names of the files."""
    import pyarrow as pa

    described = check.to_dict()
    metadata = {
        "statement": check.statement,
        "parameters": json.dumps(described["parameters"]),
        "seed": str(check.parameters["rng"]),
        "randrelu": str(versions.facts()["version"]),
    }
    table = pa.table(dict(check.trials)).replace_schema_metadata(metadata)
    name = f"trials/{run.slug}.parquet"
    files.write_whole(folder / name, extras.parquet_bytes(table))
    return (name,)


def _with_figure(outcome: Outcome, figure: Drawn | str, folder: Path) -> Outcome:
    """Write the figure of a run; an error becomes part of the outcome."""
    if isinstance(figure, str):
        return replace(outcome, error=figure)
    name = f"figures/{outcome.run.slug}"
    contents = {f"{name}.png": figure.png, f"{name}.svg": figure.svg.encode()}
    try:
        for name, content in contents.items():
            files.write_whole(folder / name, content)
    except OSError as raised:
        return replace(outcome, error=f"{type(raised).__name__}: {raised}")
    return replace(outcome, files=(*outcome.files, *contents), figure=figure)


def _write(report: Report, html: str) -> None:
    results = json.dumps(report.to_dict(), allow_nan=False, indent=2, ensure_ascii=False)
    files.write_whole(report.folder / "results.json", f"{results}\n".encode())
    files.write_whole(report.page, html.encode())
