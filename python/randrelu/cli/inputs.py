"""What users ask about: a network, the points that they have in files, and their labels."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments
from randrelu._support.rows_of_numbers import read_csv, without_labels
from randrelu.cli import options
from randrelu.formats.load import load
from randrelu.network import Network

Points = tuple[NDArray[np.float64], NDArray[np.int64] | None]


def network(
    widths: str | None,
    weights: Path | None,
    init: str | None,
    bias: float | None,
    storage: str | None,
    seed: int | None,
    threads: int | None,
) -> Network:
    """Return the random network of --widths, or that of the file of --weights."""
    if widths is not None and weights is None:
        return Network.random(
            options.widths(widths),
            rng=seed,
            init=init or "paper",
            bias=bias or 0.0,
            storage=storage or "auto",
            threads=threads,
        )
    if widths is not None or weights is None:
        raise ValueError("give either --widths, for a random network, or --weights")
    for name, value in (("init", init), ("bias", bias), ("storage", storage)):
        if value is not None:
            raise ValueError(f"--{name} goes with --widths, not with --weights")
    return load(weights)


def points(
    path: Path | None,
    dim: int,
    *,
    row: int | None = None,
    label_column: int | None = None,
    scale: float | None = None,
    option: str = "--input",
) -> Points:
    """Read the points (N, d) of an option and their labels (N,), which are None without a column.

    They are all of them, or the one of --row.

    A file is a .npy, or a .csv with or without a header, and has a row for each point. A single
    column of d numbers is one point, too. Without a file there is the one point (1, …, 1).
    """
    if path is None:
        for name, value in (("row", row), ("label-column", label_column), ("scale", scale)):
            if value is not None:
                raise ValueError(f"--{name} goes with {option}, the file that it is about")
        return np.ones((1, dim)), None
    name = f"{option} {path}"
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".csv"):
        raise ValueError(f"{option} must be a .npy or .csv file, got {path}")
    array = arguments.real_array(name, _read_npy(path) if suffix == ".npy" else read_csv(path))
    labels = None
    if label_column is not None:
        array, labels = without_labels(name, np.atleast_2d(array), label_column)
    elif array.ndim == 2 and array.shape[1] == dim + 1:
        raise ValueError(
            f"{name} must have {dim} columns, got {dim + 1}; give --label-column if one has labels"
        )
    elif dim == 1 and array.ndim == 1:
        array = array.reshape(-1, 1)
    elif dim != 1 and suffix == ".csv" and array.shape[1] == 1:
        array = array.reshape(-1)
    found, _ = arguments.points(name, array, dim, np.dtype(np.float64))
    if len(found) == 0:
        raise ValueError(f"{name} must hold at least one point, got none")
    if row is not None:
        if not 0 <= row < len(found):
            raise ValueError(
                f"--row must be a point of {name}, from 0 to {len(found) - 1}, got {row}"
            )
        found = found[row : row + 1]
        labels = None if labels is None else labels[row : row + 1]
    return (found if scale is None else scale * found), labels


def point(
    path: Path | None,
    dim: int,
    *,
    row: int | None = None,
    label_column: int | None = None,
    scale: float | None = None,
) -> NDArray[np.float64]:
    """Read one point (d,) of --input, that of --row, or the only one; see `points`."""
    found, _ = points(path, dim, row=row, label_column=label_column, scale=scale)
    if len(found) > 1:
        raise ValueError(
            f"--input {path} holds {len(found)} points, and one is asked for: choose it by --row, "
            f"from 0 to {len(found) - 1}"
        )
    one: NDArray[np.float64] = found[0]
    return one


def chosen_rows(rows: list[int], path: Path | None, count: int) -> list[int]:
    """Return the points of --through that --rows chooses, where there are such."""
    if path is None:
        raise ValueError("--rows goes with --through, the file that it is about")
    for row in rows:
        if not 0 <= row < count:
            raise ValueError(
                f"--rows must be points of --through {path}, from 0 to {count - 1}, got {row}"
            )
    return rows


def warn_outside(found: NDArray[np.float64], net: Network) -> None:
    """Warn where points have entries outside of the ranges that the network's file gives."""
    if net.input_range is None:
        return
    low, high = net.input_range
    outside = (found < low) | (found > high)
    if outside.any():
        n, i = np.argwhere(outside)[0]
        warnings.warn(
            f"{np.count_nonzero(outside.any(axis=1))} of {len(found)} points lie outside of the "
            f"ranges of the inputs that the network's file gives, such as point {n}, whose entry "
            f"{i} is {found[n, i]:.4g}, not in {low[i]:.4g} … {high[i]:.4g}; nothing is clipped "
            "(--scale multiplies the points of a file)",
            UserWarning,
            stacklevel=2,
        )


def require_outputs(labels: NDArray[np.int64], outputs: int) -> None:
    """Raise ValueError unless labels are outputs of a network, where that has several."""
    odd = (labels < 0) | (labels >= outputs)
    if outputs > 1 and odd.any():
        row = int(odd.argmax())
        raise ValueError(
            f"--label-column must hold outputs of the network, from 0 to {outputs - 1}, got "
            f"{labels[row]} at point {row}; is it another column?"
        )


def _read_npy(path: Path) -> NDArray[Any]:
    try:
        content = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is not a file of numbers that NumPy can read") from None
    if not isinstance(content, np.ndarray):
        raise ValueError(f"{path} must hold what numpy saves as .npy, got something else")
    return content
