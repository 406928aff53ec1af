"""The independent random networks that a check looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu import _validate
from randrelu._validate import Progress
from randrelu.checks.result import Hypothesis
from randrelu.laws import log10_required_width, narrowest
from randrelu.network import Network

T = TypeVar("T")


def over_networks(
    measure: Callable[[Network], T],
    widths: tuple[int, ...],
    trials: int,
    seed: int,
    *,
    threads: int | None,
    progress: Progress | None,
) -> list[T]:
    """Measure one network a trial; trial t is the same whatever the number of trials.

    The network of a trial is ``Network.random(widths, rng=trial_seeds(seed, trials)[t])``.
    """
    results = []
    for done, trial_seed in enumerate(trial_seeds(seed, trials), start=1):
        # No name keeps the network: its memory is free for the next one.
        results.append(
            measure(Network.random(widths, rng=trial_seed, dtype="float64", threads=threads))
        )
        if progress is not None:
            progress(done, trials)
    return results


def trial_seeds(seed: int, trials: int) -> list[int]:
    """Return the seed of every trial's network."""
    return [_validate.seed_of(np.random.SeedSequence(seed, spawn_key=(t,))) for t in range(trials)]


def nonzero_point(x: ArrayLike | None, dim: int) -> NDArray[np.float64]:
    """Return the one point (d,) that every network is looked at; by default (1, …, 1)."""
    if x is None:
        return np.ones(dim)
    point, single = _validate.points("x", x, dim, np.dtype("float64"))
    if not single:
        raise ValueError(f"x must be a single point of shape ({dim},), got {np.shape(x)}")
    if not point.any():
        raise ValueError("x must not be 0: the statement asks for x ≠ 0")
    chosen: NDArray[np.float64] = point[0]
    return chosen


def width_hypothesis(widths: tuple[int, ...], delta: float) -> Hypothesis:
    """Return what section 2 of the paper asks of the narrowest layer, and whether it has it."""
    required = log10_required_width(widths, delta)
    smallest = narrowest(widths)
    return Hypothesis(
        asks=(
            "d_min ≥ (C ℓ log d_max)^{240ℓ} log(1/δ), which with C = 1 (the paper leaves its "
            f"constant open) is 10^{required:.1f}"
        ),
        has=f"d_min = {smallest}",
        met=bool(np.log10(smallest) >= required),
    )
