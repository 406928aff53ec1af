"""Columns of a check's trials that are numbered, by layer or by depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What is known of a supremum over a ball: from below, at points, and from above, by a bound, which
# deferred networks do not have.
BRACKET = ("sampled", "attained", "certified")


def hidden_layers(widths: Sequence[int]) -> NDArray[np.int64]:
    """Return the numbers 1, …, ℓ of the hidden layers."""
    return np.arange(1, len(widths) - 1)


def numbered(name: str, numbers: Iterable[object], values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return values of shape (trials, numbers) as columns: name_1, name_2, …."""
    return {f"{name}_{n}": column for n, column in zip(numbers, values.T, strict=True)}


def all_numbered(
    groups: Mapping[str, NDArray[Any]], numbers: Sequence[object]
) -> dict[str, NDArray[Any]]:
    """Return several groups of values, each (trials, numbers), as columns, see `numbered`."""
    columns: dict[str, NDArray[Any]] = {}
    for name, values in groups.items():
        columns |= numbered(name, numbers, values)
    return columns


def read(
    trials: Mapping[str, NDArray[Any]], name: str, numbers: Iterable[object]
) -> list[NDArray[Any]]:
    """Return the columns that `numbered` has made, in the order of the numbers."""
    return [trials[f"{name}_{n}"] for n in numbers]
