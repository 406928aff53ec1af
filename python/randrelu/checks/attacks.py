"""The steps that the checks of Theorem 1.1 take on their networks, and which of them counts."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid
from randrelu.checks.infinite import INFINITE, LimitNetworks
from randrelu.checks.trials import Networks, deferred_steps
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack, Base, one_point, one_step, outcome_columns
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.shortest_step import shortest_steps
from randrelu.network import Network

# The steps that "shortest" tries, as multiples of the linear step −2f/‖∇f‖².
MULTIPLES = np.array([1, 1.05, 1.1, 1.2, 1.35, 1.5, 2, 3, 5, 10, 30, 100, 1000], float)
# Layers up to which the exact step is the default: it follows every flip on the way.
WIDEST_EXACT = 10_000
# The steps that have a name.
STEPS = ("exact", "shortest", "linear", "paper")

Columns = dict[str, NDArray[Any]]


def a_step(eta: float | str) -> float | str:
    """Return a number, or the name of a step, as it is when it is one of those."""
    if isinstance(eta, str) and eta in STEPS:
        return eta
    if not isinstance(eta, numbers.Real):
        raise ValueError(
            f"eta must be a number or one of {', '.join(map(repr, STEPS))}, got {eta!r}"
        )
    return float(arguments.real_array("eta", eta))


def default_step(networks: Networks | LimitNetworks) -> str:
    """Return "exact" where it is soon found: it follows every flip on the way."""
    narrow = isinstance(networks, Networks) and max(networks.widths[1:]) <= WIDEST_EXACT
    return "exact" if narrow else "shortest"


def attacks(
    networks: Networks | LimitNetworks,
    point: NDArray[np.float64],
    eta: float | str,
    delta: float,
) -> tuple[Columns, Columns]:
    """Return the columns of the first step of every trial, and of the one that counts."""
    if isinstance(networks, LimitNetworks):
        return _at_infinite_width(networks, point, eta, delta)
    if networks.storage == "deferred" and eta != "exact":
        return _deferred(networks, point, eta, delta)
    return _one_by_one(networks, point, eta, delta)


def _one_by_one(
    networks: Networks, point: NDArray[np.float64], eta: float | str, delta: float
) -> tuple[Columns, Columns]:
    """Return these columns for networks of any kind."""
    threads = networks.threads_each
    kind, numbers = _steps(networks.widths, point, "linear" if eta == "exact" else eta, delta)

    def attack(net: Network) -> tuple[Attack, Attack]:
        base = Base(net, point[np.newaxis], threads=threads)
        goals = np.abs(base.f) if kind is core.StepKind.reflections else None
        steps = one_point(base.take(kind, numbers[:, np.newaxis], goals=goals, threads=threads), 0)
        if eta == "exact":
            shortest = shortest_steps(net, base, eta, threads=threads)
            return one_step(steps, 0), one_step(one_point(shortest, 0), 0)
        succeeded = np.flatnonzero(steps.success)
        best = int(succeeded[0]) if succeeded.size else numbers.size - 1
        return one_step(steps, 0), one_step(steps, best)

    firsts, lasts = zip(*networks.measure(attack), strict=True)
    return _by_trial(firsts), _by_trial(lasts)


def _deferred(
    networks: Networks, point: NDArray[np.float64], eta: float | str, delta: float
) -> tuple[Columns, Columns]:
    """Return the same columns for deferred networks: the core takes their steps."""
    kind, numbers = _steps(networks.widths, point, eta, delta)
    found = deferred_steps(networks, point, kind, numbers)
    slope = found.grad_norm / euclid.norm(point)
    first, last = (
        outcome_columns(found.eta[:, k], found.f, found.f_after[:, k], found.grad_norm, slope)
        for k in (0, 1)
    )
    return first, last


def _at_infinite_width(
    networks: LimitNetworks, point: NDArray[np.float64], eta: float | str, delta: float
) -> tuple[Columns, Columns]:
    """Return the same columns for limit networks."""
    if eta == "exact":
        raise ValueError(
            f"eta='exact' follows every unit that flips, and widths={INFINITE!r} has none; take "
            "'shortest', 'linear', 'paper' or a number"
        )

    def attack(net: LimitNetwork) -> tuple[Attack, Attack]:
        if eta != "shortest":
            step = gradient_step(net, point, eta=eta, delta=delta)
            return step, step
        linear = gradient_step(net, point)
        steps = gradient_step(net, point, eta=linear.eta * MULTIPLES)
        succeeded = np.flatnonzero(steps.success)
        return linear, one_step(steps, int(succeeded[0]) if succeeded.size else -1)

    firsts, lasts = zip(*networks.measure(attack), strict=True)
    return _by_trial(firsts), _by_trial(lasts)


def _steps(
    widths: tuple[int, ...], point: NDArray[np.float64], eta: float | str, delta: float
) -> tuple[core.StepKind, NDArray[np.float64]]:
    """Return the steps to try, in this order, as the core takes them."""
    if eta == "shortest":
        return core.StepKind.reflections, MULTIPLES
    if eta == "linear":
        return core.StepKind.reflections, np.ones(1)
    if eta == "paper":
        return core.StepKind.changes, laws.paper_step_size(widths, delta, [euclid.norm(point)])
    return core.StepKind.etas, np.array([float(eta)])


def _by_trial(taken: Sequence[Attack]) -> Columns:
    columns = [attack.columns() for attack in taken]
    return {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
