"""Claim 2.7: between two bottleneck layers a point and its net point hardly differ."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.result import Check, Hypothesis, Measurement, share
from randrelu.checks.statement import NARROW, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import for_all
from randrelu.figures.style import canvas, color, cumulative, legend, threshold
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.flips import flips
from randrelu.measures.worst import worst_flips
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ, a point of layer i_{j+1} and the point of an ε-net next to "
    "it differ in at most 4 d_{i_{j+1}} units of every layer up to i_j."
)

_FOUND = ("sampled", "attained")
_STEPS = 15  # of the ascent; four times as many find a few flips more


def run(
    *,
    widths: tuple[int, ...],
    epsilon: float = 0.01,
    samples: int = 20,
    multiple: float = 4.0,
    trials: int = 100,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Move the image of x at every bottleneck by ε, and count the units that flip after it.

    The part of the network after a bottleneck is independent of the image there, so it is drawn
    for itself. The points at distance ε are sampled, and found by ascent (`worst_flips`).

    Parameters
    ----------
    epsilon : float
        ε relative to the image's norm. The paper takes d_max^{−32ℓ}, which is less than the
        smallest double for most networks and moves nothing.
    samples : int
        Points sampled at distance ε.
    multiple : float
        The 4 of the claim.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths = networks.widths
    if len(widths) == 2:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    epsilon = arguments.number("epsilon", epsilon)
    multiple = arguments.number("multiple", multiple)
    # From one bottleneck to the next, and from the last one to the end (claim A.3).
    ends = (len(widths) - 2, *bottlenecks(widths))
    parts = [(earlier, later) for later, earlier in pairwise(ends) if earlier < later]
    rows = []
    for place, (earlier, later) in enumerate(parts):

        def count(net: Network, earlier: int = earlier) -> tuple[float, float]:
            return _differ(net, widths[: earlier + 1], epsilon, samples, networks)

        # Parts of one network are independent of each other.
        own = np.random.SeedSequence(networks.seed, spawn_key=(0, place))
        section = replace(
            networks,
            widths=(*widths[earlier : later + 1], 1),
            seed=arguments.seed_of(own) if place else networks.seed,
            progress=part(progress, place, len(parts)),
        )
        rows.append(section.measure(count))
    found = np.array(rows)  # (parts, trials, 2), as multiples of the bottleneck's width
    sampled, attained = found.max(axis=0).T
    few = share(f"at most {multiple:g} d units differ", attained <= multiple, f"≥ {1 - delta:g}")
    measurements = [few]
    for (earlier, later), largest in zip(parts, found.max(axis=1), strict=True):
        for name, value in zip(_FOUND, largest, strict=True):
            measurements.append(
                Measurement(
                    f"layers {earlier + 1} to {later}: units that differ, {name}, largest",
                    float(value * widths[earlier]),
                    paper=f"≤ {multiple * widths[earlier]:g} = {multiple:g} d_{earlier}",
                )
            )
    asked = networks.hypothesis(delta)
    smallest = -32 * (len(widths) - 2) * math.log10(max(widths[:-1]))
    return STATEMENT.found(
        parameters={
            **networks.parameters,
            "delta": delta,
            "epsilon": epsilon,
            "samples": samples,
            "multiple": multiple,
        },
        hypothesis=Hypothesis(
            f"{asked.asks}; and ε = 10^{smallest:.0f}", f"{asked.has}, ε = {epsilon:g}", False
        ),
        measurements=measurements,
        parts=[for_all(few, 1 - delta)],
        trials={
            "seed": networks.seeds,
            **dict(zip(_FOUND, (sampled, attained), strict=True)),
        },
    )


def _differ(
    net: Network, before: tuple[int, ...], epsilon: float, samples: int, networks: Networks
) -> tuple[float, float]:
    """Return the most units that differ in a layer, sampled and attained, over the bottleneck's."""
    threads = networks.threads_each
    image = _image(before, net.seed, networks.storage)
    size = epsilon * float(np.linalg.norm(image))
    found = flips(net, image, size, samples, rng=net.seed, surface=True, threads=threads)
    attained = [
        worst_flips(net, image, size, layer=i, steps=_STEPS, threads=threads).attained
        for i in range(1, net.depth + 1)
    ]
    return float(found.counts.max() / before[-1]), float(max(attained) / before[-1])


def _image(before: tuple[int, ...], seed: int | None, storage: str) -> NDArray[np.float64]:
    """Return f_i(x) of the layers up to a bottleneck, x itself if that is the input."""
    x = np.ones(before[0])
    if len(before) == 1:
        return x
    other = arguments.seed_of(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    net = Network.random((*before, 1), rng=other, dtype="float64", storage=storage)
    return net.activations(x)[-1].astype(np.float64, copy=False)


def draw(check: Check) -> Figure:
    """Draw how many units differ, as multiples of the bottleneck's width."""
    figure, axes = canvas("units that differ / width of the bottleneck")
    for k, name in enumerate(_FOUND):
        cumulative(axes, check.trials[name], name, color(k))
    threshold(axes, check.parameters["multiple"], "claimed to be less")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "claim-2.7",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Claim 2.7: a point and its net point hardly differ",
            quick=NARROW,
            full={**NARROW, "trials": 1000},
        ),
    ),
)
