"""Theorem 1.1: one gradient step flips the sign of a random ReLU network."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.attacks import Columns, a_step, attacks, default_step
from randrelu.checks.infinite import INFINITE, LimitNetworks
from randrelu.checks.result import Check, Measurement, constant_needed, quantile, share
from randrelu.checks.statement import WIDER, PlanRow, Statement
from randrelu.checks.trials import Networks, nonzero_point
from randrelu.checks.verdict import there_is
from randrelu.figures.style import INK, SERIES, canvas, cumulative, legend, threshold
from randrelu.measures.shortest_step import LONGEST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ there is an η with ‖η∇f(x)‖/‖x‖ ≤ c₃ √(log(1/δ)/d) for which "
    "f(x + η∇f(x)) has the other sign than f(x) and is no smaller in size."
)

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
    the paper's proof, ``eta="paper"``, exceeds the bound by a factor log d.

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
        At infinite width there is no "exact": it depends on more than finitely many values.
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
    eta = default_step(networks) if eta is None else a_step(eta)
    firsts, columns = attacks(networks, point, eta, delta)
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


def largest_c_3(delta: float) -> float:
    """Return the c₃ up to which the exact step is looked for, whatever d."""
    return LONGEST / math.sqrt(-math.log(delta))


def _of_linear_steps(dim: int, depth: int) -> tuple[str, str]:
    """Return what the laws say of the shares that the linear step flips, and takes to −f."""
    if depth == 0:
        return "1 (f is linear)", "1 (f is linear)"
    law = laws.limit_step(dim, depth)
    return f"{law.flips:.4g} (infinite width)", f"{law.succeeds:.4g} (infinite width)"


def _of_slopes(columns: Columns) -> NDArray[np.float64]:
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
