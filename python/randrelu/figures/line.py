"""f along a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from randrelu.figures.style import require_matplotlib

if TYPE_CHECKING:
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
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes, marks = figure.subplots(
        2, sharex=True, height_ratios=[4, 1], gridspec_kw={"hspace": 0.02}
    )
    t = np.r_[0.0, line.t, line.length]
    axes.plot(t, np.r_[line.f0, line.f, line.value(line.length)], "k-", label="f(x + t u)")
    ends = np.array([0.0, line.length])
    axes.plot(ends, line.f0 + ends * line.slope[0], "--", color="0.5", label="tangent at x")
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(ylabel="f")
    axes.legend()
    depth = len(line.widths)
    for i in range(1, depth + 1):
        at = line.t[line.layer == i]
        marks.vlines(at, i - 0.4, i + 0.4, color=f"C{(i - 1) % 10}", linewidth=0.8)
    marks.set(
        xlabel="t, distance from x", ylabel="layer", ylim=(depth + 0.6, 0.4),
        yticks=range(1, depth + 1), xlim=(0, line.length),
    )  # fmt: skip
    marks.set_title(f"{line.t.size} flips", fontsize="small", loc="right", pad=2)
    return figure
