"""Lemma 2.6: between bottleneck layers the masked weight products are not large."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.columns import BRACKET, all_numbered
from randrelu.checks.constants import a_constant, bounded, drawn, spectral_bounds
from randrelu.checks.result import Check, Measurement
from randrelu.checks.statement import CERTIFIED_FULL, CERTIFIED_QUICK, NARROW, PlanRow, Statement
from randrelu.checks.trend import SCALES, asked, narrower, of_constant
from randrelu.checks.trials import Networks
from randrelu.figures.style import canvas, color, cumulative, legend
from randrelu.measures.ball import sample_ball
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.certified.layers import certified_products
from randrelu.measures.masked_product import masked_product_norm
from randrelu.measures.worst_flips import worst_flips
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With ‖x‖ = √d and probability at least 1 − δ, for all y with ‖y − x‖ ≤ R and all bottleneck "
    "layers i_j, ‖M_{i_j, i_{j+1}}(y)‖ ≤ (C ℓ log d_max)^{(i_j − i_{j+1})/2}."
)
_STEPS = 10  # of the ascents to where units flip


def run(
    *,
    widths: tuple[int, ...],
    radius: float = 0.05,
    samples: int = 3,
    constant: float | None = None,
    trials: int = 100,
    delta: float = 0.05,
    trend: bool = False,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Find the spectral norms at x and at points around it, for each of `trials` networks.

    The supremum over the ball is bracketed: from below by the largest norm at x and at sampled
    points, and at these and the points where most units of a layer flip (`worst_flips`), with which
    the paper's bound is compared; and from above by a certified bound, the norms of the weights
    between units that can be active, where the storage is not "deferred", which has no weights.

    Parameters
    ----------
    radius : float
        R/√d.
    samples : int
        Points of the sphere around x.
    constant : float, optional
        C, which the paper leaves open: some C would always do, so there is nothing to refute but of
        one that is given.
    trend : bool
        Whether the check runs again at a quarter and at half of the widths, to tell by which power
        of them the constant grows that is needed.
    """
    trend = asked(trend)
    whole = part(progress, 0, len(SCALES)) if trend else progress
    networks = Networks.asked(widths, trials, storage, rng, threads, whole)
    if trend:
        narrower(networks.widths)  # or it refuses, before anything is measured
    widths = networks.widths
    pairs = _pairs(widths)
    if not pairs:
        raise ValueError(
            f"widths must have a bottleneck after the input, which is the narrowest of {widths}: "
            "the lemma says nothing then; make a hidden layer narrower than the input"
        )
    samples = arguments.integer("samples", samples, at_least=0)
    delta = arguments.probability("delta", delta)
    radius = arguments.number("radius", radius)
    constant = a_constant(constant)
    threads = networks.threads_each
    x, size = np.ones(widths[0]), radius * math.sqrt(widths[0])

    certify = networks.storage != "deferred"

    def largest(net: Network) -> list[list[float]]:
        sphere = sample_ball(x, size, samples, rng=net.seed, surface=True, threads=threads)
        worst = worst_flips(net, x, size, steps=_STEPS, certify=False, threads=threads).point
        points = np.vstack((x, sphere, worst))
        norms = np.array([
            masked_product_norm(net, points, earlier, later, threads=threads)
            for later, earlier in pairs
        ])  # fmt: skip
        found = [norms[:, : 1 + samples].max(axis=1).tolist(), norms.max(axis=1).tolist()]
        if certify:
            found.append(certified_products(net, x, size, pairs, threads=threads))
        return found

    found = np.array(networks.measure(largest)).transpose(1, 0, 2)
    norms = dict(zip(BRACKET, found, strict=False))  # nothing may be certified
    lengths = np.array([later - earlier for later, earlier in pairs])
    unit = laws.base(widths)
    needed, *enough = (
        (column ** (2 / lengths) / unit).max(axis=1)
        for name, column in norms.items()
        if name != "sampled"
    )
    largest_weights = spectral_bounds(networks)
    largest_norms = [largest_weights[earlier:later].prod() for later, earlier in pairs]
    always = float((largest_norms ** (2 / lengths) / unit).max())
    measurements, bound = bounded(needed, constant, 1 - delta, always, *enough)
    c = drawn(constant)
    measurements += [
        Measurement(
            f"‖M_{{{later},{earlier}}}‖, {name}, median",
            float(np.median(column[:, k])),
            paper=f"≤ {(c * unit) ** (lengths[k] / 2):.4g} for C = {c:g}",
        )
        for k, (later, earlier) in enumerate(pairs)
        for name, column in norms.items()
    ]
    parameters = {
        **networks.parameters,
        "delta": delta,
        "radius": radius,
        "samples": samples,
        "constant": constant,
        "trend": trend,
    }
    if trend:
        measurements.append(
            of_constant(run, parameters, needed, threads=threads, progress=progress)
        )
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=networks.hypothesis(delta, size),
        measurements=measurements,
        parts=[bound],
        trials={
            "seed": networks.seeds,
            "needed": needed,
            **all_numbered(norms, _ends(pairs)),
        },
    )


def _pairs(widths: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return every bottleneck layer with the one before it."""
    return list(pairwise(bottlenecks(widths)))


def _ends(pairs: list[tuple[int, int]]) -> list[str]:
    """Return how their columns are numbered."""
    return [f"{later}_{earlier}" for later, earlier in pairs]


def draw(check: Check) -> Figure:
    """Draw the spectral norms between bottleneck layers: sampled, attained and certified."""
    figure, axes = canvas("spectral norm ‖M_{i,j}(y)‖, largest over y", "share of networks")
    pairs = _pairs(check.parameters["widths"])
    for k, ((later, earlier), end) in enumerate(zip(pairs, _ends(pairs), strict=True)):
        for name, dashes in zip(BRACKET, (":", "-", "--"), strict=True):
            if f"{name}_{end}" in check.trials:
                label = f"from layer {earlier} to {later}, {name}"
                cumulative(axes, check.trials[f"{name}_{end}"], label, color(k))
                axes.lines[-1].set(linestyle=dashes)
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.6",
    CLAIM,
    run,
    ("holds (certified)", "consistent", "uninformative", "violated"),
    draw,
    plan=(
        PlanRow(
            "Lemma 2.6: masked products between bottlenecks are not large",
            quick={**NARROW, "trials": 60},
            full={**NARROW, "trials": 1000, "samples": 10, "trend": True},
        ),
        PlanRow(
            "Lemma 2.6: masked products, sampled, attained and certified",
            quick=CERTIFIED_QUICK,
            full={**CERTIFIED_FULL, "samples": 10},
            label="certified",
        ),
    ),
)
