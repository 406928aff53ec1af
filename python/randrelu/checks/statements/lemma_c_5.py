"""Lemma C.5: how often a random direction separates the signs of two points."""

from __future__ import annotations

import math

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import (
    Check,
    Hypothesis,
    Measurement,
    counted,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.statements.lemma_a_4 import sign_change_bound
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import at_most, same_law

CLAIM = (
    "For ‖x‖ ≥ R and ‖x − y‖ ≤ r, the signs of wᵀx and wᵀy differ with probability at most "
    "r/R (1 + 2 √(log R/r))."
)
_BLOCK = 2**18


def run(
    *,
    ratio: float = 0.1,
    widen: float = 1.0,
    trials: int = 1_000_000,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Count sign changes for the worst y, which lies on a tangent to its ball from 0.

    The exact probability is θ/π with sin θ = r/R. As printed, the bound is 3 r/R √(log R/r), which
    is 0 where r = R while the probability is 1/2, and fails for r/R above about 0.98. The proof has
    δ + 2 r/R √(log 1/δ) with δ = r/R, the form above; that is at most the printed one where
    r/R ≤ 1/e. The printed bound is among the measurements too.

    Parameters
    ----------
    ratio : float
        r/R in (0, 1).
    widen : float
        What the bound is multiplied with.
    """
    from scipy.stats import binomtest

    ratio = arguments.probability("ratio", ratio)
    trials = arguments.integer("trials", trials, at_least=1)
    thread_number(threads)
    widen = arguments.number("widen", widen)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    angle, changes = math.asin(ratio), 0
    for some in blocks(trials, _BLOCK, progress):
        # In the plane of x and y, the only one that w matters in.
        at_x, across = generator.standard_normal((2, some.stop - some.start))
        changes += int(
            np.sum((at_x > 0) != (math.cos(angle) * at_x + math.sin(angle) * across > 0))
        )
    exact, bound = angle / math.pi, widen * sign_change_bound(ratio)
    printed = 3 * ratio * math.sqrt(math.log(1 / ratio))
    test = binomtest(changes, trials, exact)
    seen = counted(
        "share of sign changes", changes, trials, f"≤ {bound:.4g}; {exact:.4g} (exact law)"
    )
    return STATEMENT.found(
        parameters={"ratio": ratio, "widen": widen, "trials": trials, "rng": seed},
        hypothesis=Hypothesis("0 < r ≤ R ≤ ‖x‖", f"r/R = {ratio:g}, ‖x‖ = R", True),
        measurements=(
            seen,
            Measurement("p-value of the exact law θ/π", float(test.pvalue)),
            Measurement(
                "exact probability over the printed bound", exact / printed,
                paper="≤ 1 as printed",
            ),
        ),
        parts=[at_most(seen, bound), same_law(float(test.pvalue))],
        trials={"sign_changes": np.array([changes]), "draws": np.array([trials])},
    )  # fmt: skip


STATEMENT = Statement(
    "lemma-c.5",
    CLAIM,
    run,
    ("consistent", "violated"),
    plan=(
        PlanRow("Lemma C.5: signs that differ", quick={}, full={"trials": 100_000_000}),
        PlanRow(
            "Lemma C.5 where the bound as printed fails",
            quick={"ratio": 0.99},
            full={"ratio": 0.99, "trials": 100_000_000},
            label="far points",
        ),
    ),
)
