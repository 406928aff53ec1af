"""A figure as files, and a picture of the report, with what is said under it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class Picture:
    """A picture, and what is said under it.

    Attributes
    ----------
    slug, heading : str
        Its name as that of a file, and its heading.
    sentence : str
        What it shows, with its numbers.
    numbers : mapping
        The numbers of the picture and of the sentence, in plain values.
    figure : Drawn or None
        The picture; None where an error was raised.
    error : str or None
        That error.
    """

    slug: str
    heading: str
    sentence: str = ""
    numbers: Mapping[str, Any] | None = None
    figure: Drawn | None = None
    error: str | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """Its files, by their names relative to the report's folder."""
        if self.figure is None:
            return {}
        name = f"figures/lead-{self.slug}"
        return {f"{name}.png": self.figure.png, f"{name}.svg": self.figure.svg.encode()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the figure as plain Python values."""
        return {
            "heading": self.heading,
            "sentence": self.sentence,
            "numbers": self.numbers,
            "error": self.error,
            "files": list(self.files),
        }


def draw(make: Callable[[], Figure]) -> Drawn:
    """Make a figure in the look of the report, and return its files."""
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
        what = f"{axes.get_ylabel()} against {axes.get_xlabel()}"
        named = f": {'; '.join(labels)}" if labels else ""
        parts.append(f"{what[:1].upper()}{what[1:]}{named}.")
    return " ".join(parts)
