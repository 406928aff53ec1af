"""Lemma 2.1: a network's own masks have the law of independent fair coins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.checks.statement import PlanRow, Statement
from randrelu.checks.trials import blocks
from randrelu.checks.verdict import same_law
from randrelu.figures.style import INK, SERIES, canvas, color, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLAIM = (
    "For weights with independent symmetric entries, the product W_m ∏ (D_j + B_j) W_j has the "
    "same law whether D_j masks the units that are inactive at x ≠ 0, or fair coins that know "
    "nothing of the weights; so has the spectral norm of ∏ (D_j + B_j) W_j."
)
# What a draw of the product is reduced to, in the order of `_statistics`.
_STATISTICS = (
    "first entry",
    "Frobenius norm",
    "norm of the image of x",
    "first entry of the image of x",
    "spectral norm with the last mask",
)
_LAWS = ("own", "coins")
_ENTRIES = ("gaussian", "rademacher")
_NUMBERS = 2**22  # of a matrix, of all trials that are drawn together


def run(
    *,
    widths: tuple[int, ...] = (12, 20, 9, 15, 6),
    trials: int = 2000,
    diagonal: float = 0.5,
    entries: str = "gaussian",
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Compare both laws in two-sample tests.

    Parameters
    ----------
    widths : sequence of int
        (d_0, …, d_m); any, as the lemma is about matrices of which the last need not be a row.
    trials : int
        Draws of each law.
    diagonal : float
        The fixed B_j are diagonal with entries uniform in [0, diagonal].
    entries : {"gaussian", "rademacher"}
        The law of the weights. Fair signs add up to exactly 0 often, so that the coin at 0 counts.
    """
    from scipy.stats import ks_2samp

    shape = tuple(
        arguments.integer(f"widths[{i}]", width, at_least=1) for i, width in enumerate(widths)
    )
    if len(shape) < 3:
        raise ValueError(f"widths must hold at least (d_0, d_1, d_2), got {shape}")
    trials = arguments.integer("trials", trials, at_least=2)
    thread_number(threads)  # every statement takes it; NumPy's batches do not
    diagonal = arguments.number("diagonal", diagonal)
    entries = arguments.one_of("entries", entries, _ENTRIES)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    fixed = [generator.uniform(0, diagonal, width) for width in shape[1:]]
    block = max(1, _NUMBERS // (max(shape) * max(shape)))
    found: dict[str, list[NDArray[np.float64]]] = {law: [] for law in _LAWS}
    for some in blocks(trials, block, progress):
        for law in _LAWS:
            found[law].append(
                _statistics(shape, fixed, some.stop - some.start, law, entries, generator)
            )
    arrays = {law: np.concatenate(found[law], axis=1) for law in _LAWS}
    p_values = [
        float(ks_2samp(own, coins).pvalue) for own, coins in zip(*arrays.values(), strict=True)
    ]
    return STATEMENT.found(
        parameters={
            "widths": shape,
            "trials": trials,
            "diagonal": diagonal,
            "entries": entries,
            "rng": seed,
        },
        hypothesis=Hypothesis("symmetric entries and x ≠ 0, at any width", "both", True),
        measurements=[
            Measurement(f"Kolmogorov–Smirnov p-value: {name}", p, paper="the same law")
            for name, p in zip(_STATISTICS, p_values, strict=True)
        ],
        parts=[same_law(p) for p in p_values],
        trials={
            _column(name, law): arrays[law][i]
            for i, name in enumerate(_STATISTICS)
            for law in _LAWS
        },
    )


def draw_weights(
    fan_out: int, fan_in: int, count: int, entries: str, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return `count` matrices, those of NN-DEF or of signs, whose sums with integers are exact."""
    shape = count, fan_out, fan_in
    weights: NDArray[np.float64]
    if entries == "rademacher":
        weights = generator.choice((-1.0, 1.0), size=shape)
    else:
        weights = generator.standard_normal(shape) / math.sqrt(fan_in)
    return weights


def own_mask(z: NDArray[np.float64], coins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units are active at preactivations z: by a coin where they are 0."""
    mask: NDArray[np.bool_] = (z > 0) | ((z == 0) & coins)
    return mask


def _statistics(
    shape: tuple[int, ...],
    fixed: list[NDArray[np.float64]],
    count: int,
    law: str,
    entries: str,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return what `count` draws of the product are reduced to, shape (statistics, count)."""
    h = np.ones((count, shape[0]))
    product = np.broadcast_to(np.eye(shape[0]), (count, shape[0], shape[0]))
    for j in range(1, len(shape)):
        weights = draw_weights(shape[j], shape[j - 1], count, entries, generator)
        before = weights @ product
        z = np.einsum("tij,tj->ti", weights, h)
        h = np.maximum(z, 0)
        active = generator.random(z.shape) < 0.5
        if law == "own":
            active = own_mask(z, active)
        product = (active + fixed[j - 1])[:, :, np.newaxis] * before
    # `before` ends in W_m, `product` in D_m + B_m.
    image = before.sum(axis=2)  # of x = (1, …, 1), which chose the masks
    return np.array(
        [
            before[:, 0, 0],
            np.linalg.norm(before, axis=(1, 2)),
            np.linalg.norm(image, axis=1),
            image[:, 0],
            np.linalg.norm(product, 2, axis=(1, 2)),
        ]
    )


def _column(statistic: str, law: str) -> str:
    return f"{statistic}, {law}"


def draw(check: Check) -> Figure:
    """Draw the quantiles of every statistic under one law against the other."""
    figure, axes = canvas("with fair coins, standardised", "with the network's own masks")
    shares = np.linspace(0.005, 0.995, 100)
    for k, name in enumerate(_STATISTICS):
        own, coins = (check.trials[_column(name, law)] for law in _LAWS)
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


STATEMENT = Statement(
    "lemma-2.1",
    CLAIM,
    run,
    ("consistent", "violated"),
    draw,
    plan=(
        PlanRow("Lemma 2.1: masks are fair coins", quick={}, full={"trials": 50_000}),
        PlanRow(
            "Lemma 2.1 for weights that are signs",
            quick={"entries": "rademacher"},
            full={"entries": "rademacher", "trials": 50_000},
            label="signs",
        ),
    ),
)
