"""A figure as files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """Make a figure in the look of the report, and return its files."""
    with styled():
        figure = make()
        png, svg = io.BytesIO(), io.StringIO()
        figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", transparent=True, metadata=nothing)
    return Drawn(png.getvalue(), svg.getvalue(), _words(figure))


def _words(figure: Figure) -> str:
    """Return what a figure shows, for those who do not see it."""
    parts = []
    for axes in figure.axes:
        _, labels = axes.get_legend_handles_labels()
        what = f"{axes.get_ylabel()} against {axes.get_xlabel()}"
        named = f": {'; '.join(labels)}" if labels else ""
        parts.append(f"{what[:1].upper()}{what[1:]}{named}.")
    return " ".join(parts)
