"""Lemma 2.3: the images of x avoid 0, and those of a ball around x stay small."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._load import core
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import (
    OPEN_CONSTANT,
    Check,
    Measurement,
    conclude,
    constant_needed,
    share,
)
from randrelu.checks.trials import nonzero_point, of_networks, over_networks, trial_threads
from randrelu.measures.ball import sample_ball
from randrelu.network import Network

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
    constant: float = OPEN_CONSTANT,
    trials: int = 100,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure the images of a ball in every layer of each of `trials` networks.

    The supremum over the ball is bracketed from below only, by the largest of sampled points and by
    ascent from the best of them along the Jacobian; the paper's bound is compared with the latter.

    Parameters
    ----------
    radius : float
        R/√d. The R of the paper, √d_min/(ℓ log d_max)^{80ℓ}, is so small that nothing flips.
    samples : int
        Points sampled from the ball.
    constant : float
        C, which the paper leaves open; the conclusion is about this one. (Its proof, Claim 2.4, has
        C ℓ log d_max where the lemma prints C log d_max; the latter is checked.)
    """
    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    samples = arguments.integer("samples", samples, at_least=1)
    delta = arguments.probability("delta", delta)
    arguments.storage(storage)
    radius = arguments.number("radius", radius, positive=True)
    constant = arguments.number("constant", constant)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    number = thread_number(threads)
    x, size = nonzero_point(None, widths[0]), radius * math.sqrt(widths[0])

    def images(net: Network) -> NDArray[np.float64]:
        ball = sample_ball(x, size, samples, rng=net.seed, threads=threads)
        layers = net.preactivations(np.vstack([x[np.newaxis], ball]), threads=threads)
        norms = [float(np.linalg.norm(np.maximum(z[0], 0))) for z in layers]
        moved = [np.linalg.norm(z[1:] - z[0], axis=1) for z in layers]
        best = [ball[int(np.argmax(m))] for m in moved]
        climbed = [ascend(net, x, y, size, i, number) for i, y in enumerate(best)]
        sampled = [float(m.max()) for m in moved]
        attained = [max(a, b) for a, b in zip(climbed, sampled, strict=True)]
        return np.array([norms, sampled, attained])

    found = np.array(
        over_networks(
            images, widths, trials, seed, storage=storage, threads=threads, progress=progress
        )
    ).reshape(trials, 3, -1)
    norms, sampled, attained = found.transpose(1, 0, 2)
    hidden = np.array(widths[1:-1])
    layer = np.arange(1, hidden.size + 1)
    narrowest = np.minimum.accumulate(widths[:-2]) if hidden.size else hidden
    far = np.all(norms >= 2.0**-layer * np.sqrt(hidden), axis=1)
    large = share("‖f_i(x)‖ ≥ 2^{−i} √d_i in every layer", far)
    unit = (1 + np.sqrt(hidden / narrowest)) * size
    log = laws.log_widest(widths)
    bound = (constant * log) ** (layer / 2) * unit / size
    needed = (attained / unit) ** (2 / layer) / log
    needed = needed.max(axis=1, initial=0)
    small = share(f"images within the bound, C = {constant:g}", needed <= constant)
    both = share("both together", far & (needed <= constant), f"≥ {1 - delta:g}")
    measurements = [both, large, small, constant_needed("C", needed, 1 - delta)]
    for i in range(hidden.size):
        for name, column in (("sampled", sampled), ("attained", attained)):
            measurements.append(
                Measurement(
                    f"sup ‖f̃_{i + 1}(x) − f̃_{i + 1}(x′)‖/R, {name}, median",
                    float(np.median(column[:, i]) / size),
                    paper=f"≤ {bound[i]:.4g}",
                )
            )
    columns = {
        f"{name}_{i + 1}": values[:, i]
        for name, values in (("norm", norms), ("sampled", sampled), ("attained", attained))
        for i in range(hidden.size)
    }
    return of_networks(
        "lemma-2.3",
        CLAIM,
        widths,
        trials,
        delta,
        seed,
        measurements=measurements,
        conclusion=conclude(both, 1 - delta),
        columns=columns,
        radius=radius,
        samples=samples,
        constant=constant,
        storage=storage,
    )


def ascend(
    net: Network,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radius: float,
    layer: int,
    threads: int,
) -> float:
    """Return the largest ‖f̃(x) − f̃(y)‖ of layer `layer` (from 0) on a way up the sphere."""
    best = 0.0
    for _ in range(_STEPS):
        at_x, at_y = net.preactivations(np.array([x, y]), threads=threads or None)[layer]
        moved = at_y - at_x
        best = max(best, float(np.linalg.norm(moved)))
        way = core.layer_gradient(net._core, y, layer, moved, threads)
        length = float(np.linalg.norm(way))
        if length == 0:
            break
        y = x + radius / length * way
    return best
