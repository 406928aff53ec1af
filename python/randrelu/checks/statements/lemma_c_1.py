"""Lemma C.1: the spectral norm of a Gaussian matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import (
    Check,
    Hypothesis,
    Measurement,
    constant_needed,
    share,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import at_least
from randrelu.figures.style import SERIES, canvas, cumulative, legend, threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For A of shape (m, n) with independent standard normal entries, "
    "‖A‖ ≤ 3 (√m + √n + √(log 1/δ)) with probability at least 1 − δ."
)


def run(
    *,
    rows: int = 100,
    cols: int = 200,
    constant: float = 3.0,
    trials: int = 200,
    delta: float = 0.05,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure ‖A‖.

    The proof takes ‖uᵀA‖ ≤ √n + √(log 1/δ′) to have probability at least 1 − δ′, which is too
    much: Theorem C.3 gives √n + √(2 log 1/δ′). The constant stays 3 all the same if the net has 7^m
    points, which is enough for a distance of 1/3, and not the proof's 10^m: 3/2 √(2 log 7) is 2.96.
    The norm is near √m + √n.

    Parameters
    ----------
    rows, cols : int
        m and n.
    constant : float
        The 3 of the claim.
    """
    m = arguments.integer("rows", rows, at_least=1)
    n = arguments.integer("cols", cols, at_least=1)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    thread_number(threads)
    constant = arguments.number("constant", constant)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    norms = np.empty(trials)
    for one in blocks(trials, 1, progress):
        matrix = generator.standard_normal((m, n))
        # The Gram matrix of the short side, in less than half of the time of an SVD.
        gram = matrix @ matrix.T if m <= n else matrix.T @ matrix
        norms[one] = math.sqrt(np.linalg.eigvalsh(gram)[-1])
    about, unit = sizes(m, n, delta)
    within = share(f"within {constant:g} times it", norms <= constant * unit, f"≥ {1 - delta:g}")
    ratio = norms / about
    return STATEMENT.found(
        parameters={
            "rows": m, "cols": n, "constant": constant, "trials": trials, "delta": delta,
            "rng": seed,
        },
        hypothesis=Hypothesis("nothing", f"m = {m}, n = {n}", True),
        measurements=(
            within,
            constant_needed("number in place of 3", norms / unit, 1 - delta),
            Measurement("‖A‖/(√m + √n), median", float(np.median(ratio)), paper="→ 1"),
            Measurement("‖A‖/(√m + √n), largest", float(ratio.max())),
        ),
        parts=[at_least(within, 1 - delta)],
        trials={"norm": norms},
    )  # fmt: skip


def sizes(m: int, n: int, delta: float) -> tuple[float, float]:
    """Return what ‖A‖ is near, √m + √n, and the bound without its constant."""
    about = math.sqrt(m) + math.sqrt(n)
    return about, about + math.sqrt(math.log(1 / delta))


def draw(check: Check) -> Figure:
    """Draw ‖A‖ and its bound."""
    figure, axes = canvas("spectral norm ‖A‖")
    given = check.parameters
    about, unit = sizes(given["rows"], given["cols"], given["delta"])
    cumulative(axes, check.trials["norm"], "measured", SERIES[0], of="draws")
    threshold(axes, about, "√m + √n", SERIES[2])
    label = f"{given['constant']:g} (√m + √n + √(log 1/δ))"
    threshold(axes, given["constant"] * unit, label)
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-c.1",
    CLAIM,
    run,
    ("holds", "consistent", "violated"),
    draw,
    plan=(PlanRow("Lemma C.1: Gaussian matrices", quick={}, full={"trials": 5000}),),
)
