"""What the tables of the study say, in the form that its sentences and figures ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu.studies.columns import numbers
from randrelu.studies.depth.fits import Counts
from randrelu.studies.estimates import Estimate, median, quantile, share_of
from randrelu.studies.kind import Columns

_Floats = NDArray[np.float64]
CAPS = (20, 50, 200)  # times 1/√d: how far steps are looked for
DELTA = 0.05  # of Theorem 1.1
QUARTERS = (0.1, 0.25, 0.5, 0.75)  # and a tenth, of the networks


def counted(table: Columns, event: str, cap: float) -> Counts:
    """Count at every point the networks where the event has a step of at most cap/√d."""
    dim, depth, size = (numbers(table, name) for name in ("dim", "depth", event))
    width = numbers(table, "width") if "width" in table else np.full(dim.size, np.inf)
    points, which, networks = np.unique(
        np.stack([dim, depth, width]), axis=1, return_inverse=True, return_counts=True
    )
    with np.errstate(invalid="ignore"):
        success = size * np.sqrt(dim) <= cap * (1 + 1e-9)
    successes = np.bincount(which.reshape(-1), success, minlength=len(networks)).astype(np.float64)
    at_dim, at_depth, at_width = points
    return Counts(at_dim, at_depth, at_width, networks.astype(np.float64), successes)


def together(finite: Counts, limit: Counts) -> Counts:
    """Return the counts at finite widths, with those of the limit at the same d and ℓ."""
    pairs = set(zip(finite.dim, finite.depth, strict=True))
    at = zip(limit.dim, limit.depth, strict=True)
    limit = limit.where(np.array([pair in pairs for pair in at], bool))
    names = Counts.__dataclass_fields__
    return Counts(*(np.concatenate([getattr(finite, n), getattr(limit, n)]) for n in names))


def shares(counts: Counts) -> list[Estimate]:
    """Return the share of the networks at every point."""
    pairs = zip(counts.successes, counts.networks, strict=True)
    return [share_of(int(successes), int(networks)) for successes, networks in pairs]


def medians(table: Columns, name: str) -> list[dict[str, Any]]:
    """Return the median of a column at every d and ℓ, a missing value as infinite."""
    dim, depth, values = (numbers(table, n) for n in ("dim", "depth", name))
    return [
        {"dim": d, "depth": layers, "median": median(values[(dim == d) & (depth == layers)])}
        for d, layers in sorted(set(zip(dim.tolist(), depth.tolist(), strict=True)))
    ]


def step_quantiles(
    table: Columns, event: str, dim: float, quantiles: Sequence[float]
) -> list[dict[str, Any]]:
    """Return quantiles of √d times the smallest step at one d, by depth.

    A network without such a step has a larger one, or none: it counts as infinite, and so does a
    quantile where fewer networks than that have a step. All are censored at the same cap, so no
    more than that is to be known.
    """
    every, depth, size = (numbers(table, n) for n in ("dim", "depth", event))
    rows = []
    for layers in np.unique(depth[every == dim]):
        own = size[(every == dim) & (depth == layers)] * math.sqrt(dim)
        found = {q: quantile(own, q) for q in quantiles}
        rows.append({"depth": float(layers), "quantiles": found})
    return rows


@cache
def one_step_crossovers(dims: tuple[int, ...]) -> _Floats:
    """Return ℓ* of the best of a few single steps, from the exact law at infinite width.

    Half of the networks change their sign after it; more do at some step, as that may differ from
    network to network. The steps are to the angles a/ℓ with a around 3π/2, where f is the lowest;
    the best of all sizes is farther by about 1 % at d = 64, and less above.
    """
    found = []
    for dim in dims:
        depths = sorted({round(ratio * math.sqrt(dim)) for ratio in (1.5, 1.8, 2.15)})
        best = [
            max(
                laws.limit_step(dim, ell, size=math.tan(min(a / ell, 1.5))).flips
                for a in (3.3, 4.7, 6.5, 9.0)
            )
            for ell in depths
        ]
        found.append(math.exp(np.interp(-0.5, np.negative(best), np.log(depths))))
    return np.array(found)
