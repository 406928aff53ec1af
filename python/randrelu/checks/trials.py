"""The independent trials of a check: most are random networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from randrelu._load import core
from randrelu._support import arguments, memory
from randrelu._support.arguments import Progress, Rng
from randrelu._support.side_by_side import Step, side_by_side
from randrelu._support.threads import thread_number
from randrelu.checks.result import Hypothesis
from randrelu.laws import base, log10_required_width, narrowest, weight_variances
from randrelu.network import Network

T = TypeVar("T")


@dataclass(frozen=True)
class Networks:
    """The networks of a check, one a trial, with NN-DEF's weights.

    The network of a trial is that of ``Network.random(widths, rng=seeds[t])``; trial t is the same
    whatever the number of trials.
    """

    widths: tuple[int, ...]
    trials: int
    storage: str
    seed: int
    threads: int | None
    progress: Progress | None

    @classmethod
    def asked(
        cls,
        widths: Iterable[int],
        trials: int,
        storage: str,
        rng: Rng,
        threads: int | None,
        progress: Progress | None,
    ) -> Networks:
        """Return the networks of a check's own parameters, once these are validated."""
        return cls(
            widths=arguments.widths_tuple(widths),
            trials=arguments.integer("trials", trials, at_least=1),
            storage=arguments.storage(storage),
            seed=arguments.seed_of(rng),
            threads=threads,
            progress=progress,
        )

    @property
    def dim(self) -> int:
        """The input dimension d."""
        return self.widths[0]

    @property
    def depth(self) -> int:
        """The number ℓ of hidden layers."""
        return len(self.widths) - 2

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the check that say which networks these are."""
        return {
            "widths": self.widths,
            "trials": self.trials,
            "storage": self.storage,
            "rng": self.seed,
        }

    @cached_property
    def seeds(self) -> NDArray[np.uint64]:
        """The seed of every network."""
        return seeds_of(self.seed, self.trials)

    @property
    def at_once(self) -> int:
        """How many networks are measured side by side: 1 where one keeps all threads busy."""
        wide = (
            max(self.widths) >= core.WIDE_TRIAL
            if self.storage == "deferred"
            else max(a * b for a, b in pairwise(self.widths)) >= _MANY
        )
        return 1 if wide else min(self.trials, core.thread_count(thread_number(self.threads)))

    @property
    def threads_each(self) -> int | None:
        """The threads for one network."""
        return self.threads if self.at_once == 1 else 1

    def measure(self, measure: Callable[[Network], T]) -> list[T]:
        """Return what is measured of every network; no more of them are alive than `at_once`."""
        seeds = self.seeds.tolist()

        def trial(t: int, step: Step) -> T:
            # No name keeps the network: its memory is free for the next one.
            found = measure(
                Network.random(
                    self.widths,
                    rng=seeds[t],
                    dtype="float64",
                    storage=self.storage,
                    threads=self.threads_each,
                )
            )
            step()
            return found

        return side_by_side(trial, self.trials, self.at_once, self.progress)

    def hypothesis(self, delta: float, radius: float | None = None) -> Hypothesis:
        """Return what section 2 of the paper asks of the widths, and of the radius of a ball."""
        asked = [self._width_hypothesis(delta)]
        if radius is not None:
            asked.append(self._radius_hypothesis(radius))
        mets = [one.met for one in asked]
        met = False if False in mets else None if None in mets else True
        has = ", ".join(one.has for one in asked)
        return Hypothesis("; and ".join(one.asks for one in asked), has, met)

    def _width_hypothesis(self, delta: float) -> Hypothesis:
        if len(self.widths) == 2:
            return Hypothesis("ℓ ≥ 1 hidden layers", "none", False)
        required = log10_required_width(self.widths, delta)
        return Hypothesis(
            asks=(
                "d_min ≥ (C ℓ log d_max)^{240ℓ} log(1/δ), whose constant C the paper leaves open "
                f"(10^{required:.1f} if it were 1)"
            ),
            has=(
                f"d_min = {narrowest(self.widths)}, which suffices for C ≤ "
                f"{largest_constant(self.widths, delta):.3g}"
            ),
            met=None,
        )

    def _radius_hypothesis(self, radius: float) -> Hypothesis:
        power = 80 * (len(self.widths) - 2) * math.log10(base(self.widths))
        largest = math.log10(narrowest(self.widths)) / 2 - power
        fits = radius == 0 or math.log10(radius) <= largest
        return Hypothesis(
            f"R ≤ √d_min/(ℓ log d_max)^{{80ℓ}} = 10^{largest:.1f}", f"R = {radius:.3g}", fits
        )


def seeds_of(seed: int, trials: int) -> NDArray[np.uint64]:
    """Return a seed for every trial of a check."""
    sequences = (np.random.SeedSequence(seed, spawn_key=(t,)) for t in range(trials))
    return np.array([arguments.seed_of(sequence) for sequence in sequences], np.uint64)


def largest_constant(widths: tuple[int, ...], delta: float) -> float:
    """Return the largest C for which d_min ≥ (C ℓ log d_max)^{240ℓ} log(1/δ), of section 2."""
    depth = len(widths) - 2
    root = (math.log(narrowest(widths)) - math.log(-math.log(delta))) / (240 * depth)
    return math.exp(root) / base(widths)


_MANY = 2**21  # weights of a layer


def deferred_steps(
    networks: Networks,
    point: NDArray[np.float64],
    kind: core.StepKind,
    numbers: NDArray[np.float64],
) -> core.Trials:
    """Take steps on the networks, which are deferred; many at once on as many threads."""
    widths, number = networks.widths, thread_number(networks.threads)
    # A direction and its answers of every layer for f, ∇f and two steps, and the points themselves.
    held = 8 * (4 * 2 * sum(widths) + 4 * max(widths))
    at_once = core.thread_count(number) if max(widths) < core.WIDE_TRIAL else 1
    memory.require(
        held * at_once, f"trials on deferred networks of widths {widths}", "choose narrower widths"
    )
    scales = [math.sqrt(variance) for variance in weight_variances(widths, "paper")]
    return core.attack_trials(
        list(widths), networks.seeds, point, scales=scales, kind=kind, numbers=numbers.tolist(),
        threads=number, progress=networks.progress,
    )  # fmt: skip


def blocks(trials: int, size: int, progress: Progress | None) -> Iterator[slice]:
    """Yield the trials in blocks, as slices, and tell how many are done after each."""
    for first in range(0, trials, size):
        end = min(first + size, trials)
        yield slice(first, end)
        if progress is not None:
            progress(end, trials)


def nonzero_point(x: ArrayLike | None, dim: int) -> NDArray[np.float64]:
    """Return the one point (d,) that every network is looked at; by default (1, …, 1)."""
    if x is None:
        return np.ones(dim)
    point = arguments.point("x", x, dim)
    if not point.any():
        raise ValueError("x must not be 0: the statement asks for x ≠ 0")
    return point
