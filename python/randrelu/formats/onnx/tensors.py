"""The constants of an ONNX file, which may lie in files beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from randrelu.formats.chain import LARGEST

if TYPE_CHECKING:
    from onnx import TensorProto

Array = NDArray[Any]

# ONNX's number and name of a type, how the file has it, and the field that has it where raw_data
# does not. Of 16-bit floats the bits are read: those of bfloat16 are the first half of a float32's.
_TYPES = {
    1: ("float32", "<f4", "float_data"),
    6: ("int32", "<i4", "int32_data"),
    7: ("int64", "<i8", "int64_data"),
    9: ("bool", "|b1", "int32_data"),
    10: ("float16", "<u2", "int32_data"),
    11: ("float64", "<f8", "double_data"),
    16: ("bfloat16", "<u2", "int32_data"),
}
FLOAT_TYPES = {number: name for number, (name, _, _) in _TYPES.items() if "float" in name}
_EXTERNAL = 1  # of a tensor's data_location


class Tensors:
    """Constants by name; one is decoded when it is asked for, and its size was compared before.

    Parameters
    ----------
    folder : Path
        Where the file is, which may have external data beside it.
    tensors, others : iterable of TensorProto
        The tensors that the file has by name, and those that only its nodes have.

    Attributes
    ----------
    largest, held : int
        The entries of the largest of all these tensors, and of all of them together.
    """

    def __init__(
        self, folder: Path, tensors: Iterable[TensorProto], others: Iterable[TensorProto] = ()
    ) -> None:
        self._folder = folder
        self._stored = {tensor.name: tensor for tensor in tensors}
        self._known: dict[str, Array] = {}
        self._copied = 0
        self._beside: dict[str, int] = {}  # the bytes of tensors, by the file that has them
        sizes = [self._entries(tensor) for tensor in (*self._stored.values(), *others)]
        self.largest, self.held = max(sizes, default=0), sum(sizes)
        for path, size in self._beside.items():
            if size > os.path.getsize(path):  # or a small file would become a large one
                raise ValueError(
                    f"expected external data that do not overlap, got {size} bytes of tensors in "
                    f"the {os.path.getsize(path)} of {os.path.basename(path)!r}"
                )

    def __contains__(self, name: str) -> bool:
        return name in self._known or name in self._stored

    def __getitem__(self, name: str) -> Array:
        if name not in self._known:
            self._known[name] = self.decode(self._stored[name])
        return self._known[name]

    def __setitem__(self, name: str, values: Array) -> None:
        self._known[name] = values

    def copied(self, entries: int) -> None:
        """Count a constant that is another one's copy; ValueError for many of those."""
        self._copied += entries
        if self._copied > 2 * self.held + LARGEST:
            raise ValueError(
                f"expected constants that are made of others to have at most {LARGEST} entries, "
                f"and twice those of the file, got {self._copied}"
            )

    def decode(self, tensor: TensorProto) -> Array:
        """Return a tensor's numbers; both kinds of 16-bit floats become float32."""
        entries = self._entries(tensor)
        name, code, field = _type_of(tensor)
        dtype = np.dtype(code)
        if tensor.data_location == _EXTERNAL:
            path, offset = self._place(tensor, entries * dtype.itemsize)
            flat = np.fromfile(path, dtype, entries, offset=offset)
        elif tensor.HasField("raw_data"):
            flat = np.frombuffer(tensor.raw_data, dtype)
        else:
            numbers = getattr(tensor, field)
            wide = np.dtype(np.int64) if field == "int32_data" else dtype
            flat = np.fromiter(numbers, wide, len(numbers)).astype(dtype, copy=False)
        if name == "float16":
            flat = flat.view("<f2").astype(np.float32)
        elif name == "bfloat16":
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        native = flat.dtype.newbyteorder("=")
        return flat.reshape(tuple(tensor.dims)).astype(native, copy=False)

    def _entries(self, tensor: TensorProto) -> int:
        """Return how many numbers a tensor has, once as many were found to be there."""
        _, code, field = _type_of(tensor)
        size = np.dtype(code).itemsize
        if min(tensor.dims, default=0) < 0 or len(tensor.dims) > 64:
            raise ValueError(f"{_called(tensor)}: expected a shape, got {list(tensor.dims)[:65]}")
        entries: int = math.prod(tensor.dims)
        if tensor.data_location == _EXTERNAL:
            path, _ = self._place(tensor, entries * size)
            self._beside[path] = self._beside.get(path, 0) + entries * size
            return entries
        if tensor.HasField("raw_data"):
            found, unit = len(tensor.raw_data), "bytes"
            expected = entries * size
        else:
            found, unit = len(getattr(tensor, field)), "numbers"
            expected = entries
        if found != expected:
            raise ValueError(
                f"{_called(tensor)}: expected {expected} {unit} for the shape "
                f"{list(tensor.dims)}, got {found}"
            )
        return entries

    def _place(self, tensor: TensorProto, size: int) -> tuple[str, int]:
        """Return the file beside that has a tensor's bytes, and where they begin in it."""
        called = _called(tensor)
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        folder = os.path.realpath(self._folder)
        path = os.path.realpath(os.path.join(folder, location))
        if os.path.isabs(location) or not path.startswith(folder.rstrip(os.sep) + os.sep):
            raise ValueError(
                f"{called}: expected external data in the folder of the file or below it, got "
                f"{cut(location)!r}"
            )
        if not os.path.isfile(path):
            raise ValueError(
                f"{called}: expected external data in {cut(location)!r}, got no such file"
            )
        offset = _integer(entries.get("offset", "0"), f"{called}: offset")
        length = _integer(entries.get("length", str(size)), f"{called}: length")
        there = max(os.path.getsize(path) - offset, 0)
        if length != size or there < size:
            raise ValueError(
                f"{called}: expected {size} bytes for the shape {list(tensor.dims)} in "
                f"{cut(location)!r}, got a length of {length}, of which {min(there, length)} are "
                "there"
            )
        return path, offset


def _type_of(tensor: TensorProto) -> tuple[str, str, str]:
    if tensor.data_type not in _TYPES:
        names = ", ".join(name for name, _, _ in _TYPES.values())
        raise ValueError(
            f"{_called(tensor)}: expected one of the types {names}, got ONNX's type number "
            f"{tensor.data_type}"
        )
    return _TYPES[tensor.data_type]


def cut(name: str) -> str:
    """Return a name as an error has it, which may be one of any length."""
    return name if len(name) <= 80 else f"{name[:80]}…"


def _called(tensor: TensorProto) -> str:
    return f"tensor {cut(tensor.name)!r}" if tensor.name else "tensor without a name"


def _integer(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(f"{what}: expected an integer of 0 or more, got {text[:40]!r}")
    return int(text)
