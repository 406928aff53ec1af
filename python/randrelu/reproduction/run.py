"""Run every check of the plan and report what came of it."""

from __future__ import annotations

import inspect
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu import checks
from randrelu._support import arguments, extras, files, versions
from randrelu._support.arguments import Rng
from randrelu.checks import Check
from randrelu.figures.draw import Drawn, draw
from randrelu.figures.style import require_matplotlib
from randrelu.reproduction.plan import PLAN, Run

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "randrelu-report"


@dataclass(frozen=True)
class Outcome:
    """What came of one run of the plan.

    Attributes
    ----------
    run : Run
        The row of the plan.
    seconds : float
        How long it took.
    check : Check or None
        Its outcome, unless it raised an error.
    error : str or None
        The error that it raised, or else its figure or files.
    files : tuple of str
        What was written of it, relative to the report's folder.
    figure : Drawn or None
        Its figure, where it has one.
    """

    run: Run
    seconds: float
    check: Check | None
    error: str | None
    files: tuple[str, ...]
    figure: Drawn | None

    @property
    def verdict(self) -> str:
        """The check's verdict, "failed" where there is none."""
        return "failed" if self.check is None else self.check.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the trials and the figure as plain Python values."""
        return {
            "name": self.run.name,
            "heading": self.run.heading,
            "verdict": self.verdict,
            "error": self.error,
            "check": None if self.check is None else self.check.to_dict(),
            "files": list(self.files),
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        return f"Outcome({self.run.name!r}: {self.error or self.verdict})"


@dataclass(frozen=True)
class Report:
    """What `randrelu.reproduce` found.

    Attributes
    ----------
    folder : Path
        Where the files are: report.html, results.json, trials/ and figures/.
    seed : int
        The root seed, which repeats all of it.
    full : bool
        Whether the checks ran at length.
    date : str
        When it began, in ISO 8601.
    seconds : float
        How long it took.
    versions : mapping
        What it was run with.
    outcomes : tuple of Outcome
        What came of every run, in the order of the plan.
    left : tuple of Run
        The runs that it was stopped before.
    """

    folder: Path
    seed: int
    full: bool
    date: str
    seconds: float
    versions: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    left: tuple[Run, ...] = ()

    @property
    def page(self) -> Path:
        """The report."""
        return self.folder / "report.html"

    @property
    def violated(self) -> tuple[Outcome, ...]:
        """The runs whose claim is violated though its hypothesis is met."""
        return tuple(o for o in self.outcomes if o.verdict == "violated")

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The runs that raised an error."""
        return tuple(o for o in self.outcomes if o.error is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but trials and figures as plain Python values."""
        return {
            "seed": self.seed,
            "full": self.full,
            "date": self.date,
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "runs": {outcome.run.slug: outcome.to_dict() for outcome in self.outcomes},
            "left": [run.name for run in self.left],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per run; needs pandas."""
        names = ("name", "verdict", "error", "seconds")
        rows = [outcome.to_dict() for outcome in self.outcomes]
        return extras.frame({name: [row[name] for row in rows] for name in names})

    def __repr__(self) -> str:
        return (
            f"Report({len(self.outcomes)} runs, {len(self.violated)} violated, "
            f"{len(self.failed)} failed; {self.page})"
        )


@dataclass(frozen=True)
class Standing:
    """How far a reproduction has come.

    Attributes
    ----------
    run : Run
        The run that it is at.
    number, of : int
        Which one it is, from 1, and how many there are.
    done, total : int
        How far that run has come; the total is 0 until it is known.
    outcome : Outcome or None
        What came of it, once it has ended.
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
        The folder to write to; it is made if need be. It gets ``report.html``, a page that needs
        no other file; ``results.json``, every `Check.to_dict`; ``trials/``, a Parquet file a run
        with everything measured; and ``figures/``, as PNG and SVG. All are whole whenever a run has
        ended, so that what was finished before Ctrl-C is kept.
    full : bool, default False
        Whether to run at length instead of in minutes.
    rng : None, int, SeedSequence or Generator
        Where the root seed comes from. A run's seed depends on it and on the run's statement and
        parameters alone; the same seed and versions give the same results.
    threads : int, optional
        The number of threads.
    progress : callable, optional
        Called with a `Standing`: when a run begins, while it goes on, and when it has ended.

    Returns
    -------
    Report

    Raises
    ------
    ImportError
        If Matplotlib or pyarrow is missing.
    OSError
        If the folder cannot be written to; nothing was run then.
    """
    require_matplotlib("report")
    extras.require_parquet()
    root = arguments.seed_of(rng)
    installed = versions.facts("scipy", "matplotlib", "pyarrow", threads=threads)
    folder = _writable(Path(FOLDER if out is None else out))
    date, began = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    outcomes: tuple[Outcome, ...] = ()
    for number, run in enumerate(PLAN, start=1):

        def tell(*, run: Run = run, number: int = number, **more: Any) -> None:
            if progress is not None:
                progress(Standing(run, number, len(PLAN), **more))

        tell()
        outcome = _outcome(
            run,
            folder,
            root,
            full,
            threads=threads,
            progress=lambda done, total, tell=tell: tell(done=done, total=total),  # type: ignore[misc]
        )
        outcomes += (outcome,)
        seconds = time.perf_counter() - began
        report = Report(folder, root, full, date, seconds, installed, outcomes, PLAN[number:])
        _write(report)
        tell(outcome=outcome)
    return report


def _outcome(
    run: Run,
    folder: Path,
    root: int,
    full: bool,
    *,
    threads: int | None,
    progress: Callable[[int, int], object],
) -> Outcome:
    """Run one check and write what it found; an error is an outcome too."""
    check, error, figure = None, None, None
    files: tuple[str, ...] = ()
    began = time.perf_counter()
    try:
        check = _check(run, root, full, threads=threads, progress=progress)
        files, figure = _save(run, check, folder)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(run, time.perf_counter() - began, check, error, files, figure)


def _check(run: Run, root: int, full: bool, **common: Any) -> Check:
    """Run one check, with those of the common parameters that it takes."""
    takes = inspect.signature(checks.STATEMENTS[run.statement].run).parameters
    given = {name: value for name, value in common.items() if name in takes}
    return checks.check(run.statement, rng=run.seed(root, full), **run.parameters(full), **given)


def _save(run: Run, check: Check, folder: Path) -> tuple[tuple[str, ...], Drawn | None]:
    """Write the trials and the figure; return the files' names, and the figure."""
    described = check.to_dict()
    metadata = {
        "statement": check.statement,
        "parameters": json.dumps(described["parameters"]),
        "seed": str(check.parameters["rng"]),
        "randrelu": str(versions.facts()["version"]),
    }
    contents = {f"trials/{run.slug}.parquet": extras.parquet_bytes(check.trials, metadata)}
    drawn = draw(check)
    if drawn is not None:
        contents[f"figures/{run.slug}.png"] = drawn.png
        contents[f"figures/{run.slug}.svg"] = drawn.svg.encode()
    for name, content in contents.items():
        files.write_whole(folder / name, content)
    return tuple(contents), drawn


def _write(report: Report) -> None:
    from randrelu.reproduction.page import html

    results = json.dumps(report.to_dict(), allow_nan=False, indent=2, ensure_ascii=False)
    files.write_whole(report.folder / "results.json", f"{results}\n".encode())
    files.write_whole(report.page, html(report).encode())


def _writable(folder: Path) -> Path:
    """Return the folder with its parts, once a file could be written to each."""
    try:
        for part in (folder, folder / "trials", folder / "figures"):
            part.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=part):
                pass
    except OSError as error:
        raise type(error)(
            error.errno,
            f"out must be a folder that can be written to ({error.strerror}); choose another",
            str(folder),
        ) from None
    return folder
