"""Lemma 2.6: between bottleneck layers the masked weight products are not large."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
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
from randrelu.measures.bottlenecks import bottlenecks
from randrelu.measures.masked_product import masked_product_norm
from randrelu.network import Network

CLAIM = (
    "With ‖x‖ = √d and probability at least 1 − δ, for all y with ‖y − x‖ ≤ R and all bottleneck "
    "layers i_j, ‖M_{i_j, i_{j+1}}(y)‖ ≤ (C ℓ log d_max)^{(i_j − i_{j+1})/2}."
)


def run(
    *,
    widths: tuple[int, ...],
    radius: float = 0.05,
    samples: int = 3,
    constant: float = OPEN_CONSTANT,
    trials: int = 100,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Find the spectral norms at x and at sampled points, for each of `trials` networks.

    Parameters
    ----------
    radius : float
        R/√d.
    samples : int
        Points of the sphere around x; the largest norm over them and x counts.
    constant : float
        C, which the paper leaves open; the conclusion is about this one.
    """
    widths = arguments.widths_tuple(widths)
    chain = bottlenecks(widths)
    if len(chain) < 2:
        raise ValueError(
            f"widths must have a bottleneck behind the input, which is the narrowest of {widths}: "
            "the lemma says nothing then; make a hidden layer narrower than the input"
        )
    trials = arguments.integer("trials", trials, at_least=1)
    samples = arguments.integer("samples", samples, at_least=0)
    delta = arguments.probability("delta", delta)
    arguments.storage(storage)
    radius = arguments.number("radius", radius)
    constant = arguments.number("constant", constant)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    x, size = nonzero_point(None, widths[0]), radius * math.sqrt(widths[0])

    def largest(net: Network) -> list[float]:
        sphere = sample_ball(x, size, samples, rng=net.seed, surface=True, threads=threads)
        points = [x, *sphere]
        return [
            max(masked_product_norm(net, y, earlier, later, threads=threads) for y in points)
            for later, earlier in pairwise(chain)
        ]

    norms = np.array(
        over_networks(
            largest, widths, trials, seed, storage=storage, threads=threads, progress=progress
        )
    )
    lengths = -np.diff(chain)
    unit = (len(widths) - 2) * laws.log_widest(widths)
    needed = (norms ** (2 / lengths) / unit).max(axis=1)
    within = share(f"within the bound, C = {constant:g}", needed <= constant, f"≥ {1 - delta:g}")
    measurements = [within, constant_needed("C", needed, 1 - delta)]
    for k, (later, earlier) in enumerate(pairwise(chain)):
        bound = (constant * unit) ** (lengths[k] / 2)
        measurements.append(
            Measurement(
                f"‖M_{{{later},{earlier}}}‖, median", float(np.median(norms[:, k])),
                paper=f"≤ {bound:.4g}",
            )
        )  # fmt: skip
    return of_networks(
        "lemma-2.6",
        CLAIM,
        widths,
        trials,
        delta,
        seed,
        measurements=measurements,
        conclusion=conclude(within, 1 - delta),
        columns={f"norm_{a}_{b}": norms[:, k] for k, (a, b) in enumerate(pairwise(chain))},
        radius=radius,
        samples=samples,
        constant=constant,
        storage=storage,
    )
