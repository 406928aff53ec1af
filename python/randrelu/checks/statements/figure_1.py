"""Figure 1: how much of x lies in the row space of a first layer of k units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.verdict import identity, same_law
from randrelu.figures.row_space import row_space_figure
from randrelu.measures.row_space import ACCURACY, DIM, HIDDEN, Figure1, figure_1, run_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For W_1 of shape (k, d) with independent N(0, 1) entries, the smallest δ* with "
    "W_1(x − δ*) = 0 has ‖δ*‖/‖x‖ close to √(k/d)."
)


def run(
    *,
    dim: int = DIM,
    hidden: int | Iterable[int] = HIDDEN,
    runs: int = 10,
    rng: Rng = None,
    method: str | Sequence[str] = "solve",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Compare the ratios of `figure_1` with their exact law; those drawn from it are not.

    The caption in the paper says 10 000 hidden units where the input dimension is meant. ‖δ*‖ is
    the radius r of appendix D itself, not only a bound of it, see `randrelu.min_perturbation`.

    Parameters
    ----------
    dim, hidden, runs, method
        As for `figure_1`; method may be a text such as "solve,law" as well.
    """
    found = figure_1(dim, hidden, runs, rng=rng, method=method, threads=threads, progress=progress)
    if "solve" not in found.method:
        raise ValueError(
            "method must be 'solve' for at least one number of hidden units: what is drawn from "
            "the law cannot test it"
        )
    solved = [i for i, method in enumerate(found.method) if method == "solve"]
    inside = [i for i in solved if found.hidden[i] < dim]
    p_values = [_p_value(found.ratios[i], int(found.hidden[i]), dim) for i in inside]
    gaps = [float(np.abs(found.ratios[i] - 1).max()) for i in solved if found.hidden[i] >= dim]

    measurements = [_mean(found, i) for i in range(len(found.hidden))]
    if p_values:
        measurements.append(
            Measurement(
                "smallest p (Kolmogorov–Smirnov)",
                min(p_values),
                paper=f"(‖δ*‖/‖x‖)² ~ Beta(k/2, (d − k)/2), at {len(p_values)} k",
            )
        )
    if gaps:
        measurements.append(
            Measurement("largest |‖δ*‖/‖x‖ − 1|, k ≥ d", max(gaps), paper=f"0, to {ACCURACY:g}")
        )
    columns = found.columns()
    seeds = [
        arguments.seed_of(run_seed(found.seed, int(k), int(r)))
        for k, r in zip(columns["hidden"], columns["run"], strict=True)
    ]
    return STATEMENT.found(
        parameters={
            "dim": found.dim,
            "hidden": tuple(found.hidden.tolist()),
            "runs": found.ratios.shape[1],
            "method": found.method[0] if len(set(found.method)) == 1 else found.method,
            "rng": found.seed,
        },
        hypothesis=Hypothesis("nothing", f"d = {found.dim}", met=True),
        measurements=measurements,
        parts=[
            *map(same_law, p_values),
            *(identity(gap <= ACCURACY) for gap in gaps),
        ],
        trials={"seed": np.array(seeds, np.uint64), **columns},
    )


def _p_value(ratios: NDArray[np.float64], rank: int, dim: int) -> float:
    from scipy.stats import kstest

    return float(kstest(ratios**2, laws.projected_length_law(rank, dim).cdf).pvalue)


def _mean(found: Figure1, i: int) -> Measurement:
    """Return the average at one k with Student's interval, beside the paper's and the exact."""
    from scipy.stats import sem, t

    ratios, mean = found.ratios[i], float(found.mean[i])
    drawn = ", drawn from the law" if found.method[i] == "law" else ""
    paper = f"√(k/d) = {found.predicted[i]:.4g}; exact mean {found.expected[i]:.4g}"
    name = f"mean ‖δ*‖/‖x‖, k = {found.hidden[i]}{drawn}"
    if len(ratios) == 1:
        return Measurement(name, mean, paper=paper)
    half = float(sem(ratios) * t.ppf((1 + laws.CONFIDENCE) / 2, len(ratios) - 1))
    return Measurement(name, mean, mean - half, mean + half, paper=paper)


def draw(check: Check) -> Figure:
    """Draw the figure."""
    return row_space_figure(check.trials, check.parameters["dim"])


STATEMENT = Statement(
    "figure-1",
    CLAIM,
    run,
    ("holds", "consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Figure 1: what it takes to undo the first layer",
            quick={"method": ("solve",) * 5 + ("law",) * 2},
            full={"method": "solve"},
        ),
    ),
)
