"""Lemma 2.5: few units have a small preactivation."""

from __future__ import annotations

import math

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import FALSE_ALARM, Check, Measurement, conclude, share, worst
from randrelu.checks.trials import nonzero_point, of_networks, over_networks, trial_threads
from randrelu.network import Network

CLAIM = (
    "With probability at least 1 − δ, in every layer all but a share 2√(2/π) α of the units have a "
    "preactivation of at least α ‖f_i(x)‖/√d_i."
)


def run(
    *,
    widths: tuple[int, ...],
    alpha: float = 0.1,
    trials: int = 200,
    delta: float = 0.05,
    storage: str = "deferred",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Count the units of every hidden layer, at one point of each of `trials` networks.

    Given the layers before it, the preactivations of a layer are independent normal numbers, so the
    count is exactly binomial where f_{i−1}(x) ≠ 0; the conclusion also needs that law not to be
    rejected. The layers are 1 to ℓ, which the proofs use the lemma for. The paper has 2 to ℓ + 1;
    of the last, a single unit, the statement is about one number, and false for small δ.

    Parameters
    ----------
    alpha : float
        α, for every layer.
    """
    from scipy.stats import binomtest, norm

    widths = arguments.widths_tuple(widths)
    trials = arguments.integer("trials", trials, at_least=1)
    delta = arguments.probability("delta", delta)
    arguments.storage(storage)
    alpha = arguments.number("alpha", alpha, positive=True)
    seed = arguments.seed_of(rng)
    threads = trial_threads(widths, threads)
    x = nonzero_point(None, widths[0])

    def count(net: Network) -> list[tuple[int, bool]]:
        before = [x, *net.activations(x, threads=threads)]
        return [
            (int(np.sum(np.abs(z) >= alpha * np.linalg.norm(a) / math.sqrt(a.size))), bool(a.any()))
            for a, z in zip(before, net.preactivations(x, threads=threads), strict=False)
        ]

    found = np.array(
        over_networks(
            count, widths, trials, seed, storage=storage, threads=threads, progress=progress
        )
    ).reshape(trials, -1, 2)
    counts, alive = found[:, :, 0], found[:, :, 1] > 0
    hidden = np.array(widths[1:-1])
    claimed = 1 - 2 * math.sqrt(2 / math.pi) * alpha
    all_layers = share(
        "every layer has that many", np.all(counts >= claimed * hidden, axis=1), f"≥ {1 - delta:g}"
    )
    large = 2 * float(norm.sf(alpha))
    measurements, exact = [all_layers], True
    for i, width in enumerate(hidden):
        total, seen = counts[alive[:, i], i].sum(), int(alive[:, i].sum())
        if seen == 0:
            continue
        test = binomtest(int(total), int(seen * width), large)
        exact &= test.pvalue * max(1, hidden.size) >= FALSE_ALARM
        interval = test.proportion_ci(0.95, method="exact")
        measurements.append(
            Measurement(
                f"share of large preactivations, layer {i + 1}",
                float(total / (seen * width)),
                float(interval.low),
                float(interval.high),
                paper=f"{large:.4g} (exact law); claimed ≥ {claimed:.4g}",
            )
        )
    return of_networks(
        "lemma-2.5",
        CLAIM,
        widths,
        trials,
        delta,
        seed,
        measurements=measurements,
        conclusion=worst(conclude(all_layers, 1 - delta), "holds" if exact else "violated"),
        columns={f"large_{i}": c for i, c in enumerate(counts.T, start=1)},
        alpha=alpha,
        storage=storage,
    )
