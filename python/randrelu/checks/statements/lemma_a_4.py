"""Lemma A.4: the masked difference of two points, seen through a random layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, constant_needed, share
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import at_least
from randrelu.figures.style import SERIES, canvas, cumulative, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ, ‖HᵀDWM‖ ≤ 1024 L‖M‖ (√(P (n + log 1/δ)/m) + "
    "(n + log 1/δ)/√(km)), where D has the units of W that differ between two points at distance "
    "r, which P = r/R (1 + 2 √(log R/r)) bounds the share of, and H is uniform on the sphere of "
    "radius L."
)


def run(
    *,
    k: int = 200,
    m: int = 100,
    n: int = 10,
    ratio: float = 0.1,
    constant: float = 1024.0,
    trials: int = 500,
    delta: float = 0.05,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure ‖HᵀDWM‖ over fresh W and H, for one random M, x and y.

    As printed, the first term is √(3 r/R log(R/r)) (n + log 1/δ)/m. The proof applies Bernstein's
    inequality with ν = L²P/m to t of the order of n + log 1/δ, where P, the probability that a unit
    differs, is bounded by Lemma C.5; that gives √(νt), so the second factor belongs under the root,
    and this is what the conclusion is about. The printed bound is smaller where n + log 1/δ < m,
    and false where m and k/m are so large that the 1024 does not save it; it is measured too.

    Parameters
    ----------
    k, m, n : int
        W has the shape (k, m), M (m, n), with n ≤ m.
    ratio : float
        r/R in (0, 1): the distance of the points relative to their norm.
    constant : float
        The 1024 of the claim.
    """
    k = arguments.integer("k", k, at_least=1)
    m = arguments.integer("m", m, at_least=2)
    n = arguments.integer("n", n, at_least=1, at_most=m)
    ratio = arguments.probability("ratio", ratio)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    thread_number(threads)
    constant = arguments.number("constant", constant)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((m, n))
    matrix /= np.linalg.norm(matrix, 2)
    x, way = generator.standard_normal((2, m))
    x /= np.linalg.norm(x)
    way -= (way @ x) * x
    y = x + ratio * way / np.linalg.norm(way)
    sizes = np.empty(trials)
    for one in blocks(trials, 1, progress):
        weights = generator.standard_normal((k, m)) / math.sqrt(m)
        h = generator.standard_normal(k)
        h /= np.linalg.norm(h)
        differs = (weights @ x > 0).astype(float) - (weights @ y > 0)
        sizes[one] = np.linalg.norm((h * differs) @ weights @ matrix)
    much, probability = n + math.log(1 / delta), sign_change_bound(ratio)
    small = much / math.sqrt(k * m)
    bound = math.sqrt(probability * much / m) + small
    printed = math.sqrt(3 * ratio * math.log(1 / ratio)) * much / m + small
    within = share(f"within the bound with {constant:g}", sizes <= constant * bound,
                   f"≥ {1 - delta:g}")  # fmt: skip
    return STATEMENT.found(
        parameters={
            "k": k, "m": m, "n": n, "ratio": ratio, "constant": constant, "trials": trials,
            "delta": delta, "rng": seed,
        },
        hypothesis=Hypothesis("n ≤ m and r < R", f"n = {n}, m = {m}, r/R = {ratio:g}", True),
        measurements=(
            within,
            constant_needed("number in place of 1024", sizes / bound, 1 - delta),
            share(f"within the printed bound with {constant:g}", sizes <= constant * printed),
            constant_needed("number in the printed bound", sizes / printed, 1 - delta),
        ),
        parts=[at_least(within, 1 - delta)],
        trials={"norm": sizes},
    )  # fmt: skip


def sign_change_bound(ratio: float) -> float:
    """Return what the proof of Lemma C.5 shows P{sign(wᵀx) ≠ sign(wᵀy)} not to exceed."""
    return min(1.0, ratio * (1 + 2 * math.sqrt(math.log(1 / ratio))))


def draw(check: Check) -> Figure:
    """Draw ‖HᵀDWM‖ over the draws, where L and ‖M‖ are 1."""
    figure, axes = canvas("‖HᵀDWM‖/(L‖M‖)")
    cumulative(axes, check.trials["norm"], "measured", SERIES[0], of="draws")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-a.4",
    CLAIM,
    run,
    ("holds", "consistent", "violated"),
    draw,
    plan=(PlanRow("Lemma A.4: a masked difference", quick={}, full={"trials": 20_000}),),
)
