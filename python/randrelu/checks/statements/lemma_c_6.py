"""Lemma C.6: the sphere against a normal vector twice as large."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import Part
from randrelu.figures.style import SERIES, canvas, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For d ≥ 40 and any M and t ≥ 0, P{‖MZ‖ ≥ t} ≤ 2 P{‖MY‖ ≥ t}, where Z is uniform on the sphere "
    "of radius r in R^d and Y normal with covariance 2r²/d."
)
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def run(
    *,
    dim: int = 40,
    rows: int = 5,
    spread: float = 2.0,
    trials: int = 100_000,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Compare both tails for one random M, at quantiles of ‖MZ‖.

    In the last but one line of the proof, P{‖Y‖ ≥ t} should be P{‖Y‖ ≥ r}. All that the proof needs
    is that this is at least 1/2, which is true for d ≥ 2. For d = 1 it is 0.4795, and the lemma is
    false: at t = r‖M‖ the sphere has 1, the normal vector twice 0.4795.

    Parameters
    ----------
    dim, rows : int
        M has the shape (rows, dim).
    spread : float
        The variance of Y's components as a multiple of r²/d, 2 in the claim.
    """
    dim = arguments.integer("dim", dim, at_least=1)
    k = arguments.integer("rows", rows, at_least=1)
    trials = arguments.integer("trials", trials, at_least=2)
    spread = arguments.number("spread", spread)
    thread_number(threads)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((k, dim))
    sphere, normal = np.empty(trials), np.empty(trials)
    block = max(1, 2**20 // dim)
    for some in blocks(trials, block, progress):
        z, y = generator.standard_normal((2, some.stop - some.start, dim))
        sphere[some] = _norms(matrix, z / np.linalg.norm(z, axis=1, keepdims=True))
        normal[some] = _norms(matrix, math.sqrt(spread / dim) * y)
    measurements, parts = [], []
    # The levels come from the first half of the draws, the counts from the second.
    first, counted = trials // 2, trials - trials // 2
    for level in _LEVELS:
        t = float(np.quantile(sphere[:first], level))
        of_sphere, of_normal = (int(np.sum(v[first:] >= t)) for v in (sphere, normal))
        parts.append(at_most_twice(of_sphere, of_normal, counted))
        measurements.append(
            Measurement(
                f"P{{‖MZ‖ ≥ t}} at t = {t:.3g} r", of_sphere / counted,
                paper=f"≤ 2 P{{‖MY‖ ≥ t}} = {2 * of_normal / counted:.4g} (measured)",
            )
        )  # fmt: skip
    measurements.append(
        Measurement(
            "P{‖Y‖ ≥ r}, Y as claimed", laws.normal_beyond_sphere(dim), paper="≥ 1/2 in the proof"
        )
    )
    return STATEMENT.found(
        parameters={"dim": dim, "rows": k, "spread": spread, "trials": trials, "rng": seed},
        hypothesis=Hypothesis("d ≥ 40", f"d = {dim}", dim >= 40),
        measurements=measurements,
        parts=parts,
        trials={"sphere": sphere, "normal": normal},
    )


def at_most_twice(of_sphere: int, of_normal: int, draws: int) -> Part:
    """Judge P{‖MZ‖ ≥ t} ≤ 2 P{‖MY‖ ≥ t} by counts of as many independent draws of each.

    The claim is about every M and t, of which one M and a few t were looked at.

    If P{‖MY‖ ≥ t} were b, so many of the sphere would have the probability P{Bin(2b) ≥ of_sphere}
    at most, so few of the normal ones P{Bin(b) ≤ of_normal}, and twice the smaller of the two is a
    p-value. The largest over all b is one whatever b is; the two cross there.
    """
    from scipy.optimize import brentq
    from scipy.stats import binom

    if of_sphere <= 2 * of_normal:
        return Part("consistent", 1.0)

    def many(b: float) -> float:
        return float(binom.sf(of_sphere - 1, draws, min(1.0, 2 * b)))

    def few(b: float) -> float:
        return float(binom.cdf(of_normal, draws, b))

    crossing = brentq(lambda b: many(b) - few(b), 0.0, 1.0)
    return Part("consistent", min(1.0, 2 * max(many(crossing), few(crossing))))


def _norms(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    norms: NDArray[np.float64] = np.linalg.norm(points @ matrix.T, axis=1)
    return norms


def draw(check: Check) -> Figure:
    """Draw the tail of the sphere and twice that of the normal vector."""
    figure, axes = canvas("t, in units of r", "probability")
    sphere, normal = np.sort(check.trials["sphere"]), np.sort(check.trials["normal"])
    t = np.linspace(0, sphere[-1], 200)
    for k, (values, factor, label) in enumerate(
        ((sphere, 1, "P{‖MZ‖ ≥ t}, sphere"), (normal, 2, "2 P{‖MY‖ ≥ t}, normal"))
    ):
        share = 1 - np.searchsorted(values, t) / values.size
        axes.plot(t[share > 0], factor * share[share > 0], color=SERIES[k], label=label)
    axes.set(yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-c.6",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(PlanRow("Lemma C.6: sphere against Gaussian", quick={}, full={"trials": 2_000_000}),),
)
