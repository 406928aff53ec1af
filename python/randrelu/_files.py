"""Points and weights from the files that users have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_points(path: Path, dim: int) -> NDArray[Any]:
    """Read points (d,) or (N, d) from a .npy file, or from a .csv file with or without a header.

    A single column of d numbers is one point.
    """
    if path.suffix == ".npy":
        points = _load(path)
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
    with _load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable NumPy file: {error}") from None


def _read_csv(path: Path) -> NDArray[Any]:
    try:
        return np.loadtxt(path, delimiter=",")
    except ValueError:
        pass  # perhaps a header
    try:
        return np.loadtxt(path, delimiter=",", skiprows=1)
    except ValueError as error:
        raise ValueError(f"{path} is not a table of numbers separated by commas: {error}") from None
