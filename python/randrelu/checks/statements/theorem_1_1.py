"""Theorem 1.1: one gradient step flips the sign of a random ReLU network."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.infinite import INFINITE, LimitNetworks
from randrelu.checks.result import Check, Measurement, constant_needed, quantile, share
from randrelu.checks.statement import WIDER, PlanRow, Statement
from randrelu.checks.trials import Networks, deferred_steps, nonzero_point
from randrelu.checks.verdict import there_is
from randrelu.figures.style import INK, SERIES, canvas, cumulative, legend, threshold
from randrelu.limit import LimitNetwork
from randrelu.measures.attack import Attack, Base, one_point, one_step, outcome_columns
from randrelu.measures.gradient_step import gradient_step
from randrelu.measures.shortest_step import LONGEST, shortest_steps
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ there is an η with ‖η∇f(x)‖/‖x‖ ≤ c₃ √(log(1/δ)/d) for which "
    "f(x + η∇f(x)) has the other sign than f(x) and is no smaller in size."
)

# The steps that "shortest" tries, as multiples of the linear step −2f/‖∇f‖².
MULTIPLES = np.array([1, 1.05, 1.1, 1.2, 1.35, 1.5, 2, 3, 5, 10, 30, 100, 1000], float)
# Layers up to which the exact step is the default: it follows every flip on the way.
WIDEST_EXACT = 10_000
# The steps that have a name.
STEPS = ("exact", "shortest", "linear", "paper")
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def run(
    *,
    widths: tuple[int, ...] | str,
    trials: int = 200,
    delta: float = 0.05,
    rng: Rng = None,
    x: ArrayLike | None = None,
    eta: float | str | None = None,
    storage: str = "deferred",
    dim: int | None = None,
    depth: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Attack one point of each of `trials` random networks.

    The paper leaves c₃ open. The conclusion is about steps of a relative size up to 50/√d, which
    is c₃ = 50/√(log 1/δ), 28.9 for δ = 0.05: "exact" looks no farther, and any other step that is
    longer counts as one that was not found. The smallest c₃ that would do is measured. The step of
    the paper's proof, eta="paper", exceeds the bound by a factor log d.

    Parameters
    ----------
    widths : sequence of int, or "infinite"
        (d, d_1, …, d_ℓ, 1); or "infinite" for a `LimitNetwork` of `dim` and `depth` in each trial.
        The theorem speaks of finite widths only, so its hypothesis is not met then, and the
        conclusion is about the limit.
    x : array_like, shape (d,), optional
        The point, not 0. By default (1, …, 1), of norm √d; the law of the outcome is the same for
        every point.
    eta : float, "exact", "shortest", "linear" or "paper", optional
        The step, as for `gradient_step`. The theorem asks for *an* η, so the default is "exact",
        the shortest for which its conclusion holds; "shortest" is the shortest of a few multiples
        (1 to 1000) of the linear step, and the default where a layer has more than 10 000 units.
        At infinite width "exact" is no question about finitely many values.
    dim, depth : int, optional
        d and ℓ, for ``widths="infinite"`` only.
    """
    delta = arguments.probability("delta", delta)
    networks: Networks | LimitNetworks
    if isinstance(widths, str):
        networks = LimitNetworks.asked(widths, dim, depth, trials, storage, rng, progress)
        dim, depth = networks.dim, networks.depth
    elif dim is not None or depth is not None:
        raise ValueError(f"dim and depth go with widths={INFINITE!r}; other widths say them")
    else:
        networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    point = nonzero_point(x, networks.dim)
    if eta is None:
        eta = "exact" if _is_narrow(networks) else "shortest"
    eta = a_step(eta)
    if isinstance(networks, LimitNetworks):
        firsts, columns = _at_infinite_width(networks, point, eta, delta)
    elif networks.storage == "deferred" and eta != "exact":
        firsts, columns = _deferred(networks, point, eta, delta)
    else:
        firsts, columns = _one_by_one(networks, point, eta, delta)
    infimum, _ = columns.pop("eta_infimum"), firsts.pop("eta_infimum")
    sizes = columns["relative_norm"]
    if eta == "exact":  # the infimum is a property of the line, and the attack a point beyond it
        sizes = np.abs(infimum) * columns["grad_norm"] / euclid.norm(point)
    ratios = np.where(columns["success"], sizes, np.inf) / laws.size_bound(networks.dim, delta)

    law = None
    if networks.dim > 1:
        law = partial(laws.linear_step_norm_quantile, dim=networks.dim)
    flips, succeeds = _of_linear_steps(networks.dim, networks.depth)
    claimed = f"≥ {1 - delta:g}" + (f"; {succeeds}" if eta == "linear" else "")
    flipped = share("sign flipped and |f| no smaller", columns["success"], claimed)
    measurements, found = [flipped], flipped
    if eta != "exact":  # which looks no farther than that
        c_3 = largest_c_3(delta)
        near = columns["success"] & (ratios <= c_3)
        found = share(f"… by a step within the bound, c₃ = {c_3:.3g}", near, f"≥ {1 - delta:g}")
        measurements.append(found)
    if eta in ("exact", "shortest"):
        measurements += [
            share("… by the linear step alone", firsts["success"], succeeds),
            share("sign flipped by the linear step", firsts["sign_flipped"], flips),
            *_quantiles("‖η∇f‖/‖x‖ of the linear step", _of_slopes(firsts), law),
        ]
        columns |= {f"linear_{name}": values for name, values in firsts.items()}
    if eta == "linear":
        measurements.append(share("sign flipped", columns["sign_flipped"], flips))
        measurements += _quantiles("‖η∇f‖/‖x‖", _of_slopes(columns), law)
    else:
        succeeded = columns["relative_norm"][columns["success"]]
        measurements += _quantiles(f"‖η∇f‖/‖x‖ of {succeeded.size} successes", succeeded)
    bound = "‖η∇f‖/‖x‖ ≤ c₃ √(log(1/δ)/d)"
    if eta == "exact":
        bound = f"{bound}; looked for up to {largest_c_3(delta):.3g}"
    measurements.append(constant_needed("c₃", ratios, 1 - delta, paper=bound))
    return STATEMENT.found(
        parameters={
            **networks.parameters,
            "delta": delta,
            "eta": eta,
            "x": None if x is None else tuple(point.tolist()),
            "dim": dim,
            "depth": depth,
        },
        hypothesis=networks.hypothesis(delta),
        measurements=measurements,
        parts=[there_is(found, 1 - delta)],
        trials={"seed": networks.seeds, **columns},
    )


def _is_narrow(networks: Networks | LimitNetworks) -> bool:
    """Return whether the exact step, which follows every flip on the way, is soon found."""
    return isinstance(networks, Networks) and max(networks.widths[1:]) <= WIDEST_EXACT


def largest_c_3(delta: float) -> float:
    """Return the c₃ up to which the exact step is looked for, whatever d."""
    return LONGEST / math.sqrt(-math.log(delta))


def _of_linear_steps(dim: int, depth: int) -> tuple[str, str]:
    """Return what the laws say of the shares that the linear step flips, and takes to −f."""
    if depth == 0:
        return "1 (f is linear)", "1 (f is linear)"
    law = laws.limit_step(dim, depth)
    return f"{law.flips:.4g} (infinite width)", f"{law.succeeds:.4g} (infinite width)"


def a_step(eta: float | str) -> float | str:
    """Return a number, or the name of a step, as it is when it is one of those."""
    if isinstance(eta, str) and eta in STEPS:
        return eta
    if not isinstance(eta, numbers.Real):
        raise ValueError(
            f"eta must be a number or one of {', '.join(map(repr, STEPS))}, got {eta!r}"
        )
    return float(arguments.real_array("eta", eta))


_Columns = dict[str, NDArray[Any]]


def _one_by_one(
    networks: Networks, point: NDArray[np.float64], eta: float | str, delta: float
) -> tuple[_Columns, _Columns]:
    """Return the columns of the first step of every trial, and of the one that counts."""
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
) -> tuple[_Columns, _Columns]:
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
) -> tuple[_Columns, _Columns]:
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


def _by_trial(attacks: Sequence[Attack]) -> _Columns:
    columns = [attack.columns() for attack in attacks]
    return {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}


def _of_slopes(columns: _Columns) -> NDArray[np.float64]:
    """Return the sizes of the steps where ∇f(x) is not 0, which their exact law is of."""
    sizes: NDArray[np.float64] = columns["relative_norm"][columns["grad_norm"] > 0]
    return sizes


def _quantiles(
    name: str, norms: NDArray[np.float64], law: Callable[[float], Any] | None = None
) -> list[Measurement]:
    return [quantile(f"{name}, {q:.0%}", norms, q, law) for q in _QUANTILES if norms.size]


def draw(check: Check) -> Figure:
    """Draw the sizes of the steps, beside the law of the linear one and the limit of others."""
    figure, axes = canvas()
    widths, eta, trials = check.parameters["widths"], check.parameters["eta"], check.trials
    if widths == INFINITE:
        dim, depth = check.parameters["dim"], check.parameters["depth"]
    else:
        dim, depth = widths[0], len(widths) - 2
    if eta in ("exact", "shortest"):
        cumulative(axes, trials["linear_relative_norm"], "linear step, −2f/‖∇f‖²", SERIES[0])
    if dim > 1 and eta in ("exact", "shortest", "linear"):
        shares = np.linspace(0.002, 0.998, 300)
        law = laws.linear_step_norm_quantile(shares, dim)
        axes.plot(law, shares, "--", color=INK, linewidth=1, label="its exact law")
    reached = np.where(trials["success"], trials["relative_norm"], np.inf)
    name = {"exact": "shortest step that succeeds", "shortest": "shortest multiple that succeeds"}
    cumulative(axes, reached, name.get(eta, f"successes, η = {eta}"), SERIES[1])
    bound = laws.size_bound(dim, check.parameters["delta"])
    if depth > 0 and eta in ("exact", "shortest"):
        # The shortest step that succeeds is no longer than one that does.
        sizes = bound * np.geomspace(0.02, 5, 40)
        limit = [laws.limit_step(dim, depth, size=size).succeeds for size in sizes]
        label = "share where a step of this size succeeds, infinite width"
        axes.plot(sizes, limit, ":", color=INK, linewidth=1, label=label)
    threshold(axes, bound, "√(log(1/δ)/d), the bound with c₃ = 1")
    axes.set(xscale="log", xlabel="size of the step, ‖η∇f(x)‖/‖x‖")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "theorem-1.1",
    CLAIM,
    run,
    ("holds", "not shown"),
    draw,
    plan=(
        PlanRow(
            "Theorem 1.1: one gradient step flips the sign",
            quick={**WIDER, "trials": 100},
            full={**WIDER, "trials": 2000},
        ),
        PlanRow(
            "Theorem 1.1 where a layer is narrow",
            quick={"widths": (784, 1024, 32, 1024, 1), "trials": 100},
            full={"widths": (784, 2048, 32, 2048, 1), "trials": 2000},
            label="bottleneck",
        ),
        PlanRow(
            "Theorem 1.1 on wide networks",
            quick={"widths": (100_000, 100_000, 100_000, 1), "trials": 100},
            full={"widths": (1_000_000, 1_000_000, 1_000_000, 1), "trials": 200},
            label="wide",
        ),
    ),
)
