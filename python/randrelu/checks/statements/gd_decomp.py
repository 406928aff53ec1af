"""(GD-DECOMP): the change of the gradient, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
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
        return [float(relative(error, scale)), *changes]

    rows = np.array(networks.measure(decompose))
    allowed = len(networks.widths) * max(networks.widths) * float(np.finfo(np.float64).eps)
    error, deviation, terms = rows[:, 0], rows[:, 1], rows[:, 2:]
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
    return STATEMENT.found(
        parameters={**networks.parameters, "radius": radius},
        hypothesis=Hypothesis("nothing: it is an identity", "rounding", True),
        measurements=measurements,
        parts=[identity(bool(error.max() <= allowed))],
        trials={
            "seed": networks.seeds,
            "error": error,
            "deviation": deviation,
            **numbered("term", hidden_layers(networks.widths), terms),
        },
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
