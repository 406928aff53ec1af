"""How the quantiles of several sizes grow: a power, with an interval that holds for any law."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress
from randrelu._support.progress import part
from randrelu.checks.result import Check, Measurement, quantile_interval, smallest_constant
from randrelu.measures.bottlenecks import bottlenecks

# The widths, relative to those that were asked for.
SCALES = (0.25, 0.5, 1.0)


def fitted_power(
    sizes: Sequence[float],
    groups: Sequence[NDArray[np.float64]],
    share: float,
    confidence: float,
    cap: ArrayLike = np.inf,
) -> tuple[float, float, float]:
    """Return the power of the sizes that a quantile is fitted by, and the ends of its interval.

    The fit by least squares is linear in the logarithms of the quantiles, so the ends are attained
    where every quantile is at an end of its own exact interval. The confidence is that of each.

    Parameters
    ----------
    sizes : sequence of float
        At least two different sizes.
    groups : sequence of ndarray, shape (trials,)
        What was measured at each size; infinite where a trial failed.
    share : float
        Which quantile.
    confidence : float
        Of the interval of each size.
    cap : array_like
        How far was looked, at each size: of what is infinite no more is known than that it is
        larger.
    """
    x = np.log(sizes) - np.log(sizes).mean()
    weights = x / (x @ x)
    ends = np.array([quantile_interval(group, share, confidence) for group in groups])
    middle = np.array([smallest_constant(group, share) for group in groups])
    low, high = np.minimum(np.maximum(ends[:, 0], 0), cap), ends[:, 1]
    rising = weights > 0
    chosen = (middle, np.where(rising, low, high), np.where(rising, high, low))
    counts = np.abs(weights) > 1e-9 * np.abs(weights).max()  # not that of a size in the middle
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, least, most = (float(weights[counts] @ np.log(q[counts])) for q in chosen)
    # Infinite ends on both sides say nothing.
    return slope, -np.inf if math.isnan(least) else least, np.inf if math.isnan(most) else most


def asked(trend: object) -> bool:
    """Return the parameter `trend`, which the terminal gives as a word."""
    said = {"true": True, "false": False}.get(trend.lower()) if isinstance(trend, str) else trend
    if not isinstance(said, (bool, np.bool_)):
        raise ValueError(f"trend must be True or False, got {trend!r}")
    return bool(said)


def narrower(widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the widths at all `SCALES` but the last, where they have the same bottlenecks."""
    found = [(*(round(scale * n) for n in widths[:-1]), 1) for scale in SCALES[:-1]]
    if min(found[0]) < 1 or any(bottlenecks(one) != bottlenecks(widths) for one in found):
        raise ValueError(
            "for a trend widths must have the same bottlenecks at a quarter and at half of them, "
            f"got {widths}; choose wider layers, or trend=False"
        )
    return found


def of_constant(
    run: Callable[..., Check],
    parameters: Mapping[str, Any],
    needed: NDArray[np.float64],
    *,
    threads: int | None,
    progress: Progress | None,
) -> Measurement:
    """Return the power of the widths that the needed constant grows by, at `SCALES` times them.

    The networks asked for are the largest; the check runs again on narrower ones, whose column
    "needed" is read.
    """
    groups = []
    for k, narrow in enumerate(narrower(parameters["widths"])):
        own = arguments.seed_of(np.random.SeedSequence(parameters["rng"], spawn_key=(1, k)))
        smaller = run(
            **{**parameters, "widths": narrow, "rng": own, "trend": False},
            threads=threads,
            progress=part(progress, k + 1, len(SCALES)),
        )
        groups.append(smaller.trials["needed"])
    share = 1 - parameters["delta"]
    confidence = 1 - (1 - laws.CONFIDENCE) / len(SCALES)
    return Measurement(
        f"power of the widths by which the constant grows, {100 * share:g}% of trials",
        *fitted_power(SCALES, [*groups, needed], share, confidence),
        paper="one constant for all widths: not above 0 in the long run",
    )
