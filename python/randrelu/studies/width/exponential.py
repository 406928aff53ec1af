"""Whether anything changes where the width passes exp(√d)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.kind import Finding
from randrelu.studies.width import figures
from randrelu.studies.width.distance import NORMAL
from randrelu.studies.width.summaries import Estimate, flat

_Floats = NDArray[np.float64]


def trends(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how success depends on log k/√d below 1 and above it.

    The share of networks where the step of size 2/√d reaches −f, less that at infinite width, which
    is exact, is fitted by one line below and one above, joined at 1 and with a level of their own
    for every dimension and depth; weighted by the numbers of networks. Beside it the difference is
    fitted by −A (k/d)^{−b} and by −A exp(−b log k/√d).
    """
    at, less, error, group, over = _columns(points)
    found: dict[str, Any] = {"below": None, "above": None, "power": None, "exponential": None}
    found["largest"] = _pooled([p for p in points if _above(p) and _is_widest(p, points)])
    found["above_limit"] = _pooled([p for p in points if _above(p)])
    if at.size < 8 or min((at < 1).sum(), (at > 1).sum()) < 2:
        return found
    levels = group[:, np.newaxis] == np.unique(group)
    design = np.column_stack([np.minimum(at - 1, 0), np.maximum(at - 1, 0), levels])
    scaled = design / error[:, np.newaxis]
    slopes, *_ = np.linalg.lstsq(scaled, less / error, rcond=None)
    spread = np.sqrt(np.diag(np.linalg.pinv(scaled.T @ scaled)))
    for k, name in enumerate(("below", "above")):
        reach = NORMAL * spread[k]
        found[name] = Estimate(slopes[k], slopes[k] - reach, slopes[k] + reach, at.size)
    found["power"] = _misfit(np.log(over), less, error)
    found["exponential"] = _misfit(at, less, error)
    return found


def _columns(points: Sequence[Mapping[str, Any]]) -> tuple[_Floats, ...]:
    """Return log k/√d, the difference, its standard error, the group and k/d of every point."""
    shapes = sorted({(p["dim"], p["depth"]) for p in points})
    numbers = []
    for p in points:
        count, exact = p["reaches_at_two"].count, p["limit_reaches_at_two"]
        numbers.append(
            (
                math.log(p["width"]) / math.sqrt(p["dim"]),
                p["reaches_at_two"].value - exact,
                # Of the limit's own share: that of a small sample may be 0, and have no error.
                math.sqrt(exact * (1 - exact) / count),
                shapes.index((p["dim"], p["depth"])),
                p["width"] / p["dim"],
            )
        )
    return tuple(np.array(numbers, np.float64).reshape(-1, 5).T)


def _above(point: Mapping[str, Any]) -> bool:
    return math.log(point["width"]) > math.sqrt(point["dim"])


def _is_widest(point: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> bool:
    same = [p for p in points if (p["dim"], p["depth"]) == (point["dim"], point["depth"])]
    return bool(point["width"] == max(p["width"] for p in same))


def _pooled(points: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """Return the mean of the differences to the limit, of all networks of these points."""
    if not points:
        return None
    _, less, error, _, _ = _columns(points)
    weights = error**-2 / np.sum(error**-2)
    value, reach = float(weights @ less), NORMAL * float(np.sum(error**-2)) ** -0.5
    return Estimate(value, value - reach, value + reach, sum(p["found"].count for p in points))


def _misfit(x: _Floats, less: _Floats, error: _Floats) -> float:
    """Return χ² over its degrees of freedom of −A exp(−b x), for the best A and b."""
    best = math.inf
    for b in np.geomspace(0.05, 20, 400):
        shape = np.exp(-b * (x - x.min()))
        scale = float(shape / error @ (less / error)) / float(np.sum((shape / error) ** 2))
        best = min(best, float(np.sum(((less - scale * shape) / error) ** 2)))
    return best / (x.size - 2)


def finding(points: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> Finding:
    """Return the picture of success against log k/√d."""
    return Finding(
        slug="exponential",
        heading="Where the width passes exp(√d)",
        sentence=_sentence(points, found),
        numbers={"points": [flat(p) for p in points], **flat(found)},
        figure=partial(figures.exponential_figure, points),
        statement="Theorem 1.1 asks that the logarithm of the largest width be at most a power of "
        "the smallest of widths and dimension, with an exponent 1/c₂ without a value; "
        "Bubeck et al. (2021, arXiv 2104.03863) ask for k far below exp(d^c) for some c > 0. "
        "c = 1/2 is what is drawn; neither paper says that anything changes there.",
    )


def _sentence(points: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    above, below, least = found["above"], found["below"], found["above_limit"]
    if above is None or below is None or least is None:
        return "Too little was measured on both sides of exp(√d) to tell a change."
    change = "shows no trend"
    if not above.low <= 0 <= above.high:
        change = "falls" if above.value < 0 else "rises"
    dims = sorted({p["dim"] for p in points})
    farthest = max(math.log(p["width"]) / p["dim"] for p in points)
    better = "better by k/d" if found["power"] < found["exponential"] else "better by log k/√d"
    if max(found["power"], found["exponential"]) < 1.2 * min(found["power"], found["exponential"]):
        better = "as well by k/d as by log k/√d"
    return (
        f"For d = {dims[0]} … {dims[-1]}, up to widths of exp({farthest:.1f} d), the share of "
        f"networks where the step of size 2/√d reaches −f {change} with the width above exp(√d): "
        f"it moves by {above:+.3f} for every √d in log k, and by {below:+.3f} below, where "
        f"networks are narrow. Over all widths above exp(√d) it differs from that at infinite "
        f"width by {least:+.3f} ({least.count:,} networks). What is missing at small widths is "
        f"described {better}: χ² over its degrees of freedom is {found['power']:.1f} for "
        f"−A (k/d)^{{−b}} and {found['exponential']:.1f} for −A exp(−b log k/√d)."
    )
