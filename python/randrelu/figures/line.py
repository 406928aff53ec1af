"""f along a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from randrelu.figures.style import HAIR, INK, MUTED, color, legend, require_matplotlib, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from randrelu.measures.line import Line


def line_figure(line: Line) -> Figure:
    """Draw f along a line, its tangent at x, and a tick where a unit flips, coloured by layer.

    Parameters
    ----------
    line : Line
        The line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with styled():
        figure, axes = draw_line(line, 1.0, "t, distance from x")
        legend(figure, axes)
    return figure


def draw_line(line: Line, unit: float, words: str) -> tuple[Figure, Axes]:
    """Draw the same without a legend, and return the axes of f; distances are in that unit."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axes, marks = figure.subplots(
        2, sharex=True, height_ratios=[4, 1], gridspec_kw={"hspace": 0.02}
    )
    ends = np.array([0.0, line.length])
    t = np.r_[0.0, line.t, line.length]
    values = np.r_[line.f0, line.f, line.value(line.length)]
    axes.plot(t / unit, values, color=INK, label="f(x + t u)")
    tangent = line.f0 + ends * line.slope[0]
    axes.plot(ends / unit, tangent, "--", color=MUTED, linewidth=1.2, label="tangent at x")
    axes.axhline(0, color=HAIR, linewidth=0.8, zorder=0)
    axes.set(ylabel="f")
    depth = len(line.widths)
    for i in range(1, depth + 1):
        at = line.t[line.layer == i] / unit
        marks.vlines(at, i - 0.4, i + 0.4, color=color(i - 1), linewidth=0.8)
    marks.set(
        xlabel=words, ylabel="layer", ylim=(depth + 0.6, 0.4), yticks=range(1, depth + 1),
        xlim=(0, line.length / unit),
    )  # fmt: skip
    marks.set_title(f"{line.t.size} flips on all of the line", fontsize="small", loc="right", pad=2)
    return figure, axes
