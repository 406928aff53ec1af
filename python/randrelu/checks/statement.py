"""A statement of the paper in one place: what it claims, its check, its figure, what is reproduced.

A statement is a file of `randrelu.checks.statements` that ends with its ``STATEMENT``. To add one
takes that file, its line in the list of `randrelu.checks.statements`, and its tests: `check`,
`reproduce`, the experiments of `sweep` and the command line read that list, and a test says what
the table of ``docs/guide/statements.md`` lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.verdict import Part, conclude

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class PlanRow:
    """A row of what `randrelu reproduce` runs: a statement's check with these parameters.

    Attributes
    ----------
    heading : str
        The heading of its section in the report.
    quick, full : mapping
        The parameters of the check, other than its seed: in minutes, and at length.
    label : str
        What tells it from the other rows of the same statement.
    """

    heading: str
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    label: str = ""


@dataclass(frozen=True)
class Statement:
    """A statement of the paper.

    Attributes
    ----------
    name : str
        What `randrelu.check` and the command line call it.
    claim : str
        What the paper claims.
    run : callable
        The check. It takes its parameters by keyword, with ``rng``, ``threads`` and ``progress``
        among them, and returns what `found` makes of its results.
    may : tuple of str
        The conclusions that it can come to, see `randrelu.checks.verdict`: what data can say of a
        claim of this kind.
    figure : callable or None
        Draws a check of this statement; None where a table says it all.
    plan : tuple of PlanRow
        What `randrelu reproduce` runs.
    """

    name: str
    claim: str
    run: Callable[..., Check]
    may: tuple[str, ...]
    figure: Callable[[Check], Figure] | None = None
    plan: tuple[PlanRow, ...] = ()

    def found(
        self,
        *,
        parameters: Mapping[str, Any],
        hypothesis: Hypothesis,
        measurements: Sequence[Measurement],
        parts: Sequence[Part],
        trials: Mapping[str, NDArray[Any]],
    ) -> Check:
        """Return what a check of this statement found, see `Check`.

        The parameters repeat the check, and are plain values that JSON can hold. The parts are
        what the data say of each part of the claim.
        """
        conclusion = conclude(*parts)
        assert conclusion in self.may, f"{self.name} may not say {conclusion!r}"
        return Check(
            self.name, self.claim, parameters, hypothesis, tuple(measurements), conclusion, trials
        )


# The networks of most rows: layers of one width, bottlenecks at layers 2 and 4, and wider ones.
EVEN = {"widths": (200, 300, 300, 1)}
NARROW = {"widths": (200, 300, 100, 300, 50, 1)}
# Bounds are certified where the weights are stored. The quick rows have layers of fewer than a
# hundred units, whose norms take no more than one thread.
CERTIFIED_QUICK = {"widths": (60, 90, 30, 90, 15, 1), "storage": "stored", "trials": 80}
CERTIFIED_FULL = {**NARROW, "storage": "stored", "trials": 1000}
WIDER = {"widths": (784, 2048, 2048, 1)}
