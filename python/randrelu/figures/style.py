"""How every figure looks, and what several of them draw; Matplotlib is an extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError("figures need Matplotlib: pip install 'randrelu[report]'") from error

__all__ = [
    "COLORS", "HAIR", "INK", "MUTED", "SERIES", "STYLE", "Axes", "Figure", "band", "boxes",
    "canvas", "color", "cumulative", "legend", "level", "rc_context", "threshold",
]  # fmt: skip

# The colours of every figure, by the variable that gives them on a page in the dark.
COLORS = {
    "ink": "#1f2328",
    "muted": "#6a737d",
    "hair": "#d5d9de",
    "series-0": "#0a5fb4",
    "series-1": "#b3471a",
    "series-2": "#1a7a4c",
    "series-3": "#7a3fa8",
}
INK, MUTED, HAIR, *SERIES = COLORS.values()
STYLE: Any = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.prop_cycle": f"cycler('color', {SERIES})",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # comes with Matplotlib, and has the paper's symbols
    "font.size": 9,
    "grid.color": HAIR,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "randrelu",  # the same figure, the same bytes
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


def color(k: int) -> str:
    """Return the colour of the k-th of any number of series."""
    return SERIES[k % len(SERIES)]


def canvas(x_label: str = "", y_label: str = "") -> tuple[Figure, Axes]:
    """Return a figure with a grid that is still read on a phone."""
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def cumulative(axes: Axes, values: ArrayLike, label: str, color: str) -> None:
    """Draw the share of values up to a number; an infinite one counts, but is nowhere."""
    numbers = np.asarray(values, float)
    seen = np.sort(numbers[np.isfinite(numbers)])
    shares = np.arange(1, seen.size + 1) / numbers.size
    # A logarithmic axis has no place for 0: the first step starts at the first value.
    count = f"{numbers.size}" if seen.size == numbers.size else f"{seen.size} of {numbers.size}"
    axes.step(seen, shares, where="post", label=f"{label} ({count})", color=color)
    axes.set(ylabel="cumulative share of networks", ylim=(-0.02, 1.02))


def threshold(axes: Axes, at: float, label: str, color: str = MUTED) -> None:
    """Draw what the paper asks for, as a line across."""
    axes.axvline(at, color=color, linestyle=":", label=label)


def level(axes: Axes, at: float, label: str, color: str = MUTED) -> None:
    """Draw what the paper asks for, as a line along."""
    axes.axhline(at, color=color, linestyle=":", label=label)


def band(axes: Axes, x: ArrayLike, groups: Sequence[ArrayLike], label: str, color: str) -> None:
    """Draw the medians of groups over x, in a band from their 5 % to their 95 % quantile."""
    # No group, or nothing finite in one: no point there.
    finite = [values[np.isfinite(values)] for values in (np.asarray(g, float) for g in groups)]
    x = [place for place, values in zip(np.asarray(x), finite, strict=True) if values.size]
    quantiles = [np.quantile(values, (0.05, 0.5, 0.95)) for values in finite if values.size]
    low, middle, high = np.array(quantiles).reshape(-1, 3).T
    axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(x, middle, "o-", markersize=4, color=color, label=label)


def boxes(axes: Axes, groups: Sequence[ArrayLike]) -> None:
    """Draw a box for every layer: quartiles, and whiskers from 5 % to 95 %."""
    parts = axes.boxplot(list(groups), whis=(5, 95), showfliers=False)
    for lines in parts.values():
        for line in lines:
            line.set_color(SERIES[0])
    axes.set_xticks(range(1, len(groups) + 1), [str(i) for i in range(1, len(groups) + 1)])


def legend(figure: Figure, axes: Axes) -> None:
    """Put the legend above, where no curve is."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=1)
