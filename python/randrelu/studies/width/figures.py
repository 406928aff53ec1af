"""The pictures of the study, from the rows that its findings have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from randrelu.figures.style import HAIR, INK, MUTED, color, legend, stacked
from randrelu.studies.estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[Mapping[str, Any]]
_WIDTH = "width k of the hidden layers"
_LIMIT = "infinite width: sampled\nabove, exact below"


def sizes_figure(points: Points) -> Figure:
    """Draw the smallest successful size, and the share that a step of size 2/√d is enough for."""
    figure, (upper, lower) = stacked(_WIDTH, ["smallest size × √d", "share where 2/√d reaches −f"])
    for k, (shape, here) in enumerate(_shapes(points)):
        dim, depth = shape
        label = f"d = {dim}, depth {depth}"
        finite = [p for p in here if p["width"] is not None]
        _estimates(upper, finite, "width", "size", label, k, beside=k)
        _estimates(lower, finite, "width", "reaches_at_two", label, k, beside=k)
        limit = [p for p in here if p["width"] is None]
        if limit and math.isfinite(limit[0]["size"].value):
            upper.axhline(limit[0]["size"].value, color=color(k), linestyle="--", linewidth=1)
        lower.axhline(here[0]["limit_reaches_at_two"], color=color(k), linestyle="--", linewidth=1)
    upper.errorbar([], [], fmt="--", color=INK, linewidth=1, label=_LIMIT)
    upper.set(xscale="log", yscale="log", ylim=(0.22, 18))  # all sizes that are tried
    _plain_ticks(upper, (0.25, 0.5, 1, 2, 4, 8, 16))
    lower.set(xscale="log", ylim=(0, 1))
    _say_networks(upper, lower, points, "reaches_at_two")
    legend(figure, upper, columns=2)
    return figure


def linearity_figure(points: Points) -> Figure:
    """Draw how far f is from its tangent on the linear step, and how far the gradient turns."""
    figure, (upper, lower) = stacked(_WIDTH, ["|f − tangent|/|2f|", "‖∇f(x) − ∇f(y)‖/‖∇f‖"])
    for k, ((_, depth), here) in enumerate(_shapes(points)):
        label = f"depth {depth}"
        finite = [p for p in here if p["width"] is not None]
        _estimates(upper, finite, "width", "deviation", label, k, beside=k)
        _estimates(lower, finite, "width", "gradient", label, k, beside=k)
        for p in here:
            if p["width"] is None:
                upper.axhline(p["deviation"].value, color=color(k), linestyle="--", linewidth=1)
                lower.axhline(p["predicted_gradient"], color=color(k), linestyle="--", linewidth=1)
    upper.errorbar([], [], fmt="--", color=INK, linewidth=1, label=_LIMIT)
    upper.set(xscale="log", ylim=(0, 0.6))
    lower.set(xscale="log", ylim=(0, 0.8))
    _say_networks(upper, lower, points, "gradient")
    legend(figure, upper, columns=2)
    return figure


def law_figure(series: Points) -> Figure:
    """Draw distances in law over the width, a panel for every dimension."""
    dims = sorted({one["dim"] for one in series}) or [0]
    figure, axes = stacked(_WIDTH, [f"distance in law, d = {d}" for d in dims])
    for panel, dim in zip(axes, dims, strict=True):
        for one in (one for one in series if one["dim"] == dim):
            k = one["depth"] - 1
            pairs = [(w * 1.06**k, d) for w, d in zip(one["widths"], one["distances"], strict=True)]
            seen = [(w, d) for w, d in pairs if d.seen]
            lost = [(w, d) for w, d in pairs if not d.seen]
            root = [math.sqrt(d.square) for _, d in seen]
            ends = [[d.interval[s] for _, d in seen] for s in (0, 1)]
            # A distance that is lost in noise has the upper end of its interval only.
            limits = [d.interval[1] for _, d in lost]
            panel.errorbar(
                [w for w, _ in seen], root, np.abs(np.array(ends) - root),
                fmt="o", markersize=4, capsize=2, color=color(k),
                label=f"depth {one['depth']}, {one['source']}",
            )  # fmt: skip
            panel.plot([w for w, _ in lost], limits, "v", color=color(k), fillstyle="none")
            if math.isfinite(one["rate"].power):
                along = np.geomspace(max(dim / 2, 1), max(one["widths"]), 60)
                panel.plot(along, one["rate"].at(along), "--", color=color(k), linewidth=1)
        panel.set(xscale="log", yscale="log")
    most = max(axes, key=lambda panel: len(panel.get_legend_handles_labels()[1]))
    most.plot([], [], "--", color=INK, linewidth=1, label="fit: a power $k^{-b}$, bent")
    most.plot([], [], "v", color=INK, fillstyle="none", label="lost in noise: at most")
    legend(figure, most)
    return figure


def flips_figure(rows: Points) -> Figure:
    """Draw the share and the number of units that flip on the linear step, layer by layer."""
    figure, (upper, lower) = stacked(_WIDTH, ["share of units that flip", "units that flip"])
    for k, layer in enumerate(sorted({row["layer"] for row in rows})):
        here = [row for row in rows if row["layer"] == layer]
        label = f"layer {layer}"
        _estimates(upper, here, "width", "share", label, k)
        _estimates(lower, here, "width", "count", label, k, beside=k)
        upper.axhline(here[0]["predicted_share"], color=color(k), linestyle="--", linewidth=1)
        widths = np.array([row["width"] for row in here])
        lower.plot(widths, here[0]["predicted_share"] * widths, "--", color=color(k), linewidth=1)
    upper.plot([], [], "--", color=INK, linewidth=1, label="arc-cosine map (infinite width)")
    upper.set(xscale="log", ylim=(0, None))
    lower.set(xscale="log", yscale="log")
    legend(figure, upper)
    return figure


def exponential_figure(points: Points) -> Figure:
    """Draw what success lacks to that at infinite width, over log k/√d and over k/d."""
    figure, (upper, lower) = stacked("", ["share less that of the limit"] * 2)
    shallow = [p for p in points if p["depth"] == min(q["depth"] for q in points)]
    marks = "os^vDPX"
    for k, ((dim, _), here) in enumerate(_shapes(shallow)):
        root = math.sqrt(dim)
        differences = [
            {
                "exponent": math.log(p["width"]) / root,
                "times": p["width"] / dim,
                "less": p["reaches_at_two"].through(
                    lambda share, p=p: share - p["limit_reaches_at_two"]
                ),
            }
            for p in here
        ]
        mark = marks[k % len(marks)]
        _estimates(upper, differences, "exponent", "less", f"d = {dim}", k, mark)
        _estimates(lower, differences, "times", "less", f"d = {dim}", k, mark)
    upper.axvline(1, color=MUTED, linestyle=":", label="k = exp(√d)")
    for panel in (upper, lower):
        panel.axhline(0, color=INK, linestyle="--", linewidth=1)
        panel.set_ylim(-0.5, 0.2)
    upper.set(xlabel="log k/√d")
    lower.set(xlabel="k/d", xscale="log")
    legend(figure, upper)
    return figure


def signs_figure(points: Points) -> Figure:
    """Draw steps that change the sign, with signs and with normal weights on top."""
    figure, (upper, lower) = stacked(_WIDTH, ["smallest size × √d", "share where 2/√d flips f"])
    for k, (shape, here) in enumerate(_shapes(points)):
        for j, (top, mark, line) in enumerate((("signs", "o", "-"), ("normal", "s", ":"))):
            told = [p for p in here if p["top"] == top]
            label = f"d = {shape[0]}, {'signs ±1/√k' if top == 'signs' else 'normal'} on top"
            _estimates(upper, told, "width", "flip_size", label, k, mark, line, 2 * k + j)
            _estimates(lower, told, "width", "flips_at_two", label, k, mark, line, 2 * k + j)
        lower.axhline(here[0]["limit_flips_at_two"], color=color(k), linestyle="--", linewidth=1)
        for panel in (upper, lower):
            panel.axvline(shape[0], color=HAIR, linewidth=1)
            panel.text(
                shape[0], 0.02, " k = d", color=color(k), fontsize=7,
                transform=panel.get_xaxis_transform(),
            )  # fmt: skip
    upper.plot([], [], "--", color=INK, linewidth=1, label="infinite width, exact")
    upper.set(xscale="log", yscale="log")
    _plain_ticks(upper, (0.5, 1, 2, 4, 8, 16))
    lower.set(xscale="log", ylim=(0.3, 1.02))
    legend(figure, upper)
    return figure


def _estimates(
    axes: Axes,
    rows: Points,
    x: str,
    y: str,
    label: str,
    k: int,
    mark: str = "o",
    line: str = "-",
    beside: int = 0,
) -> None:
    """Draw estimates with their intervals; one without an end has an arrow at the edge.

    On a logarithmic axis series are drawn `beside` each other, so that none hides another.
    """
    told = [row for row in rows if math.isfinite(row[y].value)]
    estimates: list[Estimate] = [row[y] for row in told]
    middle = np.array([e.value for e in estimates])
    low = np.array([max(e.low, 0) if math.isinf(e.low) else e.low for e in estimates])
    high = np.array([1e3 if math.isinf(e.high) else e.high for e in estimates])
    at = np.array([row[x] * 1.1**beside for row in told])
    axes.errorbar(
        at, middle, [middle - low, high - middle],
        fmt=mark + line, color=color(k), markersize=4, capsize=2, linewidth=1.2, label=label,
    )  # fmt: skip
    lower, upper = ([getattr(e, end) for e in estimates] for end in ("low", "high"))
    for edge, arrow, ends in ((0, "v", lower), (1, "^", upper)):
        for place in at[np.isinf(ends)]:
            axes.plot(
                place, edge, arrow, color=color(k), markersize=5,
                transform=axes.get_xaxis_transform(), clip_on=False,
            )  # fmt: skip


def _say_networks(upper: Axes, lower: Axes, points: Points, y: str) -> None:
    """Say of how many networks points are: on the axis, and above the widths that have fewer."""
    networks = {p["width"]: p[y].networks for p in points if p["width"] is not None}
    most = max(networks.values(), default=0)
    for width, n in networks.items():
        if n < most:
            upper.annotate(
                f"n = {n}", (width, 1), (0, 4), xycoords=upper.get_xaxis_transform(),
                textcoords="offset points", ha="center", fontsize=8, color=MUTED,
            )  # fmt: skip
    lower.set_xlabel(f"{_WIDTH} (n = {most} networks)")


def _shapes(points: Points) -> list[tuple[tuple[int, int], list[Mapping[str, Any]]]]:
    """Return the points by their dimension and depth."""
    shapes = sorted({(p["dim"], p["depth"]) for p in points})
    return [(s, [p for p in points if (p["dim"], p["depth"]) == s]) for s in shapes]


def _plain_ticks(axes: Axes, at: Sequence[float]) -> None:
    axes.set_yticks(at, [f"{tick:g}" for tick in at])
    axes.minorticks_off()
