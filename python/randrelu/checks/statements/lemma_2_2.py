"""Lemma 2.2: at a fixed point f is bounded and its gradient is not small."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import (
    Check,
    Measurement,
    conclude,
    same_law,
    share,
    smallest_constant,
    worst,
)
from randrelu.checks.trials import (
    deferred_steps,
    nonzero_point,
    of_networks,
    over_networks,
    trial_threads,
)
from randrelu.network import Network

CLAIM = (
    "At a point with ‖x‖ = √d, with probability at least 1 − δ, |f(x)| ≤ c 2^ℓ √(log(1/δ)) and "
    "‖∇f(x)‖ ≥ 2^{−(ℓ+1)}."
)


_LAW = 100_000  # draws of the exact law


def run(
    *,
    widths: tuple[int, ...],
    trials: int = 200,
    delta: float = 0.05,
    rng: Rng = None,
    x: ArrayLike | None = None,
    storage: str = "deferred",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Evaluate f and ∇f at one point of each of `trials` random networks.

    Beside the claim, both are compared with their exact law (see `laws.sample_gradient`), which the
    conclusion needs not to be rejected.

    Parameters
    ----------
    x : array_like, shape (d,), optional
        The point, not 0, of which the direction counts; by default (1, …, 1).
    """
    from scipy.stats import ks_2samp

    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    point = nonzero_point(x, widths[0])
    point = math.sqrt(widths[0]) * (point / euclid.norm(point))
    seed = arguments.seed_of(rng)
    depth = len(widths) - 2

    def evaluate(net: Network) -> tuple[float, float]:
        value, gradient = net.value_and_gradient(point, threads=threads)
        return float(value), float(np.linalg.norm(gradient))

    if arguments.storage(storage) == "deferred":
        found = deferred_steps(
            widths, trials, seed, point, "etas", [], threads=threads, progress=progress
        )
        f, grad_norm = found.f, found.grad_norm
    else:
        threads = trial_threads(widths, threads)
        f, grad_norm = np.array(
            over_networks(
                evaluate, widths, trials, seed,
                storage=storage, threads=threads, progress=progress,
            )
        ).T  # fmt: skip
    steep = grad_norm >= 2.0 ** -(depth + 1)
    ratios = np.where(steep, np.abs(f) / (2.0**depth * math.sqrt(-math.log(delta))), np.inf)
    bounded_below = share("‖∇f(x)‖ ≥ 2^{−(ℓ+1)}", steep, f"≥ {1 - delta:g}")
    measurements = [
        bounded_below,
        Measurement(
            f"smallest c, {100 * (1 - delta):g}% of trials",
            smallest_constant(ratios, 1 - delta),
            paper="|f(x)| ≤ c 2^ℓ √(log(1/δ))",
        ),
    ]
    exact = laws.sample_gradient(widths, _LAW, np.random.default_rng(seed))
    p_values = [
        float(ks_2samp(found, law).pvalue) for found, law in zip((grad_norm, f), exact, strict=True)
    ]
    measurements += [
        Measurement(f"Kolmogorov–Smirnov p-value: {name}", p, paper="the exact law")
        for name, p in zip(("‖∇f(x)‖", "f(x)"), p_values, strict=True)
    ]
    for q in (0.05, 0.5, 0.95):
        measurements += [
            _quantile("‖∇f(x)‖", grad_norm, exact[0], q),
            _quantile("|f(x)|", np.abs(f), np.abs(exact[1]), q),
        ]
    return of_networks(
        "lemma-2.2",
        CLAIM,
        widths,
        trials,
        delta,
        seed,
        measurements=measurements,
        conclusion=worst(conclude(bounded_below, 1 - delta), _no_other_law(p_values)),
        columns={"f": f, "grad_norm": grad_norm},
        x="(1, …, 1)" if x is None else "given",
        storage=storage,
    )


def _no_other_law(p_values: list[float]) -> str:
    """Return "violated" for another law than the exact one; the claim does not rest on it."""
    return "violated" if same_law(p_values) == "violated" else "holds"


def _quantile(
    name: str, found: NDArray[np.float64], exact: NDArray[np.float64], q: float
) -> Measurement:
    law = f"{np.quantile(exact, q):.4g} (exact law)"
    return Measurement(f"{name} at {q:.0%}", float(np.quantile(found, q)), paper=law)
