"""Theorem 3.1: deep networks are nearly constant on the sphere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import all_numbered
from randrelu.checks.deep import (
    FULL,
    QUICK,
    by_depth,
    hypothesis,
    limit,
    measure,
    ratios_at_infinite_width,
)
from randrelu.checks.result import (
    Check,
    Measurement,
    constant_needed,
    relative,
    share,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.verdict import Part, for_all, open_constant
from randrelu.figures.style import INK, band, canvas, color, legend, level

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For a deep network of equal widths k, with probability at least 0.9, "
    "|f(x) − f(y)|/|f(x)| ≤ C √(log d/d) for all x and y of the unit sphere."
)
PROBABILITY = 0.9


def run(
    *,
    dim: int = 16,
    width: int = 1000,
    depths: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256),
    points: int = 16,
    steps: int = 3,
    constant: float | None = None,
    trials: int = 40,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure how much f differs between points of the sphere, at several depths.

    The supremum of the ratio over the sphere is bracketed from below only: by the largest over
    pairs of sampled points, and over pairs of these and of the points that an ascent and a descent
    along ∇f pass, see `extremes`, which begin at the sampled points of extreme f. The paper's bound
    is compared with the latter.

    Parameters
    ----------
    dim, width : int
        d and the hidden width k.
    depths : sequence of int
        The numbers ℓ of hidden layers; the conclusion is about the largest.
    points : int
        Points sampled from the sphere, of which all pairs are compared.
    steps : int
        Steps of the ascent and of the descent at each depth. These remember the network, which
        takes memory in proportion to the layers; with 0 all points are sampled, at any depth.
    constant : float, optional
        C. The paper leaves it open, and then no data can refute the claim: some C would always do.
    """
    parameters, found = measure(
        dim, width, depths, points, steps, constant, trials, rng, threads=threads, progress=progress
    )
    dim, width, at, constant = (parameters[k] for k in ("dim", "width", "depths", "constant"))
    unit = limit(dim)
    needed = relative(found.attained_ratio, unit)
    judged, part = judge(f"at depth {at[-1]} within the bound", needed[:, -1], constant)
    columns = {"sampled": found.sampled_ratio, "attained": found.attained_ratio}
    medians = np.median(found.attained_ratio, axis=0)
    below = np.flatnonzero(medians <= unit)
    drawn = ratios_at_infinite_width(parameters)
    limits = np.median(drawn, axis=0)
    said = {"sampled": [f"{m:.3g} (infinite width, {len(drawn)} draws)" for m in limits]}
    measurements = [
        *judged,
        constant_needed(f"C at depth {at[-1]}", needed[:, -1], PROBABILITY),
        Measurement(
            "first of the depths where the attained median is below √(log d/d)",
            at[below[0]] if below.size else math.inf,
            paper=f"√(log d/d) = {unit:.4g}",
            smallest=True,
        ),
        *(
            Measurement(
                f"largest |f(x) − f(y)|/|f(x)| at depth {depth}, {name}, median",
                float(median),
                paper=limit_median,
            )
            for name, ratios in columns.items()
            for depth, median, limit_median in zip(
                at, np.median(ratios, axis=0), said.get(name, [""] * len(at)), strict=True
            )
        ),
    ]
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=hypothesis(dim, width, at[-1]),
        measurements=measurements,
        parts=[part],
        trials=all_numbered(columns, at),
    )  # fmt: skip


def judge(
    name: str, needed: NDArray[np.float64], constant: float | None
) -> tuple[list[Measurement], Part]:
    """Return the share of the trials where C is not refuted, and the part; none if C is open."""
    if constant is None:
        return [], open_constant()
    seen = share(f"{name}, C = {constant:g}", needed <= constant, f"≥ {PROBABILITY:g}")
    return [seen], for_all(seen, PROBABILITY)


def draw(check: Check) -> Figure:
    """Draw the largest relative difference of f on the sphere against the depth."""
    figure, axes = canvas("depth ℓ", "largest |f(x) − f(y)|/|f(x)|")
    for k, name in enumerate(("sampled", "attained")):
        band(axes, *by_depth(check, name), f"{name}: median, 5 % … 95 % of networks", color(k))
    wide = np.median(ratios_at_infinite_width(check.parameters), axis=0)
    label = "sampled, at infinite width: median"
    axes.plot(check.parameters["depths"], wide, "--", color=INK, linewidth=1, label=label)
    level(axes, limit(check.parameters["dim"]), "√(log d/d)")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-3.1",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Theorem 3.1: deep networks are nearly constant",
            quick=QUICK,
            full=FULL,
        ),
        PlanRow(
            "Theorem 3.1 in a higher dimension",
            quick={**QUICK, "dim": 64, "width": 500},
            full={**FULL, "dim": 64},
            label="d = 64",
        ),
        PlanRow(
            "Theorem 3.1 on narrow layers",
            quick={**QUICK, "width": 100},
            full={**FULL, "width": 100, "trials": 200},
            label="k = 100",
        ),
    ),
)
