"""Weights and biases that a user passes, checked."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from randrelu._support import arguments


def matrices(weights: object) -> list[NDArray[Any]]:
    """Return W_1, …, W_{ℓ+1} as arrays of any real dtype, each (d_i, d_{i−1}).

    The last may come as (d_ℓ,).
    """
    if isinstance(weights, Mapping):
        raise TypeError("weights must be a sequence of matrices; pass the mapping's .values()")
    if not arguments.is_iterable(weights):
        raise TypeError(f"weights must be a sequence of matrices, got {type(weights).__name__}")
    arrays = [arguments.real_array(f"weights[{i}]", w) for i, w in enumerate(weights)]
    if not arrays:
        raise ValueError("weights must hold at least one matrix, got none")
    if arrays[-1].ndim == 1:
        arrays[-1] = arrays[-1].reshape(1, -1)
    _require_chain(arrays)
    return arrays


def _require_chain(weights: list[NDArray[Any]]) -> None:
    """Raise ValueError unless the weights are matrices (d_i, d_{i−1})."""
    for i, w in enumerate(weights):
        if w.ndim != 2 or 0 in w.shape:
            raise ValueError(
                f"weights[{i}] must be a matrix of shape (fan_out, fan_in), got {w.shape}"
            )
        if i and w.shape[1] != weights[i - 1].shape[0]:
            turned = all(
                u.ndim == v.ndim == 2 and v.shape[0] == u.shape[1] for u, v in pairwise(weights)
            )
            hint = (
                "; if these are (fan_in, fan_out), as in Keras and scikit-learn, pass "
                "[w.T for w in weights]"
            )
            raise ValueError(
                f"weights[{i}] must have shape (fan_out, {weights[i - 1].shape[0]}) to follow "
                f"weights[{i - 1}], got {w.shape}{hint if turned else ''}"
            )


def vectors(biases: object, weights: list[NDArray[Any]]) -> list[NDArray[Any] | None]:
    """Return b_1, …, b_{ℓ+1} as arrays of any real dtype, each (d_i,), or None."""
    if biases is None:
        return [None] * len(weights)
    if isinstance(biases, Mapping) or not arguments.is_iterable(biases):
        raise TypeError(
            "biases must be a sequence of vectors, or None for a layer that has none, got "
            f"{type(biases).__name__}"
        )
    found = [
        None if b is None else arguments.real_array(f"biases[{i}]", b) for i, b in enumerate(biases)
    ]
    if len(found) != len(weights):
        raise ValueError(
            f"biases must hold a vector or None for each of the {len(weights)} matrices, got "
            f"{len(found)}"
        )
    for i, (b, w) in enumerate(zip(found, weights, strict=True)):
        if b is not None and b.shape != w.shape[:1]:
            raise ValueError(f"biases[{i}] must have shape {w.shape[:1]}, got {b.shape}")
    return found
