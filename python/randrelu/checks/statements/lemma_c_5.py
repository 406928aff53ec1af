"""Lemma C.5: how often a random direction separates the signs of two points."""

from __future__ import annotations

import math

import numpy as np

from randrelu import laws
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
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import identity, same_law

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
    """Compare the bound with the exact probability, and this with a count of sign changes.

    The worst y lies on a tangent to its ball from 0; the exact probability is then θ/π with
    sin θ = r/R, at most r/(2R): no logarithm is needed, and no draw to decide the claim. As
    printed, the bound is 3 r/R √(log R/r), which is 0 where r = R while the probability is 1/2, and
    fails for r/R above 0.9784. The proof has δ + 2 r/R √(log 1/δ) with δ = r/R, the form
    above; that is at most the printed one where r/R ≤ 1/e. The printed bound is measured too.

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
    exact, bound = laws.worst_sign_change(ratio), widen * proved_bound(ratio)
    p_value = float(binomtest(changes, trials, exact).pvalue)
    return STATEMENT.found(
        parameters={"ratio": ratio, "widen": widen, "trials": trials, "rng": seed},
        hypothesis=Hypothesis("0 < r ≤ R ≤ ‖x‖", f"r/R = {ratio:g}, ‖x‖ = R", True),
        measurements=(
            Measurement("exact probability θ/π", exact, paper=f"≤ {bound:.4g}"),
            counted("share of sign changes", changes, trials, f"{exact:.4g} (exact law)"),
            Measurement("p-value of the exact law", p_value),
            Measurement("exact probability over r/(2R)", exact / (ratio / 2), paper="≤ 1"),
            Measurement(
                "exact probability over the printed bound", exact / printed_bound(ratio),
                paper=f"≤ 1 as printed; above it for r/R > {first_failure():.4g}",
            ),
        ),
        parts=[identity(exact <= bound), same_law(p_value)],
        trials={"sign_changes": np.array([changes]), "draws": np.array([trials])},
    )  # fmt: skip


def proved_bound(ratio: float) -> float:
    """Return what the proof shows P{sign(wᵀx) ≠ sign(wᵀy)} not to exceed."""
    return min(1.0, ratio * (1 + 2 * math.sqrt(math.log(1 / ratio))))


def printed_bound(ratio: float) -> float:
    """Return what the lemma has as printed."""
    return 3 * ratio * math.sqrt(math.log(1 / ratio))


def first_failure() -> float:
    """Return the r/R from which on the exact probability exceeds the printed bound."""
    from scipy.optimize import brentq

    return float(brentq(lambda r: laws.worst_sign_change(r) - printed_bound(r), 0.5, 1.0))


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
