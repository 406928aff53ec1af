"""Theorem B.1: theorem 3.1 at a scale that keeps norms, where |f| stays away from 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from randrelu import laws
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import all_numbered
from randrelu.checks.deep import (
    FULL,
    QUICK,
    by_depth,
    hypothesis,
    limit,
    measure,
)
from randrelu.checks.result import (
    Check,
    Measurement,
    constant_needed,
    share,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.statements.theorem_3_1 import PROBABILITY, judge
from randrelu.checks.verdict import for_all
from randrelu.figures.style import MUTED, band, canvas, color, legend, level

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For a deep network of equal widths k, scaled to keep norms, with probability at least 0.9, "
    "|f(x)| ≥ 0.04 and |f(x) − f(y)| ≤ C √(log d/d) on the unit sphere; and all ‖f_i(x)‖ stay near "
    "1 (Eq. 10)."
)
LEAST = 0.04  # of |f(x)|


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
    """Measure f, its differences and the norms of the layers, at several depths.

    The largest difference and the smallest |f(x)| are those of sampled points and of the points of
    an ascent and a descent, as in theorem-3.1; the norms are those of the sampled points.

    (Lower-Bound-Init) as printed has weights of variance 2/d in W_1 and 2/k in W_{ℓ+1}; then
    ‖f_i(x)‖ is about √(k/d), which Eq. (10) and the rest of the proof say is 1, and f of the order
    of 1/√d. They have 2/k and 1 in mind (P{|N(0, 1)| ≥ 0.05} = 0.96 and ‖W_{ℓ+1}‖ ≤ 2√k), which is
    what is used here. In the paper's expansion of E‖f_i(x) − f_i(y)‖² the second line has
    + 2E⟨f_i(x), f_i(y)⟩ where − 2E⟨f_i(x), f_i(y)⟩ is meant; the third line has it right.

    The norms have an exact law, log ‖f_i(x)‖ with a standard deviation of about ½√(5i/k); so
    Eq. (10) asks for widths far beyond any that can be computed with.

    Parameters
    ----------
    dim, width, depths, points, steps, constant
        As for theorem-3.1.
    """
    parameters, found = measure(
        dim, width, depths, points, steps, constant, trials, rng, threads=threads, progress=progress
    )
    dim, width, at, constant = (parameters[k] for k in ("dim", "width", "depths", "constant"))
    depth, spread = at[-1], found.attained_spread[:, -1] / limit(dim)
    large = share(
        f"|f(x)| ≥ {LEAST:g} at depth {depth}",
        found.attained_smallest[:, -1] >= LEAST,
        f"≥ {PROBABILITY:g}",
    )
    judged, part = judge(f"|f(x) − f(y)| within the bound at depth {depth}", spread, constant)
    below, above = eq_10(dim, depth)
    band = f"1 − {below:.2g} … 1 + {above:.2g} (Eq. 10)"
    law = laws.layer_norm_law((width,) * (depth + 1) + (1,), depth, init="he")
    low, high = map(float, law.positive.ppf([0.05, 0.95]))
    names = ("sampled_smallest", "attained_smallest", "sampled_spread", "attained_spread")
    columns = {name: getattr(found, name) for name in (*names, "shortest", "longest")}
    measurements = [
        large,
        *judged,
        constant_needed(f"C at depth {depth}", spread, PROBABILITY),
        Measurement(
            "shortest ‖f_i(x)‖ of all layers, median", float(np.median(found.shortest[:, -1])),
            paper=band,
        ),
        Measurement(
            "longest ‖f_i(x)‖ of all layers, median", float(np.median(found.longest[:, -1])),
            paper=band,
        ),
        Measurement(
            f"95 % over 5 % quantile of ‖f_{depth}(x)‖ at one x if not 0, exact law", high / low,
            paper=f"≤ 1 + {below + above:.2g} (Eq. 10)",
        ),
        *(
            Measurement(f"largest |f(x) − f(y)| at depth {k}, {name}, median", float(median))
            for name in ("sampled", "attained")
            for k, median in zip(at, np.median(columns[f"{name}_spread"], axis=0), strict=True)
        ),
    ]  # fmt: skip
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=hypothesis(dim, width, depth),
        measurements=measurements,
        parts=[for_all(large, PROBABILITY), part],
        trials=all_numbered(columns, at),
    )  # fmt: skip


def eq_10(dim: int, depth: int) -> tuple[float, float]:
    """Return how far below and above 1 Eq. (10) allows ‖f_ℓ(x)‖ to be."""
    unit = depth**2 * dim**3
    return 1 / (512 * unit), 1 / (1024 * unit)


def draw(check: Check) -> Figure:
    """Draw the differences of f and the norms of the layers against the depth."""
    figure, axes = canvas("depth ℓ", "median, 5 % … 95 % of networks")
    band(axes, *by_depth(check, "sampled_spread"), "largest |f(x) − f(y)|, sampled", MUTED)
    for k, (name, label) in enumerate(
        [
            ("attained_spread", "largest |f(x) − f(y)|, attained"),
            ("attained_smallest", "smallest |f(x)|, attained"),
            ("longest", "longest ‖f_i(x)‖ so far"),
            ("shortest", "shortest ‖f_i(x)‖ so far"),
        ]
    ):
        band(axes, *by_depth(check, name), label, color(k))
    level(axes, LEAST, f"{LEAST:g}, claimed of |f(x)|")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-b.1",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Theorem B.1: theorem 3.1 at a scale that keeps norms",
            quick=QUICK,
            full=FULL,
        ),
    ),
)
