"""Matrices W_1, W_2, … and biases b_1, b_2, … in a `.npz`, as `numpy.savez` writes it."""

from __future__ import annotations

import io
import math
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from randrelu._support.arguments import real_array
from randrelu._support.memory import in_words
from randrelu.formats.chain import Chain, Floats, layered
from randrelu.formats.files import LIST_BYTES, naming, require_few, require_file, require_memory

Range = tuple[NDArray[np.float64], NDArray[np.float64]]

_MEMBER = re.compile(r"((?:W|b)_[1-9][0-9]{0,5}|arr_(?:0|[1-9][0-9]{0,5})|input_m(?:in|ax))\.npy")
_PIECE = 2**20  # bytes that are read at a time
# Members of a gigabyte may be packed into a megabyte, but not trained weights: beyond so many
# bytes, a file must be at least a hundredth of what it says it holds.
_SMALL, _PACKED = 2**25, 100
# What zipfile raises for the bytes of a file that is none, besides ValueError.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,  # a place before the beginning
    OverflowError,
    RuntimeError,  # encrypted, or (NotImplementedError) of a version to come
)


def read_npz(path: str | os.PathLike[str]) -> Chain:
    """Read W_1, b_1, W_2, …, where a b_i may be absent, and input_min with input_max if there.

    Matrices without names, which NumPy calls arr_0, arr_1, …, are W_1, W_2, …. The last matrix may
    be a vector (d_ℓ,), but not arr_1: arr_0 and arr_1 may be a matrix and its bias.

    Nothing is ever unpickled, and what a member says of its size is compared with what is there
    before anything is allocated.
    """
    bytes_ = require_file(path)
    with naming(path), _Archive(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                file.listed = True
                _require_all(archive, file)
                return _chain(_arrays(archive, bytes_))
        except _BROKEN as error:
            raise ValueError(f"expected an .npz file, got one that is broken: {error}") from None


def npz_bytes(
    weights: Sequence[Floats], biases: Sequence[Floats | None], input_range: Range | None = None
) -> bytes:
    """Return a network as an `.npz`, the same bytes for the same network at any time."""
    members: dict[str, NDArray[Any]] = {}
    for i, (matrix, bias) in enumerate(zip(weights, biases, strict=True), 1):
        members[f"W_{i}"] = matrix
        if bias is not None:
            members[f"b_{i}"] = bias
    if input_range is not None:
        members["input_min"], members["input_max"] = input_range
    require_few(len(members))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in members.items():
            info = zipfile.ZipInfo(f"{name}.npy")  # of 1980, whenever it is written
            with archive.open(info, "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


class _Archive(io.FileIO):
    """A file whose list of members, which zipfile reads at once, is refused when it is long."""

    listed = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.listed and size is not None and size > LIST_BYTES:
            raise ValueError(
                f"expected a list of members of at most {LIST_BYTES} bytes, got {size} bytes"
            )
        return super().read(-1 if size is None else size)


def _require_all(archive: zipfile.ZipFile, file: _Archive) -> None:
    """Raise ValueError unless there are as many members as the end of the file says.

    A wrong length in their list makes zipfile leave out those that follow.
    """
    file.seek(-22 - len(archive.comment), os.SEEK_END)
    (declared,) = struct.unpack_from("<H", file.read(22), 10)
    found = len(archive.infolist())
    if declared not in (found, 0xFFFF):  # which is said where another record has the number
        raise ValueError(f"expected {declared} members, got {found}")


def _arrays(archive: zipfile.ZipFile, bytes_: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of so many bytes by their names."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        matched = _MEMBER.fullmatch(info.filename)
        if not matched:
            raise ValueError(
                f"{info.filename[:100]!r}: expected members W_1, b_1, W_2, … and input_min, "
                "input_max, as numpy.savez(path, W_1=…, b_1=…) names them, counted from 1; a "
                "Keras kernel, of shape (fan_in, fan_out), is W_1=kernel.T"
            )
        name = matched[1]
        if name.startswith("arr_"):
            name = f"W_{int(name.removeprefix('arr_')) + 1}"
        if name in members:
            raise ValueError(f"{name}: expected one member of this name, got more")
        members[name] = info
    require_few(len(members))
    total = sum(info.file_size for info in members.values())
    if total > max(_SMALL, _PACKED * bytes_):
        raise ValueError(
            f"expected members of at most {_PACKED} times the file's {in_words(bytes_)}, got "
            f"{in_words(total)}"
        )
    require_memory(total, "members")
    arrays = {name: _array(archive, name, info) for name, info in members.items()}
    if "arr_1.npy" in archive.namelist() and arrays["W_2"].ndim == 1:
        raise ValueError(
            f"arr_1: expected a matrix, got shape {arrays['W_2'].shape}, which may be a bias; name "
            "the arrays W_1=…, b_1=…, W_2=…, as numpy.savez takes them, a Keras kernel W_1=kernel.T"
        )
    return arrays


def _array(archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as member:
        shape, fortran, dtype = _header(name, member)
        if dtype.kind not in "biuf":
            raise ValueError(f"{name}: expected real numbers, got dtype {dtype}")
        needed, there = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if min(shape, default=1) < 1 or needed != there:
            raise ValueError(
                f"{name}: expected a shape of positive sizes that {there} bytes of {dtype} fill, "
                f"got {shape}"
            )
        array = np.empty(math.prod(shape), dtype)
        buffer = array.view(np.uint8)
        for start in range(0, needed, _PIECE):
            piece = member.read(min(_PIECE, needed - start))
            if len(piece) < min(_PIECE, needed - start):
                raise ValueError(f"{name}: expected {needed} bytes, got {start + len(piece)}")
            buffer[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
    return real_array(name, array.reshape(shape, order="F" if fortran else "C"))


def _header(name: str, member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, Fortran order and dtype of a member, which is left at the first number."""
    try:
        version = npy.read_magic(member)
        if version != (1, 0):  # others are for structures and for names that are not Latin
            raise ValueError(f"version {version}")
        with warnings.catch_warnings():  # of Python 2, and of slips in what is no header
            warnings.simplefilter("ignore")
            return npy.read_array_header_1_0(member)
    # Exceptions of NumPy's, of Python's parser or of its tokenizer, whatever the header holds.
    except Exception as error:
        raise ValueError(f"{name}: expected a header of the .npy format 1.0, got {error}") from None


def _chain(arrays: dict[str, NDArray[Any]]) -> Chain:
    depth = sum(name.startswith("W_") for name in arrays)
    names = {f"{kind}_{i}" for i in range(1, depth + 1) for kind in "Wb"}
    for name in arrays.keys() - names - {"input_min", "input_max"}:
        raise ValueError(
            f"{name}: expected W_1 to W_{depth} for {depth} matrices, each with its bias or none"
        )
    if depth and arrays[f"W_{depth}"].ndim == 1:
        arrays[f"W_{depth}"] = arrays[f"W_{depth}"][np.newaxis]
    try:
        chain = layered(
            (f"W_{i}", arrays[f"W_{i}"], arrays.get(f"b_{i}")) for i in range(1, depth + 1)
        )
    except ValueError as error:
        raise ValueError(
            f"{error}; matrices have shape (fan_out, fan_in): a Keras kernel is W_1=kernel.T"
        ) from None
    ends = [arrays.get(name) for name in ("input_min", "input_max")]
    lowest, highest = (None if end is None else end.astype(np.float64) for end in ends)
    dim = chain.weights[0].shape[1]
    if lowest is not None and highest is not None and lowest.shape == highest.shape == (dim,):
        if (lowest > highest).any():
            raise ValueError("input_min: expected no entry above that of input_max, got one")
        chain.input_range = (lowest, highest)
    elif lowest is not None or highest is not None:
        raise ValueError(f"expected both input_min and input_max, of shape ({dim},), or neither")
    return chain
