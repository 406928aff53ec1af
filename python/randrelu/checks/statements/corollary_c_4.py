"""Corollary C.4: a Gaussian layer hardly changes the norm of a vector, from either side."""

from __future__ import annotations

import math

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement, conclude, share, worst

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
    along). The printed event is measured beside.

    Parameters
    ----------
    rows, cols : int
        d_i and d_{i−1}.
    widen : float
        What both bounds are multiplied with.
    """
    from scipy.stats import chi

    m = arguments.integer("rows", rows, at_least=1)
    n = arguments.integer("cols", cols, at_least=1)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    thread_number(threads)
    widen = arguments.number("widen", widen)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    u, v = np.full(m, 1 / math.sqrt(m)), np.full(n, 1 / math.sqrt(n))
    left, right = np.empty(trials), np.empty(trials)
    for t in range(trials):
        weights = generator.standard_normal((m, n)) / math.sqrt(n)
        left[t], right[t] = np.linalg.norm(u @ weights), np.linalg.norm(weights @ v)
        if progress is not None:
            progress(t + 1, trials)
    reach = widen * (math.sqrt(2 * math.log(2 / delta)) + 1)
    scale = math.sqrt(m / n)
    first = share("‖uᵀW‖ within its bound", np.abs(left - 1) <= reach / math.sqrt(n),
                  f"≥ {1 - delta:g}; {_exact(chi, n, reach):.6g} (exact law)")  # fmt: skip
    second = share("‖Wv‖ within its bound", np.abs(right / scale - 1) <= reach / math.sqrt(m),
                   f"≥ {1 - delta:g}; {_exact(chi, m, reach):.6g} (exact law)")  # fmt: skip
    printed = share("‖Wv‖ within the printed bound", np.abs(right - 1) <= reach / math.sqrt(n),
                    f"≥ {1 - delta:g} as printed")  # fmt: skip
    return Check(
        statement="corollary-c.4",
        claim=CLAIM,
        parameters={
            "rows": m, "cols": n, "widen": widen, "trials": trials, "delta": delta, "rng": seed
        },
        hypothesis=Hypothesis("nothing", f"d_i = {m}, d_{{i−1}} = {n}", True),
        measurements=(
            first,
            second,
            printed,
            Measurement("‖Wv‖, mean", float(right.mean()), paper=f"√(d_i/d_{{i−1}}) = {scale:.4g}"),
        ),
        conclusion=worst(conclude(first, 1 - delta), conclude(second, 1 - delta)),
        trials={"left": left, "right": right},
    )  # fmt: skip


def _exact(chi: object, n: int, reach: float) -> float:
    """Return P{|χ − √n| ≤ reach}; √(fan_in) times either norm is χ."""
    law = chi(n)  # type: ignore[operator]
    return float(law.cdf(math.sqrt(n) + reach) - law.cdf(max(0.0, math.sqrt(n) - reach)))
