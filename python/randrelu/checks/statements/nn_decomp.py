"""(NN-DECOMP): the bottleneck layers, and what the narrowest one does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.result import Check, Hypothesis, Measurement, relative
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import Part, identity
from randrelu.figures.style import band, canvas, color, legend
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.worst_flips import worst_flips
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
    "flipped_share": "share of units that flip in the layer after this bottleneck, attained",
    "deviation": "‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ at the point that attains it",
}
_STEPS = 15  # of the ascent for the most flips


def run(
    *,
    widths: tuple[int, ...],
    layer: int = 1,
    narrow: Sequence[int] = (10, 30, 100, 300, 1000),
    radius: float = 0.05,
    trials: int = 50,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """List the bottlenecks, then make one layer narrower and measure the ball around x.

    In the layer after the narrow one an ascent looks for the point with the most flips
    (`worst_flips`), as random points do not find the directions that count. The narrower a layer
    is, the larger is the ball's image relative to its distance from 0: where it is the narrowest
    so far, the share of units that flip tends to fall with its width. Kendall's τ of the networks
    whose gradient is not 0 shows that, with its p-value against a share that does not fall. It
    refutes nothing: the paper does not say that the share falls at every width, and the flips are
    those that the ascent attains.

    Parameters
    ----------
    layer : int
        The hidden layer whose width takes the values of `narrow`; not the last one.
    narrow : sequence of int
        The widths of that layer, each at least 1, one after the other.
    radius : float
        The radius of the ball, relative to ‖x‖.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths, trials = networks.widths, networks.trials
    if len(widths) < 4:
        raise ValueError(f"widths must have two hidden layers, got {widths}")
    place = arguments.integer("layer", layer, at_least=1, at_most=len(widths) - 3)
    sizes = [arguments.integer(f"narrow[{i}]", k, at_least=1) for i, k in enumerate(narrow)]
    radius = arguments.number("radius", radius)
    x = np.ones(widths[0])
    size = radius * float(np.linalg.norm(x))

    def measure(net: Network, threads: int | None) -> tuple[float, float, float]:
        most = worst_flips(
            net, x, size, layer=place + 1, steps=_STEPS, certify=False, threads=threads
        )
        at_x, at_y = net.gradient(np.array([x, most.point]), threads=threads)
        slope, change = np.linalg.norm(at_x), np.linalg.norm(at_x - at_y)
        return float(slope), float(relative(change, slope)), most.attained / widths[place + 1]

    found: list[tuple[float, float, float]] = []
    for k, width in enumerate(sizes):
        shape = (*widths[:place], width, *widths[place + 1 :])
        narrowed = replace(networks, widths=shape, progress=part(progress, k, len(sizes)))
        found += narrowed.measure(partial(measure, threads=narrowed.threads_each))
    slope, deviation, flipped_share = np.array(found).reshape(-1, 3).T
    columns = {
        "width": np.repeat(sizes, trials),
        "grad_norm": slope,
        "deviation": deviation,
        "flipped_share": flipped_share,
    }
    chain = bottlenecks(widths)
    layers = ", ".join(f"{i} (width {widths[i]})" for i in chain)
    measurements = [Measurement("number of bottleneck layers", len(chain), paper=layers)]
    for width in sizes:
        here = columns["width"] == width
        for column, name in _MEASURED.items():
            median = float(np.median(columns[column][here]))
            measurements.append(Measurement(f"d_{place} = {width}: {name}, median", median))
    here = np.isin(columns["width"], narrower(widths, place, sizes))
    here &= slope > 0  # else nothing of the ball comes through the narrow layer
    if np.unique(columns["width"][here]).size > 1:
        for column, name in _MEASURED.items():
            tau, p_value = falls(columns["width"][here], columns[column][here])
            measurements.append(
                Measurement(
                    f"Kendall's τ with the width: {name}",
                    tau,
                    paper=f"p = {p_value:.2g} if it did not fall",
                )
            )
    return STATEMENT.found(
        parameters={
            **networks.parameters,
            "layer": place,
            "narrow": tuple(sizes),
            "radius": radius,
        },
        hypothesis=Hypothesis("nothing of the widths", f"d_min = {min(widths[:-1])}", True),
        measurements=measurements,
        # What the narrowest layer does is shown, not judged.
        parts=[identity(chain_is_right(widths, chain)), Part("consistent")],
        trials=columns,
    )


def narrower(widths: tuple[int, ...], place: int, sizes: Sequence[int]) -> list[int]:
    """Return those sizes that make layer `place` the narrowest so far."""
    return [size for size in sizes if size < min(widths[:place])]


def falls(widths: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Return Kendall's τ, and how likely one so small is where the values do not fall."""
    from scipy.stats import kendalltau

    found = kendalltau(widths, values, alternative="less")
    if math.isnan(found.statistic):  # all values are equal
        return 0.0, 1.0
    return float(found.statistic), float(found.pvalue)


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
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "The bottleneck layers, and what a narrow layer does",
            quick=EVEN,
            full={"widths": (1000, 1000, 1000, 1), "trials": 300},
        ),
    ),
)
