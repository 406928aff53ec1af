"""(GD-DECOMP): the change of the gradient, layer by layer."""

from __future__ import annotations

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Hypothesis, Measurement, relative
from randrelu.checks.trials import nonzero_point, over_networks, trial_seeds, trial_threads
from randrelu.measures.ball import sample_ball
from randrelu.measures.deviation import gradient_decomposition
from randrelu.network import Network

CLAIM = (
    "∇f(x) − ∇f(y) = Δ_1 + … + Δ_ℓ: the term Δ_j has the units of layer j that differ between x "
    "and y, the patterns of y before it and those of x behind it."
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
    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    arguments.storage(storage)
    radius = arguments.number("radius", radius)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    x = nonzero_point(None, widths[0])
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

    rows = np.array(
        over_networks(
            decompose, widths, trials, seed, storage=storage, threads=threads, progress=progress
        )
    )
    allowed = len(widths) * max(widths) * float(np.finfo(np.float64).eps)
    error = float(rows[:, 0].max())
    measurements = [
        Measurement("largest relative error of the identity", error, paper=f"≤ {allowed:.2g}"),
        Measurement("‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, median", float(np.median(rows[:, 1]))),
    ]
    columns = {"error": rows[:, 0], "deviation": rows[:, 1]}
    for j, norms in enumerate(rows[:, 2:].T, start=1):
        columns[f"term_{j}"] = norms
        measurements += [
            Measurement(
                f"‖Δ_{j}‖/‖∇f(x)‖, {q:.0%}", float(np.quantile(norms, q, method="inverted_cdf"))
            )
            for q in (0.5, 0.95)
        ]
    return Check(
        statement="gd-decomp",
        claim=CLAIM,
        parameters={
            "widths": widths, "trials": trials, "radius": radius, "storage": storage, "rng": seed
        },
        hypothesis=Hypothesis("nothing: it is an identity", "rounding", True),
        measurements=tuple(measurements),
        conclusion="holds" if error <= allowed else "violated",
        trials={"seed": np.array(trial_seeds(seed, trials), np.uint64), **columns},
    )  # fmt: skip
