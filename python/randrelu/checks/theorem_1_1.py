"""Theorem 1.1: one gradient step flips the sign of a random ReLU network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import _validate, laws
from randrelu._validate import Rng
from randrelu.attack import Attack, evaluate_base, gradient_step, take_steps
from randrelu.checks.result import Check, Measurement, conclude, share, smallest_constant
from randrelu.checks.trials import Progress, nonzero_point, over_networks, width_hypothesis
from randrelu.network import Network

CLAIM = (
    "With probability at least 1 − δ there is an η with ‖η∇f(x)‖/‖x‖ ≤ c₃ √(log(1/δ)/d) for which "
    "f(x + η∇f(x)) has the other sign than f(x) and is no smaller in size."
)

# The steps that "shortest" tries, as multiples of the linear step −2f/‖∇f‖².
MULTIPLES = np.array([1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 2.0, 3.0, 5.0, 10.0])
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def run(
    *,
    widths: tuple[int, ...],
    trials: int = 200,
    delta: float = 0.05,
    rng: Rng = None,
    x: ArrayLike | None = None,
    eta: float | str = "shortest",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Attack one point of each of `trials` random networks."""
    widths = _validate.widths_tuple(widths)
    trials = _validate.integer("trials", trials, at_least=1)
    delta = _validate.probability("delta", delta)
    point = nonzero_point(x, widths[0])
    if isinstance(eta, str):
        _validate.one_of("eta", eta, ("shortest", "linear", "paper"))
    seed = _validate.seed_of(rng)

    def attack(net: Network) -> list[Attack]:
        if eta == "shortest":
            return _linear_and_shortest(net, point, threads=threads)
        return [gradient_step(net, point, eta=eta, delta=delta, threads=threads)]

    attacks = over_networks(attack, widths, trials, seed, threads=threads, progress=progress)
    columns = _by_trial([steps[-1] for steps in attacks])
    ratios = np.where(columns["success"], columns["relative_norm"], np.inf) / laws.size_bound(
        widths[0], delta
    )

    flipped = share("sign flipped and |f| no smaller", columns["success"], f"≥ {1 - delta:g}")
    measurements = [flipped]
    if eta == "shortest":
        firsts = _by_trial([steps[0] for steps in attacks])
        measurements += [
            share("… by the linear step alone", firsts["success"]),
            share("sign flipped by the linear step", firsts["sign_flipped"]),
        ]
        columns |= {f"linear_{name}": values for name, values in firsts.items()}
    measurements += _norm_quantiles(columns, widths[0], exact_law=eta in ("shortest", "linear"))
    measurements.append(
        Measurement(
            f"smallest c₃ for a {1 - delta:g} share of trials",
            smallest_constant(ratios, 1 - delta),
            paper="‖η∇f‖/‖x‖ ≤ c₃ √(log(1/δ)/d)",
        )
    )
    return Check(
        statement="theorem-1.1",
        claim=CLAIM,
        parameters={
            "widths": widths,
            "trials": trials,
            "delta": delta,
            "rng": seed,
            "eta": eta,
            "x": "(1, …, 1)" if x is None else "given",
        },
        hypothesis=width_hypothesis(widths, delta),
        measurements=tuple(measurements),
        conclusion=conclude(flipped, 1 - delta),
        trials=columns,
    )


def _linear_and_shortest(net: Network, point: NDArray[Any], *, threads: int | None) -> list[Attack]:
    """Return the linear step, and the shortest of MULTIPLES of it that succeeds (else the last)."""
    base = evaluate_base(net, point[np.newaxis], threads=threads)
    changes = MULTIPLES[:, np.newaxis] * (-2.0 * base.f)
    attacks = take_steps(net, base, base.etas(changes), changes, threads=threads)
    succeeded = np.flatnonzero(attacks.success[:, 0])
    best = int(succeeded[0]) if succeeded.size else len(MULTIPLES) - 1
    return [attacks.step(0).point(0), attacks.step(best).point(0)]


def _by_trial(attacks: list[Attack]) -> dict[str, NDArray[Any]]:
    columns = [attack.columns() for attack in attacks]
    return {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}


def _norm_quantiles(
    columns: dict[str, NDArray[Any]], dim: int, *, exact_law: bool
) -> list[Measurement]:
    """Return the quantiles of ‖η∇f‖/‖x‖ over the trials that succeeded."""
    norms = columns["relative_norm"][columns["success"]]
    if not norms.size:
        return []
    measurements = []
    for q in QUANTILES:
        law = ""
        if exact_law and dim > 1:
            law = f"{laws.linear_step_norm_quantile(q, dim):.4g} (linear step)"
        measurements.append(
            Measurement(f"‖η∇f‖/‖x‖ at {q:.0%}", float(np.quantile(norms, q)), paper=law)
        )
    return measurements
