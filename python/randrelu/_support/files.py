"""Files: points and weights that users have, and results written whole."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_points(path: Path, dim: int) -> NDArray[Any]:
    """Read points (d,) or (N, d) from a .npy file, or from a .csv file with or without a header.

    A single column of d numbers is one point.
    """
    if path.suffix == ".npy":
        points = _load(path, np.ndarray)
    elif path.suffix == ".csv":
        points = _read_csv(path)
    else:
        raise ValueError(f"--input must be a .npy or .csv file, got {path}")
    column: NDArray[Any] = points.reshape(-1, 1) if dim == 1 and points.ndim == 1 else points
    return column


def read_weights(path: Path) -> list[NDArray[Any]]:
    """Read W_1, …, W_{ℓ+1} from a .npz file, in the order in which they were saved."""
    if path.suffix != ".npz":
        raise ValueError(f"--weights must be a .npz file, got {path}")
    with _load(path, np.lib.npyio.NpzFile) as arrays:
        try:
            return [arrays[name] for name in arrays.files]
        except ValueError:
            raise ValueError(f"{path} must hold arrays of numbers, got objects") from None


def write_whole(path: Path, content: bytes, *, within: Path | None = None) -> None:
    """Write a file that is, at any moment, either the old one or all of the new one.

    Until it is whole it lies in another folder, if one is given, of the same file system.
    """
    part = (within or path.parent) / f".{path.name}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a machine that crashes may have a name without content
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _load(path: Path, kind: type) -> Any:
    try:
        content = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is not a file of numbers that NumPy can read") from None
    if not isinstance(content, kind):
        raise ValueError(f"{path} must hold what numpy saves as {path.suffix}, got something else")
    return content


def _read_csv(path: Path) -> NDArray[Any]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # spreadsheets write a mark first
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from None
    if lines and not any(_is_number(cell) for cell in lines[0].split(",")):
        lines = lines[1:]  # a header
    if not lines:
        raise ValueError(f"{path} has no rows of numbers")
    try:
        return np.loadtxt(lines, delimiter=",")
    except ValueError as error:
        raise ValueError(f"{path} is not a table of numbers separated by commas: {error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
