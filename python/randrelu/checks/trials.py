"""The independent random networks that a check looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Progress
from randrelu._support.threads import thread_number
from randrelu.checks.result import Check, Hypothesis, Measurement
from randrelu.laws import log10_required_width, narrowest, weight_variances
from randrelu.network import Network

T = TypeVar("T")


def over_networks(
    measure: Callable[[Network], T],
    widths: tuple[int, ...],
    trials: int,
    seed: int,
    *,
    storage: str,
    threads: int | None,
    progress: Progress | None,
) -> list[T]:
    """Measure one network a trial; trial t is the same whatever the number of trials.

    The network of a trial is that of ``Network.random(widths, rng=trial_seeds(seed, trials)[t])``.
    """
    results = []
    for done, trial_seed in enumerate(trial_seeds(seed, trials), start=1):
        # No name keeps the network: its memory is free for the next one.
        results.append(
            measure(
                Network.random(
                    widths, rng=trial_seed, dtype="float64", storage=storage, threads=threads
                )
            )
        )
        if progress is not None:
            progress(done, trials)
    return results


@dataclass(frozen=True)
class Steps:
    """One point of every trial's network, and steps from it, of deferred networks.

    The steps of a trial end with the first that succeeds; the last axis has the first of them and
    the last.
    """

    f: NDArray[np.float64]  # (trials,)
    grad_norm: NDArray[np.float64]  # (trials,)
    eta: NDArray[np.float64]  # (trials, 2)
    f_after: NDArray[np.float64]  # (trials, 2)


# How the core reads the numbers of steps: multiples of −2f, sizes of the change of f, or η.
_KINDS = {"reflections": 0, "changes": 1, "etas": 2}


def deferred_steps(
    widths: tuple[int, ...],
    trials: int,
    seed: int,
    point: NDArray[np.float64],
    kind: str,
    numbers: Sequence[float],
    *,
    threads: int | None,
    progress: Progress | None,
) -> Steps:
    """Take steps on the deferred network of every trial: the networks of `over_networks`."""
    number = thread_number(threads)
    # A direction and its answers of every layer for f, ∇f and two steps, and the points themselves.
    held = 8 * (4 * 2 * sum(widths) + 4 * max(widths))
    at_once = core.thread_count(number) if max(widths) < 2**15 else 1
    memory.require(
        held * at_once, f"trials on deferred networks of widths {widths}", "choose narrower widths"
    )
    scales = [math.sqrt(variance) for variance in weight_variances(widths, "paper")]
    seeds = np.array(trial_seeds(seed, trials), np.uint64)
    return Steps(
        *core.attack_trials(
            list(widths), scales, seeds, point, _KINDS[kind], list(numbers), number, progress
        )
    )


_SMALL = 2**21  # weights of a layer


def trial_threads(widths: Sequence[int], threads: int | None) -> int | None:
    """Return the threads for one of many networks: a small one is done before a second starts."""
    if threads is None and max(a * b for a, b in pairwise(widths)) < _SMALL:
        return 1
    return threads


def trial_seeds(seed: int, trials: int) -> list[int]:
    """Return the seed of every trial's network."""
    return [arguments.seed_of(np.random.SeedSequence(seed, spawn_key=(t,))) for t in range(trials)]


def nonzero_point(x: ArrayLike | None, dim: int) -> NDArray[np.float64]:
    """Return the one point (d,) that every network is looked at; by default (1, …, 1)."""
    if x is None:
        return np.ones(dim)
    point, single = arguments.points("x", x, dim, np.dtype("float64"))
    if not single:
        raise ValueError(f"x must be a single point of shape ({dim},), got {np.shape(x)}")
    if not point.any():
        raise ValueError("x must not be 0: the statement asks for x ≠ 0")
    chosen: NDArray[np.float64] = point[0]
    return chosen


def of_networks(
    statement: str,
    claim: str,
    widths: tuple[int, ...],
    trials: int,
    delta: float,
    seed: int,
    *,
    measurements: Sequence[Measurement],
    conclusion: str,
    columns: Mapping[str, NDArray[Any]],
    **parameters: Any,
) -> Check:
    """Return the check of a statement about networks as wide as section 2 of the paper asks."""
    return Check(
        statement=statement,
        claim=claim,
        parameters={
            "widths": widths, "trials": trials, "delta": delta, "rng": seed, **parameters
        },
        hypothesis=width_hypothesis(widths, delta),
        measurements=tuple(measurements),
        conclusion=conclusion,
        trials={"seed": np.array(trial_seeds(seed, trials), np.uint64), **columns},
    )  # fmt: skip


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
