"""The trials of a check at infinite width: each is a limit network, asked for several steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.arguments import Progress, Rng
from randrelu.checks.result import Hypothesis
from randrelu.checks.trials import seeds_of
from randrelu.limit import LimitNetwork

T = TypeVar("T")
INFINITE = "infinite"  # as `widths`


@dataclass(frozen=True)
class LimitNetworks:
    """The networks of a check at infinite width, one a trial, in the scale of NN-DEF.

    The network of a trial is ``LimitNetwork(dim, depth, rng=seeds[t])``; the other members are as
    those of `Networks`.
    """

    dim: int
    depth: int
    trials: int
    seed: int
    progress: Progress | None

    @classmethod
    def asked(
        cls,
        widths: str,
        dim: int | None,
        depth: int | None,
        trials: int,
        storage: str,
        rng: Rng,
        progress: Progress | None,
    ) -> LimitNetworks:
        """Return the networks of a check's own parameters, once these are validated."""
        if widths != INFINITE:
            raise TypeError(
                "widths must be a sequence of integers (d, d_1, …, d_ℓ, 1), or "
                f"{INFINITE!r}, got {widths!r}"
            )
        if dim is None or depth is None:
            raise ValueError(f"widths={INFINITE!r} needs dim and depth, which are d and ℓ")
        if storage != "deferred":
            raise ValueError(
                f"storage must be 'deferred' where widths={INFINITE!r}: a limit network is nothing "
                f"but its answers, got {storage!r}"
            )
        return cls(
            dim=arguments.integer("dim", dim, at_least=1, at_most=arguments.WIDEST),
            depth=arguments.integer("depth", depth, at_least=0),
            trials=arguments.integer("trials", trials, at_least=1),
            seed=arguments.seed_of(rng),
            progress=progress,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the check that say which networks these are, beside dim and depth."""
        return {
            "widths": INFINITE,
            "trials": self.trials,
            "storage": "deferred",
            "rng": self.seed,
        }

    @property
    def seeds(self) -> NDArray[np.uint64]:
        """The seed of every network."""
        return seeds_of(self.seed, self.trials)

    def measure(self, measure: Callable[[LimitNetwork], T]) -> list[T]:
        """Return what is measured of every network, one after another."""
        found = []
        for t, seed in enumerate(self.seeds.tolist(), start=1):
            found.append(measure(LimitNetwork(self.dim, self.depth, rng=seed)))
            if self.progress is not None:
                self.progress(t, self.trials)
        return found

    def hypothesis(self, delta: float) -> Hypothesis:
        """Return what section 2 of the paper asks of the widths: not met, as these are infinite."""
        return Hypothesis(
            "finite widths with d_min ≥ (C ℓ log d_max)^{240ℓ} log(1/δ)",
            f"d = {self.dim} and {self.depth} infinitely wide layers, so that d_max = ∞; what is "
            "seen is the limit's, of which the paper does not speak",
            False,
        )
