"""The pictures of what neighbours of the paper say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu.figures.style import MUTED, color, level, stacked
from randrelu.studies.estimates import Estimate, median, middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "osD^v<>P"
_DISTANCE = "‖W₁ − W₁(0)‖₂,∞ × √k"


@dataclass(frozen=True)
class Curve:
    """Groups of networks along an axis; NaN where a step was not found."""

    name: str
    at: Sequence[float]
    groups: Sequence[NDArray[np.float64]]

    def medians(self) -> list[float | None]:
        """Return the median of every group, None where it is not known."""
        found = [middle(group) for group in self.groups]
        return [value if np.isfinite(value) else None for value in found]


@dataclass(frozen=True)
class Bracket:
    """Both sides of a distance, of groups of networks along d."""

    name: str
    at: Sequence[float]
    certified: Sequence[NDArray[np.float64]]
    attained: Sequence[NDArray[np.float64]]


def in_balls(curves: Sequence[Curve], powers: Mapping[float, Estimate | None]) -> Figure:
    """Draw the step against the radius, and the power of d that it goes with."""
    figure, (above, below) = stacked(
        "radius of the ball, C₀ = R √k", ["size of the step × √d/‖x‖", "exponent of d in the size"]
    )
    for k, curve in enumerate(curves):
        _draw(above, curve, k)
    _logarithmic(above, "x", "y")
    known = {reach: found for reach, found in powers.items() if found is not None}
    for reach, found in known.items():
        below.errorbar(
            reach, found.value, fmt="o", markersize=4, color=color(0), capsize=3,
            yerr=[[found.value - found.low], [found.high - found.value]],
        )  # fmt: skip
    for exponent, name in ((-0.5, "1/√d"), (0.0, "no fall")):
        level(below, exponent, name)
        below.annotate(
            name, (0.99, exponent), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", ha="right", fontsize=8, color=MUTED,
        )  # fmt: skip
    _logarithmic(below, "x")
    _legend(figure, above)
    return figure


def traveling(step: Sequence[Curve], robust: Sequence[Curve]) -> Figure:
    """Draw the step, and the robust share, against how far W₁ has traveled."""
    figure, (above, below) = stacked(
        _DISTANCE, ["size of the step × √d/‖x‖", "share right, and robust to 2/√d"]
    )
    for axes, curves in ((above, step), (below, robust)):
        for k, curve in enumerate(curves):
            _draw(axes, curve, k)
        _logarithmic(axes, "x")
    _logarithmic(above, "y")
    below.set_ylim(-0.02, 1.02)
    _legend(figure, above)
    return figure


def distances(brackets: Mapping[str, Sequence[Bracket]]) -> Figure:
    """Draw both sides of the distance against d, a panel for each norm."""
    names = {"2": "ℓ₂ distance/‖x‖₂", "inf": "ℓ∞ distance/‖x‖∞"}
    figure, row = stacked("dimension of the input, d", [names[norm] for norm in brackets])
    for axes, found in zip(row, brackets.values(), strict=True):
        for k, bracket in enumerate(found):
            _draw(axes, Curve(f"{bracket.name}: attained", bracket.at, bracket.attained), k)
            low = _shown([middle(group) for group in bracket.certified])
            axes.plot(
                bracket.at, low, "--", color=color(k), linewidth=1.2,
                label="certified" if not k else None,
            )  # fmt: skip
        if found:
            ends = np.array([min(min(b.at) for b in found), max(max(b.at) for b in found)])
            axes.plot(ends, 1.4 / np.sqrt(ends), ":", color=MUTED, label="1/√d")
            _logarithmic(axes, "x", "y")
    _legend(figure, row[0])
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    """Put the legend above, in two columns: it is long here."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)


def _draw(axes: Axes, curve: Curve, k: int) -> None:
    """Draw medians in a band of their 95 % intervals."""
    found = [median(group) for group in curve.groups]
    value, low, high = (
        _shown([getattr(one, end) for one in found]) for end in ("value", "low", "high")
    )
    axes.fill_between(curve.at, low, high, color=color(k), alpha=0.2, linewidth=0)
    line = "-" if k < 4 else "--"
    axes.plot(
        curve.at, value, line, marker=_MARKS[k % len(_MARKS)], markersize=4, color=color(k),
        label=curve.name,
    )  # fmt: skip


def _logarithmic(axes: Axes, *names: str) -> None:
    """Make axes logarithmic, with plain numbers, unless nothing positive is drawn."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for name in names:
        axis, least = {
            "x": (axes.xaxis, axes.dataLim.minposx),
            "y": (axes.yaxis, axes.dataLim.minposy),
        }[name]
        if not np.isfinite(least):
            continue
        axes.set(**{f"{name}scale": "log"})
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if name == "y" else (1.0,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def _shown(sizes: Sequence[float]) -> NDArray[np.float64]:
    """Return sizes with NaN, which is not drawn, for those that are infinite."""
    return np.where(np.isfinite(sizes), sizes, np.nan)
