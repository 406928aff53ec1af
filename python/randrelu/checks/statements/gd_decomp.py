"""(GD-DECOMP): the change of the gradient, layer by layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import hidden_layers, numbered, read
from randrelu.checks.result import Check, Hypothesis, Measurement, relative
from randrelu.checks.statement import NARROW, WIDER, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import identity
from randrelu.figures.style import boxes, canvas
from randrelu.measures.ball import sample_ball
from randrelu.measures.deviation import gradient_decomposition
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "∇f(x) − ∇f(y) = Δ_1 + … + Δ_ℓ: the term Δ_j has the units of layer j that differ between x "
    "and y, the patterns of y before it and those of x after it."
)


def run(
    *,
    widths: tuple[int, ...],
    trials: int = 100,
    radius: float = 0.1,
    storage: str = "auto",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Add the terms up, at one point y of the sphere around x for each of `trials` networks.

    Parameters
    ----------
    radius : float
        ‖y − x‖/‖x‖.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    radius = arguments.number("radius", radius)
    threads = networks.threads_each
    x = np.ones(networks.widths[0])
    size = radius * float(np.linalg.norm(x))

    def decompose(net: Network) -> list[float]:
        y = sample_ball(x, size, 1, rng=net.seed, surface=True)[0]
        terms = gradient_decomposition(net, x, y, threads=threads)
        at_x, at_y = net.gradient(np.array([x, y]), threads=threads)
        difference, norms = at_x - at_y, np.linalg.norm(terms, axis=1)
        error = np.linalg.norm(terms.sum(axis=0) - difference)
        # What the gradients and the terms are rounded by, as both are sums over the layers' units.
        scale = np.linalg.norm(at_x) + np.linalg.norm(at_y) + norms.sum()
        changes = relative([np.linalg.norm(difference), *norms], np.linalg.norm(at_x))
        first = float(norms[0]) if norms.size else 0.0
        return [float(relative(error, scale)), _angle(x, y), first, *changes]

    rows = np.array(networks.measure(decompose))
    allowed = len(networks.widths) * max(networks.widths) * float(np.finfo(np.float64).eps)
    error, angle, first, deviation = rows[:, :4].T
    terms = rows[:, 4:]
    measurements = [
        Measurement(
            "largest relative error of the identity", float(error.max()), paper=f"≤ {allowed:.2g}"
        ),
        Measurement("‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, median", float(np.median(deviation))),
        *(
            Measurement(
                f"‖Δ_{j}‖/‖∇f(x)‖, {q:.0%}", float(np.quantile(norms, q, method="inverted_cdf"))
            )
            for j, norms in enumerate(terms.T, start=1)
            for q in (0.5, 0.95)
        ),
    ]
    if terms.size:
        measurements.append(_first_term(first**2, angle, terms.shape[1]))
    return STATEMENT.found(
        parameters={**networks.parameters, "radius": radius},
        hypothesis=Hypothesis("nothing: it is an identity", "rounding", True),
        measurements=measurements,
        parts=[identity(bool(error.max() <= allowed))],
        trials={
            "seed": networks.seeds,
            "error": error,
            "angle": angle,
            "first_norm": first,
            "deviation": deviation,
            **numbered("term", hidden_layers(networks.widths), terms),
        },
    )


def _angle(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the angle between two points, also where it is small; 0 where one is 0."""
    lengths = euclid.norm(x), euclid.norm(y)
    if 0 in lengths:
        return 0.0
    a, b = x / lengths[0], y / lengths[1]
    return 2 * math.atan2(float(np.linalg.norm(a - b)), float(np.linalg.norm(a + b)))


def _first_term(
    squares: NDArray[np.float64], angles: NDArray[np.float64], depth: int
) -> Measurement:
    """Return the mean of ‖Δ_1‖², of which the expectation is known at any widths.

    Its interval is Student's, for which the trials must not be few.
    """
    from scipy.stats import t

    mean, n, half = float(squares.mean()), squares.size, math.inf
    if n > 1:
        half = float(t.isf((1 - laws.CONFIDENCE) / 2, n - 1) * squares.std(ddof=1)) / math.sqrt(n)
    exact = float(laws.gradient_terms(angles, depth)[:, 0].mean()) / 2**depth
    return Measurement(
        "mean ‖Δ_1‖²",
        mean,
        mean - half,
        mean + half,
        paper=f"{exact:.4g} = 2^{{1−ℓ}} θ/π (exact law)",
    )


def draw(check: Check) -> Figure:
    """Draw the norms of the Δ_j."""
    figure, axes = canvas("layer j", "‖Δ_j‖/‖∇f(x)‖")
    boxes(axes, read(check.trials, "term", hidden_layers(check.parameters["widths"])))
    return figure


STATEMENT = Statement(
    "gd-decomp",
    CLAIM,
    run,
    ("holds", "violated"),
    draw,
    plan=(
        PlanRow(
            "The change of the gradient, term by term",
            quick=NARROW,
            full={**WIDER, "trials": 200},
        ),
    ),
)
