"""Figures of the statements about networks."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from randrelu import laws
from randrelu.checks import Check
from randrelu.figures.style import (
    INK,
    SERIES,
    band,
    boxes,
    canvas,
    color,
    cumulative,
    legend,
    level,
    threshold,
)


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


def scaling(check: Check) -> Figure:
    """Draw the steps against d, by depth, with a line of slope −1/2."""
    figure, axes = canvas("input dimension d", "relative size of the step, ‖η∇f‖/‖x‖")
    sizes = np.unique(check.trials["dim"])
    for k, depth in enumerate(np.unique(check.trials["depth"])):
        here = check.trials["depth"] == depth
        groups = [check.trials["relative_norm"][here & (check.trials["dim"] == d)] for d in sizes]
        band(axes, sizes, [g[np.isfinite(g)] for g in groups], f"depth {depth:g}", color(k))
    axes.plot(sizes, 1 / np.sqrt(sizes), "--", color=INK, label="1/√d")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


def equal_laws(check: Check) -> Figure:
    """Draw the quantiles of every statistic of Lemma 2.1 under one law against the other."""
    names = [n.removesuffix(", own") for n in check.trials if n.endswith(", own")]
    figure, axes = canvas("with fair coins, standardised", "with the network's own masks")
    shares = np.linspace(0.005, 0.995, 100)
    for k, name in enumerate(names):
        own, coins = (check.trials[f"{name}, {law}"] for law in ("own", "coins"))
        place, scale = coins.mean(), coins.std() or 1.0
        across, up = (np.quantile((v - place) / scale, shares) for v in (coins, own))
        axes.plot(
            across,
            up,
            label=f"quantiles of the {name}",
            color=color(k),
            linestyle="-" if k < len(SERIES) else ":",
        )
    axes.axline((0, 0), slope=1, linestyle="--", color=INK, linewidth=1, label="the same law")
    legend(figure, axes)
    return figure


def terms(check: Check) -> Figure:
    """Draw the norms of the Δ_j."""
    names = [n for n in check.trials if n.startswith("term_")]
    figure, axes = canvas("layer j", "‖Δ_j‖/‖∇f(x)‖")
    boxes(axes, [check.trials[n] for n in names])
    return figure


def bottleneck(check: Check) -> Figure:
    """Draw deviation and flips against the width of the layer that is made narrow."""
    figure, axes = canvas(f"width of layer {check.parameters['layer']}", "median, 5 % … 95 %")
    widths = np.unique(check.trials["width"])
    for k, (name, label) in enumerate(
        [
            ("deviation", "largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖"),
            ("flipped_share", "share of units that flip"),
        ]
    ):
        groups = [check.trials[name][check.trials["width"] == w] for w in widths]
        band(axes, widths, groups, label, color(k))
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


def images(check: Check) -> Figure:
    """Draw how far a ball is moved in every layer, sampled and attained, below the bound."""
    count = sum(n.startswith("norm_") for n in check.trials)
    layers = np.arange(1, count + 1)
    figure, axes = canvas("layer i", "sup ‖f̃_i(x) − f̃_i(x′)‖/R")
    size = check.parameters["radius"] * math.sqrt(check.parameters["widths"][0])
    for k, name in enumerate(("sampled", "attained")):
        groups = [check.trials[f"{name}_{i}"] / size for i in layers]
        band(axes, layers, groups, f"{name}: median, 5 % … 95 %", color(k))
    widths, log = check.parameters["widths"], math.log(max(check.parameters["widths"][:-1]))
    narrowest = np.minimum.accumulate(widths[:-2])
    bound = log ** (layers / 2) * (1 + np.sqrt(np.array(widths[1:-1]) / narrowest))
    axes.plot(layers, bound, "--", color=INK, label="the paper's bound, C = 1")
    axes.set(yscale="log" if count else "linear", xticks=layers)
    legend(figure, axes)
    return figure


def small_preactivations(check: Check) -> Figure:
    """Draw the share of large preactivations in every layer, the claim and the exact law."""
    from scipy.stats import norm

    widths, alpha = check.parameters["widths"], check.parameters["alpha"]
    names = [n for n in check.trials if n.startswith("large_")]
    figure, axes = canvas("layer", f"share of units with |f̃| ≥ {alpha:g} ‖f‖/√d")
    shares = [check.trials[n] / w for n, w in zip(names, widths[1:-1], strict=True)]
    boxes(axes, shares)
    level(axes, 2 * norm.sf(alpha), "exact law", SERIES[2])
    claimed = 1 - 2 * math.sqrt(2 / math.pi) * alpha
    level(axes, claimed, "claimed to be exceeded")
    legend(figure, axes)
    return figure


def segments(check: Check) -> Figure:
    """Draw the spectral norms between bottleneck layers."""
    names = [n for n in check.trials if n.startswith("norm_")]
    figure, axes = canvas("spectral norm ‖M_{i,j}(y)‖, largest over y", "share of networks")
    for k, name in enumerate(names):
        later, earlier = name.removeprefix("norm_").split("_")
        cumulative(axes, check.trials[name], f"from layer {earlier} to {later}", color(k))
    legend(figure, axes)
    return figure


def net_points(check: Check) -> Figure:
    """Draw how many units differ, as multiples of the bottleneck's width."""
    figure, axes = canvas("units that differ / width of the bottleneck", "share of networks")
    for k, name in enumerate(("sampled", "attained")):
        cumulative(axes, check.trials[name], name, color(k))
    threshold(axes, check.parameters["multiple"], "claimed to be less")
    legend(figure, axes)
    return figure


def deviation(check: Check) -> Figure:
    """Draw how much the gradient changes around x, sampled and along the attack."""
    figure, axes = canvas("largest ‖∇f(x) − ∇f(y)‖/‖∇f(x)‖", "share of networks")
    for k, (name, label) in enumerate(
        (("sampled", "sampled from the ball"), ("along", "along the attack"))
    ):
        cumulative(axes, check.trials[name] / check.trials["grad_norm"], label, color(k))
    legend(figure, axes)
    return figure


def constancy(check: Check) -> Figure:
    """Draw the largest relative difference of f on the sphere against the depth."""
    figure, axes = canvas("depth ℓ", "largest |f(x) − f(y)|/|f(x)|")
    depths, groups = _by_depth(check, "ratio")
    band(axes, depths, groups, "median, 5 % … 95 % of networks", SERIES[0])
    dim = check.parameters["dim"]
    level(axes, math.sqrt(math.log(dim) / dim), "√(log d/d)")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


def deep_scale(check: Check) -> Figure:
    """Draw the differences of f and the norms of the layers against the depth."""
    figure, axes = canvas("depth ℓ", "median, 5 % … 95 % of networks")
    for k, (name, label) in enumerate(
        [
            ("spread", "largest |f(x) − f(y)|"),
            ("smallest", "smallest |f(x)|"),
            ("longest", "longest ‖f_i(x)‖ so far"),
            ("shortest", "shortest ‖f_i(x)‖ so far"),
        ]
    ):
        band(axes, *_by_depth(check, name), label, color(k))
    level(axes, 0.04, "0.04, claimed of |f(x)|")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure


def _by_depth(check: Check, name: str) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    depths = np.array(check.parameters["depths"], np.float64)
    return depths, [check.trials[f"{name}_{int(depth)}"] for depth in depths]
