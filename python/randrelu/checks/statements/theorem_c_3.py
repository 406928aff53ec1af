"""Theorem C.3: Lipschitz functions of normal vectors concentrate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import FALSE_ALARM, Check, Hypothesis, Measurement, worst

CLAIM = (
    "For a 1-Lipschitz function g of independent standard normal numbers, here g = ±‖X‖, "
    "P{g(X) − E g(X) ≥ t} ≤ exp(−t²/2) for all t ≥ 0."
)
_NUMBERS = 2**20  # drawn at a time


def draw(count: int, dim: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return `count` vectors of independent standard normal numbers."""
    return generator.standard_normal((count, dim))


def run(
    *,
    dim: int = 50,
    levels: Sequence[float] = (0.5, 1.0, 1.5, 2.0, 2.5),
    lipschitz: float = 1.0,
    trials: int = 200_000,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Count how often ‖X‖ is t above or below its mean.

    Parameters
    ----------
    dim : int
        n, the number of components of X.
    levels : sequence of float
        The t.
    lipschitz : float
        The Lipschitz constant that the bound exp(−t²/(2L²)) is taken with; that of ‖X‖ is 1.
    """
    from scipy.stats import binomtest, chi

    n = arguments.integer("dim", dim, at_least=1)
    trials = arguments.integer("trials", trials, at_least=1)
    lipschitz = arguments.number("lipschitz", lipschitz, positive=True)
    t = arguments.real_array("levels", levels).astype(np.float64)
    if t.ndim != 1 or not t.size or (t < 0).any():
        raise ValueError(f"levels must be numbers of at least 0, got {levels!r}")
    thread_number(threads)
    seed = arguments.seed_of(rng)
    generator, norms = np.random.default_rng(seed), np.empty(trials)
    block = max(1, _NUMBERS // n)
    for first in range(0, trials, block):
        count = min(block, trials - first)
        norms[first : first + count] = np.linalg.norm(draw(count, n, generator), axis=1)
        if progress is not None:
            progress(first + count, trials)
    mean = float(chi(n).mean())
    measurements, conclusions = [], []
    confidence = 1 - FALSE_ALARM / (2 * t.size)  # together
    for sign, name in ((1, "above"), (-1, "below")):
        for level in t:
            count = int(np.sum(sign * (norms - mean) >= level))
            bound = math.exp(-(level**2) / (2 * lipschitz**2))
            interval = binomtest(count, trials).proportion_ci(confidence, method="exact")
            exact = chi.sf(mean + level, n) if sign > 0 else chi.cdf(mean - level, n)
            conclusions.append(
                "holds" if interval.high <= bound
                else "violated" if interval.low > bound
                else "consistent"
            )  # fmt: skip
            measurements.append(
                Measurement(
                    f"share that is {level:g} {name} its mean", count / trials,
                    paper=f"≤ {bound:.4g}; {exact:.4g} (exact law)",
                )
            )  # fmt: skip
    low, high = math.sqrt(1 - 1 / n), math.sqrt(1 + 1 / n)
    ratio = mean / math.sqrt(n)
    measurements.append(
        Measurement("E‖X‖/√n", ratio, paper=f"between {low:.6g} and {high:.6g} (Gautschi)")
    )
    conclusions.append("holds" if low < ratio < high else "violated")
    return Check(
        statement="theorem-c.3",
        claim=CLAIM,
        parameters={
            "dim": n, "levels": tuple(map(float, t)), "lipschitz": lipschitz, "trials": trials,
            "rng": seed,
        },
        hypothesis=Hypothesis("g is 1-Lipschitz", "‖·‖ and −‖·‖", True),
        measurements=tuple(measurements),
        conclusion=worst(*conclusions),
        trials={"norm": norms},
    )  # fmt: skip
