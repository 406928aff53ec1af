"""Matrices and biases in a `.safetensors`, by whatever names their layers have."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support.extras import require
from randrelu.formats.chain import Chain, Floats
from randrelu.formats.files import LIST_BYTES, content, naming, require_few
from randrelu.formats.named import chain_of_named

_HALF = "BF16"  # the upper half of a float32, which NumPy does not know
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _HALF: "<u2"}
# Batch normalizations count in these, and are refused by what they are called.
_READ = {**_FLOATS, "I64": "<i8"}


def read_safetensors(path: str | os.PathLike[str]) -> Chain:
    """Read the matrices in the natural order of their names, see `chain_of_named`.

    float16 and bfloat16 become float32, which is exact.
    """
    _require_extra()
    file = content(path)
    with naming(path):
        return chain_of_named(_tensors(file))


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


def _tensors(file: bytes) -> dict[str, NDArray[Any]]:
    """Return all tensors by their names."""
    from safetensors import SafetensorError, deserialize

    listed = int.from_bytes(file[:8], "little")
    if listed > LIST_BYTES:
        raise ValueError(f"expected a header of at most {LIST_BYTES} bytes, got {listed}")
    try:
        found = dict(deserialize(file))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(f"expected a .safetensors file, got one that is broken: {error}") from None
    require_few(len(found))
    _require_whole(json.loads(file[8 : 8 + listed]).get("__metadata__") or {}, found)
    return {name: _tensor(name, tensor) for name, tensor in found.items()}


def _require_whole(metadata: dict[str, str], found: dict[str, Any]) -> None:
    """Raise ValueError where the metadata name a tensor that the file holds by another name only.

    So `safetensors.torch.save_model` writes layers that share their weights.
    """
    for name, kept in metadata.items():
        if kept in found and name not in found:
            raise ValueError(
                f"{name}: expected a tensor of its own, got another name of {kept!r} in the "
                "metadata; clone shared tensors and write them with save_file, or pass the "
                "module to Network.from_torch"
            )


def _tensor(name: str, found: dict[str, Any]) -> NDArray[Any]:
    if found["dtype"] not in _READ:
        raise ValueError(f"{name}: expected a dtype of {', '.join(_FLOATS)}, got {found['dtype']}")
    tensor = np.frombuffer(found["data"], _READ[found["dtype"]]).reshape(found["shape"])
    if found["dtype"] == _HALF:
        return (tensor.astype(np.uint32) << 16).view(np.float32)
    return tensor
