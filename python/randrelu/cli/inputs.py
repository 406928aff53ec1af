"""The files that users have: points and weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments


def points(path: Path | None, dim: int) -> NDArray[np.float64]:
    """Read the points (N, d) of --input; without a file, return the single point (1, …, 1).

    A file is a .npy, or a .csv with or without a header. A single column of d numbers is one point.
    """
    if path is None:
        return np.ones((1, dim))
    if path.suffix not in (".npy", ".csv"):
        raise ValueError(f"--input must be a .npy or .csv file, got {path}")
    array = _load(path, np.ndarray) if path.suffix == ".npy" else _read_csv(path)
    if dim == 1 and array.ndim == 1:
        array = array.reshape(-1, 1)
    found, _ = arguments.points(f"--input {path}", array, dim, np.dtype(np.float64))
    if len(found) == 0:
        raise ValueError(f"--input {path} must hold at least one point, got none")
    return found


def point(path: Path | None, dim: int) -> NDArray[np.float64]:
    """Read the one point (d,) of --input, see `points`."""
    found = points(path, dim)
    if len(found) != 1:
        raise ValueError(
            f"--input {path} must hold one point, got {len(found)}; randrelu attack takes several"
        )
    return found.reshape(dim)


def weights(path: Path) -> list[NDArray[Any]]:
    """Read W_1, …, W_{ℓ+1} from a .npz file, in the order in which they were saved."""
    if path.suffix != ".npz":
        raise ValueError(f"--weights must be a .npz file, got {path}")
    with _load(path, np.lib.npyio.NpzFile) as arrays:
        try:
            return [arrays[name] for name in arrays.files]
        except ValueError:
            raise ValueError(f"{path} must hold arrays of numbers, got objects") from None


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
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark first
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from None
    contents = (line.partition("#")[0].strip() for line in text.splitlines())
    rows = [content for content in contents if content]
    if rows and not any(_is_number(cell) for cell in rows[0].split(",")):
        rows = rows[1:]  # the first row is a header
    if not rows:
        raise ValueError(f"{path} has no rows of numbers")
    try:
        return np.loadtxt(rows, delimiter=",", ndmin=1)
    except ValueError as error:
        reason = str(error).partition(";")[0]  # what follows is advice for those who call loadtxt
        raise ValueError(
            f"{path} is not a table of numbers separated by commas: {reason}"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
