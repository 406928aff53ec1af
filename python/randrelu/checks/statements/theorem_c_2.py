"""Theorem C.2: Bernstein's inequality, for the sums that Lemma A.4 applies it to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, counted
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import at_most
from randrelu.figures.style import INK, SERIES, canvas, legend
from randrelu.laws.products import Chi2

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For independent X_i with Σ E X_i² ≤ ν and Σ E|X_i|^q ≤ q!/2 ν c^{q−2} for all q ≥ 3, here the "
    "terms of HᵀDWv along a unit vector v in Lemma A.4, P{Σ (X_i − E X_i) ≥ √(2νt) + ct} ≤ e^{−t}."
)
_NUMBERS = 2**20  # drawn at a time


def run(
    *,
    k: int = 100,
    m: int = 100,
    ratio: float = 0.5,
    levels: Sequence[float] = (0.5, 1.0, 2.0, 3.0),
    widen: float = 1.0,
    trials: int = 20_000,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Count how often the sums of Lemma A.4's proof exceed the bound.

    Its X_i = H_i D_ii ⟨v, w_i⟩ have independent factors H_i ~ N(0, 2L²/k), and a unit differs with
    the probability p = θ/π. With s = L √(2/(km)), E|X_i|^q is p s^q (E|N(0, 1)|^q)² ≤ p s^q q!/2
    where v is orthogonal to x and y, so that ν = 2L²p/m and c = s will do; and it is at most
    p s^q q! where v lies in their plane, so that ν = 4L²p/m, as in the paper, and c = s will do.
    (The paper's c = 6L/√(km) is larger.)

    Parameters
    ----------
    k, m : int
        W has the shape (k, m); the sums have k terms.
    ratio : float
        r/R in (0, 1); y lies on a tangent from 0 to its ball, which makes p largest.
    levels : sequence of float
        The t.
    widen : float
        What the bound √(2νt) + ct is multiplied with.
    """
    k = arguments.integer("k", k, at_least=1)
    m = arguments.integer("m", m, at_least=3)
    ratio = arguments.probability("ratio", ratio)
    trials = arguments.integer("trials", trials, at_least=1)
    widen = arguments.number("widen", widen)
    t = arguments.real_array("levels", levels).astype(np.float64)
    if t.ndim != 1 or not t.size or (t <= 0).any():
        raise ValueError(f"levels must be positive numbers, got {levels!r}")
    thread_number(threads)
    seed = arguments.seed_of(rng)
    generator, sums = np.random.default_rng(seed), np.empty((2, trials))
    block = max(1, _NUMBERS // k)
    for some in blocks(trials, block, progress):
        sums[:, some] = draw_sums(some.stop - some.start, k, m, ratio, generator)
    law = law_across(k, m, ratio)
    measurements, parts = [], []
    for name, (nu, c), values in zip(("across", "within"), scales(k, m, ratio), sums, strict=True):
        for level in t:
            bound = widen * float(threshold(level, nu, c))
            allowed = math.exp(-level)
            exact = f"; {(1 - float(law.cdf(bound))) / 2:.4g} (exact law)"
            seen = counted(
                f"share beyond the bound of t = {level:g}, v {name} the plane of x and y",
                int(np.sum(values >= bound)), trials,
                f"≤ {allowed:.4g}{exact if name == 'across' else ''}",
            )  # fmt: skip
            measurements.append(seen)
            parts.append(at_most(seen, allowed))
    nu, c = scales(k, m, ratio)[1]
    return STATEMENT.found(
        parameters={
            "k": k, "m": m, "ratio": ratio, "levels": tuple(map(float, t)), "widen": widen,
            "trials": trials, "rng": seed,
        },
        hypothesis=Hypothesis(
            "Σ E X_i² ≤ ν and Σ E|X_i|^q ≤ q!/2 ν c^{q−2}",
            f"ν = {nu:.4g} (half of it across the plane) and c = {c:.4g} for L = 1, which will do",
            True,
        ),
        measurements=measurements,
        parts=parts,
        trials={"across": sums[0], "within": sums[1]},
    )  # fmt: skip


def draw_sums(
    count: int, k: int, m: int, ratio: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return sums along a v across the plane of x and y, and along one within it, for L = 1.

    The one within points to where units differ, between the boundaries of x and of y.
    """
    half = math.asin(ratio) / 2
    along, aside, across, h = generator.standard_normal((4, count, k))
    # Of x and y at the angles ±half around the second axis.
    differs = np.abs(aside) * math.cos(half) < np.abs(along) * math.sin(half)
    terms = math.sqrt(2 / (k * m)) * h * differs
    return np.stack([(terms * across).sum(axis=1), (terms * along).sum(axis=1)])


def law_across(k: int, m: int, ratio: float) -> laws.NormLaw:
    """Return the exact law of the size of a sum across the plane, for L = 1.

    Given the units that differ it is normal with the variance ‖H‖²/m, H taken at these units.
    """
    differing = Chi2(k, laws.worst_sign_change(ratio))
    return laws.NormLaw((differing, Chi2(1)), math.log(2 / (k * m)))


def scales(k: int, m: int, ratio: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return ν and c of the sums across the plane and within it, for L = 1."""
    p, c = laws.worst_sign_change(ratio), math.sqrt(2 / (k * m))
    return (2 * p / m, c), (4 * p / m, c)


def threshold(t: ArrayLike, nu: float, c: float) -> NDArray[np.float64]:
    """Return √(2νt) + ct."""
    level = np.asarray(t, np.float64)
    result: NDArray[np.float64] = np.sqrt(2 * nu * level) + c * level
    return result


def draw(check: Check) -> Figure:
    """Draw how often the sums exceed their bounds, below e^{−t}."""
    figure, axes = canvas("t", "P{sum ≥ √(2νt) + ct}")
    given = check.parameters
    t = np.linspace(0, max(given["levels"]), 60)
    of_both = scales(given["k"], given["m"], given["ratio"])
    for color, name, (nu, c) in zip(SERIES, ("across", "within"), of_both, strict=False):
        ordered = np.sort(check.trials[name])
        share = 1 - np.searchsorted(ordered, given["widen"] * threshold(t, nu, c)) / ordered.size
        label = f"measured, v {name} the plane"
        axes.plot(t[share > 0], share[share > 0], color=color, label=label)
    axes.plot(t, np.exp(-t), "--", color=INK, label="exp(−t)")
    axes.set(yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-c.2",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(PlanRow("Theorem C.2: Bernstein's inequality", quick={}, full={"trials": 1_000_000}),),
)
