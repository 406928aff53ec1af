"""Fact B.2: an inequality between trigonometric functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.verdict import Part
from randrelu.figures.style import SERIES, canvas, legend, level
from randrelu.laws import sine_excess

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = "sin x − x cos x ≥ (1 − cos x)^{3/2}/15 for all x in [0, π]."


def run(
    *,
    divisor: float = 15.0,
    points: int = 100_001,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Find the smallest ratio of both sides.

    Nothing is random here. The ratio is evaluated on a grid; between two of its points it can only
    be smaller by what the left side, which increases, and the right side, which does too, change:
    the conclusion rests on the left side at the lower end against the right side at the upper end.
    (The paper's "for some c > 0" is used nowhere.)

    Parameters
    ----------
    divisor : float
        The 15 of the claim.
    points : int
        Points of the grid; half of them in a geometric progression towards 0, where both sides
        vanish like x³.
    """
    divisor = arguments.number("divisor", divisor, positive=True)
    points = arguments.integer("points", points, at_least=10)
    seed = arguments.seed_of(rng)
    thread_number(threads)
    x = np.unique(np.r_[np.geomspace(1e-6, 1, points // 2), np.linspace(1, math.pi, points // 2)])
    greater, lesser = sides(x)
    ratio = divisor * greater / lesser
    # Below the grid the ratio is that of the series, divisor · 2√2/3 (1 + x²/40 + …).
    limit = divisor * 2 * math.sqrt(2) / 3
    certain = min(float((divisor * greater[:-1] / lesser[1:]).min()), limit)
    least = int(np.argmin(ratio))
    if progress is not None:
        progress(1, 1)
    return STATEMENT.found(
        parameters={"divisor": divisor, "points": points, "rng": seed},
        hypothesis=Hypothesis("0 ≤ x ≤ π", "all of it", True),
        measurements=(
            Measurement("smallest ratio of the sides", float(ratio[least]), paper="≥ 1"),
            Measurement("… at x", float(x[least])),
            Measurement("… and no less anywhere than", certain),
            Measurement("the divisor could be as small as", divisor / float(ratio[least])),
        ),
        parts=[Part("holds" if certain >= 1 else "consistent", 0.0 if ratio[least] < 1 else None)],
        trials={"x": x, "ratio": ratio},
    )


def sides(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sin x − x cos x and (1 − cos x)^{3/2}, without cancellation."""
    return sine_excess(x), (2 * np.sin(x / 2) ** 2) ** 1.5


def draw(check: Check) -> Figure:
    """Draw the ratio of both sides."""
    figure, axes = canvas("x", "ratio of the sides")
    axes.plot(check.trials["x"], check.trials["ratio"], color=SERIES[0], label="left/right")
    level(axes, 1.0, "claimed to be exceeded")
    axes.set(ylim=(0, None))
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "fact-b.2",
    CLAIM,
    run,
    ("holds", "consistent", "violated"),
    draw,
    plan=(PlanRow("Fact B.2: an inequality", quick={}, full={"points": 2_000_001}),),
)
