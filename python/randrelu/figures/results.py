"""Figures; they need Matplotlib, which is an extra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from randrelu.measures.flips import Flips
from randrelu.measures.line import Line
from randrelu.measures.row_space import Figure1

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError("figures need Matplotlib: pip install 'randrelu[plot]'") from error

_FORMATS = (".png", ".svg", ".pdf")


def require_format(path: Path) -> None:
    """Raise ValueError unless a figure can be saved under this name."""
    if path.suffix not in _FORMATS:
        raise ValueError(f"plot must end in one of {', '.join(_FORMATS)}, got {path}")


def flips_figure(relative_radii: Sequence[float], found: Sequence[Flips]) -> Figure:
    """Draw the share of flipped units of every layer against the radius.

    Parameters
    ----------
    relative_radii : sequence of float
        The radii as multiples of ‖x‖.
    found : sequence of Flips
        What was measured at each, for one network.

    Returns
    -------
    matplotlib.figure.Figure
        Measured mean and band from 5 % to 95 % of the points, and the prediction, by layer. Both
        axes are logarithmic; what is 0 cannot be drawn on them.
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    order = np.argsort(relative_radii)
    radii = np.array(relative_radii)[order]
    widths = np.array(found[0].widths)
    mean, predicted = (
        np.array([getattr(found[k], name) for k in order]) / widths
        for name in ("mean", "predicted")
    )
    low, high = np.swapaxes([found[k].quantiles([0.05, 0.95]) for k in order], 0, 1) / widths
    for i, width in enumerate(widths):
        color = f"C{i % 10}"
        axes.fill_between(radii, low[:, i], high[:, i], color=color, alpha=0.2, linewidth=0)
        axes.plot(radii, mean[:, i], "o-", color=color, label=f"layer {i + 1}, width {width}")
        axes.plot(radii, predicted[:, i], "--", color=color)
    axes.plot([], [], "k--", label="predicted, infinite width")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="radius of the ball, R/‖x‖",
        ylabel="share of the units that flip: mean, 5 % … 95 %",
    )
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


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


def row_space_figure(found: Figure1) -> Figure:
    """Draw ‖δ*‖/‖x‖ against the number of hidden units, as Figure 1 of the paper.

    Parameters
    ----------
    found : Figure1
        The ratios.

    Returns
    -------
    matplotlib.figure.Figure
        Every run and the average at each k, beside √(k/d). Both axes are logarithmic.
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    order = np.argsort(found.hidden)
    hidden, runs = found.hidden[order], found.ratios.shape[1]
    axes.plot(np.repeat(hidden, runs), found.ratios[order].ravel(), ".", color="0.7", label="a run")
    axes.plot(hidden, found.predicted[order], "k--", label="√(k/d)")
    axes.plot(hidden, found.mean[order], "o", color="C0", label=f"average of {runs} runs")
    axes.set(
        xscale="log", yscale="log", xlabel="hidden units, k", ylabel="‖δ*‖/‖x‖",
        title=f"one hidden layer, input dimension d = {found.dim}",
    )  # fmt: skip
    axes.legend()
    axes.grid(alpha=0.3)
    return figure
