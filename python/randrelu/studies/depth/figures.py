"""The pictures of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu.figures.style import INK, MUTED, canvas, color, legend, ribbon, stacked
from randrelu.studies.depth.fits import Counts
from randrelu.studies.depth.measured import CAPS, QUARTERS, shares
from randrelu.studies.depth.powers import PowerLaw
from randrelu.studies.estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Floats = NDArray[np.float64]
_MARKS = "osD^"


def crossover(
    law: PowerLaw | None, reach: PowerLaw | None, far: Sequence[int], exact: _Floats
) -> Figure:
    """Draw ℓ*(d) with the fit, between the powers of the theorems."""
    figure, axes = canvas("input dimension d", "depth ℓ* at which half do")
    drawn = [(law, "sign changes", 0), (reach, "reaching −f", 1)]
    dims = np.array(far, float)
    for found, what, k in drawn:
        if found is None:
            continue
        dims = np.union1d(dims, found.dims)
        bars = [found.depths - found.low, found.high - found.depths]
        axes.errorbar(
            found.dims, found.depths, bars, fmt="none", color=color(k), capsize=2, linewidth=1.2
        )
        label = f"{what} (sampled, 95 % bars)"
        axes.plot(found.dims, found.depths, "o", color=color(k), markersize=4, label=label)
        at = np.array([found.dims.min(), found.dims.max()])
        power = f"{found.constant:.3g} d$^{{{found.slope.value:.3f}}}$"
        label = f"fit of {what}: {power} ({found.slope.between('.3f')})"
        axes.plot(at, found.at(at), color=color(k), linewidth=1, label=label)
    axes.plot(far, exact, "x", color=INK, markersize=5, label="best single step (exact law)")
    axes.plot(dims, 2.07 * np.sqrt(dims), "--", color=MUTED, linewidth=1, label="2.07 √d (argued)")
    axes.plot(dims, dims**3, ":", color=INK, linewidth=1, label="d³ (Theorem 3.1)")
    _logarithmic(axes)
    axes.set_ylim(1, 1e4)
    # To the right of d³, and above all else, there is room.
    axes.legend(loc="upper right", fontsize=8, borderaxespad=0, handlelength=1.5)
    return figure


def _some(dims: _Floats) -> _Floats:
    """Return at most four of the d, the smallest and the largest among them."""
    every = np.unique(dims)
    places = np.round(np.linspace(0, every.size - 1, min(4, every.size))).astype(int)
    kept: _Floats = every[places]
    return kept


def _ends(estimates: Sequence[Estimate]) -> _Floats:
    """Return the values, and the lower and the upper ends of their intervals, (3, n)."""
    return np.array([(e.value, e.low, e.high) for e in estimates], float).reshape(-1, 3).T


def _logarithmic(axes: Axes) -> None:
    """Make both axes logarithmic, where anything positive is drawn along them."""
    if np.isfinite(axes.dataLim.minposx):
        axes.set_xscale("log")
    if np.isfinite(axes.dataLim.minposy):
        axes.set_yscale("log")


def _by_dim(
    axes: Axes, counts: Counts, x: _Floats, *, labelled: bool = True, filled: bool = True
) -> None:
    """Draw the shares of up to four d with their intervals."""
    for k, dim in enumerate(_some(counts.dim)):
        here = counts.dim == dim
        value, low, high = _ends(shares(counts.where(here)))
        axes.errorbar(
            x[here], value, [value - low, high - value], fmt=_MARKS[k],
            color=color(k), markersize=4, capsize=2, linewidth=1,
            markerfacecolor=color(k) if filled else "none",
            label=f"d = {dim:g}" if labelled else None,
        )  # fmt: skip


def collapsed(counts: Mapping[str, Counts]) -> Figure:
    """Draw the shares against ℓ/√d, and the closed forms."""
    figure, axes = canvas("λ = ℓ/√d", "share of networks")
    _by_dim(axes, counts["flip"], counts["flip"].ratio)
    _by_dim(axes, counts["reach"], counts["reach"].ratio, labelled=False, filled=False)
    every = counts["flip"].ratio
    at = np.geomspace(every.min(), every.max(), 200)
    flips, reaches = laws.limit_crossover(at)
    axes.plot(at, flips, color=INK, linewidth=1, label="2Φ(4π/9λ) − 1, and filled: sign changes")
    axes.plot(
        at, reaches, "--", color=INK, linewidth=1, label="2Φ(2π/9λ) − 1, and hollow: reaches −f"
    )
    axes.set(xscale="log", ylim=(-0.02, 1.02))
    legend(figure, axes)
    return figure


def depths(counts: Counts) -> Figure:
    """Draw the shares against the depth, by d, on logarithmic axes."""
    figure, axes = canvas("hidden layers ℓ", "share whose sign changes")
    counts = counts.where(counts.successes > 0)
    _by_dim(axes, counts, counts.depth)
    for k, dim in enumerate(_some(counts.dim)):
        own = counts.depth[counts.dim == dim]
        at = np.geomspace(own.min(), own.max(), 100)
        curve = laws.limit_crossover(at / np.sqrt(dim))[0]
        axes.plot(at, curve, color=color(k), linewidth=0.9)
    axes.plot([], [], color=INK, linewidth=0.9, label="closed form, d → ∞")
    _logarithmic(axes)
    legend(figure, axes)
    return figure


def narrower(counts: Counts) -> Figure:
    """Draw the shares against ℓd/k and against ℓ/k, for the middle one of λ = ℓ/√d."""
    ratio = np.round(counts.ratio, 1)
    values = np.unique(ratio)
    middle = values[values.size // 2]
    own = counts.where(ratio == middle)
    figure, (above, below) = stacked("", ["share whose sign changes"] * 2)
    by = {"ℓd/k": own.depth * own.dim / own.width, "ℓ/k": own.depth / own.width}
    for axes, (label, x) in zip((above, below), by.items(), strict=True):
        _by_dim(axes, own, x, labelled=axes is above)
        flips = float(laws.limit_crossover(middle)[0])
        axes.axhline(flips, color=INK, linestyle="--", linewidth=1)
        axes.set(xlabel=label, xscale="log", ylim=(-0.02, 1.02))
    label = f"ℓ = {'' if middle == 1 else f'{middle:g} '}√d, closed form for k = ∞"
    above.plot([], [], "--", color=INK, linewidth=1, label=label)
    legend(figure, above)
    return figure


def steps(rows: Sequence[Mapping[str, Any]], dim: float) -> Figure:
    """Draw the quantiles of the smallest step against the depth, as far as they are seen."""
    figure, axes = canvas("hidden layers ℓ", "√d × smallest step")
    at = [row["depth"] for row in rows]
    for k, q in enumerate(reversed(QUARTERS)):
        sizes = np.array([row["quantiles"][q].value for row in rows])
        sizes[np.isinf(sizes)] = np.nan
        label = f"{100 * q:g} % of networks, d = {dim:g}"
        axes.plot(
            at,
            np.where(np.isfinite(sizes), sizes, np.nan),
            "o-",
            color=color(k),
            markersize=4,
            label=label,
        )
    for cap in CAPS:
        axes.axhline(cap, color=MUTED, linestyle=":", linewidth=1)
    axes.plot([], [], ":", color=MUTED, label=f"caps {', '.join(map(str, CAPS))}: censored above")
    _logarithmic(axes)
    legend(figure, axes)
    return figure


def gradients(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], flat: Sequence[float], across: Sequence[float]
) -> Figure:
    """Draw the cosines of gradients and the distance from the tangent against the depth."""
    figure, axes = canvas("hidden layers ℓ", "median, 95 % interval")
    labels = {
        "cosine_after": "cosine, after the linear step",
        "cosine_other": "cosine, independent point",
        "linearity": "f off its tangent, of the way",
    }
    depths = np.array([row["depth"] for row in rows["linearity"]], float)
    for k, (name, label) in enumerate(labels.items()):
        ends = _ends([row["median"] for row in rows[name]])
        bounded = np.isfinite(ends).all(axis=0)
        value, low, high = ends[:, bounded]
        ribbon(axes, depths[bounded], low, value, high, label, color(k))
    label = "the same at infinite width (exact)"
    axes.plot(depths, flat, "--", color=INK, linewidth=1, label=label)
    axes.plot(depths, across, ":", color=INK, linewidth=1, label="κ′ of orthogonal points (exact)")
    axes.set(xscale="log")
    legend(figure, axes)
    return figure


def spread(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw what is attained of the spread of f over the sphere."""
    figure, axes = canvas("hidden layers ℓ", "(max − min)/|mean| of f, attained")
    for k, dim in enumerate(dict.fromkeys(row["dim"] for row in rows)):
        own = [row for row in rows if row["dim"] == dim and np.isfinite(row["median"].value)]
        at = [row["depth"] for row in own]
        middle, low, high = _ends([row["median"] for row in own])
        ends = [middle - np.maximum(low, 0), np.where(np.isfinite(high), high - middle, 0)]
        axes.errorbar(
            at, middle, ends, fmt="o-", color=color(k), markersize=4, capsize=2, linewidth=1.2,
            label=f"d = {dim:g}: median, 95 % interval",
        )  # fmt: skip
        bound = np.sqrt(np.log(dim) / dim)
        label = f"√(log d/d), and ℓ = d³, for d = {dim:g}"
        axes.plot([dim**3], [bound], "*", color=color(k), markersize=9, label=label)
    _logarithmic(axes)
    legend(figure, axes)
    return figure
