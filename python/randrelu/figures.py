"""A figure for each statement's check; they need Matplotlib, which is an extra."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from randrelu import laws
from randrelu.checks import Check

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError("figures need Matplotlib: pip install 'randrelu[report]'") from error

# The colours of every figure, by the variable that gives them on a page in the dark.
COLORS = {
    "ink": "#1f2328",
    "muted": "#6a737d",
    "hair": "#d5d9de",
    "series-0": "#0a5fb4",
    "series-1": "#b3471a",
    "series-2": "#1a7a4c",
    "series-3": "#7a3fa8",
}
INK, MUTED, HAIR, *SERIES = COLORS.values()
_STYLE: Any = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.prop_cycle": f"cycler('color', {SERIES})",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # comes with Matplotlib, and has the paper's symbols
    "font.size": 9,
    "grid.color": HAIR,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "randrelu",  # the same figure, the same bytes
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
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
    with rc_context(_STYLE):
        figure = FIGURES[check.statement](check)
        png, svg = io.BytesIO(), io.StringIO()
        figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", transparent=True, metadata=nothing)
    return Drawn(png.getvalue(), svg.getvalue(), _words(figure))


def canvas() -> tuple[Figure, Axes]:
    """Return a figure with a grid that is still read on a phone."""
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def cumulative(axes: Axes, values: ArrayLike, label: str, color: str) -> None:
    """Draw the share of values up to a number; an infinite one counts, but is nowhere."""
    numbers = np.asarray(values, float)
    seen = np.sort(numbers[np.isfinite(numbers)])
    shares = np.arange(1, seen.size + 1) / numbers.size
    # A logarithmic axis has no place for 0: the first step starts at the first value.
    count = f"{numbers.size}" if seen.size == numbers.size else f"{seen.size} of {numbers.size}"
    axes.step(seen, shares, where="post", label=f"{label} ({count})", color=color)
    axes.set(ylabel="cumulative share of networks", ylim=(-0.02, 1.02))


def threshold(axes: Axes, at: float, label: str, color: str = MUTED) -> None:
    """Draw what the paper asks for, as a line across."""
    axes.axvline(at, color=color, linestyle=":", label=label)


def legend(figure: Figure, axes: Axes) -> None:
    """Put the legend above, where no curve is."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=1)


def theorem_1_1(check: Check) -> Figure:
    """Draw the sizes of the steps, beside the law of the linear one."""
    figure, axes = canvas()
    dim, eta = check.parameters["widths"][0], check.parameters["eta"]
    trials = check.trials
    if "linear_relative_norm" in trials:
        cumulative(axes, trials["linear_relative_norm"], "linear step, −2f/‖∇f‖²", SERIES[0])
    if dim > 1 and ("linear_relative_norm" in trials or eta == "linear"):
        shares = np.linspace(0.002, 0.998, 300)
        law = laws.linear_step_norm_quantile(shares, dim)
        axes.plot(law, shares, "--", color=INK, linewidth=1, label="its exact law")
    reached = np.where(trials["success"], trials["relative_norm"], np.inf)
    name = {"exact": "shortest step that succeeds", "shortest": "shortest multiple that succeeds"}
    cumulative(axes, reached, name.get(eta, f"successes, η = {eta}"), SERIES[1])
    bound = laws.size_bound(dim, check.parameters["delta"])
    threshold(axes, bound, "√(log(1/δ)/d), the bound with c₃ = 1")
    axes.set(xscale="log", xlabel="size of the step, ‖η∇f(x)‖/‖x‖")
    legend(figure, axes)
    return figure


def lemma_2_2(check: Check) -> Figure:
    """Draw ‖∇f(x)‖ and |f(x)| with their bounds."""
    figure, axes = canvas()
    depth, delta = len(check.parameters["widths"]) - 2, check.parameters["delta"]
    lower, upper = 2.0 ** -(depth + 1), 2.0**depth * math.sqrt(-math.log(delta))
    cumulative(axes, check.trials["grad_norm"], "‖∇f(x)‖", SERIES[0])
    threshold(axes, lower, f"its lower bound 2^{{−(ℓ+1)}} = {lower:.3g}", SERIES[0])
    cumulative(axes, np.abs(check.trials["f"]), "|f(x)|", SERIES[1])
    threshold(axes, upper, f"its bound c 2^ℓ √(log(1/δ)) with c = 1: {upper:.3g}", SERIES[1])
    axes.set(xscale="log", xlabel="‖∇f(x)‖ and |f(x)|, where ‖x‖ = √d")
    legend(figure, axes)
    return figure


FIGURES: dict[str, Callable[[Check], Figure]] = {
    "theorem-1.1": theorem_1_1,
    "lemma-2.2": lemma_2_2,
}


def _words(figure: Figure) -> str:
    """Return what a figure shows, for those who do not see it."""
    parts = []
    for axes in figure.axes:
        _, labels = axes.get_legend_handles_labels()
        what = f"{axes.get_ylabel()} against {axes.get_xlabel()}"
        parts.append(f"{what[:1].upper()}{what[1:]}: {'; '.join(labels)}.")
    return " ".join(parts)
