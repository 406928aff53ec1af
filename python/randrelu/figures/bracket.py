"""Brackets of what is largest in a ball, over its radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from randrelu.figures.style import INK, canvas, color, legend, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES = {
    "certified: no point exceeds it": "v-",
    "attained, by a point that was found": "^-",
    "sampled, the largest": "o:",
}


def bracket_figure(
    relative_radii: ArrayLike, brackets: Mapping[str, Sequence[ArrayLike]], words: str
) -> Figure:
    """Draw what is certified, attained and sampled of a largest value, over the radius.

    Parameters
    ----------
    relative_radii : array_like, shape (K,)
        The radii as multiples of ‖x‖, in increasing order.
    brackets : mapping of str to three of array_like, shape (K,)
        What is certified, attained and sampled, in this order, by what it is of, such as a layer.
        NaN where there is no such value.
    words : str
        What the values are, for the vertical axis.

    Returns
    -------
    matplotlib.figure.Figure
        Three curves of each, with the bracket between the first two, where the largest value is.
        Both axes are logarithmic; what is 0 cannot be drawn on them.
    """
    radii = np.asarray(relative_radii, float)
    with styled():
        from matplotlib.ticker import LogLocator

        figure, axes = canvas("radius of the ball, R/‖x‖", words)
        for k, (name, curves) in enumerate(brackets.items()):
            certified, attained, sampled = (np.asarray(curve, float) for curve in curves)
            axes.fill_between(radii, attained, certified, color=color(k), alpha=0.15, linewidth=0)
            for curve, style in zip((certified, attained, sampled), _STYLES.values(), strict=True):
                axes.plot(radii, curve, style, color=color(k), markersize=4)
            axes.plot([], [], color=color(k), linewidth=5, label=name)
        for label, style in _STYLES.items():
            axes.plot([], [], style, color=INK, markersize=4, label=label)
        axes.set(xscale="log", yscale="log")
        axes.minorticks_off()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
        legend(figure, axes)
    return figure
