"""Corollary C.4: a Gaussian layer hardly changes the norm of a vector, from either side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement, share
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import at_least
from randrelu.figures.style import SERIES, canvas, cumulative, legend, threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For W of shape (d_i, d_{i−1}) with entries of variance 1/d_{i−1} and unit vectors u and v, "
    "|‖uᵀW‖ − 1| and |‖Wv‖/√(d_i/d_{i−1}) − 1| are at most (√(2 ln(2/δ)) + 1)/√d_{i−1} and "
    "(√(2 ln(2/δ)) + 1)/√d_i, each with probability at least 1 − δ."
)


def run(
    *,
    rows: int = 200,
    cols: int = 100,
    widen: float = 1.0,
    trials: int = 2000,
    delta: float = 0.05,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure both norms.

    As printed, the second event compares ‖Wv‖ with ‖v‖, with d_{i−1} in both denominators. ‖Wv‖²
    is χ² with d_i degrees of freedom over d_{i−1}, so it is near d_i/d_{i−1}, not 1, unless W is
    square; the form above follows from Theorem C.3, as the proofs use it (they carry √(d_i/d_{i−1})
    along). The printed event is measured too.

    Parameters
    ----------
    rows, cols : int
        d_i and d_{i−1}.
    widen : float
        What both bounds are multiplied with.
    """
    m = arguments.integer("rows", rows, at_least=1)
    n = arguments.integer("cols", cols, at_least=1)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    thread_number(threads)
    widen = arguments.number("widen", widen)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    u, v = np.full(m, 1 / math.sqrt(m)), np.full(n, 1 / math.sqrt(n))
    from_left, from_right = np.empty(trials), np.empty(trials)
    for one in blocks(trials, 1, progress):
        weights = generator.standard_normal((m, n)) / math.sqrt(n)
        from_left[one], from_right[one] = np.linalg.norm(u @ weights), np.linalg.norm(weights @ v)
    reach = widen * (math.sqrt(2 * math.log(2 / delta)) + 1)
    scale = centres(m, n)[1]
    first = share("‖uᵀW‖ within its bound", np.abs(from_left - 1) <= reach / math.sqrt(n),
                  f"≥ {1 - delta:g}; {_exact(n, reach):.6g} (exact law)")  # fmt: skip
    second = share("‖Wv‖ within its bound", np.abs(from_right / scale - 1) <= reach / math.sqrt(m),
                   f"≥ {1 - delta:g}; {_exact(m, reach):.6g} (exact law)")  # fmt: skip
    printed = share("‖Wv‖ within the printed bound", np.abs(from_right - 1) <= reach / math.sqrt(n),
                    f"≥ {1 - delta:g} as printed")  # fmt: skip
    return STATEMENT.found(
        parameters={
            "rows": m, "cols": n, "widen": widen, "trials": trials, "delta": delta, "rng": seed
        },
        hypothesis=Hypothesis("nothing", f"d_i = {m}, d_{{i−1}} = {n}", True),
        measurements=(
            first,
            second,
            printed,
            Measurement(
                "‖Wv‖, mean", float(from_right.mean()), paper=f"√(d_i/d_{{i−1}}) = {scale:.4g}"
            ),
        ),
        parts=[at_least(event, 1 - delta) for event in (first, second)],
        trials={"left": from_left, "right": from_right},
    )  # fmt: skip


def _exact(n: int, reach: float) -> float:
    """Return P{|χ − √n| ≤ reach}; √(fan_in) times either norm is χ."""
    from scipy.stats import chi

    law = chi(n)
    return float(law.cdf(math.sqrt(n) + reach) - law.cdf(max(0.0, math.sqrt(n) - reach)))


def centres(m: int, n: int) -> tuple[float, float]:
    """Return what ‖uᵀW‖ and ‖Wv‖ are near."""
    return 1.0, math.sqrt(m / n)


def draw(check: Check) -> Figure:
    """Draw ‖uᵀW‖ and ‖Wv‖ for unit vectors."""
    figure, axes = canvas("norm")
    near = centres(check.parameters["rows"], check.parameters["cols"])
    for k, (name, label) in enumerate((("left", "‖uᵀW‖"), ("right", "‖Wv‖"))):
        cumulative(axes, check.trials[name], label, SERIES[k], of="draws")
        threshold(axes, near[k], f"about {near[k]:.3g}", SERIES[k])
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "corollary-c.4",
    CLAIM,
    run,
    ("holds", "consistent", "violated"),
    draw,
    plan=(PlanRow("Corollary C.4: a layer keeps norms", quick={}, full={"trials": 50_000}),),
)
