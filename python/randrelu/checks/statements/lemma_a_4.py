"""Lemma A.4: the masked difference of two points, seen through a random layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import (
    Check,
    Hypothesis,
    Measurement,
    constant_needed,
    quantile,
    share,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import for_all, same_law, unbreakable
from randrelu.figures.style import SERIES, canvas, cumulative, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ, ‖HᵀDWM‖ ≤ 1024 L‖M‖ (√(P (n + log 1/δ)/m) + "
    "(n + log 1/δ)/√(km)), where D has the units of W that differ between two points at distance "
    "r, which P = arcsin(r/R)/π bounds the share of, and H is uniform on the sphere of radius L."
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
    """Measure ‖HᵀDWM‖ over fresh W and H, at the worst y and M, and beside an exact law.

    The worst y lies on a tangent from 0 to its ball, where most units differ. The worst M with n
    orthonormal columns has in its range the direction in the plane of x and y in which the rows of
    DW are largest; that no other M has a larger tail is not shown, so the claim, which is about
    every M, is consistent at best. Where its range is orthogonal to that plane, D and WM are
    independent and the law is exact, see `randrelu.laws.masked_difference_law`.

    The 1024 can hardly be broken: ‖HᵀDWM‖ ≤ L‖W‖‖M‖, and ‖W‖ ≤ (√k + √m + √(2 log 1/δ))/√m with
    probability at least 1 − δ (Theorem C.3). Where the bound exceeds that, the check calls it
    uninformative.

    As printed, the first term is √(3 r/R log(R/r)) (n + log 1/δ)/m. The proof applies Bernstein's
    inequality with ν = L²P/m to t of the order of n + log 1/δ, where P, the probability that a unit
    differs, is bounded by Lemma C.5; that gives √(νt), so the second factor belongs under the root,
    and this is what the conclusion is about. The printed bound is smaller where n + log 1/δ < m,
    and false where m and k/m are so large that the 1024 does not save it; it is measured too.

    Parameters
    ----------
    k, m, n : int
        W has the shape (k, m), M (m, n), with n ≤ m and m ≥ 2.
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
    rows = np.empty((trials, m))
    for one in blocks(trials, 1, progress):
        rows[one] = masked_row(k, m, ratio, generator)
    aligned = np.linalg.norm(rows[:, :n], axis=1)
    probability = laws.worst_sign_change(ratio)
    much = n + math.log(1 / delta)
    small = much / math.sqrt(k * m)
    bound = math.sqrt(probability * much / m) + small
    printed = math.sqrt(3 * ratio * math.log(1 / ratio)) * much / m + small
    trivial = (math.sqrt(k) + math.sqrt(m) + math.sqrt(2 * math.log(1 / delta))) / math.sqrt(m)
    within = share(f"within the bound with {constant:g}", aligned <= constant * bound,
                   f"≥ {1 - delta:g}")  # fmt: skip
    measurements = [
        within,
        constant_needed("number in place of 1024", aligned / bound, 1 - delta),
        Measurement(
            f"bound with {constant:g} over the trivial one, L‖W‖‖M‖", constant * bound / trivial,
            paper="informative below 1",
        ),
        share(f"within the printed bound with {constant:g}", aligned <= constant * printed),
        constant_needed("number in the printed bound", aligned / printed, 1 - delta),
    ]  # fmt: skip
    parts = [unbreakable() if constant * bound >= trivial else for_all(within, 1 - delta)]
    trials_of = {"aligned": aligned}
    if n <= m - 2:
        across = trials_of["orthogonal"] = np.linalg.norm(rows[:, 1 : n + 1], axis=1)
        law = laws.masked_difference_law(math.asin(ratio), k, m, n)
        p_value = law.p_value(across)
        measurements += [
            quantile("‖HᵀDWM‖/L where M is orthogonal to x and y, median", across, 0.5, law.ppf),
            Measurement("p-value of its exact law", p_value),
        ]
        parts.append(same_law(p_value))
    return STATEMENT.found(
        parameters={
            "k": k, "m": m, "n": n, "ratio": ratio, "constant": constant, "trials": trials,
            "delta": delta, "rng": seed,
        },
        hypothesis=Hypothesis("n ≤ m and r < R", f"n = {n}, m = {m}, r/R = {ratio:g}", True),
        measurements=measurements,
        parts=parts,
        trials=trials_of,
    )  # fmt: skip


def masked_row(k: int, m: int, ratio: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return HᵀDW for L = 1; ‖HᵀDWM‖ is the norm of n of its components if these are M's range.

    x and y lie in the plane of the first and the last, at equal angles on both sides of the last
    axis, so that the rows where they differ point along the first.
    """
    weights = generator.standard_normal((k, m)) / math.sqrt(m)
    h = generator.standard_normal(k)
    half = math.asin(ratio) / 2
    along, aside = weights[:, 0] * math.sin(half), weights[:, -1] * math.cos(half)
    differs = (aside + along > 0).astype(float) - (aside - along > 0)
    row: NDArray[np.float64] = (h / np.linalg.norm(h) * differs) @ weights
    return row


def draw(check: Check) -> Figure:
    """Draw ‖HᵀDWM‖ over the draws, where L and ‖M‖ are 1."""
    figure, axes = canvas("‖HᵀDWM‖/(L‖M‖)")
    labels = {"aligned": "measured, the worst M", "orthogonal": "measured, M across x and y"}
    for color, (name, values) in zip(SERIES, check.trials.items(), strict=False):
        cumulative(axes, values, labels[name], color, of="draws")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-a.4",
    CLAIM,
    run,
    ("consistent", "uninformative", "violated"),
    draw,
    plan=(PlanRow("Lemma A.4: a masked difference", quick={}, full={"trials": 20_000}),),
)
