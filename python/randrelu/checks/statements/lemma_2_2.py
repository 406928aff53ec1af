"""Lemma 2.2: at a fixed point f is bounded and its gradient is not small."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu.checks.result import (
    Check,
    Measurement,
    constant_needed,
    quantile,
    share,
)
from randrelu.checks.statement import WIDER, PlanRow, Statement
from randrelu.checks.trend import SCALES, asked, narrower, of_constant
from randrelu.checks.trials import Networks, deferred_steps, nonzero_point
from randrelu.checks.verdict import at_least, open_constant, same_law
from randrelu.figures.style import INK, SERIES, canvas, cumulative, legend, threshold
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "At a point with ‖x‖ = √d, with probability at least 1 − δ, |f(x)| ≤ c 2^ℓ √(log(1/δ)) and "
    "‖∇f(x)‖ ≥ 2^{−(ℓ+1)}."
)


def run(
    *,
    widths: tuple[int, ...],
    trials: int = 200,
    delta: float = 0.05,
    trend: bool = False,
    rng: Rng = None,
    x: ArrayLike | None = None,
    storage: str = "deferred",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Evaluate f and ∇f at one point of each of `trials` random networks.

    Beside the claim, all that its proof says of their joint law is compared with it (see
    `laws.gradient_norm_law`), which the conclusion needs not to be rejected: the norm of ∇f(x), its
    uniform direction given that norm, and f(x).

    Parameters
    ----------
    x : array_like, shape (d,), optional
        The point, not 0, of which the direction counts; by default (1, …, 1).
    trend : bool
        Whether the check runs again at a quarter and at half of the widths, to tell by which power
        of them the constant grows that is needed.
    """
    trend = asked(trend)
    whole = part(progress, 0, len(SCALES)) if trend else progress
    networks = Networks.asked(widths, trials, storage, rng, threads, whole)
    if trend:
        narrower(networks.widths)  # or it refuses, before anything is measured
    delta = arguments.probability("delta", delta)
    dim = networks.widths[0]
    given = nonzero_point(x, dim)
    point = math.sqrt(dim) * (given / euclid.norm(given))
    f, grad_norm = _values_and_slopes(networks, point)
    lower, upper = bounds(networks.widths, delta)
    steep = grad_norm >= lower
    ratios = np.where(steep, np.abs(f) / upper, np.inf)
    bounded_below = share("‖∇f(x)‖ ≥ 2^{−(ℓ+1)}", steep, f"≥ {1 - delta:g}")
    limits = limit_laws(networks.widths)
    laws_of = (
        ("‖∇f(x)‖", grad_norm, laws.gradient_norm_law(networks.widths), limits[0]),
        ("|f(x)|", np.abs(f), laws.output_size_law(networks.widths, math.sqrt(dim)), limits[1]),
    )
    p_values = {f"{name}, exact law": law.p_value(found) for name, found, law, _ in laws_of}
    p_values |= _directions(f, grad_norm, dim)
    measurements = [
        bounded_below,
        constant_needed("c", ratios, 1 - delta, paper="|f(x)| ≤ c 2^ℓ √(log(1/δ))"),
        *(Measurement(f"p-value: {name}", p) for name, p in p_values.items()),
        *(
            quantile(f"{name} at {q:.0%}", found, q, law.ppf, limit.ppf)
            for q in (0.05, 0.5, 0.95)
            for name, found, law, limit in laws_of
        ),
    ]
    parameters = {
        **networks.parameters,
        "delta": delta,
        "x": None if x is None else tuple(given.tolist()),
        "trend": trend,
    }
    if trend:  # at any point of the narrower networks: the law is the same
        given_narrower = {**parameters, "x": None}
        measurements.append(
            of_constant(run, given_narrower, ratios, threads=threads, progress=progress)
        )
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=networks.hypothesis(delta),
        measurements=measurements,
        parts=[
            at_least(bounded_below, 1 - delta),
            open_constant(),
            *map(same_law, p_values.values()),
        ],
        trials={"seed": networks.seeds, "f": f, "grad_norm": grad_norm, "needed": ratios},
    )


def _directions(
    f: NDArray[np.float64], grad_norm: NDArray[np.float64], dim: int
) -> dict[str, float]:
    """Return p-values of what a uniform direction of ∇f(x) ≠ 0 says of f(x) = ⟨∇f(x), x⟩.

    Its sign is fair. The squared cosine of the angle to x follows Beta(1/2, (d − 1)/2), and does
    not depend on the norm.
    """
    from scipy.stats import beta, binomtest, kendalltau, kstest

    f, grad_norm = f[grad_norm > 0], grad_norm[grad_norm > 0]
    if f.size == 0:
        return {}
    found = {"sign of f(x), fair": float(binomtest(int((f > 0).sum()), f.size).pvalue)}
    if dim > 1:
        cosine = (f / grad_norm) ** 2 / dim
        law = beta(0.5, (dim - 1) / 2)
        found["direction of ∇f(x), uniform"] = float(kstest(cosine, law.cdf).pvalue)
        if f.size > 1:
            tau = kendalltau(cosine, grad_norm)
            found["direction and ‖∇f(x)‖, independent"] = float(tau.pvalue)
    return found


def bounds(widths: tuple[int, ...], delta: float) -> tuple[float, float]:
    """Return the bound of ‖∇f(x)‖ from below, and that of |f(x)| from above with c = 1."""
    depth = len(widths) - 2
    return 2.0 ** -(depth + 1), 2.0**depth * math.sqrt(-math.log(delta))


def limit_laws(widths: tuple[int, ...]) -> tuple[laws.NormLaw, laws.NormLaw]:
    """Return the laws of ‖∇f(x)‖ and |f(x)| at infinite width, where ‖x‖ = √d."""
    dim, depth = widths[0], len(widths) - 2
    return (
        laws.limit_gradient_norm_law(dim, depth),
        laws.limit_output_size_law(dim, depth, math.sqrt(dim)),
    )


def _values_and_slopes(
    networks: Networks, point: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return f(x) and ‖∇f(x)‖ of every network."""
    if networks.storage == "deferred":
        found = deferred_steps(networks, point, core.StepKind.etas, np.empty(0))
        return found.f, found.grad_norm

    def evaluate(net: Network) -> tuple[float, float]:
        value, gradient = net.value_and_gradient(point, threads=networks.threads_each)
        return float(value), float(np.linalg.norm(gradient))

    f, grad_norm = np.array(networks.measure(evaluate)).T
    return f, grad_norm


def draw(check: Check) -> Figure:
    """Draw ‖∇f(x)‖ and |f(x)| with their bounds, and their laws at infinite width."""
    figure, axes = canvas()
    lower, upper = bounds(check.parameters["widths"], check.parameters["delta"])
    shares = np.linspace(0.002, 0.998, 300)
    cumulative(axes, check.trials["grad_norm"], "‖∇f(x)‖", SERIES[0])
    threshold(axes, lower, f"its lower bound 2^{{−(ℓ+1)}} = {lower:.3g}", SERIES[0])
    cumulative(axes, np.abs(check.trials["f"]), "|f(x)|", SERIES[1])
    threshold(axes, upper, f"its bound c 2^ℓ √(log(1/δ)) with c = 1: {upper:.3g}", SERIES[1])
    label: str | None = "at infinite width"
    for law in limit_laws(check.parameters["widths"]):
        axes.plot(law.ppf(shares), shares, "--", color=INK, linewidth=1, label=label)
        label = None
    axes.set(xscale="log", xlabel="‖∇f(x)‖ and |f(x)|, where ‖x‖ = √d")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.2",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Lemma 2.2: f(x) is bounded and ∇f(x) is not small",
            quick={**WIDER, "trials": 1000, "trend": True},
            full={**WIDER, "trials": 10_000, "trend": True},
        ),
    ),
)
