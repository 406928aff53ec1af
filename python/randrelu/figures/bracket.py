"""Brackets of what is largest in a ball, over its radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from randrelu.figures.style import INK, color, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES = {
    "v-": "certified: no point exceeds it",
    "^-": "attained, by a point that was found",
    "o:": "sampled, the largest",
}


def bracket_figure(
    relative_radii: ArrayLike, brackets: Mapping[str, Mapping[str, Sequence[ArrayLike]]]
) -> Figure:
    """Draw what is certified, attained and sampled of largest values, over the radius.

    Parameters
    ----------
    relative_radii : array_like, shape (K,)
        The radii as multiples of ‖x‖, in increasing order.
    brackets : mapping of str to mapping of str to three of array_like, shape (K,)
        A panel of the figure each, by what the values are, for its vertical axis: what is
        certified, attained and sampled, in this order, by what it is of, such as a layer. NaN where
        there is no such value.

    Returns
    -------
    matplotlib.figure.Figure
        Three curves of each, with the bracket between the first two, where the largest value is.
        Both axes are logarithmic; what is 0 cannot be drawn on them.
    """
    radii = np.asarray(relative_radii, float)
    colors = map(color, count())
    with styled():
        from matplotlib.ticker import LogLocator

        figure, row = panels("radius of the ball, R/‖x‖", list(brackets))
        handles = []
        for axes, of_panel in zip(row, brackets.values(), strict=True):
            for (name, curves), hue in zip(of_panel.items(), colors, strict=False):
                certified, attained, sampled = (np.asarray(curve, float) for curve in curves)
                axes.fill_between(radii, attained, certified, color=hue, alpha=0.15, linewidth=0)
                for curve, style in zip((certified, attained, sampled), _STYLES, strict=True):
                    axes.plot(radii, curve, style, color=hue, markersize=4)
                handles += axes.plot([], [], color=hue, linewidth=5, label=name)
            axes.set(xscale="log", yscale="log")
            axes.minorticks_off()
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")
        for style, label in _STYLES.items():
            handles += row[0].plot([], [], style, color=INK, markersize=4, label=label)
        figure.legend(handles=handles, loc="outside upper left", ncols=len(row))
    return figure
