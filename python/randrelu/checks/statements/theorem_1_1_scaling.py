"""Theorem 1.1 over many sizes: the step shrinks like 1/√d, at every depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.result import (
    Check,
    Hypothesis,
    Measurement,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.statements import theorem_1_1
from randrelu.checks.verdict import FALSE_ALARM, Part
from randrelu.figures.style import INK, band, canvas, color, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "The shortest step that flips the sign has a relative size of at most c₃ √(log(1/δ)/d), where "
    "c₃ depends on the depth only: it falls at least as fast as d^{−1/2}."
)


def run(
    *,
    dims: Sequence[int] = (32, 64, 128, 256),
    depths: Sequence[int] = (1, 2, 3),
    trials: int = 100,
    delta: float = 0.05,
    eta: float | str = "exact",
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Attack networks whose layers are all as wide as the input, and fit a power of d.

    For each depth, the logarithms of the relative sizes of all steps that succeed are fitted by a
    line in log d.

    Parameters
    ----------
    dims, depths : sequence of int
        The sizes d = d_1 = … = d_ℓ, at least two of them, and the numbers ℓ of hidden layers.
    eta : float or str
        The step, as for theorem-1.1.
    """
    sizes = sorted({arguments.integer(f"dims[{i}]", k, at_least=2) for i, k in enumerate(dims)})
    layers = sorted(
        {arguments.integer(f"depths[{i}]", k, at_least=0) for i, k in enumerate(depths)}
    )
    if len(sizes) < 2 or not layers:
        raise ValueError(f"dims must hold two sizes and depths one, got {dims!r} and {depths!r}")
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    eta = theorem_1_1.a_step(eta)
    arguments.storage(storage)
    seed = arguments.seed_of(rng)
    rows: list[NDArray[np.float64]] = []
    total = len(sizes) * len(layers)
    for k, (depth, dim) in enumerate((depth, dim) for depth in layers for dim in sizes):
        attacks = theorem_1_1.run(
            widths=(dim,) * (depth + 1) + (1,), trials=trials, delta=delta, eta=eta,
            storage=storage, threads=threads, progress=part(progress, k, total),
            # Of its own content, so that another size changes no other number.
            rng=np.random.SeedSequence(seed, spawn_key=(depth, dim)),
        ).trials  # fmt: skip
        succeeded = attacks["success"]
        norms = np.where(succeeded, attacks["relative_norm"], np.inf)
        rows += [np.array([depth, dim, norm]) for norm in norms]
    depth_column, dim_column, norms = np.array(rows).T
    measurements, parts = [], []
    for depth in layers:
        here = (depth_column == depth) & np.isfinite(norms)
        if np.unique(dim_column[here]).size < 2:
            parts.append(Part("consistent"))
            continue
        fit = dim_column[here], norms[here]
        slope, low, high = fitted_power(*fit, laws.CONFIDENCE)
        # Violated only where a true claim hardly ever is, at any of the depths.
        surely = fitted_power(*fit, 1 - 2 * FALSE_ALARM / len(layers))[1] > -0.5
        parts.append(Part("consistent", 0.0 if surely else None))
        measurements.append(
            Measurement(f"power of d, depth {depth}", slope, low, high, paper="≤ −1/2")
        )
    for depth in layers:
        for dim in sizes:
            here = norms[(depth_column == depth) & (dim_column == dim)]
            measurements.append(
                Measurement(
                    f"‖η∇f‖/‖x‖ √d, depth {depth}, d = {dim}: median",
                    float(np.median(here) * math.sqrt(dim)),
                )
            )
    return STATEMENT.found(
        parameters={
            "dims": tuple(sizes), "depths": tuple(layers), "trials": trials, "delta": delta,
            "eta": eta, "storage": storage, "rng": seed,
        },
        hypothesis=Hypothesis(
            "what theorem-1.1 asks of every one of these networks", f"d ≤ {sizes[-1]}", False
        ),
        measurements=measurements,
        parts=parts,
        trials={"depth": depth_column, "dim": dim_column, "relative_norm": norms},
    )  # fmt: skip


def fitted_power(
    sizes: NDArray[np.float64], values: NDArray[np.float64], confidence: float
) -> tuple[float, float, float]:
    """Return the power p of values ≈ c sizes^p by least squares, and its confidence interval."""
    from scipy.stats import linregress, t

    fit = linregress(np.log(sizes), np.log(values))
    half = float(t.ppf((1 + confidence) / 2, sizes.size - 2) * fit.stderr)
    slope = float(fit.slope)
    return slope, slope - half, slope + half


def draw(check: Check) -> Figure:
    """Draw the steps against d, by depth, with a line of slope −1/2."""
    figure, axes = canvas("input dimension d", "relative size of the step, ‖η∇f‖/‖x‖")
    sizes = check.parameters["dims"]
    for k, depth in enumerate(check.parameters["depths"]):
        here = check.trials["depth"] == depth
        groups = [check.trials["relative_norm"][here & (check.trials["dim"] == d)] for d in sizes]
        band(axes, sizes, groups, f"depth {depth}", color(k))
    axes.plot(sizes, 1 / np.sqrt(sizes), "--", color=INK, label="1/√d")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-1.1-scaling",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Theorem 1.1 over sizes: how the step shrinks",
            quick={},
            full={"dims": (32, 64, 128, 256, 512, 1024), "depths": (1, 2, 3, 4), "trials": 500},
        ),
        PlanRow(
            "Theorem 1.1 over sizes, on wide networks",
            quick={"dims": (1000, 10_000, 100_000), "depths": (1, 3), "eta": "shortest"},
            full={
                "dims": (1000, 10_000, 100_000, 1_000_000),
                "depths": (1, 2, 3),
                "eta": "shortest",
                "trials": 300,
            },
            label="wide",
        ),
    ),
)
