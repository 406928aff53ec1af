"""Lemma 2.5: few units have a small preactivation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu import laws
from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.columns import hidden_layers, numbered, read
from randrelu.checks.result import Check, Measurement, share
from randrelu.checks.statement import EVEN, PlanRow, Statement
from randrelu.checks.trials import Networks
from randrelu.checks.verdict import Part, at_least, same_law
from randrelu.figures.style import SERIES, boxes, canvas, legend, level
from randrelu.laws import share_interval
from randrelu.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "With probability at least 1 − δ, in every hidden layer i all but a share 2√(2/π) α of the "
    "units have a preactivation of size at least α ‖f_{i−1}(x)‖/√d_{i−1}."
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
    rejected. The layers are 1 to ℓ, which the proofs use the lemma for.

    As printed the lemma is false for small δ, which is measured, too. It has the layers 2 to ℓ + 1,
    and the claim of the last, a single unit, fails where this unit is small. And no α is too small
    for it: at the α for which it lets no unit of the widest hidden layer be small, one often is.

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
    x, levels = np.ones(widths[0]), (alpha, _too_small(widths))

    def count(net: Network) -> list[tuple[int, ...]]:
        before = [x, *net.activations(x, threads=threads)]
        values = [*net.preactivations(x, threads=threads), net.forward(x, threads=threads)]
        return [
            (*(_large(z, a, level) for level in levels), bool(a.any()))
            for a, z in zip(before, values, strict=True)
        ]

    found = np.array(networks.measure(count))  # (trials, ℓ + 1, 3), the output unit among them
    counts, counts_too_small, alive = found.transpose(2, 0, 1)
    layers, printed = range(1, len(widths) - 1), range(2, len(widths))
    events = [
        _event("hidden layers", widths, layers, alpha, counts),
        _event("layers 2 to ℓ + 1, as printed", widths, printed, alpha, counts),
        _event("the output unit", widths, range(len(widths) - 1, len(widths)), alpha, counts),
        _event("hidden layers", widths, layers, levels[1], counts_too_small),
    ]
    hidden, (claimed, large) = widths[1:-1], shares(alpha)
    measurements, parts = [m for m, _ in events], [at_least(events[0][0], 1 - delta)]
    parts += [law for _, law in events]
    for i, width in enumerate(hidden):
        total, seen = counts[alive[:, i] > 0, i].sum(), int(alive[:, i].sum())
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
        trials={"seed": networks.seeds, **numbered("large", range(1, len(widths)), counts)},
    )


def _large(z: NDArray[Any], before: NDArray[Any], alpha: float) -> int:
    """Return how many preactivations are at least α ‖f_{i−1}‖/√d_{i−1}."""
    return int(np.sum(np.abs(z) >= alpha * np.linalg.norm(before) / math.sqrt(before.size)))


def _too_small(widths: tuple[int, ...]) -> float:
    """Return an α for which the claim lets no unit of any hidden layer be small."""
    return 1 / (2 * math.sqrt(2 / math.pi) * (max(widths[1:-1], default=1) + 1))


def _event(
    name: str,
    widths: tuple[int, ...],
    layers: Sequence[int],
    alpha: float,
    counts: NDArray[np.int64],
) -> tuple[Measurement, Part]:
    """Return the share of trials that the claim is true of in these layers, and a test of it."""
    from scipy.stats import binomtest

    enough = [counts[:, i - 1] >= shares(alpha)[0] * widths[i] for i in layers]
    exact = min(1.0, laws.large_preactivations(widths, alpha, layers))
    found = share(
        f"enough large preactivations in {name}, α = {alpha:.3g}",
        np.all(enough, axis=0) if enough else np.ones(len(counts), bool),
        f"{exact:.4g} (exact law)",
    )
    assert found.count is not None
    return found, same_law(float(binomtest(*found.count, exact).pvalue))


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
