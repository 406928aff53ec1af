"""Eqs. (9), (11) and (12): what one layer of a deep network does to norms and to distances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement, share
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import Part, at_least, identity, same_law
from randrelu.figures.style import INK, MUTED, SERIES, canvas, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For unit vectors u and v at the angle θ and k rows of variance 2/k, ‖σ(Wu)‖ and "
    "‖σ(Wu) − σ(Wv)‖ are within 8 √(log(1/δ)/k) and 16 √(log(1/δ)/k) of their means, each with "
    "probability at least 1 − δ (Eqs. 9, 11); the mean square of the latter is "
    "‖u − v‖² − 2 (sin θ − θ cos θ)/π, at most ‖u − v‖² (1 − ‖u − v‖/1000)² (Eq. 12)."
)
_GRID = 10_001
_ENOUGH = 10_000  # squares, for their mean to be normal in its tails
_NUMBERS = 2**20  # drawn at a time


def run(
    *,
    width: int = 1000,
    angles: int = 8,
    constant: float = 8.0,
    divisor: float = 1000.0,
    trials: int = 1000,
    delta: float = 0.05,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure one layer at pairs of points, and find where the contraction is weakest.

    Eq. (12) is about two numbers of closed form, so that it is decided on a grid of angles; towards
    θ = 0 the exact contraction is 1 − ‖u − v‖/(3π) and more at larger angles. In Eq. (11) as
    printed, ‖u + v‖ stands for ‖u‖ + ‖v‖; it is 0 for v = −u.

    Parameters
    ----------
    width : int
        k.
    angles : int
        How many θ, evenly up to π.
    constant : float
        The 8 of the claim.
    divisor : float
        The 1000 of the claim.
    """
    from scipy.stats import ttest_1samp

    k = arguments.integer("width", width, at_least=1)
    angles = arguments.integer("angles", angles, at_least=1)
    trials = arguments.integer("trials", trials, at_least=2)
    delta = arguments.probability("delta", delta)
    constant = arguments.number("constant", constant)
    divisor = arguments.number("divisor", divisor, positive=True)
    thread_number(threads)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    theta = np.linspace(0, math.pi, angles + 1)[1:]
    norms, distances = np.empty((2, angles, trials))
    for some in blocks(trials, max(1, _NUMBERS // (k * angles)), progress):
        for i, angle in enumerate(theta):
            # Draws of its own for every angle, so that the events are independent.
            rows = generator.standard_normal((2, some.stop - some.start, k)) * math.sqrt(2 / k)
            at_u = np.maximum(rows[0], 0)
            at_v = np.maximum(math.cos(angle) * rows[0] + math.sin(angle) * rows[1], 0)
            norms[i, some] = np.linalg.norm(at_u, axis=1)
            distances[i, some] = np.linalg.norm(at_u - at_v, axis=1)

    reach = constant * math.sqrt(math.log(1 / delta) / k)
    mean = laws.layer_norm_law((k, k, 1), 1, init="he").moment(1)
    paper = f"≥ {1 - delta:g}"
    kept = share("‖σ(Wu)‖ within the bound (Eq. 9)", np.abs(norms - mean).ravel() <= reach, paper)
    measurements, parts = [kept], [at_least(kept, 1 - delta)]
    exact = mean_square(theta)
    for angle, values, square in zip(theta, distances, exact, strict=True):
        near = np.abs(values - values.mean()) <= 2 * reach
        near_mean = share(f"distance within the bound at θ = {angle:.3g} (Eq. 11)", near, paper)
        p_value = float(ttest_1samp(values**2, square).pvalue)
        measurements += [
            near_mean,
            Measurement(
                f"mean square of the distance at θ = {angle:.3g}", float(np.mean(values**2)),
                paper=f"{square:.4g} (exact law, p = {p_value:.2g})",
            ),
        ]  # fmt: skip
        parts.append(at_least(near_mean, 1 - delta))
        parts.append(same_law(p_value) if k * trials >= _ENOUGH else Part("consistent"))
    grid = np.geomspace(1e-4, math.pi, _GRID)
    smallest = float((1 / contraction(grid)).max())
    measurements.append(
        Measurement("the 1000 could be as small as", smallest, paper=f"3π = {3 * math.pi:.4g}")
    )
    parts.append(identity(smallest <= divisor))
    return STATEMENT.found(
        parameters={
            "width": k, "angles": angles, "constant": constant, "divisor": divisor,
            "trials": trials, "delta": delta, "rng": seed,
        },
        hypothesis=Hypothesis("nothing", f"unit vectors, k = {k}", True),
        measurements=measurements,
        parts=parts,
        trials={
            "angle": theta, "mean": distances.mean(axis=1), "exact_square": exact,
        },
    )  # fmt: skip


def mean_square(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return E‖σ(Wu) − σ(Wv)‖² for unit vectors, by Lemma 3.2."""
    exact: NDArray[np.float64] = distance(theta) ** 2 - 2 * laws.sine_excess(theta) / math.pi
    return exact


def distance(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ‖u − v‖ of unit vectors."""
    result: NDArray[np.float64] = 2 * np.sin(theta / 2)
    return result


def contraction(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the c with √(E‖σ(Wu) − σ(Wv)‖²) = ‖u − v‖ (1 − c ‖u − v‖), without cancellation."""
    before = distance(theta)
    lost = 2 * laws.sine_excess(theta) / math.pi
    result: NDArray[np.float64] = lost / (before + np.sqrt(before**2 - lost)) / before**2
    return result


def draw(check: Check) -> Figure:
    """Draw the distance after a layer over that before it, against the angle."""
    figure, axes = canvas("angle θ", "‖σ(Wu) − σ(Wv)‖/‖u − v‖")
    theta = np.linspace(1e-3, math.pi, 200)
    seen = check.trials["mean"] / distance(check.trials["angle"])
    axes.plot(check.trials["angle"], seen, "o", color=SERIES[0], label="measured, mean")
    axes.plot(theta, np.sqrt(mean_square(theta)) / distance(theta), color=INK, label="exact, rms")
    divisor = check.parameters["divisor"]
    claimed = 1 - distance(theta) / divisor
    axes.plot(theta, claimed, ":", color=MUTED, label=f"1 − ‖u − v‖/{divisor:g}")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "eqs-9-12",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow("Eqs. 9, 11, 12: one layer of a deep network", quick={}, full={"trials": 50_000}),
    ),
)
