"""Theorem C.3: Lipschitz functions of normal vectors concentrate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from randrelu.checks.verdict import at_most, identity
from randrelu.figures.style import INK, SERIES, canvas, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For a 1-Lipschitz function g of independent standard normal numbers, here g = ±‖X‖, "
    "P{g(X) − E g(X) ≥ t} ≤ exp(−t²/2) for all t ≥ 0."
)
_SIDES = ((1, "above"), (-1, "below"))
_NUMBERS = 2**20  # drawn at a time


def draw_vectors(count: int, dim: int, generator: np.random.Generator) -> NDArray[np.float64]:
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
    from scipy.stats import chi

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
    for some in blocks(trials, block, progress):
        vectors = draw_vectors(some.stop - some.start, n, generator)
        norms[some] = np.linalg.norm(vectors, axis=1)
    mean = float(chi(n).mean())
    measurements, parts = [], []
    for sign, name in _SIDES:
        for level in t:
            count = int(np.sum(sign * (norms - mean) >= level))
            allowed = float(bound(level, lipschitz))
            exact = chi.sf(mean + level, n) if sign > 0 else chi.cdf(mean - level, n)
            seen = counted(
                f"share that is {level:g} {name} its mean", count, trials,
                f"≤ {allowed:.4g}; {exact:.4g} (exact law)",
            )  # fmt: skip
            measurements.append(seen)
            parts.append(at_most(seen, allowed))
    low, high = math.sqrt(1 - 1 / n), math.sqrt(1 + 1 / n)
    ratio = mean / math.sqrt(n)
    measurements.append(
        Measurement("E‖X‖/√n", ratio, paper=f"between {low:.6g} and {high:.6g} (Gautschi)")
    )
    parts.append(identity(low < ratio < high))
    return STATEMENT.found(
        parameters={
            "dim": n, "levels": tuple(map(float, t)), "lipschitz": lipschitz, "trials": trials,
            "rng": seed,
        },
        hypothesis=Hypothesis("g is 1-Lipschitz", "‖·‖ and −‖·‖", True),
        measurements=measurements,
        parts=parts,
        trials={"norm": norms},
    )  # fmt: skip


def bound(t: ArrayLike, lipschitz: float) -> NDArray[np.float64]:
    """Return exp(−t²/(2L²)), which the theorem has with L = 1."""
    result: NDArray[np.float64] = np.exp(-(np.square(t) / (2 * lipschitz**2)))
    return result


def draw(check: Check) -> Figure:
    """Draw the tails of ‖X‖ below their bound."""
    from scipy.stats import chi

    figure, axes = canvas("t", "P{±(‖X‖ − E‖X‖) ≥ t}")
    lipschitz, norms = check.parameters["lipschitz"], check.trials["norm"]
    mean = float(chi(check.parameters["dim"]).mean())
    t = np.linspace(0, max(check.parameters["levels"]), 60)
    for (sign, name), color in zip(_SIDES, SERIES, strict=False):
        away = np.sort(sign * (norms - mean))
        share = 1 - np.searchsorted(away, t) / away.size
        axes.plot(t[share > 0], share[share > 0], color=color, label=f"measured, {name}")
    power = "exp(−t²/2)" if lipschitz == 1 else f"exp(−t²/(2 × {lipschitz:g}²))"
    axes.plot(t, bound(t, lipschitz), "--", color=INK, label=power)
    axes.set(yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-c.3",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(PlanRow("Theorem C.3: norms concentrate", quick={}, full={"trials": 5_000_000}),),
)
