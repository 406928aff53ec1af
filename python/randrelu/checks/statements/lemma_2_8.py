"""Lemma 2.8: around x the gradient hardly changes."""

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
from randrelu.checks.columns import BRACKET, numbered
from randrelu.checks.constants import a_constant, bounded, drawn, spectral_bounds
from randrelu.checks.result import Check, Measurement, relative
from randrelu.checks.statement import CERTIFIED_FULL, CERTIFIED_QUICK, EVEN, PlanRow, Statement
from randrelu.checks.trend import SCALES, asked, narrower, of_constant
from randrelu.checks.trials import Networks
from randrelu.figures.style import canvas, color, cumulative, legend, threshold
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.places import ascending
from randrelu.measures.trace import line
from randrelu.measures.worst_deviation import worst_deviation
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With ‖x‖ = √d and probability at least 1 − δ, ‖∇f(x) − ∇f(y)‖ ≤ (C/log d_max)^ℓ for all y "
    "with ‖y − x‖ ≤ R."
)
_ALONG = 8  # points of the attack's way at which the gradient is compared
_STEPS = 8  # of the ascent; more find a little more


def run(
    *,
    widths: tuple[int, ...],
    radius: float | Sequence[float] = 0.05,
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
    """Compare gradients around x, for `trials` networks.

    The supremum over the ball is bracketed: from below by the largest difference at sampled points,
    and at these, on the attack's way and where an ascent leads (`worst_deviation`), with which the
    paper's bound is compared; and from above by a certified bound, where the storage is not
    "deferred", which has no weights.

    Parameters
    ----------
    radius : float or sequence of float
        R/√d. The R of the paper, √d_min/(ℓ log d_max)^{80ℓ}, is so small that nothing flips. Of
        several the claim is judged in the largest ball, which holds the others, as its bound is the
        same in all of them; what is found in the others, in the same pass, is listed beside it.
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
    radii = _ascending(radius)
    constant = a_constant(constant)
    threads = networks.threads_each
    x, sizes = np.ones(widths[0]), radii * math.sqrt(widths[0])

    def deviate(net: Network) -> list[float]:
        balls = gradient_deviation(
            net, x, sizes, samples, rng=net.seed, terms=True, threads=threads
        )
        f, gradient = net.value_and_gradient(x, threads=threads)
        along = _along_attack(net, x, f, gradient.astype(np.float64), sizes[-1], threads)
        worst = worst_deviation(net, x, sizes, steps=_STEPS, threads=threads)
        sampled = balls.norms.max(axis=1)
        attained = np.maximum.accumulate(np.maximum(sampled, worst.attained))
        attained[-1] = max(attained[-1], along)
        brackets = [sampled, attained]
        if worst.certified is not None:
            brackets.append(worst.certified)
        assert balls.terms is not None
        return [balls.grad_norm, along, *balls.terms[-1].max(axis=0), *np.ravel(brackets)]

    found = np.array(networks.measure(deviate)).T
    norm, along, terms = found[0], found[1], found[2 : 2 + depth].T
    by_radius = found[2 + depth :].reshape(-1, len(radii), len(norm))
    *smaller, _ = radii.tolist()
    bracket: dict[str, NDArray[np.float64]] = {}
    others: dict[tuple[str, float], NDArray[np.float64]] = {}
    for name, values in zip(BRACKET, by_radius, strict=False):  # nothing may be certified
        bracket[name] = values[-1]
        others |= {(name, r): column for r, column in zip(smaller, values[:-1], strict=True)}
    layers, log = range(1, depth + 1), laws.log_widest(widths)
    needed, *enough = (bracket[name] ** (1 / depth) * log for name in list(bracket)[1:])
    # Two gradients are no further apart than both are long.
    always = float((2 * spectral_bounds(networks).prod()) ** (1 / depth)) * log
    measurements, verdict = bounded(needed, constant, 1 - delta, always, *enough)
    limit = _at_infinite_width(float(radii[-1]), depth)
    said = {"sampled": f"{limit:.4g} (root mean square at one point, infinite width)"}
    bound = f"≤ {(drawn(constant) / log) ** depth:.4g} for C = {drawn(constant):g}"
    measurements += [
        *(
            Measurement(
                f"sup ‖∇f(x) − ∇f(y)‖, {name}, median", float(np.median(values)), paper=bound
            )
            for name, values in bracket.items()
        ),
        *(
            Measurement(
                f"… relative to ‖∇f(x)‖, {name}, median",
                float(np.median(relative(values, norm))),
                paper=said.get(name, ""),
            )
            for name, values in {**bracket, "the largest along the attack": along}.items()
        ),
        *(
            Measurement(
                f"sup ‖∇f(x) − ∇f(y)‖ for R = {r} √d, {name}, median",
                float(np.median(values)),
                paper=bound,
            )
            for (name, r), values in others.items()
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
        "radius": tuple(radii.tolist()) if smaller else float(radii[0]),
        "samples": samples,
        "constant": constant,
        "trend": trend,
    }
    if trend:
        largest = {**parameters, "radius": float(radii[-1])}
        measurements.append(of_constant(run, largest, needed, threads=threads, progress=progress))
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=networks.hypothesis(delta, float(sizes[-1])),
        measurements=measurements,
        parts=[verdict],
        trials={
            "seed": networks.seeds,
            "needed": needed,
            "grad_norm": norm,
            "along": along,
            **bracket,
            **{f"{name}_{r}": values for (name, r), values in others.items()},
            **numbered("term", layers, terms),
        },
    )


def _ascending(radius: float | Sequence[float]) -> NDArray[np.float64]:
    """Return one or more radii as an array, ascending and each once."""
    if np.ndim(radius) == 0:
        return np.array([arguments.number("radius", radius, positive=True)])  # type: ignore[arg-type]
    _, radii, _ = ascending(radius)
    if not radii.size or radii[0] == 0:
        raise ValueError(f"radius must be a positive number, or some of them, got {radius!r}")
    return radii


def _at_infinite_width(relative_radius: float, depth: int) -> float:
    """Return √(E‖∇f(x) − ∇f(y)‖²/E‖∇f‖²) for wide layers, y at the radius across x.

    In high dimensions nearly all of the ball's points are nearly there, and gradients are as far
    apart as they are in the mean.
    """
    return math.sqrt(float(laws.gradient_deviation(math.atan(relative_radius), depth)))


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
    """Draw how much the gradient changes around x: sampled, attained, certified, on the attack."""
    figure, axes = canvas("sup ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖")
    names = {**{name: name for name in BRACKET}, "along": "along the attack"}
    for k, (name, label) in enumerate(names.items()):
        if name in check.trials:
            ratios = relative(check.trials[name], check.trials["grad_norm"])
            cumulative(axes, ratios, label, color(k))
    radius = float(np.max(check.parameters["radius"]))
    limit = _at_infinite_width(radius, len(check.parameters["widths"]) - 2)
    threshold(axes, limit, "one point at the radius, infinite width (root mean square)")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.8",
    CLAIM,
    run,
    ("holds (certified)", "consistent", "uninformative", "violated"),
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
        PlanRow(
            "Lemma 2.8: changes of the gradient, sampled, attained and certified",
            quick={**CERTIFIED_QUICK, "widths": (40, 60, 60, 1)},
            full={**CERTIFIED_FULL, **EVEN, "samples": 100},
            label="certified",
        ),
    ),
)
