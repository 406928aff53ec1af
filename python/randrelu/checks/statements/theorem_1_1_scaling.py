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
from randrelu.checks.attacks import a_step
from randrelu.checks.result import (
    Check,
    Hypothesis,
    Measurement,
    quantile_interval,
    share,
    smallest_constant,
)
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.statements import theorem_1_1
from randrelu.checks.trend import fitted_power
from randrelu.checks.trials import largest_constant
from randrelu.checks.verdict import open_constant
from randrelu.figures.style import INK, band, canvas, color, legend
from randrelu.measures.shortest_step import LONGEST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ, the shortest step that flips the sign has a relative size of "
    "at most c₃ √(log(1/δ)/d), where c₃ depends on the depth only: √d times the size stays bounded."
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

    For each depth, the logarithm of the (1 − δ) quantile of the relative sizes is fitted by a line
    in log d. A trial in which no step succeeds counts as infinitely large. So does one whose
    shortest step exceeds 50/√d, as "exact" looks no farther: c₃ = 50/√(log 1/δ), 28.9 for δ = 0.05.
    The power is shown and refutes nothing: at these sizes √d times the step may still rise towards
    its bound, which some c₃ would always be.

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
    eta = a_step(eta)
    arguments.storage(storage)
    seed = arguments.seed_of(rng)
    norms = np.empty((len(layers), len(sizes), trials))
    total = len(sizes) * len(layers)
    for k, (i, j) in enumerate(np.ndindex(norms.shape[:2])):
        depth, dim = layers[i], sizes[j]
        attacks = theorem_1_1.run(
            widths=(dim,) * (depth + 1) + (1,), trials=trials, delta=delta, eta=eta,
            storage=storage, threads=threads, progress=part(progress, k, total),
            # Of its own content, so that another size changes no other number.
            rng=np.random.SeedSequence(seed, spawn_key=(depth, dim)),
        ).trials  # fmt: skip
        norms[i, j] = np.where(attacks["success"], attacks["relative_norm"], np.inf)
    cap = LONGEST / np.sqrt(sizes) if eta == "exact" else np.inf
    measurements, cells = [], []
    for depth, of_sizes in zip(layers, norms, strict=True):
        shown = fitted_power(
            sizes, list(of_sizes), 1 - delta, 1 - (1 - laws.CONFIDENCE) / len(sizes), cap
        )
        measurements.append(
            Measurement(
                f"power of d of the {1 - delta:.4g} quantile, depth {depth}",
                *shown,
                paper="not above −1/2 in the long run",
            )
        )
        for dim, found in zip(sizes, of_sizes, strict=True):
            cells += _at_size(f"depth {depth}, d = {dim}", found * math.sqrt(dim), delta, eta)
    measurements += cells
    return STATEMENT.found(
        parameters={
            "dims": tuple(sizes), "depths": tuple(layers), "trials": trials, "delta": delta,
            "eta": eta, "storage": storage, "rng": seed,
        },
        hypothesis=_hypothesis(sizes, layers, delta),
        measurements=measurements,
        parts=[open_constant()],
        trials={
            "depth": np.repeat(layers, len(sizes) * trials),
            "dim": np.tile(np.repeat(sizes, trials), len(layers)),
            "relative_norm": norms.reshape(-1),
        },
    )  # fmt: skip


def _hypothesis(sizes: Sequence[int], layers: Sequence[int], delta: float) -> Hypothesis:
    """Return what theorem 1.1 asks of the networks of all these sizes and depths."""
    asks = "what theorem-1.1 asks of every one of these networks"
    if 0 in layers:
        return Hypothesis(asks, "no hidden layer at depth 0", False)
    enough = min(
        largest_constant((d,) * (depth + 1) + (1,), delta) for depth in layers for d in sizes
    )
    return Hypothesis(
        f"{asks}, whose constant C the paper leaves open",
        f"d from {sizes[0]} to {sizes[-1]}, which suffices for C ≤ {enough:.3g}",
        None,
    )


def _at_size(
    where: str, norms: NDArray[np.float64], delta: float, eta: float | str
) -> list[Measurement]:
    """Return what is seen of one size, from the relative sizes of the steps times √d."""
    looked = ""
    if eta == "exact":
        c_3 = theorem_1_1.largest_c_3(delta)
        looked = f"by no step up to {LONGEST:g}/√d, that is c₃ = {c_3:.3g}"
    return [
        Measurement(
            f"‖η∇f‖/‖x‖ √d, {where}: {1 - delta:.4g} quantile",
            smallest_constant(norms, 1 - delta),
            *quantile_interval(norms, 1 - delta),
        ),
        share(f"failed, {where}", np.isinf(norms), looked),
    ]


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
    ("consistent",),
    draw,
    # With δ = 0.05, more than δ of the small and deep networks have no such step.
    plan=(
        PlanRow(
            "Theorem 1.1 over sizes: how the step shrinks",
            quick={"dims": (128, 256, 512), "depths": (1, 2), "trials": 80, "delta": 0.25},
            full={"dims": (128, 256, 512, 1024), "depths": (1, 2, 3), "trials": 500, "delta": 0.1},
        ),
        PlanRow(
            "Theorem 1.1 over sizes, on wide networks",
            quick={
                "dims": (1000, 5000, 25_000),
                "depths": (1, 3),
                "eta": "shortest",
                "trials": 40,
                "delta": 0.25,
            },
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
