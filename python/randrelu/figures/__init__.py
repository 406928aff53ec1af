"""A figure for each statement's check, where a table does not say it all."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from randrelu.checks import Check
from randrelu.figures import networks, probability
from randrelu.figures.style import COLORS, STYLE, Figure, rc_context

FIGURES: dict[str, Callable[[Check], Figure]] = {
    "theorem-1.1": networks.theorem_1_1,
    "theorem-1.1-scaling": networks.scaling,
    "lemma-2.1": networks.equal_laws,
    "lemma-2.2": networks.lemma_2_2,
    "gd-decomp": networks.terms,
    "nn-decomp": networks.bottleneck,
    "lemma-2.3": networks.images,
    "lemma-2.5": networks.small_preactivations,
    "lemma-2.6": networks.segments,
    "claim-2.7": networks.net_points,
    "lemma-2.8": networks.deviation,
    "theorem-3.1": networks.constancy,
    "lemma-3.2": probability.angles,
    "lemma-a.4": probability.masked_difference,
    "theorem-b.1": networks.deep_scale,
    "fact-b.2": probability.inequality,
    "lemma-c.1": probability.spectral_norm,
    "theorem-c.3": probability.concentration,
    "corollary-c.4": probability.two_norms,
    "lemma-c.6": probability.two_tails,
    "figure-1": probability.figure_1,
}


@dataclass(frozen=True)
class Drawn:
    """A figure as files: on white as PNG, without a background as SVG."""

    png: bytes
    svg: str
    words: str


def draw(check: Check) -> Drawn | None:
    """Draw what a check found; None where there is nothing that a table does not say."""
    if check.statement not in FIGURES:
        return None
    with rc_context(STYLE):
        figure = FIGURES[check.statement](check)
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


__all__ = ["COLORS", "FIGURES", "Drawn", "draw"]
