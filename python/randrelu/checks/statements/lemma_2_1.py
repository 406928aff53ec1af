"""Lemma 2.1: a network's own masks have the law of independent fair coins."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement, same_law

CLAIM = (
    "For weights with independent symmetric entries, the product W_m ∏ (D_j + B_j) W_j has the "
    "same law whether D_j masks the units that are inactive at x ≠ 0, or fair coins that know "
    "nothing of the weights; so has the spectral norm of ∏ (D_j + B_j) W_j."
)
_NUMBERS = 2**22  # of a matrix, of all trials that are drawn together


def run(
    *,
    widths: tuple[int, ...] = (12, 20, 9, 15, 6),
    trials: int = 2000,
    diagonal: float = 0.5,
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
    """
    shape = tuple(
        arguments.integer(f"widths[{i}]", width, at_least=1) for i, width in enumerate(widths)
    )
    if len(shape) < 3:
        raise ValueError(f"widths must hold at least (d_0, d_1, d_2), got {shape}")
    trials = arguments.integer("trials", trials, at_least=2)
    thread_number(threads)  # every statement takes it; NumPy's batches do not
    diagonal = arguments.number("diagonal", diagonal)
    seed = arguments.seed_of(rng)
    generator = np.random.default_rng(seed)
    fixed = [generator.uniform(0, diagonal, width) for width in shape[1:]]
    columns: dict[str, list[NDArray[np.float64]]] = {}
    block = max(1, _NUMBERS // (max(shape) * max(shape)))
    for first in range(0, trials, block):
        count = min(block, trials - first)
        for law in ("own", "coins"):
            for name, values in _statistics(shape, fixed, count, law, generator).items():
                columns.setdefault(f"{name}, {law}", []).append(values)
        if progress is not None:
            progress(first + count, trials)
    arrays = {name: np.concatenate(blocks) for name, blocks in columns.items()}
    return _compared(arrays, {"widths": shape, "trials": trials, "diagonal": diagonal, "rng": seed})


def draw_weights(
    fan_out: int, fan_in: int, count: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return `count` matrices of NN-DEF."""
    weights: NDArray[np.float64] = generator.standard_normal((count, fan_out, fan_in))
    return weights / math.sqrt(fan_in)


def _statistics(
    shape: tuple[int, ...],
    fixed: list[NDArray[np.float64]],
    count: int,
    law: str,
    generator: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Return numbers that a draw of the product is reduced to."""
    h = np.ones((count, shape[0]))
    product = np.broadcast_to(np.eye(shape[0]), (count, shape[0], shape[0]))
    for j in range(1, len(shape)):
        weights = draw_weights(shape[j], shape[j - 1], count, generator)
        before = weights @ product
        z = np.einsum("tij,tj->ti", weights, h)
        h = np.maximum(z, 0)
        active = generator.random(z.shape) < 0.5
        if law == "own":
            active = (z > 0) | ((z == 0) & active)  # behind a layer of inactive units
        product = (active + fixed[j - 1])[:, :, np.newaxis] * before
    # `before` ends in W_m, `product` in D_m + B_m.
    image = before.sum(axis=2)  # of x = (1, …, 1), which chose the masks
    return {
        "first entry": before[:, 0, 0],
        "Frobenius norm": np.linalg.norm(before, axis=(1, 2)),
        "norm of the image of x": np.linalg.norm(image, axis=1),
        "first entry of the image of x": image[:, 0],
        "spectral norm with the last mask": np.linalg.norm(product, 2, axis=(1, 2)),
    }


def _compared(arrays: dict[str, NDArray[np.float64]], parameters: dict[str, object]) -> Check:
    from scipy.stats import ks_2samp

    names = [name.removesuffix(", own") for name in arrays if name.endswith(", own")]
    p_values = [
        float(ks_2samp(arrays[f"{name}, own"], arrays[f"{name}, coins"]).pvalue) for name in names
    ]
    measurements = [
        Measurement(f"Kolmogorov–Smirnov p-value: {name}", p, paper="the same law")
        for name, p in zip(names, p_values, strict=True)
    ]
    return Check(
        statement="lemma-2.1",
        claim=CLAIM,
        parameters=parameters,
        hypothesis=Hypothesis("symmetric entries and x ≠ 0, at any width", "both", True),
        measurements=tuple(measurements),
        conclusion=same_law(p_values),
        trials=arrays,
    )
