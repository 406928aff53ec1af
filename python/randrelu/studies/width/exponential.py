"""Whether anything changes where the width passes exp(√d)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.studies.estimates import Estimate
from randrelu.studies.kind import Finding
from randrelu.studies.width import figures
from randrelu.studies.width.distance import NORMAL

_Floats = NDArray[np.float64]


def trends(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return whether success has a trend above exp(√d) that finite width does not explain.

    What is fitted to the share of networks where the step of size 2/√d reaches −f, less that at
    infinite width, which is exact, is −A (k/d)^{−b} + c max(log k/√d − 1, 0), weighted by the
    numbers of networks. `beyond` is c: how the share moves for every √d in log k. Its error is
    enlarged where the fit misses; `power` is χ² over the degrees of freedom of this fit without c,
    and `exponential` that of −A exp(−b log k/√d).
    """
    at, less, error, over = _columns(points)
    found: dict[str, Any] = {"beyond": None, "power": None, "exponential": None}
    found["above_limit"] = _pooled([p for p in points if _above(p)])
    if at.size < 8 or min((at < 1).sum(), (at > 1).sum()) < 2:
        return found
    _, found["power"] = _best(np.log(over), less, error)
    _, found["exponential"] = _best(at, less, error)
    above = np.maximum(at - 1, 0)
    power, misfit = _best(np.log(over), less, error, above)
    shape = over**-power
    level, slope = _solved([shape, above], less, error)
    # The power is fitted, too: the last column is what moving it does.
    columns = np.column_stack([shape, above, level * shape * np.log(over)]) / error[:, np.newaxis]
    spread = math.sqrt(np.linalg.pinv(columns.T @ columns)[1, 1] * max(1.0, misfit))
    reach = NORMAL * spread
    found["beyond"] = Estimate(slope, slope - reach, slope + reach, sum(_counts(points)))
    return found


def _columns(points: Sequence[Mapping[str, Any]]) -> tuple[_Floats, ...]:
    """Return log k/√d, the difference, its standard error and k/d of every point."""
    numbers = []
    for p in points:
        count, exact = p["reaches_at_two"].networks, p["limit_reaches_at_two"]
        numbers.append(
            (
                math.log(p["width"]) / math.sqrt(p["dim"]),
                p["reaches_at_two"].value - exact,
                # Of the limit's own share: that of a small sample may be 0, and have no error.
                math.sqrt(exact * (1 - exact) / count),
                p["width"] / p["dim"],
            )
        )
    return tuple(np.array(numbers, np.float64).reshape(-1, 4).T)


def _above(point: Mapping[str, Any]) -> bool:
    return math.log(point["width"]) > math.sqrt(point["dim"])


def _counts(points: Sequence[Mapping[str, Any]]) -> list[int]:
    return [p["reaches_at_two"].networks for p in points]


def _pooled(points: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """Return the mean of the differences to the limit, of all networks of these points."""
    if not points:
        return None
    _, less, error, _ = _columns(points)
    weights = error**-2 / np.sum(error**-2)
    value, reach = float(weights @ less), NORMAL * float(np.sum(error**-2)) ** -0.5
    return Estimate(value, value - reach, value + reach, sum(_counts(points)))


def _best(x: _Floats, less: _Floats, error: _Floats, *others: _Floats) -> tuple[float, float]:
    """Return the best b of −A exp(−b x) beside other columns, and χ² over its degrees of freedom.

    All of x may be negative, where the width is below d.
    """
    best = (math.nan, math.inf)
    for b in np.geomspace(0.05, 20, 400):
        columns = [np.exp(-b * (x - x.min())), *others]
        misses = (less - np.column_stack(columns) @ _solved(columns, less, error)) / error
        best = min(best, (float(b), float(misses @ misses)), key=lambda found: found[1])
    return best[0], best[1] / (x.size - 2 - len(others))


def _solved(columns: Sequence[_Floats], less: _Floats, error: _Floats) -> _Floats:
    """Return the weighted least-squares coefficients of columns."""
    scaled = np.column_stack(columns) / error[:, np.newaxis]
    return np.asarray(np.linalg.lstsq(scaled, less / error, rcond=None)[0], np.float64)


def finding(points: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> Finding:
    """Return the picture of success against log k/√d."""
    return Finding(
        slug="exponential",
        heading="Where the width passes exp(√d)",
        sentence=_sentence(points, found),
        numbers={"points": points, **found},
        figure=partial(figures.exponential_figure, points),
        statement="Theorem 1.1 asks that the logarithm of the largest width be at most a power of "
        "the smallest of widths and dimension, with an exponent 1/c₂ without a value; "
        "Bubeck et al. (2021, arXiv 2104.03863) ask for k far below exp(d^c) for some c > 0. "
        "c = 1/2 is what is drawn; neither paper says that anything changes there.",
    )


def _sentence(points: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    beyond, least = found["beyond"], found["above_limit"]
    if beyond is None or least is None:
        return "Too little was measured on both sides of exp(√d) to tell a change."
    dims = sorted({p["dim"] for p in points})
    farthest = max(math.log(p["width"]) / p["dim"] for p in points)
    better = "better by k/d" if found["power"] < found["exponential"] else "better by log k/√d"
    if max(found["power"], found["exponential"]) < 1.2 * min(found["power"], found["exponential"]):
        better = "as well by k/d as by log k/√d"
    return (
        f"For d = {dims[0]} … {dims[-1]}, up to widths of exp({farthest:.1f} d), the share of "
        f"networks where the step of size 2/√d reaches −f {change_in_words(beyond)} above exp(√d) "
        f"that finite width, −A (k/d)^{{−b}}, does not explain: it moves by {beyond:+.3f} for "
        f"every √d in log k, where {seen_in_words(beyond)}. "
        "Over all widths above exp(√d) it differs from that at infinite "
        f"width by {least:+.3f} ({least.networks:,} networks). What is missing at small widths is "
        f"described {better}: χ² over its degrees of freedom is {found['power']:.1f} for "
        f"−A (k/d)^{{−b}} and {found['exponential']:.1f} for −A exp(−b log k/√d)."
    )


def change_in_words(beyond: Estimate) -> str:
    """Say whether a slope is seen."""
    if beyond.holds(0):
        return "shows no trend"
    return "falls with a trend" if beyond.value < 0 else "rises with a trend"


def seen_in_words(beyond: Estimate) -> str:
    """Say which slope would have been seen with a probability of 80 %."""
    error = (beyond.high - beyond.low) / (2 * NORMAL)
    return f"a slope of ±{(NORMAL + 0.842) * error:.3f} would be seen with a probability of 80 %"
