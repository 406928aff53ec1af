"""Files of rows of numbers, one column of which may be labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_csv(path: Path) -> NDArray[np.float64]:
    """Return the rows of numbers of a file, (N, columns)."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark first
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from None
    contents = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [number for number, content in enumerate(contents, 1) if content]
    rows = [content for content in contents if content]
    if rows and not any(_is_number(cell) for cell in rows[0].split(",")):
        del lines[0], rows[0]  # a header
    if not rows:
        raise ValueError(f"{path} has no rows of numbers")
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
    except ValueError:
        raise ValueError(f"{path}: {_first_misfit(lines, rows)}") from None
    odd = ~np.isfinite(table)
    if odd.any():
        row, column = np.argwhere(odd)[0]
        raise ValueError(
            f"{path}: line {lines[row]}: expected finite numbers, got {table[row, column]}"
        )
    return table


def without_labels(
    name: str, rows: NDArray[Any], column: int, option: str = "--label-column"
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the rows without a column, and that column as integers."""
    if rows.ndim != 2 or not -rows.shape[1] <= column < rows.shape[1]:
        raise ValueError(
            f"{option} must be a column of {name}, from 0 or, from the end, from −1, got "
            f"{column} for an array of shape {rows.shape}"
        )
    values = rows[:, column]
    with np.errstate(invalid="ignore"):  # what is no integer is refused
        labels = values.astype(np.int64)
    others = labels != values
    if others.any():
        row = int(others.argmax())
        raise ValueError(
            f"{name}: column {column}: expected labels that are integers, got {values[row]} in row "
            f"{row}; is it another column?"
        )
    return np.delete(rows, column, axis=1), labels


def _first_misfit(lines: list[int], rows: list[str]) -> str:
    """Return what keeps rows from being a table of numbers, with the number of the line."""
    columns = len(rows[0].split(","))
    for line, row in zip(lines, rows, strict=True):
        cells = row.split(",")
        for cell in cells:
            if not _is_number(cell):
                return (
                    f"line {line}: expected numbers separated by commas, got {cell.strip()[:40]!r}"
                )
        if len(cells) != columns:
            return (
                f"line {line}: expected {columns} numbers as in line {lines[0]}, got {len(cells)}"
            )
    return "expected numbers separated by commas"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
