"""The result of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from randrelu._support import extras
from randrelu._support.shown import Shown
from randrelu.pages.draw import Drawn
from randrelu.studies import estimates
from randrelu.studies.kind import Conclusion, Finding, Kind, Part
from randrelu.sweeps import Failure, Sweep
from randrelu.sweeps.grid import plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Study(Shown):
    """The result of `randrelu.study`.

    Attributes
    ----------
    kind : Kind
        Which study it is, with its question.
    folder : Path
        The folder of the files: study.html, results.json, sweeps/, tables/ and figures/.
    seed : int
        The root seed of all its sweeps; with it the same call gives the same numbers.
    full : bool
        Whether it ran at length.
    options : mapping
        The options that it was given.
    date : str
        When this run began, in ISO 8601.
    seconds : float
        How long this run took; what an earlier one had finished took no time.
    versions : mapping
        The versions of randrelu, Python and the packages that it ran with.
    parts : tuple of Part
        Its sweeps as they were asked for.
    sweeps : mapping of str to Sweep
        What they found, by their slugs.
    conclusion : Conclusion or None
        What is concluded; None where a whole part failed.
    figures : mapping of str to Drawn
        The pictures of the findings, by their slugs.
    """

    kind: Kind
    folder: Path
    seed: int
    full: bool
    options: Mapping[str, Any]
    date: str
    seconds: float
    versions: Mapping[str, Any]
    parts: tuple[Part, ...]
    sweeps: Mapping[str, Sweep]
    conclusion: Conclusion | None
    figures: Mapping[str, Drawn]

    @property
    def name(self) -> str:
        """The study's name."""
        return self.kind.name

    @property
    def page(self) -> Path:
        """The path of study.html."""
        return self.folder / "study.html"

    @property
    def answer(self) -> str:
        """The answer to the study's question, or why there is none."""
        if self.conclusion is not None:
            return self.conclusion.answer
        empty = [slug for slug, sweep in self.sweeps.items() if not sweep.to_arrow().num_rows]
        return f"There is no answer: every trial failed of {', '.join(empty)}."

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the pictures show."""
        return () if self.conclusion is None else self.conclusion.findings

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The trials that failed twice in this run; the same call tries them again."""
        return tuple(failure for sweep in self.sweeps.values() for failure in sweep.failures)

    @property
    def command(self) -> str:
        """The command that repeats it."""
        import shlex

        words = ["randrelu", "study", self.name]
        for option, value in self.options.items():
            words += [f"--{option.replace('_', '-')}", str(value)]
        return shlex.join([*words, *(["--full"] if self.full else []), "--seed", str(self.seed)])

    def files(self, slug: str) -> tuple[str, ...]:
        """Return the names of a finding's figures, relative to the folder."""
        return (f"figures/{slug}.png", f"figures/{slug}.svg")

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the tables and figures as plain Python values."""
        return {
            "study": self.name,
            "seed": self.seed,
            "full": self.full,
            "options": dict(self.options),
            "finished": True,
            "date": self.date,
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "answer": self.answer,
            "findings": {
                finding.slug: {
                    "heading": finding.heading,
                    "sentence": finding.sentence,
                    "statement": finding.statement,
                    "numbers": plain(estimates.plain(finding.numbers)),
                    "files": list(self.files(finding.slug)),
                }
                for finding in self.findings
            },
            "limits": [] if self.conclusion is None else list(self.conclusion.limits),
            "sweeps": {
                part.slug: {
                    "experiment": part.experiment,
                    "points": len(self.sweeps[part.slug].points),
                    "trials": part.trials,
                    "failed": sum(len(f.trials) for f in self.sweeps[part.slug].failures),
                    "table": f"tables/{part.slug}.parquet",
                }
                for part in self.parts
            },
        }

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per finding; needs pandas."""
        names = ("slug", "heading", "sentence", "statement")
        return extras.frame({n: [getattr(f, n) for f in self.findings] for n in names})

    def _shown_words(self) -> str:
        return self.answer

    def _shown_columns(self) -> dict[str, list[str]]:
        return {
            "finding": [finding.heading for finding in self.findings],
            "what it shows": [finding.sentence for finding in self.findings],
        }

    def __repr__(self) -> str:
        failed = sum(len(failure.trials) for failure in self.failures)
        return (
            f"Study({self.name!r}, {len(self.sweeps)} sweeps, {len(self.findings)} findings, "
            f"{failed} trials failed; {self.page})"
        )
