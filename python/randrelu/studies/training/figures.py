"""What the study of trained networks draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from randrelu.figures.style import MUTED, canvas, color, legend, level, ribbon, stacked
from randrelu.studies.training.intervals import mean_share, median, middle
from randrelu.studies.training.trained import Trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = "size over ‖x‖/√d"


# The panels of the first figure: what is on its axis, and the curves in it.
_PANELS = {
    SIZE: {
        "step": "one linear step",
        "along": "smallest along the gradient",
        "attained": "nearest change found (attained)",
    },
    "departure from linear": {
        "gap": "margin from tangent, over margin",
        "turn_median": "gradient within R, over ‖∇‖ (sampled)",
    },
    "share of images": {
        "step_changes": "one linear step changes it",
        "random_changes": "random direction",
    },
}


def over_accuracy(nets: Trained) -> Figure:
    """Draw sizes, linearity and shares over the accuracy that the networks have reached."""
    figure, column = stacked("accuracy on held-out images, median (logit scale)", list(_PANELS))
    at = [_inside(middle(nets.of["accuracy"][:, e])) for e in range(len(nets.epochs))]
    sizes, _, shares = column
    for axes, curves in zip(column, _PANELS.values(), strict=True):
        for k, (name, label) in enumerate(curves.items()):
            _curve(axes, at, nets, name, label, color(k), share=axes is shares)
        axes.set_ylim(bottom=0)
        _accuracy_axis(axes, at)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8)
    shares.set_ylim(-0.04, 1.04)
    for e, place in enumerate(at[:4]):  # the later ones are too close to each other
        height = middle(nets.of["step"][:, e])
        if np.isfinite(height):
            sizes.annotate(
                str(nets.epochs[e]) if e else "epoch 0", (place, height), (0, 5),
                textcoords="offset points", ha="center", fontsize=8, color=MUTED,
            )  # fmt: skip
    return figure


def shares_by_epoch(nets: Trained) -> Figure:
    """Draw the share of images whose decision one step changes over the epochs, by depth."""
    figure, axes = canvas("epochs of training", "share of images that it changes")
    places = _epoch_axis(axes, nets)
    for k, depth in enumerate(np.unique(nets.depth)):
        shares = nets.of["step_changes"][nets.depth == depth].mean(axis=0)
        label = f"one linear step, depth {depth}"
        axes.plot(places, shares, "o-", markersize=4, color=color(k), label=label)
    _curve(
        axes, places, nets, "random_changes", "random direction, 95 % interval", MUTED, share=True
    )
    axes.set_ylim(-0.04, 1.04)
    legend(figure, axes)
    return figure


def distances_by_shape(nets: Trained, linear: Trained | None) -> Figure:
    """Draw the brackets of the distance over the width, before and after training."""
    figure, row = stacked("width of the hidden layers", ["before training", "after training"])
    for axes, end in zip(row, (0, -1), strict=True):
        if linear is not None:
            level(axes, middle(linear.of["attained"][:, end]), "linear model")
        for k, depth in enumerate(np.unique(nets.depth)):
            widths = np.unique(nets.width[nets.depth == depth])
            low, high = (
                [_of_shape(nets, width, depth, name, end) for width in widths]
                for name in ("certified", "attained")
            )
            at = widths * 1.15 ** (k - (len(np.unique(nets.depth)) - 1) / 2)  # beside each other
            axes.vlines(at, low, high, color=color(k), alpha=0.3, linewidth=6)
            axes.plot(at, low, "v", color=color(k), markersize=5)
            axes.plot(at, high, "^", color=color(k), markersize=5)
            axes.plot([], [], color=color(k), linewidth=5, label=f"depth {depth}")
        _width_axis(axes, nets)
    _share_heights(row)
    row[0].plot([], [], "^", color=MUTED, label="attained")
    row[0].plot([], [], "v", color=MUTED, label="certified")
    for axes, name in zip(row, ("before training", "after training"), strict=True):
        axes.set(title=name, ylabel="distance over ‖x‖/√d")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def by_shape(nets: Trained, name: str, y_label: str) -> Figure:
    """Draw a quantity over the width, before training (dashed) and after it, by depth."""
    figure, axes = canvas("width of the hidden layers", y_label)
    for k, depth in enumerate(np.unique(nets.depth)):
        widths = np.unique(nets.width[nets.depth == depth])
        for end, style in ((0, "o--"), (-1, "o-")):
            values = [_of_shape(nets, width, depth, name, end) for width in widths]
            label = f"depth {depth}" if end else None
            axes.plot(widths, values, style, color=color(k), markersize=4, label=label)
    axes.plot([], [], "--", color=MUTED, label="before training")
    _width_axis(axes, nets)
    axes.set_ylim(bottom=0)
    legend(figure, axes)
    return figure


def turns_by_shape(nets: Trained) -> Figure:
    """Draw how far the gradient turns within the distance, sampled and attained, by shape."""
    figure, row = stacked("width of the hidden layers", ["", ""])
    for axes, end, name in zip(row, (0, -1), ("before training", "after training"), strict=True):
        for k, depth in enumerate(np.unique(nets.depth)):
            widths = np.unique(nets.width[nets.depth == depth])
            for column, style in (("turn_sampled", "o:"), ("turn_attained", "^-")):
                values = [_of_shape(nets, width, depth, column, end) for width in widths]
                axes.plot(widths, values, style, color=color(k), markersize=4)
            axes.plot([], [], color=color(k), linewidth=5, label=f"depth {depth}")
        _width_axis(axes, nets)
        axes.set(title=name, ylabel="‖∇(x) − ∇(y)‖/‖∇(x)‖")
    _share_heights(row)
    row[0].plot([], [], "^-", color=MUTED, label="attained")
    row[0].plot([], [], "o:", color=MUTED, label="sampled")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def beside_linear(nets: Trained, linear: Trained) -> Figure:
    """Draw the sizes of networks and of the linear model over the epochs."""
    figure, axes = canvas("epochs of training", SIZE)
    places = _epoch_axis(axes, nets)
    of_linear = [float(k) for k in np.searchsorted(nets.epochs, linear.epochs)]
    both = [(nets, places, "networks"), (linear, of_linear, "linear model")]
    for k, (who, at, name) in enumerate(both):
        _curve(axes, at, who, "step", f"{name}: one linear step", color(k))
        values = [middle(who.of["attained"][:, e]) for e in range(len(who.epochs))]
        axes.plot(
            at, values, "^:", color=color(k), markersize=4, label=f"{name}: distance, attained"
        )
    axes.set_ylim(bottom=0)
    legend(figure, axes)
    return figure


def _curve(
    axes: Axes,
    at: Sequence[float],
    nets: Trained,
    name: str,
    label: str,
    hue: str,
    *,
    share: bool = False,
) -> None:
    """Draw a quantity at every checkpoint, with 95 % intervals over the networks."""
    interval = mean_share if share else median
    points = [interval(nets.of[name][:, e]) for e in range(len(nets.epochs))]
    kept = [
        (x, p.low, p.value, p.high) for x, p in zip(at, points, strict=True) if np.isfinite(p.value)
    ]
    x, low, value, high = np.array(kept).reshape(-1, 4).T
    low[~np.isfinite(high)] = np.nan  # no band where there is no bound
    ribbon(axes, x, low, value, high, label, hue)


def _of_shape(nets: Trained, width: int, depth: int, name: str, end: int) -> float:
    """Return the median over the networks of a shape, NaN where it is infinite."""
    some = (nets.width == width) & (nets.depth == depth)
    found = middle(nets.of[name][some, end])
    return found if np.isfinite(found) else float("nan")


def _epoch_axis(axes: Axes, nets: Trained) -> list[float]:
    """Put the checkpoints beside each other, and return where they are."""
    places = [float(k) for k in range(len(nets.epochs))]
    axes.set_xticks(places, [str(epoch) for epoch in nets.epochs])
    return places


def _accuracy_axis(axes: Axes, at: Sequence[float]) -> None:
    """Make room for accuracies close to 1."""
    axes.set_xscale("logit")
    axes.minorticks_off()
    low, high = _inside(0.6 * min(at)), _inside(1 - 0.6 * (1 - max(at)))
    axes.set_xlim(low, high)
    marks = [place for place in (0.1, 0.5, 0.9, 0.97, 0.99) if low < place < high]
    axes.set_xticks(marks, [f"{100 * place:g} %" for place in marks])


def _width_axis(axes: Axes, nets: Trained) -> None:
    widths = [int(width) for width in np.unique(nets.width)]
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(widths, [str(width) for width in widths])


def _share_heights(row: Sequence[Axes]) -> None:
    """Give all axes the same heights, from 0."""
    top = max(axes.get_ylim()[1] for axes in row)
    for axes in row:
        axes.set_ylim(0, top)


def _inside(accuracy: float) -> float:
    """Return an accuracy that a logit axis has a place for."""
    return min(max(accuracy, 0.02), 0.997)
