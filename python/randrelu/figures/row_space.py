"""Figure 1 of the paper: how much of x lies in the row space of the first layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu.figures.style import INK, SERIES, canvas, legend, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METHODS = {"solve": "", "law": ", drawn from the law"}


def row_space_figure(columns: Mapping[str, NDArray[Any]], dim: int) -> Figure:
    """Draw ‖δ*‖/‖x‖ against the number of hidden units, as Figure 1 of the paper.

    Parameters
    ----------
    columns : mapping of str to ndarray
        A row per run, as `Figure1.columns` has them.
    dim : int
        The input dimension d.

    Returns
    -------
    matplotlib.figure.Figure
        Every run and the average at each k, beside √(k/d). Both axes are logarithmic.
    """
    hidden, ratio = columns["hidden"], columns["ratio"]
    with styled():
        figure, axes = canvas(f"hidden units k, for input dimension d = {dim}", "‖δ*‖/‖x‖")
        at, first = np.unique(hidden, return_index=True)
        axes.plot(at, columns["predicted"][first], "--", color=INK, linewidth=1, label="√(k/d)")
        for color, (method, words) in zip(SERIES, _METHODS.items(), strict=False):
            used = columns["method"] == method
            if not used.any():
                continue
            at, first, runs = np.unique(hidden[used], return_index=True, return_counts=True)
            label = f"average of {runs[0]} runs{words}"
            axes.plot(hidden[used], ratio[used], ".", color=color, alpha=0.3, label=f"a run{words}")
            axes.plot(at, columns["mean"][used][first], "o", color=color, markersize=5, label=label)
        axes.set(xscale="log", yscale="log")
        legend(figure, axes)
    return figure
