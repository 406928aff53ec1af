"""Figures of the statements about probability alone, and of Figure 1."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from randrelu.checks import Check
from randrelu.figures.style import (
    INK,
    MUTED,
    SERIES,
    band,
    canvas,
    cumulative,
    legend,
    level,
    threshold,
)


def angles(check: Check) -> Figure:
    """Draw the arc-cosine map, measured and in closed form."""
    figure, axes = canvas("angle θ", "normalised E[max(gᵀx, 0) max(gᵀy, 0)]")
    theta, error = check.trials["angle"], check.trials["standard_error"]
    axes.errorbar(
        theta, check.trials["mean"], 2 * error, fmt="o", markersize=4, color=SERIES[0],
        label="measured, ± 2 standard errors",
    )  # fmt: skip
    axes.plot(theta, check.trials["closed_form"], color=INK, label="sin θ/π + (1 − θ/π) cos θ")
    axes.plot(theta, np.cos(theta), "--", color=MUTED, label="cos θ, of a linear layer")
    legend(figure, axes)
    return figure


def masked_difference(check: Check) -> Figure:
    """Draw ‖HᵀDWM‖ over the draws."""
    figure, axes = canvas("‖HᵀDWM‖/(L‖M‖)")
    cumulative(axes, check.trials["norm"], "measured", SERIES[0])
    axes.set(ylabel="cumulative share of draws")
    legend(figure, axes)
    return figure


def inequality(check: Check) -> Figure:
    """Draw the ratio of both sides of Fact B.2."""
    figure, axes = canvas("x", "ratio of the sides")
    axes.plot(check.trials["x"], check.trials["ratio"], color=SERIES[0], label="left/right")
    level(axes, 1.0, "claimed to be exceeded")
    axes.set(ylim=(0, None))
    legend(figure, axes)
    return figure


def spectral_norm(check: Check) -> Figure:
    """Draw ‖A‖ and its bound."""
    figure, axes = canvas("spectral norm ‖A‖")
    rows, cols = check.parameters["rows"], check.parameters["cols"]
    cumulative(axes, check.trials["norm"], "measured", SERIES[0])
    unit = math.sqrt(rows) + math.sqrt(cols)
    threshold(axes, unit, "√m + √n", SERIES[2])
    much = math.sqrt(math.log(1 / check.parameters["delta"]))
    bound = check.parameters["constant"] * (unit + much)
    threshold(axes, bound, f"{check.parameters['constant']:g} (√m + √n + √(log 1/δ))")
    axes.set(ylabel="cumulative share of draws")
    legend(figure, axes)
    return figure


def concentration(check: Check) -> Figure:
    """Draw the tails of ‖X‖ below exp(−t²/2)."""
    from scipy.stats import chi

    figure, axes = canvas("t", "P{±(‖X‖ − E‖X‖) ≥ t}")
    dim, norms = check.parameters["dim"], check.trials["norm"]
    mean = float(chi(dim).mean())
    t = np.linspace(0, max(check.parameters["levels"]), 60)
    for k, (sign, name) in enumerate(((1, "above"), (-1, "below"))):
        away = np.sort(sign * (norms - mean))
        share = 1 - np.searchsorted(away, t) / away.size
        axes.plot(t[share > 0], share[share > 0], color=SERIES[k], label=f"measured, {name}")
    axes.plot(t, np.exp(-(t**2) / 2), "--", color=INK, label="exp(−t²/2)")
    axes.set(yscale="log")
    legend(figure, axes)
    return figure


def two_norms(check: Check) -> Figure:
    """Draw ‖uᵀW‖ and ‖Wv‖ for unit vectors."""
    figure, axes = canvas("norm")
    ratio = math.sqrt(check.parameters["rows"] / check.parameters["cols"])
    for k, (name, label, centre) in enumerate((("left", "‖uᵀW‖", 1.0), ("right", "‖Wv‖", ratio))):
        cumulative(axes, check.trials[name], label, SERIES[k])
        threshold(axes, centre, f"about {centre:.3g}", SERIES[k])
    axes.set(ylabel="cumulative share of draws")
    legend(figure, axes)
    return figure


def two_tails(check: Check) -> Figure:
    """Draw the tail of the sphere and twice that of the normal vector."""
    figure, axes = canvas("t, in units of r", "probability")
    sphere, normal = np.sort(check.trials["sphere"]), np.sort(check.trials["normal"])
    t = np.linspace(0, sphere[-1], 200)
    for k, (values, factor, label) in enumerate(
        ((sphere, 1, "P{‖MZ‖ ≥ t}, sphere"), (normal, 2, "2 P{‖MY‖ ≥ t}, normal"))
    ):
        share = 1 - np.searchsorted(values, t) / values.size
        axes.plot(t[share > 0], factor * share[share > 0], color=SERIES[k], label=label)
    axes.set(yscale="log")
    legend(figure, axes)
    return figure


def figure_1(check: Check) -> Figure:
    """Draw Figure 1 of the paper: the smallest perturbation that undoes the first layer."""
    figure, axes = canvas("hidden units k", "‖δ*‖/‖x‖")
    dim, hidden = check.parameters["dim"], np.array(check.parameters["hidden"])
    method = check.parameters["method"]
    methods = [method] * hidden.size if isinstance(method, str) else method
    for k, (name, label) in enumerate((("solve", "measured"), ("law", "drawn from the law"))):
        places = [i for i, used in enumerate(methods) if used == name]
        if places:
            groups = [check.trials["ratio"][check.trials["hidden"] == hidden[i]] for i in places]
            band(axes, hidden[places], groups, f"{label}: median, 5 % … 95 %", SERIES[k])
    line = np.geomspace(hidden.min(), hidden.max(), 200)
    axes.plot(line, np.minimum(1, np.sqrt(line / dim)), "--", color=INK, label="√(k/d)")
    axes.set(xscale="log", yscale="log")
    legend(figure, axes)
    return figure
