"""Columns of a check's trials that are numbered, by layer or by depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray


def numbered(name: str, numbers: Iterable[object], values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return values of shape (trials, numbers) as columns: name_1, name_2, …."""
    return {f"{name}_{n}": column for n, column in zip(numbers, values.T, strict=True)}


def read(
    trials: Mapping[str, NDArray[Any]], name: str, numbers: Iterable[object]
) -> list[NDArray[Any]]:
    """Return those columns again."""
    return [trials[f"{name}_{n}"] for n in numbers]
