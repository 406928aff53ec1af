"""(NN-DECOMP): the bottleneck layers, and what the narrowest one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import identity
from randrelu.figures.style import band, canvas, color, legend
from randrelu.measures.ball import visit
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.deviation import deviation_of
from randrelu.measures.flips import flips_of
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "Going back from the output, the bottleneck layers i_1 > i_2 > … > i_m = 0 get wider, and no "
    "layer between two of them is narrower than the earlier one. The narrowest layer before layer "
    "j sets the scale of what changes there."
)
# What is measured around x, by its column.
_MEASURED = {
    "deviation": "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖",
    "flipped_share": "share of units that flip",
}


def run(
    *,
    widths: tuple[int, ...],
    layer: int = 1,
    narrow: Sequence[int] = (10, 30, 100, 300, 1000),
    radius: float = 0.05,
    samples: int = 20,
    trials: int = 50,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """List the bottlenecks, then make one layer narrower and measure the ball around x.

    Parameters
    ----------
    layer : int
        The hidden layer whose width takes the values of `narrow`.
    narrow : sequence of int
        The widths of that layer, each at least 1, one after the other.
    radius : float
        The radius of the ball, relative to ‖x‖.
    samples : int
        Points sampled from the ball around x, for each of `trials` networks.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths, trials = networks.widths, networks.trials
    place = arguments.integer("layer", layer, at_least=1, at_most=len(widths) - 2)
    sizes = [arguments.integer(f"narrow[{i}]", k, at_least=1) for i, k in enumerate(narrow)]
    samples = arguments.integer("samples", samples, at_least=1)
    radius = arguments.number("radius", radius)
    threads = networks.threads_each
    x = np.ones(widths[0])
    size = radius * float(np.linalg.norm(x))

    def measure(net: Network) -> tuple[float, float]:
        visited = visit(
            net, x, size, samples, rng=net.seed, flips=True, gradient=True, remember=False,
            threads=threads,
        )  # fmt: skip
        deviation, flipped = deviation_of(visited), flips_of(visited)
        # 0/0 where no unit of the narrow layer is active at x nor elsewhere: no change.
        relative = np.nan_to_num(deviation.relative, nan=0.0, posinf=np.inf)
        return float(relative.max()), float(flipped.fraction.mean())

    found: list[tuple[float, float]] = []
    for k, width in enumerate(sizes):
        shape = (*widths[:place], width, *widths[place + 1 :])
        narrowed = replace(networks, widths=shape, progress=part(progress, k, len(sizes)))
        found += narrowed.measure(measure)
    deviation, flipped_share = np.array(found).reshape(-1, 2).T
    columns = {
        "width": np.repeat(sizes, trials), "deviation": deviation, "flipped_share": flipped_share
    }  # fmt: skip
    chain = bottlenecks(widths)
    layers = ", ".join(f"{i} (width {widths[i]})" for i in chain)
    measurements = [Measurement("number of bottleneck layers", len(chain), paper=layers)]
    for width in sizes:
        here = columns["width"] == width
        for column, name in _MEASURED.items():
            median = float(np.median(columns[column][here]))
            measurements.append(Measurement(f"d_{place} = {width}: {name}, median", median))
    return STATEMENT.found(
        parameters={
            **networks.parameters,
            "layer": place,
            "narrow": tuple(sizes),
            "radius": radius,
            "samples": samples,
        },
        hypothesis=Hypothesis("nothing of the widths", f"d_min = {min(widths[:-1])}", True),
        measurements=measurements,
        parts=[identity(chain_is_right(widths, chain))],
        trials=columns,
    )


def chain_is_right(widths: tuple[int, ...], chain: tuple[int, ...]) -> bool:
    """Return whether the layers of `chain` are what the paper says of (NN-DECOMP)."""
    ends = chain[-1] == 0 and widths[chain[0]] == min(widths[:-1])
    return ends and all(
        later > earlier
        and widths[later] < widths[earlier]
        and min(widths[earlier:later]) == widths[earlier]
        for later, earlier in pairwise(chain)
    )


def draw(check: Check) -> Figure:
    """Draw deviation and flips against the width of the layer that is made narrow."""
    figure, axes = canvas(f"width of layer {check.parameters['layer']}", "median, 5 % … 95 %")
    widths = np.unique(check.parameters["narrow"])
    for k, (column, label) in enumerate(_MEASURED.items()):
        groups = [check.trials[column][check.trials["width"] == width] for width in widths]
        band(axes, widths, groups, label, color(k))
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "nn-decomp",
    CLAIM,
    run,
    ("holds", "violated"),
    draw,
    plan=(
        PlanRow(
            "The bottleneck layers, and what a narrow layer does",
            quick=EVEN,
            full={"widths": (1000, 1000, 1000, 1), "trials": 300},
        ),
    ),
)
