"""A figure as files, in the look of every page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from randrelu.figures.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawn:
    """A figure as files: on white as PNG, without a background as SVG."""

    png: bytes
    svg: str
    words: str


def draw(make: Callable[[], Figure]) -> Drawn:
    """Make a figure in the look of the pages, and return its files."""
    with styled():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        figure = make()
        figure.set_dpi(160)
        png, svg = io.BytesIO(), io.StringIO()
        # A canvas draws once, where Figure.savefig would draw twice; drawing is most of a report.
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(png, metadata={"Software": None})
        figure.set_layout_engine("none")  # it is laid out, for both files
        figure.set_facecolor("none")
        for axes in figure.axes:
            axes.set_facecolor("none")
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(svg, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Drawn(png.getvalue(), svg.getvalue(), _words(figure))


def _words(figure: Figure) -> str:
    """Return what a figure shows, for those who do not see it."""
    parts = []
    for axes in figure.axes:
        _, labels = axes.get_legend_handles_labels()
        # Of panels below each other the last one has the label of all.
        x = axes.get_xlabel() or figure.axes[-1].get_xlabel()
        what = f"{axes.get_ylabel()} against {x}"
        named = f": {'; '.join(map(_plain, labels))}" if labels else ""
        parts.append(f"{what[:1].upper()}{what[1:]}{named}.")
    return " ".join(parts)


def _plain(label: str) -> str:
    """Return a label on one line, with d^0.5 for what Matplotlib sets from d$^{0.5}$."""
    return re.sub("[${}]", "", " ".join(label.split()))
