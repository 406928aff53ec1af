"""Matrices and biases in a `.safetensors`, by whatever names their layers have."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support.arguments import real_array
from randrelu._support.extras import require
from randrelu.formats.chain import Chain, Floats, layered
from randrelu.formats.files import LIST_BYTES, content, naming, require_few

Layer = tuple[str, Floats, Floats | None]

_HALF = "BF16"  # the upper half of a float32, which NumPy does not know
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _HALF: "<u2"}
_LAST_WORD = re.compile(r"[A-Za-z]+(?=[^A-Za-z]*$)")


def read_safetensors(path: str | os.PathLike[str]) -> Chain:
    """Read the matrices in the natural order of their names, each with the bias of its layer.

    Their last words apart, the names of the two agree: `0.weight` and `0.bias`, `fc1/kernel` and
    `fc1/bias`, `W_1` and `b_1`. Matrices are (fan_out, fan_in), as PyTorch has them; they are
    transposed, as Flax and Keras have them, where only that chains.
    """
    _require_extra()
    file = content(path)
    with naming(path):
        layers = _paired(_tensors(file))
        transposed = [(name, matrix.T, bias) for name, matrix, bias in layers]
        return layered(transposed if _chains(transposed) and not _chains(layers) else layers)


def safetensors_bytes(weights: Sequence[Floats], biases: Sequence[Floats | None]) -> bytes:
    """Return a network under the names of `nn.Sequential(Linear, ReLU, …, Linear)`."""
    _require_extra()
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {}
    for i, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        tensors[f"{2 * i}.weight"] = np.ascontiguousarray(matrix)
        if bias is not None:
            tensors[f"{2 * i}.bias"] = np.ascontiguousarray(bias)
    require_few(len(tensors))
    return save(tensors)


def _require_extra() -> None:
    require(".safetensors files need safetensors", "safetensors", "safetensors")


def _tensors(file: bytes) -> dict[str, Floats]:
    """Return all tensors, in the natural order of their names, as float32 or float64."""
    from safetensors import SafetensorError, deserialize

    listed = int.from_bytes(file[:8], "little")
    if listed > LIST_BYTES:
        raise ValueError(f"expected a header of at most {LIST_BYTES} bytes, got {listed}")
    try:
        found = dict(deserialize(file))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(f"expected a .safetensors file, got one that is broken: {error}") from None
    require_few(len(found))
    return {name: _tensor(name, found[name]) for name in sorted(found, key=_natural)}


def _tensor(name: str, found: dict[str, Any]) -> Floats:
    if found["dtype"] not in _FLOATS:
        raise ValueError(f"{name}: expected a dtype of {', '.join(_FLOATS)}, got {found['dtype']}")
    tensor = np.frombuffer(found["data"], _FLOATS[found["dtype"]]).reshape(found["shape"])
    if tensor.ndim not in (1, 2):
        raise ValueError(f"{name}: expected a matrix or a bias, got shape {tensor.shape}")
    if found["dtype"] == _HALF:
        tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
    if tensor.itemsize < 4:
        tensor = tensor.astype(np.float32)
    return real_array(name, tensor)


def _paired(tensors: dict[str, Floats]) -> list[Layer]:
    """Return the matrices in order, each with its bias."""
    matrices: dict[str, str] = {}
    vectors: dict[str, str] = {}
    for name, tensor in tensors.items():
        group = matrices if tensor.ndim == 2 else vectors
        other = group.setdefault(_LAST_WORD.sub("", name), name)
        if other != name:
            raise ValueError(
                f"{name}: expected one matrix and at most one bias of a layer, got {other} of the "
                f"same shape {tensor.shape}"
            )
    for layer in vectors.keys() - matrices.keys():
        raise ValueError(
            f"{vectors[layer]}: expected a matrix that is named so but for the last word, as "
            "0.weight and 0.bias, got none; what layers do besides (normalization, say) is not in "
            "such a file: Network.from_torch(module) knows"
        )
    return [
        (name, tensors[name], tensors[vectors[layer]] if layer in vectors else None)
        for layer, name in matrices.items()
    ]


def _chains(layers: list[Layer]) -> bool:
    return all(
        after.shape[1] == before.shape[0] for (_, before, _), (_, after, _) in pairwise(layers)
    ) and all(bias is None or bias.shape == (matrix.shape[0],) for _, matrix, bias in layers)


def _natural(name: str) -> list[tuple[str, int]]:
    """Return a key by which names are sorted as people count: 2 before 10."""
    parts = re.findall(r"([^0-9]*)([0-9]*)", name)
    # Python refuses to read integers of more digits than some thousands.
    return [(text, int(digits[:1000] or 0)) for text, digits in parts]
