"""A network as a file, by its suffix."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from randrelu._support import arguments, memory
from randrelu._support.files import write_whole
from randrelu.formats.chain import Floats
from randrelu.formats.layers import layers_of
from randrelu.formats.npz import npz_bytes
from randrelu.formats.onnx import onnx_bytes
from randrelu.formats.safetensors import safetensors_bytes

if TYPE_CHECKING:
    from randrelu.network import Network

Write = Callable[[list[Floats], list[Floats | None]], bytes]


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to a file, as `Network.save` says."""
    path = arguments.path("path", path)
    write = _writer(path, net)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    if net.storage != "deferred":  # which weights() refuses
        copies = 2 if net.storage == "streamed" else 1
        numbers = sum(a * b for a, b in pairwise(net.widths))
        memory.require(
            copies * net.dtype.itemsize * numbers,
            f"writing {path}",
            "free memory, or keep the network's seed instead",
        )
    write_whole(path, write(*layers_of(net)))


def _writer(path: Path, net: Network) -> Write:
    """Return what makes the content of a file of this suffix."""

    def npz(weights: list[Floats], biases: list[Floats | None]) -> bytes:
        return npz_bytes(weights, biases, net.input_range)

    writers: dict[str, Write] = {
        ".npz": npz,
        ".onnx": onnx_bytes,
        ".safetensors": safetensors_bytes,
    }
    if path.suffix.lower() not in writers:
        raise ValueError(f"path must end in {', '.join(writers)}, got {str(path)!r}")
    return writers[path.suffix.lower()]
