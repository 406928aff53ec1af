"""Claim 2.4: from one bottleneck layer to the next a ball grows little."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments, euclid
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.constants import a_constant, bounded, drawn, spectral_bounds
from randrelu.checks.result import Check, Measurement, relative
from randrelu.checks.segments import Segment, segments
from randrelu.checks.statement import NARROW, PlanRow, Statement
from randrelu.checks.statements.lemma_2_3 import ascend
from randrelu.checks.trials import Networks
from randrelu.figures.style import canvas, color, cumulative, legend
from randrelu.measures.ball import sample_ball
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For all points within R̃ of the image of x at a bottleneck layer i_j, as the proof shows, be "
    "they images or not, the next layers have, with probability at least 1 − δ/8ℓ: "
    "‖f̃_i(x) − f̃_i(y)‖ ≤ (C ℓ log d_max)^{(i − i_j)/2} √(d_i/d_{i_j}) R̃ up to the next bottleneck "
    "i_{j−1}, and there the same without the root."
)


def run(
    *,
    widths: tuple[int, ...],
    epsilon: float = 0.05,
    samples: int = 20,
    constant: float | None = None,
    trials: int = 100,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Move the image of x at every bottleneck by R̃, and measure how far the layers after it move.

    The part of the network after a bottleneck is independent of the image there, so it is drawn
    for itself. All points at distance R̃ are allowed, whether or not a point of the ball around x
    has that image: of its net the proof takes only that it has (10R̃/ε)^{d_{i_j}} points within R̃,
    which are enough for all of them. They are sampled, and the best of them ascends along the
    Jacobian. Measured are the hidden layers; the claim has the output as well.

    Parameters
    ----------
    epsilon : float
        R̃ relative to the norm of the image.
    samples : int
        Points sampled at distance R̃.
    constant : float, optional
        C, which the paper leaves open: some C would always do, so there is nothing to refute but of
        one that is given.
    """
    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths = networks.widths
    if len(widths) == 2:
        raise ValueError(f"widths must have a hidden layer, got {widths}")
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    epsilon = arguments.number("epsilon", epsilon, positive=True)
    constant = a_constant(constant)
    unit = laws.base(widths)
    needed, always, measurements = [], [], []
    for segment in segments(networks):

        def move(net: Network, segment: Segment = segment) -> NDArray[np.float64]:
            return _moved(net, segment, epsilon, samples)

        moved = np.array(segment.networks.measure(move))
        roots, lengths = _roots(widths, segment), np.arange(1, moved.shape[1] + 1)
        needed.append(((moved / roots) ** (2 / lengths) / unit).max(axis=1))
        at_most = np.cumprod(spectral_bounds(segment.networks)[:-1])
        always.append(float(((at_most / roots) ** (2 / lengths) / unit).max()))
        measurements += [
            Measurement(
                f"‖f̃_{segment.earlier + k}(x) − f̃_{segment.earlier + k}(y)‖/R̃ from layer "
                f"{segment.earlier}, attained, median",
                float(np.median(values)),
                paper=f"≤ {(drawn(constant) * unit) ** (k / 2) * root:.4g} for C = "
                f"{drawn(constant):g}",
            )
            for k, values, root in zip(lengths.tolist(), moved.T, roots, strict=True)
        ]
    worst = np.max(needed, axis=0)
    # Of all segments together; there are at most ℓ of them.
    of_trials = 1 - delta / 8
    of_constant, part = bounded(worst, constant, of_trials, max(always))
    return STATEMENT.found(
        parameters={
            **networks.parameters,
            "delta": delta,
            "epsilon": epsilon,
            "samples": samples,
            "constant": constant,
        },
        # The smallest R that allows this R̃ ≤ d_max R at the input.
        hypothesis=networks.hypothesis(delta, epsilon * math.sqrt(widths[0]) / max(widths[:-1])),
        measurements=[*of_constant, *measurements],
        parts=[part],
        trials={
            "seed": networks.seeds,
            **{f"needed_{k}": values for k, values in enumerate(needed, start=1)},
        },
    )


def _roots(widths: tuple[int, ...], segment: Segment) -> NDArray[np.float64]:
    """Return √(d_i/d_{i_j}) of the segment's layers, 1 at the bottleneck that ends it."""
    earlier, later = segment.earlier, segment.later
    result: NDArray[np.float64] = np.sqrt(
        np.array(widths[earlier + 1 : later + 1]) / widths[earlier]
    )
    if widths[later] < widths[earlier]:
        result[-1] = 1.0
    return result


def _moved(net: Network, segment: Segment, epsilon: float, samples: int) -> NDArray[np.float64]:
    """Return the largest ‖f̃_i(x) − f̃_i(y)‖/R̃ of every layer, attained; 0 after a dead layer."""
    threads = segment.networks.threads_each
    x = segment.image(net)
    size = epsilon * euclid.norm(x)
    if size == 0:
        return np.zeros(net.depth)
    ball = sample_ball(x, size, samples, rng=net.seed, surface=True, threads=threads)
    layers = net.preactivations(np.vstack([x[np.newaxis], ball]), threads=threads)
    found = np.empty(net.depth)
    for i, z in enumerate(layers):
        moved = np.linalg.norm(z[1:] - z[0], axis=1)
        start = ball[int(np.argmax(moved))]
        climbed = ascend(net, x, start, size, i, z[0], thread_number(threads))
        found[i] = max(climbed, float(moved.max()))
    return relative(found, size)


def draw(check: Check) -> Figure:
    """Draw the C that every segment needs."""
    figure, axes = canvas("C that is needed", "share of networks")
    names = [name for name in check.trials if name.startswith("needed_")]
    for k, name in enumerate(names):
        cumulative(axes, check.trials[name], f"segment {k + 1} from the end", color(k))
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "claim-2.4",
    CLAIM,
    run,
    ("consistent", "uninformative", "violated"),
    draw,
    plan=(
        PlanRow(
            "Claim 2.4: from bottleneck to bottleneck a ball grows little",
            quick={**NARROW, "trials": 50},
            full={**NARROW, "trials": 1000, "samples": 100},
        ),
    ),
)
