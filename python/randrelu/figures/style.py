"""How every figure looks, and what several of them draw.

Matplotlib is an extra, and is imported when something is drawn: modules that draw import this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from randrelu._support import extras

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
_STYLE: Any = {
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
_FORMATS = (".png", ".svg", ".pdf")


def require_matplotlib(extra: str = "plot") -> None:
    """Raise ImportError, with the extra to install, unless figures can be drawn."""
    extras.require("figures need Matplotlib", "matplotlib", extra)


def require_format(path: Path, name: str = "plot") -> None:
    """Raise an error unless a figure can be drawn, and saved under this name."""
    require_matplotlib()
    if path.suffix not in _FORMATS:
        raise ValueError(f"{name} must end in one of {', '.join(_FORMATS)}, got {path}")


def styled() -> AbstractContextManager[None]:
    """Return the context in which what is drawn has this look."""
    require_matplotlib()
    from matplotlib import rc_context

    context: AbstractContextManager[None] = rc_context(_STYLE)
    return context


def color(k: int) -> str:
    """Return the colour of the k-th of any number of series."""
    return SERIES[k % len(SERIES)]


def canvas(x_label: str = "", y_label: str = "") -> tuple[Figure, Axes]:
    """Return a figure with a grid, of a size that can be read on a phone."""
    figure, (axes,) = panels(x_label, [y_label])
    return figure, axes


def panels(x_label: str, y_labels: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure of such canvases beside each other."""
    return _grid((4.4 * len(y_labels), 3.6), 1, x_label, y_labels)


def stacked(x_label: str, y_labels: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure of canvases below each other, all of which a phone shows."""
    figure, column = _grid((4.4, 2.8 * len(y_labels)), len(y_labels), x_label, y_labels)
    for axes in column[:-1]:
        axes.set_xlabel("")
    return figure, column


def _grid(
    size: tuple[float, float], rows: int, x_label: str, y_labels: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    places = range(1, len(y_labels) + 1)
    every = [figure.add_subplot(rows, len(y_labels) // rows, k) for k in places]
    for axes, y_label in zip(every, y_labels, strict=True):
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, every


def cumulative(
    axes: Axes, values: ArrayLike, label: str, color: str, *, of: str = "networks"
) -> None:
    """Draw the share of values up to a number; an infinite one counts, but is not drawn."""
    numbers = np.asarray(values, float)
    seen = np.sort(numbers[np.isfinite(numbers)])
    shares = np.arange(1, seen.size + 1) / numbers.size
    # A logarithmic axis has no place for 0: the first step starts at the first value.
    count = f"{numbers.size}" if seen.size == numbers.size else f"{seen.size} of {numbers.size}"
    axes.step(seen, shares, where="post", label=f"{label} ({count})", color=color)
    axes.set(ylabel=f"cumulative share of {of}", ylim=(-0.02, 1.02))


def threshold(axes: Axes, at: float, label: str, color: str = MUTED) -> None:
    """Draw what the paper asks for, as a vertical line."""
    axes.axvline(at, color=color, linestyle=":", label=label)


def level(axes: Axes, at: float, label: str, color: str = MUTED) -> None:
    """Draw what the paper asks for, as a horizontal line."""
    axes.axhline(at, color=color, linestyle=":", label=label)


def band(axes: Axes, x: ArrayLike, groups: Sequence[ArrayLike], label: str, color: str) -> None:
    """Draw the medians of groups over x, in a band from their 5 % to their 95 % quantile."""
    # No group, or nothing finite in one: no point there.
    finite = [values[np.isfinite(values)] for values in (np.asarray(g, float) for g in groups)]
    at = [place for place, values in zip(np.asarray(x), finite, strict=True) if values.size]
    quantiles = [np.quantile(values, (0.05, 0.5, 0.95)) for values in finite if values.size]
    low, middle, high = np.array(quantiles).reshape(-1, 3).T
    ribbon(axes, at, low, middle, high, label, color)


def ribbon(
    axes: Axes,
    x: ArrayLike,
    low: ArrayLike,
    middle: ArrayLike,
    high: ArrayLike,
    label: str,
    color: str,
) -> None:
    """Draw a curve in a band around it."""
    axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(x, middle, "o-", markersize=4, color=color, label=label)


def boxes(axes: Axes, groups: Sequence[ArrayLike]) -> None:
    """Draw a box for every layer: quartiles, and whiskers from 5 % to 95 %."""
    parts = axes.boxplot(list(groups), whis=(5, 95), showfliers=False)
    for lines in parts.values():
        for line in lines:
            line.set_color(SERIES[0])
    axes.set_xticks(range(1, len(groups) + 1), [str(i) for i in range(1, len(groups) + 1)])


def legend(figure: Figure, axes: Axes, *, columns: int = 1) -> None:
    """Put the legend above, where no curve is."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns)
