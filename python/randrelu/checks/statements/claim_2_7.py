"""Claim 2.7: between two bottleneck layers a point and its net point hardly differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import BRACKET
from randrelu.checks.result import Check, Hypothesis, Measurement, share
from randrelu.checks.segments import Segment, segments
from randrelu.checks.statement import CERTIFIED_FULL, CERTIFIED_QUICK, NARROW, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import certified, for_all
from randrelu.figures.style import canvas, color, cumulative, legend, threshold
from randrelu.measures.flips import flips
from randrelu.measures.worst_flips import worst_flips
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ′/ℓ² for each bottleneck layer i_{j+1}, here 1 − δ for all of "
    "them, a point of the ε-net of the images there and any point within ε of it, as the proof "
    "shows, differ in at most 4 d_{i_{j+1}} units of every layer up to i_j."
)

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
    for itself. That image is the net's point. The points at distance ε are sampled, and found by
    ascent (`worst_flips`), whether or not they are images: the proof counts the units that flip at
    any z with ‖z − y‖ ≤ ε. No point has more flips than are certified, where the storage is not
    "deferred", which has no weights.

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
    parts, rows = list(segments(networks)), []
    for segment in parts:

        def count(net: Network, segment: Segment = segment) -> list[float]:
            return _differ(net, segment, epsilon, samples)

        rows.append(segment.networks.measure(count))
    found = np.array(rows)  # (parts, trials, 2 or 3), as multiples of the bottleneck's width
    most = dict(zip(BRACKET, found.max(axis=0).T, strict=False))  # nothing may be certified
    few = share(
        f"at most {multiple:g} d units differ", most["attained"] <= multiple, f"≥ {1 - delta:g}"
    )
    measurements, judged = [few], for_all(few, 1 - delta)
    if "certified" in most:
        fits = share(
            f"at most {multiple:g} d units are certified to differ",
            most["certified"] <= multiple,
            f"≥ {1 - delta:g}",
        )
        measurements, judged = [few, fits], certified(fits, few, 1 - delta)
    for segment, largest in zip(parts, found.max(axis=1), strict=True):
        width = segment.before[-1]
        for name, value in zip(most, largest, strict=True):
            measurements.append(
                Measurement(
                    f"layers {segment.earlier + 1} to {segment.later}: units that differ, {name}, "
                    "largest",
                    float(value * width),
                    paper=f"≤ {multiple * width:g} = {multiple:g} d_{segment.earlier}",
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
        parts=[judged],
        trials={"seed": networks.seeds, **most},
    )


def _differ(net: Network, segment: Segment, epsilon: float, samples: int) -> list[float]:
    """Return the most units that differ in a layer, as `BRACKET`, over the bottleneck's."""
    threads, width = segment.networks.threads_each, segment.before[-1]
    image = segment.image(net)
    size = epsilon * float(np.linalg.norm(image))
    found = flips(net, image, size, samples, rng=net.seed, surface=True, threads=threads)
    worst = worst_flips(net, image, size, steps=_STEPS, threads=threads)
    sampled = int(found.counts.max(initial=0))
    bounds = [] if worst.certified is None else [int(worst.certified.max())]
    attained = max(sampled, int(worst.attained.max()))
    return [n / width for n in (sampled, attained, *bounds)]


def draw(check: Check) -> Figure:
    """Draw how many units differ, as multiples of the bottleneck's width."""
    figure, axes = canvas("units that differ / width of the bottleneck")
    for k, name in enumerate(name for name in BRACKET if name in check.trials):
        cumulative(axes, check.trials[name], name, color(k))
    threshold(axes, check.parameters["multiple"], "claimed to be less")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "claim-2.7",
    CLAIM,
    run,
    ("holds (certified)", "consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Claim 2.7: a point and its net point hardly differ",
            quick={**NARROW, "trials": 60},
            full={**NARROW, "trials": 1000},
        ),
        PlanRow(
            "Claim 2.7: units that differ, sampled, attained and certified",
            quick=CERTIFIED_QUICK,
            full=CERTIFIED_FULL,
            label="certified",
        ),
    ),
)
