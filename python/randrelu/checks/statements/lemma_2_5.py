"""Lemma 2.5: few units have a small preactivation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import hidden_layers, numbered, read
from randrelu.checks.result import Check, Measurement, share
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import at_least, same_law
from randrelu.figures.style import SERIES, boxes, canvas, legend, level
from randrelu.laws import share_interval
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    from scipy.stats import binomtest

    networks = Networks.asked(widths, trials, storage, rng, threads, progress)
    widths = networks.widths
    delta = arguments.probability("delta", delta)
    alpha = arguments.number("alpha", alpha, positive=True)
    threads = networks.threads_each
    x = np.ones(widths[0])

    def count(net: Network) -> list[tuple[int, bool]]:
        before = [x, *net.activations(x, threads=threads)]
        return [
            (int(np.sum(np.abs(z) >= alpha * np.linalg.norm(a) / math.sqrt(a.size))), bool(a.any()))
            for a, z in zip(before, net.preactivations(x, threads=threads), strict=False)
        ]

    hidden = np.array(widths[1:-1])
    found = np.array(networks.measure(count)).reshape(networks.trials, hidden.size, 2)
    counts, alive = found[:, :, 0], found[:, :, 1] > 0
    claimed, large = shares(alpha)
    all_layers = share(
        "every layer has that many", np.all(counts >= claimed * hidden, axis=1), f"≥ {1 - delta:g}"
    )
    measurements, parts = [all_layers], [at_least(all_layers, 1 - delta)]
    for i, width in enumerate(hidden):
        total, seen = counts[alive[:, i], i].sum(), int(alive[:, i].sum())
        if seen == 0:
            continue
        test = binomtest(int(total), int(seen * width), large)
        parts.append(same_law(float(test.pvalue)))
        low, high = share_interval(int(total), int(seen * width))
        measurements.append(
            Measurement(
                f"share of large preactivations, layer {i + 1}",
                float(total / (seen * width)),
                low,
                high,
                paper=f"{large:.4g} (exact law); claimed ≥ {claimed:.4g}",
            )
        )
    return STATEMENT.found(
        parameters={**networks.parameters, "delta": delta, "alpha": alpha},
        hypothesis=networks.hypothesis(delta),
        measurements=measurements,
        parts=parts,
        trials={"seed": networks.seeds, **numbered("large", hidden_layers(widths), counts)},
    )


def shares(alpha: float) -> tuple[float, float]:
    """Return the share of large preactivations that is claimed, and that of the exact law."""
    from scipy.stats import norm

    return 1 - 2 * math.sqrt(2 / math.pi) * alpha, 2 * float(norm.sf(alpha))


def draw(check: Check) -> Figure:
    """Draw the share of large preactivations in every layer, the claim and the exact law."""
    widths, alpha = check.parameters["widths"], check.parameters["alpha"]
    counts = read(check.trials, "large", hidden_layers(widths))
    claimed, law = shares(alpha)
    figure, axes = canvas("layer", f"share of units with |f̃| ≥ {alpha:g} ‖f‖/√d")
    boxes(axes, [c / width for c, width in zip(counts, widths[1:-1], strict=True)])
    level(axes, law, "exact law", SERIES[2])
    level(axes, claimed, "claimed to be exceeded")
    legend(figure, axes)
    return figure


STATEMENT = Statement(
    "lemma-2.5",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(PlanRow("Lemma 2.5: few units are near 0", quick=EVEN, full={**EVEN, "trials": 5000}),),
)
