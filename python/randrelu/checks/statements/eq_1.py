"""Eq. (1): up to where the tangent of f reaches 0, the gradient hardly changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Hypothesis, Measurement, quantile, relative
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import Part, open_constant
from randrelu.figures.style import canvas, color, cumulative, legend
from randrelu.measures.deviation import gradient_deviation
from randrelu.measures.trace import line
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "|f(x + u) − f(x) − ⟨u, ∇f(x)⟩| ≤ ‖u‖ sup{‖∇f(x) − ∇f(x + v)‖: ‖v‖ ≤ ‖u‖} for all x and u; so "
    "f(x + u) has about the size 0 that its tangent has there if (1) ‖∇f(x) − ∇f(x + v)‖ ≪ ‖∇f(x)‖ "
    "for all v with ‖v‖ ≲ |f(x)|/‖∇f(x)‖."
)
_SHOWN = {"sampled": "sampled from the ball", "along": "on the attack's way"}


def run(
    *,
    widths: tuple[int, ...],
    samples: int = 20,
    trials: int = 100,
    storage: str = "auto",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Follow the attack of `trials` networks to where its tangent is 0, at |f(x)|/‖∇f(x)‖.

    On that segment the gradient is looked at on every linear piece, so that its largest change is
    known, and the inequality is tested there. The ball of that radius around x is sampled. How
    small ≪ is, the paper leaves open.

    Parameters
    ----------
    samples : int
        Points sampled from the ball.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths = networks.widths
    if widths[0] < 2:
        raise ValueError(f"widths must begin with d ≥ 2, got {widths}: the tangent is 0 at 0 only")
    samples = arguments.integer("samples", samples, at_least=1)
    threads = networks.threads_each
    x = np.ones(widths[0])

    def follow(net: Network) -> tuple[float, ...]:
        f, slope = net.value_and_gradient(x, threads=threads)
        gradient = slope.astype(np.float64)
        norm = euclid.norm(gradient)
        radius = abs(float(f)) / norm if norm else 0.0
        if radius == 0:
            return (float(f), norm, 0.0, 0.0, 0.0)
        sampled = gradient_deviation(net, x, radius, samples, rng=net.seed, threads=threads)
        along = largest_change(net, x, -np.sign(f) * gradient, radius, threads)
        after = net.forward(x - float(f) / norm**2 * gradient, threads=threads)
        return float(f), norm, float(sampled.norms.max()), along, float(after)

    f, norm, sampled, along, after = np.array(networks.measure(follow)).T
    left = relative(np.abs(after), np.abs(f))
    changes = {"sampled": relative(sampled, norm), "along": relative(along, norm)}
    rounding = 2 * len(widths) * max(widths) * float(np.finfo(np.float64).eps)
    scale = norm * euclid.norm(x)  # of the terms that f is the sum of
    allowed = np.abs(f) * changes["along"]
    excess = float(relative(np.abs(after) - allowed, scale).max())
    measurements = [
        Measurement(
            "|f(x + u)| less ‖u‖ times the largest change of ∇f, over ‖∇f(x)‖ ‖x‖, largest",
            excess,
            paper=f"≤ 0, up to rounding {rounding:.2g}",
        ),
        *(
            quantile(f"largest ‖∇f(x) − ∇f(x + v)‖/‖∇f(x)‖, {label}, {q:.0%}", changes[name], q)
            for name, label in _SHOWN.items()
            for q in (0.5, 0.95)
        ),
        *(
            quantile(f"|f| where its tangent is 0, relative to |f(x)|, {q:.0%}", left, q)
            for q in (0.5, 0.95)
        ),
    ]
    return STATEMENT.found(
        parameters={**networks.parameters, "samples": samples},
        hypothesis=Hypothesis("nothing: it is about any f", "these", True),
        measurements=measurements,
        parts=[Part("consistent", None if excess <= rounding else 0.0), open_constant()],
        trials={
            "seed": networks.seeds, "f": f, "grad_norm": norm, "left": left, **changes
        },
    )  # fmt: skip


def largest_change(
    net: Network,
    x: NDArray[np.float64],
    direction: NDArray[np.float64],
    length: float,
    threads: int | None,
) -> float:
    """Return the largest ‖∇f(x) − ∇f(y)‖ of the segment from x, whose pieces are all looked at."""
    way = line(net, x, direction, length, threads=threads)
    slopes = way.gradient(np.r_[0.0, way.t], threads=threads)
    return float(np.linalg.norm(slopes - slopes[0], axis=1).max())


def draw(check: Check) -> Figure:
    """Draw the changes of the gradient, and what is left of f where its tangent is 0."""
    figure, axes = canvas("relative to ‖∇f(x)‖, and to |f(x)|", "share of networks")
    for k, (name, label) in enumerate(_SHOWN.items()):
        cumulative(axes, check.trials[name], f"largest change of ∇f, {label}", color(k))
    cumulative(axes, check.trials["left"], "|f| where its tangent is 0", color(2))
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "eq-1",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Eq. (1): the gradient up to where the tangent reaches 0",
            quick={**EVEN, "trials": 50},
            full={"widths": (1000, 1000, 1000, 1), "trials": 500},
        ),
    ),
)
