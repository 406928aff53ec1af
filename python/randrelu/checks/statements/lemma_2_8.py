"""Lemma 2.8: around x the gradient hardly changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.columns import numbered
from randrelu.checks.constants import a_constant, bounded, drawn, spectral_bounds
from randrelu.checks.result import Check, Measurement, relative
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trend import SCALES, asked, narrower, of_constant
from randrelu.checks.trials import Networks
from randrelu.figures.style import canvas, color, cumulative, legend
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.trace import line
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With ‖x‖ = √d and probability at least 1 − δ, ‖∇f(x) − ∇f(y)‖ ≤ (C/log d_max)^ℓ for all y "
    "with ‖y − x‖ ≤ R."
)
_ALONG = 8  # points of the attack's way at which the gradient is compared


def run(
    *,
    widths: tuple[int, ...],
    radius: float = 0.05,
    samples: int = 20,
    constant: float | None = None,
    trials: int = 100,
    delta: float = 0.05,
    trend: bool = False,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Compare gradients, at sampled points and along the attack's way, for `trials` networks.

    Parameters
    ----------
    radius : float
        R/√d. The R of the paper, √d_min/(ℓ log d_max)^{80ℓ}, is so small that nothing flips.
    samples : int
        Points sampled from the ball.
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
    depth = len(widths) - 2
    if depth == 0:
        raise ValueError(f"widths must have a hidden layer, got {widths}: f is linear")
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    radius = arguments.number("radius", radius, positive=True)
    constant = a_constant(constant)
    threads = networks.threads_each
    x, size = np.ones(widths[0]), radius * math.sqrt(widths[0])

    def deviate(net: Network) -> list[float]:
        sampled = gradient_deviation(
            net, x, size, samples, rng=net.seed, terms=True, threads=threads
        )
        f, gradient = net.value_and_gradient(x, threads=threads)
        along = _along_attack(net, x, f, gradient.astype(np.float64), size, threads)
        terms = sampled.terms
        assert terms is not None
        norm = float(np.linalg.norm(gradient))
        return [norm, float(sampled.norms.max()), along, *terms.max(axis=0)]

    found = np.array(networks.measure(deviate))
    layers, terms = range(1, depth + 1), found[:, 3:]
    norm, sampled, along = found[:, :3].T
    largest = np.maximum(sampled, along)
    log = laws.log_widest(widths)
    needed = largest ** (1 / depth) * log
    # Two gradients are no further apart than both are long.
    always = float((2 * spectral_bounds(networks).prod()) ** (1 / depth)) * log
    measurements, verdict = bounded(needed, constant, 1 - delta, always)
    bound = f"≤ {(drawn(constant) / log) ** depth:.4g} for C = {drawn(constant):g}"
    measurements += [
        Measurement(
            "largest ‖∇f(x) − ∇f(y)‖ sampled, median", float(np.median(sampled)), paper=bound
        ),
        Measurement("… along the attack, median", float(np.median(along)), paper=bound),
        Measurement(
            "the larger, relative to ‖∇f(x)‖, median", float(np.median(relative(largest, norm)))
        ),
        *(
            Measurement(
                f"largest ‖Δ_{j}‖ sampled, median", float(np.median(norms)), paper=_case(widths, j)
            )
            for j, norms in zip(layers, terms.T, strict=True)
        ),
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
        parts=[verdict],
        trials={
            "seed": networks.seeds,
            "needed": needed,
            "grad_norm": norm,
            "sampled": sampled,
            "along": along,
            **numbered("term", layers, terms),
        },
    )


def _along_attack(
    net: Network,
    x: NDArray[np.float64],
    f: float,
    gradient: NDArray[np.float64],
    length: float,
    threads: int | None,
) -> float:
    """Return the largest deviation at a few points of the segment from x against f's sign."""
    if not gradient.any():
        return 0.0
    way = line(net, x, -np.sign(f or 1.0) * gradient, length, threads=threads)
    places = np.linspace(0, length, _ALONG + 1)[1:]
    changes = way.gradient(places, threads=threads) - gradient
    return float(np.linalg.norm(changes, axis=1).max())


def _case(widths: tuple[int, ...], j: int) -> str:
    """Return which case of the proof layer j belongs to."""
    before = min(widths[:j])
    power = 20 * (len(widths) - 2) * math.log10(laws.base(widths))
    wide = math.log10(widths[j] / before) >= power
    relation = "≥" if wide else "≤"
    return f"case {1 + wide}: d_{j} = {widths[j]} {relation} {before} × 10^{power:.0f}"


def draw(check: Check) -> Figure:
    """Draw how much the gradient changes around x, sampled and along the attack."""
    figure, axes = canvas("largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖")
    for k, (name, label) in enumerate(
        (("sampled", "sampled from the ball"), ("along", "along the attack"))
    ):
        ratios = relative(check.trials[name], check.trials["grad_norm"])
        cumulative(axes, ratios, label, color(k))
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.8",
    CLAIM,
    run,
    ("consistent", "uninformative", "violated"),
    draw,
    plan=(
        PlanRow(
            "Lemma 2.8: around x the gradient hardly changes",
            quick={**EVEN, "trend": True},
            full={**EVEN, "trials": 2000, "samples": 100, "trend": True},
        ),
        PlanRow(
            "Lemma 2.8 on wider networks",
            quick={"widths": (2000, 3000, 3000, 1), "trials": 20},
            full={"widths": (20_000, 30_000, 30_000, 1), "trials": 50},
            label="wider",
        ),
        PlanRow(
            "Lemma 2.8 after a bottleneck",
            quick={"widths": (200, 20, 2000, 1)},
            full={"widths": (200, 20, 20_000, 1), "trials": 500},
            label="bottleneck",
        ),
    ),
)
