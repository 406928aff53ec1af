"""Lemma 3.2: the arc-cosine map, and how angles go through a network by it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.deep import images
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import same_law
from randrelu.figures.style import INK, MUTED, SERIES, canvas, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For independent standard normal g, E[max(gᵀx, 0) max(gᵀy, 0)], divided by the root mean "
    "squares of both, is sin θ/π + (1 − θ/π) cos θ, where θ is the angle between x and y."
)
_BLOCK = 2**17
_ENOUGH = 2000  # products that are not 0, for their mean to be normal in its tails


def run(
    *,
    angles: int = 19,
    trials: int = 1_000_000,
    width: int = 1000,
    depth: int = 10,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Compare Monte Carlo means with the closed form, and angles in networks with its iteration.

    Parameters
    ----------
    angles : int
        How many angles, evenly from 0 to π.
    trials : int
        Draws of g for every angle; only its two components in the plane of x and y matter.
    width, depth : int
        Of a network through which two orthogonal points are sent, beside the iterated map.
    """
    from scipy.stats import chi2

    angles = arguments.integer("angles", angles, at_least=2)
    trials = arguments.integer("trials", trials, at_least=10_000)
    width = arguments.integer("width", width, at_least=1)
    depth = arguments.integer("depth", depth, at_least=0)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    theta = np.linspace(0, math.pi, angles)
    sums = np.zeros(angles)
    for some in blocks(trials, _BLOCK, progress):
        for k, angle in enumerate(theta):
            # Draws of its own for every angle, so that the errors are independent.
            at_x, across = generator.standard_normal((2, some.stop - some.start))
            at_y = math.cos(angle) * at_x + math.sin(angle) * across
            sums[k] += 2 * (np.maximum(at_x, 0) @ np.maximum(at_y, 0))
    mean, exact = sums / trials, closed_form(theta)
    # The exact variance of a product; that of the draws is too small where few of them are not 0.
    cosine = np.cos(theta)
    square = (np.sin(theta) * 3 * cosine + (math.pi - theta) * (1 + 2 * cosine**2)) * 2 / math.pi
    error = np.sqrt(np.maximum(square - mean**2, 0) / trials)
    # A mean is nearly normal where enough products are not 0.
    common = trials * (math.pi - theta) / (2 * math.pi) > _ENOUGH
    z = np.divide(mean - exact, error, out=np.zeros(angles), where=common)
    p = float(chi2.sf((z**2).sum(), int(common.sum())))
    measurements = [
        Measurement("χ² p-value of all angles", p, paper="the closed form"),
        Measurement("largest |Monte Carlo − closed form|", float(np.abs(mean - exact).max())),
    ]
    measurements += _through_network(width, depth, generator, threads)
    return STATEMENT.found(
        parameters={
            "angles": angles, "trials": trials, "width": width, "depth": depth, "rng": seed
        },
        hypothesis=Hypothesis("x ≠ 0 and y ≠ 0", "unit vectors", True),
        measurements=measurements,
        parts=[same_law(p)],
        trials={"angle": theta, "mean": mean, "standard_error": error, "closed_form": exact},
    )  # fmt: skip


def closed_form(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normalised expectation of the lemma."""
    cosine: NDArray[np.float64] = np.cos(laws.next_angle(angle))
    return cosine


def _through_network(
    width: int, depth: int, generator: np.random.Generator, threads: int | None
) -> list[Measurement]:
    """Return the angles of two orthogonal points after every layer, beside the iterated map."""
    measurements, angle = [], math.pi / 2
    points = np.eye(2)
    for i, a in enumerate(images(points, width, depth, generator, threads=threads), start=1):
        angle = float(laws.next_angle(angle))
        lengths = np.linalg.norm(a, axis=1)
        if not lengths.all():
            break  # every unit is inactive at one of the points
        unit = a / lengths[:, np.newaxis]
        # 2 arcsin(‖u − v‖/2) keeps the digits of small angles.
        found = 2 * math.asin(min(1.0, float(np.linalg.norm(unit[0] - unit[1])) / 2))
        measurements.append(
            Measurement(
                f"angle after layer {i} of width {width}", found,
                paper=f"{angle:.4g} at infinite width",
            )
        )  # fmt: skip
    return measurements


def draw(check: Check) -> Figure:
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


STATEMENT = Statement(
    "lemma-3.2",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow(
            "Lemma 3.2: the arc-cosine map",
            quick={},
            full={"trials": 20_000_000, "width": 100_000, "depth": 50},
        ),
    ),
)
