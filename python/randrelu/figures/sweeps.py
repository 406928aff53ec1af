"""A sweep as curves, beside what the theory says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu.figures.style import MUTED, band, canvas, color, legend, ribbon, styled

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The paper's symbols.
_LABELS = {
    "width": "width of the layers, d₁ = … = d_ℓ",
    "depth": "depth, ℓ",
    "dim": "input dimension, d",
    "hidden": "hidden units, k",
    "radius": "radius of the ball, R/‖x‖",
    "relative_radius": "radius of the ball, R/‖x‖",
    "relative_norm": "‖η∇f(x)‖/‖x‖",
    "grad_norm": "‖∇f(x)‖",
    "step": "η",
    "f_before": "f(x)",
    "f_after": "f(x + η∇f(x))",
    "sign_flipped": "share of networks whose sign flips",
    "success": "share of networks where the step succeeds",
    "layer": "layer, i",
    "mean": "units that flip, Tr‖D_i(x) − D_i(y)‖",
    "share": "share of the units that flip",
    "sampled_share": "share of the units that flip, the largest sampled",
    "attained_share": "share of the units that flip, attained",
    "certified_share": "share of the units that flip, certified",
    "zero_at": "distance to f = 0, relative to ‖x‖",
    "reflected_at": "distance to −f(x), relative to ‖x‖",
}
_OF_EXPERIMENT = {
    ("min-perturbation", "ratio"): "‖W₁⁺W₁x‖/‖x‖",
    ("deviation", "median"): "median ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖",
    ("deviation", "largest_seen"): "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ seen",
    ("worst", "sampled"): "units that flip, the largest number sampled",
    ("worst", "attained"): "units that flip, attained",
    ("worst", "certified"): "units that flip, certified",
    ("worst", "deviation_sampled"): "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖ sampled",
    ("worst", "deviation_attained"): "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, attained",
    ("worst", "deviation_certified"): "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖, certified",
    ("distance", "linear"): "distance to where the tangent at x is 0, relative to ‖x‖",
    ("distance", "attained"): "distance to f = 0, relative to ‖x‖: attained",
    ("distance", "certified"): "distance to f = 0, relative to ‖x‖: certified",
    ("distance", "attained_to_linear"): "distance to f = 0, over that to where its tangent is 0",
    ("cell", "distance"): "distance to the nearest facet, relative to ‖x‖",
    ("cell", "distance_times_units"): "distance to the nearest facet, relative to ‖x‖, times units",
    ("regions", "regions"): "linear regions of a square of a plane",
    ("regions", "regions_per_unit2"): "linear regions over the square of the number of units",
    ("regions", "mean_area"): "mean area of a region, relative to ‖x‖²",
    ("regions", "median_area"): "median area of a region, relative to ‖x‖²",
    ("regions", "edges"): "edges of the regions, by the layer that bends there",
    ("deep", "ratio"): "largest |f(x) − f(y)|/|f(x)|",
}
_FALLS_AS_ROOT = ("relative_norm", "zero_at", "reflected_at")

TableRow = Mapping[str, Any]


def _linear_step(row: TableRow) -> float:
    dim = _dim(row)
    if row.get("eta") not in (None, "linear") or dim < 2:
        return math.nan
    return float(laws.linear_step_norm_quantile(0.5, dim))


def _zero_of_the_tangent(row: TableRow) -> float:
    return _linear_step(row) / 2  # the linear step turns f into −f


def _nearest_of_independent(row: TableRow) -> float:
    """Return the median of the smallest of as many distances as there are units, each |u_1|."""
    dim = _dim(row)
    share = -math.expm1(-math.log(2) / row["units"])  # 1 − 2^(−1/units)
    return float(laws.linear_step_norm_quantile(share, dim)) / 2 if dim > 1 else math.nan


_INDEPENDENT = "median of independent units, exact at depth 1"


# What the theory says of a row, and how it is called.
_THEORY: dict[tuple[str, str], tuple[Callable[[TableRow], float], str]] = {
    ("attack", "relative_norm"): (_linear_step, "exact median, near 2 × half-normal/√d"),
    ("distance", "linear"): (_zero_of_the_tangent, "exact median, near half-normal/√d"),
    ("cell", "distance"): (_nearest_of_independent, _INDEPENDENT),
    ("cell", "distance_times_units"): (
        lambda row: row["units"] * _nearest_of_independent(row),
        _INDEPENDENT,
    ),
    ("flips", "mean"): (lambda row: row["predicted"], "predicted by the arc-cosine map"),
    ("flips", "share"): (lambda row: row["predicted_share"], "predicted by the arc-cosine map"),
    ("min-perturbation", "ratio"): (
        lambda row: math.sqrt(min(1.0, row["hidden"] / (row.get("dim") or 10_000))),
        "√(k/d)",
    ),
}


def curves(
    experiment: str, table: pa.Table, x: str, y: str, *, by: str | None, log: bool
) -> Figure:
    """Draw a column over another, a curve per value of a third."""
    for name, column in (("x", x), ("y", y), ("by", by)):
        if column is not None and column not in table.column_names:
            raise ValueError(
                f"{name} must be a column of the sweep, one of "
                f"{', '.join(table.column_names) or 'none: it has no rows'}; got {column!r}"
            )
    rows = table.to_pylist()
    kind = {type(row[y]) for row in rows} - {type(None)}
    if not kind <= {bool, int, float}:
        raise ValueError(f"y must be a column of numbers, or of true and false, got {y!r}")
    places = _in_order({_sortable(row[x]) for row in rows if row[x] is not None})
    numeric = all(isinstance(place, (int, float)) for place in places)
    position = {p: p if numeric else i for i, p in enumerate(places)}
    with styled():
        figure, axes = canvas(
            _LABELS.get(x, x), _OF_EXPERIMENT.get((experiment, y), _LABELS.get(y, y))
        )
        cells: dict[Any, dict[Any, list[TableRow]]] = {}
        for row in rows:
            if row[x] is not None and row[y] is not None:
                cell = cells.setdefault(_sortable(row[by]) if by else "", {})
                cell.setdefault(_sortable(row[x]), []).append(row)
        theory, name = _THEORY.get((experiment, y), (None, ""))
        lines: dict[tuple[Any, ...], str] = {}
        for k, group in enumerate(_in_order(set(cells))):
            cell = cells[group]
            at = [place for place in places if place in cell]
            values = [[row[y] for row in cell[place]] for place in at]
            label = (
                f"{_LABELS.get(by, by).split(', ')[-1]} = {_word(group)}"
                if by
                else "median, 5 % … 95 %"
            )
            where = [position[p] for p in at]
            if kind == {bool}:
                _shares(axes, where, values, label if by else "share, 95 % interval", color(k))
            else:
                band(axes, where, values, label, color(k))
            if theory is not None:
                told = tuple(
                    (position[p], float(np.median([theory(row) for row in cell[p]]))) for p in at
                )
                lines.setdefault(told, color(k))
        _draw_theory(axes, lines, name, several=len(cells) > 1)
        if log and not _finite(lines):
            _guide(axes, x, y, rows)
        if not numeric:
            axes.set_xticks(range(len(places)), [_word(p) for p in places])
        elif log and places and places[0] > 0:
            axes.set_xscale("log")
        if log and kind != {bool} and _positive(axes):
            axes.set_yscale("log", nonpositive="clip")
        legend(figure, axes)
    return figure


def _positive(axes: Axes) -> bool:
    """Return whether all curves are; a band may reach below a logarithmic axis."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    return bool((values > 0).all())


def _draw_theory(
    axes: Axes, lines: Mapping[tuple[Any, ...], str], name: str, *, several: bool
) -> None:
    """Draw one line where the curves share it, else one in the colour of each."""
    finite = _finite(lines)
    for k, (line, own) in enumerate(finite.items()):
        shared = len(finite) == 1 or not several
        at, values = np.array(line, float).T
        axes.plot(
            at,
            values,
            "--",
            color=MUTED if shared else own,
            linewidth=1.2,
            label=name if k == 0 else None,
        )


def _finite(lines: Mapping[tuple[Any, ...], str]) -> dict[tuple[Any, ...], str]:
    return {t: c for t, c in lines.items() if t and all(math.isfinite(v) for _, v in t)}


def _shares(axes: Axes, x: list[Any], groups: list[list[bool]], label: str, color: str) -> None:
    """Draw the shares of what is true, with their exact (Clopper–Pearson) 95 % intervals."""
    middle = np.array([sum(group) / len(group) for group in groups])
    intervals = [laws.share_interval(sum(group), len(group)) for group in groups]
    low, high = np.array(intervals).reshape(-1, 2).T
    ribbon(axes, x, low, middle, high, label, color)


def _guide(axes: Axes, x: str, y: str, rows: list[TableRow]) -> None:
    """Draw a line of slope −1/2 under the medians, where the paper has that scaling."""
    if y not in _FALLS_AS_ROOT or x not in ("width", "dim"):
        return
    good = [r for r in rows if r[y] is not None and math.isfinite(r[y]) and r[x]]
    if not good:
        return
    at: NDArray[np.float64] = np.unique([float(r[x]) for r in good])
    first = np.median([r[y] for r in good if r[x] == at[0]])
    axes.plot(at, first * np.sqrt(at[0] / at), "--", color=MUTED, linewidth=1.2, label="slope −1/2")


def _dim(row: TableRow) -> int:
    """Return the input dimension of a row's network."""
    if row.get("widths"):
        return int(row["widths"][0])
    return int(row.get("dim") or row.get("width") or 0)


def _sortable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _in_order(values: set[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:  # numbers beside words
        return sorted(values, key=str)


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
