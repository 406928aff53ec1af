"""How large the weights are."""

from __future__ import annotations

import math
from collections.abc import Callable

from randrelu._support import arguments

# The variance of a weight, given its layer's fan-in.
VARIANCES: dict[str, Callable[[int], float]] = {
    "paper": lambda fan_in: 1.0 / fan_in,
    "he": lambda fan_in: 2.0 / fan_in,
    "unit": lambda fan_in: 1.0,
}


def weight_variances(widths: tuple[int, ...], init: str) -> list[float]:
    """Return the variance of the entries of W_1, …, W_{ℓ+1}."""
    arguments.one_of("init", init, VARIANCES)
    widths = arguments.layer_widths(widths)
    return [VARIANCES[init](fan_in) for fan_in in widths[:-1]]


def nn_def_scale(widths: tuple[int, ...], variances: list[float]) -> float:
    """Return how much larger f is than that of NN-DEF when W_i has the given variances."""
    widths = arguments.layer_widths(widths)
    given = arguments.within("variances", variances, 0)
    if given.shape != (len(widths) - 1,):
        raise ValueError(
            f"variances must have shape ({len(widths) - 1},), one for each matrix, got "
            f"{given.shape}"
        )
    factors = [math.sqrt(v * n) for v, n in zip(given.tolist(), widths[:-1], strict=True)]
    return math.prod(factors)
