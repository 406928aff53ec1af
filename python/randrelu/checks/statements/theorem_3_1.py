"""Theorem 3.1: deep networks are nearly constant on the sphere."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.deep import descend, hypothesis, validated_depths
from randrelu.checks.result import (
    OPEN_CONSTANT,
    Check,
    Measurement,
    conclude,
    constant_needed,
    relative,
    share,
)

CLAIM = (
    "For a deep network of equal widths k, with probability at least 0.9, "
    "|f(x) − f(y)|/|f(x)| ≤ C √(log d/d) for all x and y of the unit sphere."
)
PROBABILITY = 0.9


def run(
    *,
    dim: int = 16,
    width: int = 1000,
    depths: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256),
    points: int = 16,
    constant: float = OPEN_CONSTANT,
    trials: int = 40,
    rng: Rng = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Check:
    """Measure how much f differs between points of the sphere, at several depths.

    The largest ratio over pairs of sampled points says nothing of the supremum over the sphere;
    that it falls with the depth is the point.

    Parameters
    ----------
    dim, width : int
        d and the hidden width k.
    depths : sequence of int
        The numbers ℓ of hidden layers; the conclusion is about the largest.
    points : int
        Points sampled from the sphere, of which all pairs are compared.
    constant : float
        C, which the paper leaves open; the conclusion is about this one.
    """
    dim = arguments.integer("dim", dim, at_least=2)
    width = arguments.integer("width", width, at_least=1)
    at = validated_depths(depths)
    points = arguments.integer("points", points, at_least=2)
    trials = arguments.integer("trials", trials, at_least=1)
    constant = arguments.number("constant", constant)
    seed = arguments.seed_of(rng)
    found = descend(dim, width, at, points, trials, seed, threads=threads, progress=progress)
    unit = math.sqrt(math.log(dim) / dim)
    needed = relative(found.ratio, unit)
    within = share(f"at depth {at[-1]} within the bound, C = {constant:g}",
                   needed[:, -1] <= constant, f"≥ {PROBABILITY:g}")  # fmt: skip
    medians = np.median(found.ratio, axis=0)
    below = np.flatnonzero(medians <= unit)
    measurements = [
        within,
        constant_needed(f"C at depth {at[-1]}", needed[:, -1], PROBABILITY),
        Measurement(
            "first of the depths where the median is below √(log d/d)",
            at[below[0]] if below.size else math.inf,
            paper=f"√(log d/d) = {unit:.4g}",
        ),
        *(
            Measurement(f"largest |f(x) − f(y)|/|f(x)| at depth {depth}, median", float(median))
            for depth, median in zip(at, medians, strict=True)
        ),
    ]
    return Check(
        statement="theorem-3.1",
        claim=CLAIM,
        parameters={
            "dim": dim, "width": width, "depths": at, "points": points, "constant": constant,
            "trials": trials, "rng": seed,
        },
        hypothesis=hypothesis(dim, width, at[-1]),
        measurements=tuple(measurements),
        conclusion=conclude(within, PROBABILITY),
        trials={f"ratio_{depth}": found.ratio[:, i] for i, depth in enumerate(at)},
    )  # fmt: skip
