"""What a reproduction found: an outcome for each run of the plan, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import extras
from randrelu._support.shown import Shown
from randrelu.checks import Check
from randrelu.reproduction.plan import Run

if TYPE_CHECKING:
    import pandas as pd

    from randrelu.checks.result import Measurement
    from randrelu.pages.draw import Drawn
from randrelu.reproduction.picture import Picture


@dataclass(frozen=True)
class Outcome:
    """What one run of the plan found.

    Attributes
    ----------
    run : Run
        The row of the plan.
    seconds : float
        How long the run took.
    check : Check or None
        What the check found; None if it raised an error.
    error : str or None
        The error that was raised by the check, by its figure or while its files were written.
    files : tuple of str
        The files that were written, relative to the report's folder.
    figure : Drawn or None
        The figure of the check, where it has one.
    """

    run: Run
    seconds: float
    check: Check | None
    error: str | None
    files: tuple[str, ...]
    figure: Drawn | None

    @property
    def verdict(self) -> str:
        """The check's verdict, or "failed" where the check raised an error."""
        return "failed" if self.check is None else self.check.verdict

    @property
    def conclusion(self) -> str:
        """The check's conclusion where its verdict is about the hypothesis, else ""."""
        if self.check is None or self.check.verdict == self.check.conclusion:
            return ""
        return self.check.conclusion

    @property
    def first(self) -> Measurement | None:
        """What the check measured first, which is what its claim is about."""
        return None if self.check is None else self.check.measurements[0]

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
class Report(Shown):
    """What `randrelu.reproduce` found.

    Attributes
    ----------
    folder : Path
        The folder of the files: report.html, results.json, trials/ and figures/.
    seed : int
        The root seed; the same seed repeats every run.
    full : bool
        Whether the checks ran at length.
    date : str
        When the reproduction began, in ISO 8601.
    seconds : float
        How long it took.
    versions : mapping
        The versions of randrelu, Python and the packages that it ran with.
    outcomes : tuple of Outcome
        What every run found, in the order of the plan.
    left : tuple of Run
        The runs that had not ended when the report was written.
    lead : tuple of Picture
        The pictures that the page begins with, once every run has ended.
    """

    folder: Path
    seed: int
    full: bool
    date: str
    seconds: float
    versions: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    left: tuple[Run, ...] = ()
    lead: tuple[Picture, ...] = ()

    @property
    def page(self) -> Path:
        """The path of report.html."""
        return self.folder / "report.html"

    @property
    def violated(self) -> tuple[Outcome, ...]:
        """The runs whose claim is violated although its hypothesis is met."""
        return tuple(o for o in self.outcomes if o.verdict == "violated")

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The runs that raised an error."""
        return tuple(o for o in self.outcomes if o.error is not None)

    @property
    def undrawn(self) -> tuple[Picture, ...]:
        """The pictures that raised an error."""
        return tuple(picture for picture in self.lead if picture.error is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but trials and figures as plain Python values."""
        return {
            "seed": self.seed,
            "full": self.full,
            "date": self.date,
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "lead": {picture.slug: picture.to_dict() for picture in self.lead},
            "runs": {outcome.run.slug: outcome.to_dict() for outcome in self.outcomes},
            "left": [run.name for run in self.left],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per run; needs pandas."""
        names = ("name", "verdict", "error", "seconds")
        rows = [outcome.to_dict() for outcome in self.outcomes]
        return extras.frame({name: [row[name] for row in rows] for name in names})

    def _shown_words(self) -> str:
        return summary(self)

    def _shown_columns(self) -> dict[str, list[Any]]:
        firsts = [outcome.first for outcome in self.outcomes]
        return {
            "run": [outcome.run.name for outcome in self.outcomes],
            "verdict": [outcome.verdict for outcome in self.outcomes],
            "measured": [first and first.name for first in firsts],
            "value": [first and first.value for first in firsts],
            "paper or exact law": [first and first.paper for first in firsts],
            "seconds": [outcome.seconds for outcome in self.outcomes],
        }

    def __repr__(self) -> str:
        return (
            f"Report({len(self.outcomes)} runs, {len(self.violated)} violated, "
            f"{len(self.failed)} failed; {self.page})"
        )


def summary(report: Report) -> str:
    """Return in a sentence how many runs were done, and which were violated or failed."""
    runs = len(report.outcomes)
    parts = [f"{runs} of {runs + len(report.left)} runs done"]
    if report.violated:
        names = ", ".join(o.run.name for o in report.violated)
        parts.append(f"{len(report.violated)} violated although the hypothesis is met: {names}")
    else:
        parts.append("none violated where its hypothesis is met")
    if report.failed:
        parts.append(f"{len(report.failed)} failed: {', '.join(o.run.name for o in report.failed)}")
    if report.undrawn:
        names = ", ".join(picture.heading for picture in report.undrawn)
        parts.append(f"{len(report.undrawn)} pictures failed: {names}")
    checks = [(o.run.name, o.check) for o in report.outcomes if o.check is not None]
    unmet = [(name, check) for name, check in checks if not check.hypothesis.met]
    if unmet:
        elsewhere = ", ".join(name for name, check in unmet if check.conclusion == "violated")
        parts.append(
            f"the hypothesis of {len(unmet)} is open or not met, and the conclusion violated in "
            f"{elsewhere or 'none of these'}"
        )
    return "; ".join(parts) + "."
