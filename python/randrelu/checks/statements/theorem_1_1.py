"""Theorem 1.1: one gradient step flips the sign of a random ReLU network."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Check, Measurement, conclude, share, smallest_constant
from randrelu.checks.trials import (
    deferred_steps,
    nonzero_point,
    of_networks,
    over_networks,
    trial_threads,
)
from randrelu.measures.attack import (
    Attack,
    evaluate_base,
    one_point,
    one_step,
    outcome_columns,
    take_changes,
)
from randrelu.measures.gradient_step import gradient_step
from randrelu.network import Network

CLAIM = (
    "With probability at least 1 − δ there is an η with ‖η∇f(x)‖/‖x‖ ≤ c₃ √(log(1/δ)/d) for which "
    "f(x + η∇f(x)) has the other sign than f(x) and is no smaller in size."
)

# The steps that "shortest" tries, as multiples of the linear step −2f/‖∇f‖².
MULTIPLES = np.array([1, 1.05, 1.1, 1.2, 1.35, 1.5, 2, 3, 5, 10, 30, 100, 1000], float)
# Layers up to which the exact step is the default: it follows every flip on the way.
WIDEST_EXACT = 10_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def run(
    *,
    widths: tuple[int, ...],
    trials: int = 200,
    delta: float = 0.05,
    rng: Rng = None,
    x: ArrayLike | None = None,
    eta: float | str | None = None,
    storage: str = "deferred",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Attack one point of each of `trials` random networks.

    The conclusion is about the values of f; the size of the step is measured against the bound, by
    the smallest c₃, which the paper leaves open. The step of the paper's proof, eta="paper",
    exceeds the bound by a factor log d.

    Parameters
    ----------
    x : array_like, shape (d,), optional
        The point, not 0. By default (1, …, 1), of norm √d; the law of the outcome is the same for
        every point.
    eta : float, "exact", "shortest", "linear" or "paper", optional
        The step, as for `gradient_step`. The theorem asks for *an* η, so the default is "exact",
        the shortest for which its conclusion holds; "shortest" is the shortest of a few multiples
        (1 to 1000) of the linear step, and the default where a layer has more than 10 000 units.
    """
    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    point = nonzero_point(x, widths[0])
    if eta is None:
        eta = "exact" if max(widths[1:]) <= WIDEST_EXACT else "shortest"
    named = isinstance(eta, str) and eta in ("exact", "shortest", "linear", "paper")
    if not named and not isinstance(eta, numbers.Real):
        raise ValueError(
            f"eta must be a number or one of 'exact', 'shortest', 'linear', 'paper', got {eta!r}"
        )
    if not named:
        arguments.real_array("eta", eta)
    seed = arguments.seed_of(rng)

    if arguments.storage(storage) == "deferred" and eta != "exact":
        firsts, columns = _deferred(
            widths, trials, seed, point, eta, delta, threads=threads, progress=progress
        )
    else:
        threads = trial_threads(widths, threads)

        def attack(net: Network) -> list[Attack]:
            if eta == "shortest":
                return _linear_and_shortest(net, point, threads=threads)
            if eta == "exact":
                steps = ("linear", "exact")
                return [gradient_step(net, point, eta=e, threads=threads) for e in steps]
            return [gradient_step(net, point, eta=eta, delta=delta, threads=threads)]

        attacks = over_networks(
            attack, widths, trials, seed, storage=storage, threads=threads, progress=progress
        )
        firsts, columns = (_by_trial([steps[k] for steps in attacks]) for k in (0, -1))
    ratios = np.where(columns["success"], columns["relative_norm"], np.inf) / laws.size_bound(
        widths[0], delta
    )

    flipped = share("sign flipped and |f| no smaller", columns["success"], f"≥ {1 - delta:g}")
    measurements = [flipped]
    if eta in ("exact", "shortest"):
        measurements += [
            share("… by the linear step alone", firsts["success"]),
            share("sign flipped by the linear step", firsts["sign_flipped"]),
            *_quantiles("‖η∇f‖/‖x‖ of the linear step", _of_slopes(firsts), widths[0]),
        ]
        columns |= {f"linear_{name}": values for name, values in firsts.items()}
    if eta == "linear":
        measurements += _quantiles("‖η∇f‖/‖x‖", _of_slopes(columns), widths[0])
    else:
        succeeded = columns["relative_norm"][columns["success"]]
        measurements += _quantiles(f"‖η∇f‖/‖x‖ of {succeeded.size} successes", succeeded)
    measurements.append(
        Measurement(
            f"smallest c₃, {100 * (1 - delta):g}% of trials",
            smallest_constant(ratios, 1 - delta),
            paper="‖η∇f‖/‖x‖ ≤ c₃ √(log(1/δ)/d)",
        )
    )
    return of_networks(
        "theorem-1.1",
        CLAIM,
        widths,
        trials,
        delta,
        seed,
        measurements=measurements,
        conclusion=conclude(flipped, 1 - delta),
        columns=columns,
        eta=eta,
        x="(1, …, 1)" if x is None else "given",
        storage=storage,
    )


def _deferred(
    widths: tuple[int, ...],
    trials: int,
    seed: int,
    point: NDArray[np.float64],
    eta: float | str,
    delta: float,
    *,
    threads: int | None,
    progress: Progress | None,
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return the columns of the first step of every trial, and of the one that counts."""
    norm = euclid.norm(point)
    if eta == "shortest":
        kind, numbers = "reflections", [float(m) for m in MULTIPLES]
    elif eta == "linear":
        kind, numbers = "reflections", [1.0]
    elif eta == "paper":
        size = laws.paper_step_size(widths, delta) / np.sqrt(widths[0]) * norm
        kind, numbers = "changes", [float(size)]
    else:
        kind, numbers = "etas", [float(eta)]
    found = deferred_steps(
        widths, trials, seed, point, kind, numbers, threads=threads, progress=progress
    )
    first, last = (
        outcome_columns(
            found.eta[:, k], found.f, found.f_after[:, k], found.grad_norm, found.grad_norm / norm
        )
        for k in (0, 1)
    )
    return first, last


def _linear_and_shortest(net: Network, point: NDArray[Any], *, threads: int | None) -> list[Attack]:
    """Return the linear step, and the shortest of MULTIPLES of it that succeeds (else the last)."""
    base = evaluate_base(net, point[np.newaxis], threads=threads)
    changes = MULTIPLES[:, np.newaxis] * (-2.0 * base.f)
    attacks = one_point(take_changes(net, base, changes, threads=threads), 0)
    succeeded = np.flatnonzero(attacks.success)
    best = int(succeeded[0]) if succeeded.size else len(MULTIPLES) - 1
    return [one_step(attacks, 0), one_step(attacks, best)]


def _by_trial(attacks: list[Attack]) -> dict[str, NDArray[Any]]:
    columns = [attack.columns() for attack in attacks]
    return {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}


def _of_slopes(columns: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the sizes of the steps where ∇f(x) is not 0, which their exact law is of."""
    sizes: NDArray[np.float64] = columns["relative_norm"][columns["grad_norm"] > 0]
    return sizes


def _quantiles(
    name: str, norms: NDArray[np.float64], law_in_dim: int | None = None
) -> list[Measurement]:
    """Return quantiles of relative norms, beside the exact law of the linear step if asked for."""
    measurements = []
    for q in QUANTILES if norms.size else ():
        law = ""
        if law_in_dim is not None and law_in_dim > 1:
            law = f"{laws.linear_step_norm_quantile(q, law_in_dim):.4g} (exact law)"
        measurements.append(
            Measurement(f"{name}, {q:.0%}", float(np.quantile(norms, q)), paper=law)
        )
    return measurements
