"""Lemma 2.3: the images of x avoid 0, and those of a ball around x stay small."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu._support.progress import part
from randrelu._support.threads import thread_number
from randrelu.checks.columns import BRACKET, all_numbered, hidden_layers, numbered, read
from randrelu.checks.constants import a_constant, bounded, drawn, spectral_bounds
from randrelu.checks.result import Check, Measurement, share
from randrelu.checks.statement import CERTIFIED_FULL, CERTIFIED_QUICK, NARROW, PlanRow, Statement
from randrelu.checks.trend import SCALES, asked, narrower, of_constant
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import Part, at_least, beside
from randrelu.figures.style import INK, band, canvas, color, legend
from randrelu.measures.ball import sample_ball
from randrelu.measures.certified.layers import certified_changes
from randrelu.measures.layer_at import layer_at
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With ‖x‖ = √d and probability at least 1 − δ, in every layer i ‖f_i(x)‖ ≥ 2^{−i} √d_i, and "
    "for all x′ with ‖x′ − x‖ ≤ R, ‖f̃_i(x) − f̃_i(x′)‖ ≤ (C log d_max)^{i/2} (1 + √(d_i/d^i_min)) R."
)
_STEPS = 6  # of the ascent; it gains little after the third


def run(
    *,
    widths: tuple[int, ...],
    radius: float = 0.05,
    samples: int = 20,
    constant: float | None = None,
    trials: int = 100,
    delta: float = 0.05,
    trend: bool = False,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure the images of a ball in every layer of each of `trials` networks.

    The norms at x are also compared with their exact laws, which the conclusion needs not to be
    rejected. The supremum over the ball is bracketed: from below by the largest of sampled points,
    and by ascent from the best of them along the Jacobian, with which the paper's bound is
    compared; and from above by a certified bound, from the norms of the weights and the bounds of
    every unit, where the storage is not "deferred", which has no weights.

    Parameters
    ----------
    radius : float
        R/√d. The R of the paper, √d_min/(ℓ log d_max)^{80ℓ}, is so small that nothing flips.
    samples : int
        Points sampled from the ball.
    constant : float, optional
        C, which the paper leaves open: some C would always do, so there is nothing to refute but of
        one that is given. (Its proof, Claim 2.4, has C ℓ log d_max where the lemma prints
        C log d_max; the latter is checked.)
    trend : bool
        Whether the check runs again at a quarter and at half of the widths, to tell by which power
        of them the constant grows that is needed.
    """
    trend = asked(trend)
    whole = part(progress, 0, len(SCALES)) if trend else progress
    networks = Networks.asked(widths, trials, storage, rng, threads, whole)
    if trend:
        narrower(networks.widths)  # or it refuses, before anything is measured
    widths = networks.widths
    if len(widths) == 2:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    radius = arguments.number("radius", radius, positive=True)
    constant = a_constant(constant)
    threads = networks.threads_each
    number = thread_number(threads)
    x, size = np.ones(widths[0]), radius * math.sqrt(widths[0])

    certify = networks.storage != "deferred"

    def images(net: Network) -> NDArray[np.float64]:
        ball = sample_ball(x, size, samples, rng=net.seed, threads=threads)
        layers = net.preactivations(np.vstack([x[np.newaxis], ball]), threads=threads)
        norms = [euclid.norm(np.maximum(z[0], 0)) for z in layers]
        moved = [np.linalg.norm(z[1:] - z[0], axis=1) for z in layers]
        best = [ball[int(np.argmax(m))] for m in moved]
        climbed = [ascend(net, x, y, size, i, layers[i][0], number) for i, y in enumerate(best)]
        sampled = [float(m.max()) for m in moved]
        attained = [max(a, b) for a, b in zip(climbed, sampled, strict=True)]
        moved_at_most = (
            [certified_changes(net, x, size, net.depth, threads=threads)] if certify else []
        )
        return np.array([norms, sampled, attained, *moved_at_most])

    layers = hidden_layers(widths)
    norms, *columns = np.array(networks.measure(images)).transpose(1, 0, 2)
    changes = dict(zip(BRACKET, columns, strict=False))  # nothing may be certified
    far = np.all(norms >= least(widths), axis=1)
    large = share("‖f_i(x)‖ ≥ 2^{−i} √d_i in every layer", far, f"≥ {1 - delta:g}")
    # The bound has the power C^{i/2}.
    needed, *enough = (
        ((column / size / bound(widths, 1.0)) ** (2 / layers)).max(axis=1)
        for name, column in changes.items()
        if name != "sampled"
    )
    moved = np.cumprod(spectral_bounds(networks)[:-1])
    always = float(((moved / bound(widths, 1.0)) ** (2 / layers)).max())
    of_ball, ball = bounded(needed, constant, 1 - delta, always, *enough)
    of_x, laws_of_x = _norms_at_x(widths, norms)
    measurements = [large, *of_ball, *of_x]
    for i, allowed in zip(layers, bound(widths, drawn(constant)), strict=True):
        for name, column in changes.items():
            measurements.append(
                Measurement(
                    f"sup ‖f̃_{i}(x) − f̃_{i}(x′)‖/R, {name}, median",
                    float(np.median(column[:, i - 1]) / size),
                    paper=f"≤ {allowed:.4g} for C = {drawn(constant):g}",
                )
            )
    parameters = {
        **networks.parameters,
        "delta": delta,
        "radius": radius,
        "samples": samples,
        "constant": constant,
        "trend": trend,
    }
    if trend:
        measurements.append(
            of_constant(run, parameters, needed, threads=threads, progress=progress)
        )
    return STATEMENT.found(
        parameters=parameters,
        hypothesis=networks.hypothesis(delta, size),
        measurements=measurements,
        parts=[at_least(large, 1 - delta), ball, *laws_of_x],
        trials={
            "seed": networks.seeds,
            "needed": needed,
            **numbered("norm", layers, norms),
            **all_numbered(changes, layers.tolist()),
        },
    )


def least(widths: tuple[int, ...]) -> NDArray[np.float64]:
    """Return what the lemma says that ‖f_i(x)‖ is at least, in every hidden layer."""
    result: NDArray[np.float64] = np.sqrt(widths[1:-1]) / 2.0 ** hidden_layers(widths)
    return result


def _norms_at_x(
    widths: tuple[int, ...], norms: NDArray[np.float64]
) -> tuple[list[Measurement], list[Part]]:
    """Return the share of large norms in every layer, and tests of their exact laws."""
    measurements, parts = [], []
    for i, (bound, found) in enumerate(zip(least(widths), norms.T, strict=True), start=1):
        law, unit = laws.layer_norm_law(widths, i), math.sqrt(widths[0])
        exact = 1 - float(law.cdf(bound / unit))
        measurements.append(
            share(f"‖f_{i}(x)‖ ≥ 2^{{−{i}}} √d_{i}", found >= bound, f"{exact:.4g} (exact law)")
        )
        parts.append(beside(law.p_value(found / unit)))
    return measurements, parts


def bound(widths: tuple[int, ...], constant: float) -> NDArray[np.float64]:
    """Return what the lemma allows ‖f̃_i(x) − f̃_i(x′)‖/R to be, in every hidden layer."""
    narrowest = np.minimum.accumulate(widths[:-1])[:-1]
    steep = (constant * laws.log_widest(widths)) ** (hidden_layers(widths) / 2)
    result: NDArray[np.float64] = steep * (1 + np.sqrt(widths[1:-1] / narrowest))
    return result


def ascend(
    net: Network,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radius: float,
    layer: int,
    at_x: NDArray[np.float64],
    threads: int,
) -> float:
    """Return the largest ‖f̃(x) − f̃(y)‖ of layer `layer` (from 0) on a way up the sphere.

    `at_x` is f̃(x).
    """
    best = 0.0
    for _ in range(_STEPS):
        at_y, gradient = layer_at(net, y, layer, threads)
        moved = at_y - at_x
        best = max(best, euclid.norm(moved))
        way = gradient(moved)
        length = euclid.norm(way)
        if length == 0:
            break
        y = x + radius / length * way
    return best


def draw(check: Check) -> Figure:
    """Draw how far a ball is moved in every layer: sampled, attained, certified, and the bound."""
    widths, constant = check.parameters["widths"], drawn(check.parameters["constant"])
    size = check.parameters["radius"] * math.sqrt(widths[0])
    layers = hidden_layers(widths)
    figure, axes = canvas("layer i", "sup ‖f̃_i(x) − f̃_i(x′)‖/R")
    for k, name in enumerate(name for name in BRACKET if f"{name}_1" in check.trials):
        groups = [values / size for values in read(check.trials, name, layers)]
        band(axes, layers, groups, f"{name}: median, 5 % … 95 %", color(k))
    label = f"the paper's bound, C = {constant:g}"
    axes.plot(layers, bound(widths, constant), "--", color=INK, label=label)
    axes.set(yscale="log", xticks=layers)
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.3",
    CLAIM,
    run,
    ("holds (certified)", "consistent", "uninformative", "violated"),
    draw,
    plan=(
        PlanRow(
            "Lemma 2.3: images of x avoid 0, images of a ball stay small",
            quick={**NARROW, "trials": 60, "trend": True},
            full={**NARROW, "trials": 1000, "samples": 100, "trend": True},
        ),
        PlanRow(
            "Lemma 2.3: images of a ball, sampled, attained and certified",
            quick=CERTIFIED_QUICK,
            full={**CERTIFIED_FULL, "samples": 100},
            label="certified",
        ),
    ),
)
