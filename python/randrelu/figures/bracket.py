"""Brackets of what is largest in a ball, over its radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu.figures.style import INK, canvas, color, legend, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_CURVES = 8
_MOST_BRACKETS = 40
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
        drawn = [curves for of_panel in brackets.values() for curves in of_panel.values()]
        for k, (style, label) in enumerate(_STYLES.items()):
            if any(np.isfinite(np.asarray(curves[k], float)).any() for curves in drawn):
                handles += row[0].plot([], [], style, color=INK, markersize=4, label=label)
        figure.legend(handles=handles, loc="outside upper left", ncols=len(row))
    return figure


def worst_figure(
    radius: ArrayLike, words: str, of: Sequence[str], attained: ArrayLike, certified: ArrayLike
) -> Figure | None:
    """Draw brackets of largest values for a first look, or return None where that is too much.

    Parameters
    ----------
    radius : array_like, shape () or (K,)
        The radii of the balls, in any order.
    words : str
        What the values are.
    of : sequence of str, length n
        What each of them is of, such as a layer.
    attained, certified : array_like, shape (K, n)
        The ends of the brackets; NaN where there is no such value.

    Returns
    -------
    matplotlib.figure.Figure or None
        Over the radius where there are several, and else side by side.
    """
    radii = np.atleast_1d(np.asarray(radius, float))
    low, high = np.asarray(attained, float), np.asarray(certified, float)
    if not (low.size and len(of) <= _MOST_CURVES):
        return None
    positive = np.flatnonzero(radii > 0)
    at = positive[np.argsort(radii[positive])]
    if len(at) < 2:
        return _side_by_side(of, low[0], high[0], words, ("attained", "certified"))
    nothing = np.full(len(at), np.nan)
    curves = {name: (high[at, k], low[at, k], nothing) for k, name in enumerate(of)}
    figure = bracket_figure(radii[at], {words: curves})
    figure.axes[0].set_xlabel("radius of the ball, R")
    return figure


def distances_figure(certified: NDArray[Any], attained: NDArray[Any]) -> Figure | None:
    """Draw the brackets of the distances of the first points, (N,) each; None without points."""
    if not len(certified):
        return None
    first = slice(_MOST_BRACKETS)
    names = [f"{k}" for k in range(len(certified))[first]]
    words, ends = "distance to another decision", ("certified", "attained")
    return _side_by_side(names, certified[first], attained[first], words, ends)


def _side_by_side(
    names: Sequence[str],
    low: NDArray[Any],
    high: NDArray[Any],
    words: str,
    ends: tuple[str, str],
) -> Figure:
    """Draw brackets beside each other, each with its name below."""
    with styled():
        figure, axes = canvas("" if len(names) <= _MOST_CURVES else "point", words)
        at = np.arange(len(names))
        both = np.isfinite(low) & np.isfinite(high)
        axes.vlines(at[both], low[both], high[both], color=color(0), alpha=0.3, linewidth=5)
        for values, marker, label in zip((high, low), "v^", reversed(ends), strict=True):
            seen = np.isfinite(values)
            if seen.any():
                axes.plot(at[seen], values[seen], marker, color=color(0), markersize=5, label=label)
        if len(names) <= _MOST_CURVES:
            axes.set_xticks(at, names)
        axes.set_xlim(-0.5, len(names) - 0.5)
        legend(figure, axes)
    return figure
