"""Arrays that only have names, such as `0.weight` and `0.bias`, as the layers of a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu.formats.chain import Chain, Floats

# The word that tells a layer's matrix from its bias: what remains of a name is the layer's.
_ROLE = re.compile(r"(?<![a-z])(weights?|kernel|w|bias(?:es)?|b)(?![a-z])", re.IGNORECASE)
_NORMALIZATION = re.compile(r"running_(mean|var)$|num_batches_tracked$|moving_(mean|variance)$")


def chain_of_named(arrays: Mapping[str, NDArray[Any]]) -> Chain:
    """Return the chain of matrices in the natural order of their names, ReLUs between them.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Matrices, each (fan_out, fan_in), and their biases, each (fan_out,): `0.weight`, `0.bias`,
        …, or `W_1`, `b_1`, …, or other names that differ in such a word alone. `layer.10` comes
        after `layer.9`. Where the matrices only chain as (fan_in, fan_out), they are transposed.

    Raises
    ------
    ValueError
        If an array is neither a matrix nor the bias of one, or the matrices do not chain.
    """
    for name in filter(_NORMALIZATION.search, arrays):
        raise ValueError(
            f"{name}: expected matrices and biases, got a batch normalization, and names do not "
            "say where it stands; pass the module itself to Network.from_torch, or fold it into "
            "the weights"
        )
    matrices: dict[str, str] = {}  # the names of the arrays, by layer
    biases: dict[str, str] = {}
    for name, array in arrays.items():
        _add(matrices, biases, name, array)
    if not matrices:
        raise ValueError(f"expected a matrix, such as '0.weight', got {_in_short(arrays)}")
    for layer, name in biases.items():
        if layer not in matrices:
            raise ValueError(
                f"{name}: expected a matrix of the same layer, such as '0.weight' beside "
                f"'0.bias', got {_in_short([n for n in arrays if n != name])}"
            )
    order = sorted(matrices, key=_natural)
    weights = [(matrices[layer], arrays[matrices[layer]]) for layer in order]
    shifts = [
        (biases[layer], arrays[biases[layer]]) if layer in biases else None for layer in order
    ]
    misfit = _misfit(weights, shifts)
    if misfit is not None:
        transposed = [(name, matrix.T) for name, matrix in weights]
        if _misfit(transposed, shifts) is not None:
            raise ValueError(misfit)
        weights = transposed
    chain = Chain(weights[0][1].shape[1])
    for i, (matrix, shift) in enumerate(zip(weights, shifts, strict=True)):
        if i > 0:
            chain.relu()
        chain.linear(real(*matrix), None if shift is None else real(*shift))
    return chain.finish()


def real(name: str, array: NDArray[Any]) -> Floats:
    """Return an array of finite floating-point numbers; a float16 one as float32, which is exact.

    Raises
    ------
    ValueError
        If the numbers are of another kind, or one is not finite.
    """
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name}: expected floating-point numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or an infinity")
    return array.astype(np.float32) if array.dtype.itemsize < 4 else array


def _add(matrices: dict[str, str], biases: dict[str, str], name: str, array: NDArray[Any]) -> None:
    """Put a name to the matrices or to the biases, after the shape of its array."""
    words = list(_ROLE.finditer(name))
    layer = name if not words else name[: words[-1].start()] + name[words[-1].end() :]
    is_bias = array.ndim == 1 and not (words and words[-1][0][0] in "wWkK")
    if not is_bias and array.ndim != 2:
        raise ValueError(
            f"{name}: expected a matrix of shape (fan_out, fan_in), or a bias of shape (fan_out,), "
            f"got shape {array.shape}"
        )
    known = biases if is_bias else matrices
    if layer in known:
        raise ValueError(
            f"{name}: expected one {'bias' if is_bias else 'matrix'} of a layer, got "
            f"{known[layer]!r} too"
        )
    known[layer] = name


def _misfit(
    weights: list[tuple[str, NDArray[Any]]], shifts: list[tuple[str, NDArray[Any]] | None]
) -> str | None:
    """Return what keeps the matrices from being a chain of (fan_out, fan_in), or None."""
    dim = weights[0][1].shape[1]
    for (name, matrix), shift in zip(weights, shifts, strict=True):
        if matrix.shape[1] != dim or 0 in matrix.shape:
            return (
                f"{name}: expected shape (fan_out, {dim}), none of them 0, got {matrix.shape}; "
                "matrices must chain in the natural order of their names; pass others in their own "
                "order to Network.from_weights"
            )
        dim = matrix.shape[0]
        if shift is not None and shift[1].shape != (dim,):
            return f"{shift[0]}: expected shape ({dim},), as {name} has, got {shift[1].shape}"
    return None


def _natural(name: str) -> list[str | tuple[int, str]]:
    """Return a key by which 'layer.9' comes before 'layer.10'."""
    # Texts and numbers alternate. Numbers compare by length first: names may have any of digits.
    parts: list[str | tuple[int, str]] = []
    for i, part in enumerate(re.split(r"([0-9]+)", name)):
        digits = part.lstrip("0")
        parts.append((len(digits), digits) if i % 2 else part)
    return parts


def _in_short(names: Mapping[str, Any] | list[str]) -> str:
    """Return names as a sentence has them, the first few of many."""
    first = ", ".join(repr(name) for name in list(names)[:3])
    return f"{first or 'nothing'}{', …' if len(names) > 3 else ''}"
