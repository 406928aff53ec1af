"""Flips in balls around a point, against the radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu.figures.style import INK, SERIES, boxes, canvas, color, legend, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from randrelu.measures.flips import Flips

_SMOOTH = 40  # radii that make a curve
_MOST_LAYERS = 10
_LINES = ("-", "-.", ":")  # of layers that have the same colour


def smooth_radii(radii: ArrayLike) -> NDArray[np.float64]:
    """Return radii between the smallest and the largest that are not 0, for a smooth curve."""
    positive = [radius for radius in np.asarray(radii, np.float64) if radius > 0]
    return np.geomspace(min(positive), max(positive), _SMOOTH) if positive else np.empty(0)


def flips_figure(relative_radii: ArrayLike, found: Flips) -> Figure:
    """Draw the share of flipped units of every layer against the radius.

    Parameters
    ----------
    relative_radii : array_like, shape (K,)
        The radii as multiples of ‖x‖.
    found : Flips
        What was measured at these radii.

    Returns
    -------
    matplotlib.figure.Figure
        Measured mean and band from 5 % to 95 % of the points, and the prediction where there is
        one, by layer. Both axes are logarithmic, where 0 has no place: an end of a band that is 0
        is drawn at half a unit, and a mean of 0 is not drawn.

    Raises
    ------
    ImportError
        If Matplotlib is not there.
    ValueError
        If all radii are 0.
    """
    order = np.argsort(relative_radii)
    radii, widths = np.asarray(relative_radii, np.float64)[order], np.array(found.widths)
    if not radii.any():
        raise ValueError("relative_radii must hold a number above 0: the axis is logarithmic")
    mean = _above_zero(found.mean[order] / widths)
    low, high = np.fmax(found.quantiles([0.05, 0.95])[:, order], 0.5) / widths
    mark = "" if len(radii) >= _SMOOTH else "o"  # a few radii make no curve
    with styled():
        figure, axes = canvas("radius of the ball, R/‖x‖", "mean share flipped, 5 % … 95 %")
        for i, width in enumerate(widths):
            line = _LINES[i // len(SERIES) % len(_LINES)]
            label = f"layer {i + 1}, width {width}"
            axes.fill_between(radii, low[:, i], high[:, i], color=color(i), alpha=0.2, linewidth=0)
            axes.plot(radii, mean[:, i], mark + line, markersize=4, color=color(i), label=label)
        if found.predicted is not None:
            for i, law in enumerate(_above_zero(found.predicted[order] / widths).T):
                label = "" if i else "predicted, infinite width"
                axes.plot(radii, law, "--", color=INK, linewidth=0.8, label=label)
        axes.set(xscale="log", yscale="log")
        legend(figure, axes, columns=2)
    return figure


def glance(found: Flips) -> Figure | None:
    """Draw flips for a first look: over several radii, or of one ball a box for every layer.

    None where there is nothing to draw, or more layers than can be told apart.
    """
    layers = len(found.widths)
    if not (found.counts.size and 0 < layers <= _MOST_LAYERS):
        return None
    with styled():
        if found.counts.ndim == 2:
            figure, axes = canvas("layer", "share of the units that flip")
            boxes(axes, list(found.fraction.T))
            return figure
        radii = np.asarray(found.radius, np.float64)
        if not radii.any():
            return None
        figure = flips_figure(radii, found)
        figure.axes[0].set_xlabel("radius of the ball, R")
    return figure


def _above_zero(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares with NaN for 0, which has no place on a logarithmic axis."""
    return np.where(shares > 0, shares, np.nan)
