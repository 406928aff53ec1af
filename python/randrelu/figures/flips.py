"""Flips in balls around a point, against the radius."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from randrelu.figures.style import require_matplotlib, ribbon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from randrelu.measures.flips import Flips


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
        Measured mean and band from 5 % to 95 % of the points, and the prediction where there is
        one, by layer. Both axes are logarithmic; what is 0 cannot be drawn on them.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    order = np.argsort(relative_radii)
    radii = np.array(relative_radii)[order]
    widths = np.array(found[0].widths)
    mean = np.array([found[k].mean for k in order]) / widths
    laws = [found[k].predicted for k in order]
    predicted = [law / widths for law in laws if law is not None]  # of all of them, or of none
    low, high = np.swapaxes([found[k].quantiles([0.05, 0.95]) for k in order], 0, 1) / widths
    for i, width in enumerate(widths):
        color, label = f"C{i % 10}", f"layer {i + 1}, width {width}"
        ribbon(axes, radii, low[:, i], mean[:, i], high[:, i], label, color)
        if predicted:
            axes.plot(radii, [law[i] for law in predicted], "--", color=color)
    if predicted:
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
