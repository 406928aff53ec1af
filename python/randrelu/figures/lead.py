"""The pictures that a report begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from randrelu import laws
from randrelu.figures.line import draw_line
from randrelu.figures.style import INK, SERIES, canvas, color, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from randrelu.measures.line import Line


def attack_figure(line: Line, crossings: Mapping[str, float]) -> Figure:
    """Draw f along an attack, and where it first crosses levels: t by what is said of it."""
    norm = float(np.linalg.norm(line.x))
    figure, axes = draw_line(line, norm, "size of the step, t/‖x‖")
    for series, (label, t) in zip(SERIES[1:], crossings.items(), strict=False):
        axes.plot(t / norm, line.value(t), "o", color=series, markersize=6, label=label)
    legend(figure, axes, columns=2)
    return figure


def sizes_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the sizes of steps over the dimension d, beside the exact law of the linear one.

    A row has ``dim`` and, for ``linear`` and ``shortest``, a median with the ends of its interval.
    """
    figure, axes = canvas("input dimension d", "size of the step, ‖η∇f(x)‖/‖x‖")
    dims = np.array([row["dim"] for row in rows])
    along = np.geomspace(dims[0], dims[-1], 100)
    low, middle, high = np.transpose(
        [laws.linear_step_norm_quantile([0.05, 0.5, 0.95], round(dim)) for dim in along]
    )
    axes.fill_between(along, low, high, color=SERIES[0], alpha=0.15, linewidth=0)
    label = "exact law of the linear step: median, 5 % … 95 %"
    axes.plot(along, middle, "--", color=INK, linewidth=1, label=label)
    names = {"linear": "linear step: median", "shortest": "shortest that succeeds: median"}
    shifts = (0.93, 1.07)  # so that neither hides the other
    for series, shift, (name, label) in zip(SERIES, shifts, names.items(), strict=False):
        value, low, high = (
            np.array([row[name][end] for row in rows], float) for end in ("value", "low", "high")
        )
        axes.errorbar(
            dims * shift, value, [value - low, high - value],
            fmt="o", color=series, markersize=4, capsize=2, linewidth=1.2, label=label,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


def depth_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the share of networks on which an attack succeeds over the depth, by width.

    A row has ``width``, ``depth`` and the ``share`` with the ends of its interval.
    """
    figure, axes = canvas("hidden layers ℓ", "share of networks")
    for k, width in enumerate(dict.fromkeys(row["width"] for row in rows)):
        here = [row for row in rows if row["width"] == width]
        depths = [row["depth"] for row in here]
        value, low, high = (
            np.array([row["share"][end] for row in here]) for end in ("value", "low", "high")
        )
        axes.errorbar(
            depths, value, [value - low, high - value],
            fmt="o-", color=color(k), markersize=4, capsize=2,
            label=f"width {width}, with 95 % intervals",
        )  # fmt: skip
    depths = sorted({row["depth"] for row in rows})
    axes.set(xscale="log", ylim=(-0.02, 1.02))
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.minorticks_off()
    legend(figure, axes)
    return figure
