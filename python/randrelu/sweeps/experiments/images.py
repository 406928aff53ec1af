"""The images that networks are trained on: scikit-learn's digits, or a file of the user's."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import arguments, extras
from randrelu._support.rows_of_numbers import read_csv, without_labels

DIGITS = "digits"
HELD_OUT = 4  # every so many-th image is held out

# What libraries call the arrays of images and of their labels.
_NAMES = (("images", "labels"), ("x", "y"), ("X", "y"), ("x_train", "y_train"))


@dataclass(frozen=True)
class Images:
    """Images with their classes.

    Attributes
    ----------
    pixels : ndarray of float32, shape (N, d)
        The images, divided by the largest absolute pixel of them all. Those that are 0 everywhere,
        to which no size is relative, are left out.
    labels : ndarray of int64, shape (N,)
        Their classes, counted from 0 in the order of the labels that they come with.
    classes : int
        How many classes there are; some of the images need not have one of each.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int

    def some(self, which: NDArray[np.int64]) -> Images:
        """Return the images of these numbers, of as many classes."""
        return Images(self.pixels[which], self.labels[which], self.classes)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Raises
    ------
    ValueError
        If there is no such file.
    """
    if not path.is_file():
        raise ValueError(f"data must be {DIGITS!r}, or a .npz or .csv file, got no file at {path}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load(data: str, label_column: int | None = None, sha256: str | None = None) -> Images:
    """Return the images of a data set.

    Parameters
    ----------
    data : str
        "digits", the 1797 images of 8 × 8 pixels that come with scikit-learn; a .npz file with the
        arrays ``images`` (N, …) and ``labels`` (N,), which may also be called x and y; or a .csv
        file with a row for each image.
    label_column : int, optional
        The column of a .csv file that has the labels, from 0.
    sha256 : str, optional
        What the SHA-256 of a file is to be.

    Raises
    ------
    ImportError
        If scikit-learn, which the digits come with, is not installed.
    ValueError
        If the file is missing, another one than `sha256` says, or not as described; if images
        differ in size, have no labels, or are all of one class.
    """
    if data == DIGITS:
        if label_column is not None:
            raise ValueError(f"label_column is for a .csv file, not for {DIGITS!r}")
        return _digits()
    path = Path(data)
    found = sha256_of(path)
    if sha256 is not None and found != sha256:
        raise ValueError(
            f"data {path} is not the file that it was when the study began: its SHA-256 is "
            f"{found}, and that was {sha256}; put the old file back, or begin in another folder"
        )
    return _of_file(path, label_column, found)


@lru_cache(maxsize=1)
def _digits() -> Images:
    known = extras.module("the digits need scikit-learn", "sklearn.datasets", "'randrelu[study]'")
    return _images(DIGITS, *known.load_digits(return_X_y=True))


@lru_cache(maxsize=1)  # for the trials of a sweep; the last argument says which file it was
def _of_file(path: Path, label_column: int | None, _: str) -> Images:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        if label_column is not None:
            raise ValueError(f"label_column is for a .csv file, not for {path}")
        return _images(f"data {path}", *_read_npz(path))
    if suffix != ".csv":
        raise ValueError(f"data must be {DIGITS!r}, or a .npz or .csv file, got {path}")
    if label_column is None:
        raise ValueError(
            f"data {path} has no labels without label_column, the number of the column with them, "
            "from 0"
        )
    table = read_csv(path)
    return _images(
        f"data {path}", *without_labels(f"data {path}", table, label_column, "label_column")
    )


def _read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for images, labels in _NAMES:
                if images in arrays and labels in arrays:
                    return arrays[images], arrays[labels]
            has = ", ".join(arrays) or "none"
    except (OSError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"data {path} is not a .npz file that NumPy can read") from None
    except ValueError:  # an array of arrays
        raise ValueError(
            f"data {path} must hold arrays of numbers, got objects; are the images of different "
            "sizes?"
        ) from None
    raise ValueError(
        f"data {path} must have the arrays 'images' and 'labels' (or 'x' and 'y'), got {has}"
    )


def _images(name: str, pixels: NDArray[Any], labels: NDArray[Any]) -> Images:
    """Return images as they are trained on."""
    pixels = arguments.real_array(f"the images of {name}", pixels)
    if pixels.ndim < 2 or not pixels.size:
        raise ValueError(f"{name} must hold images of shape (N, …), got {pixels.shape}")
    if labels.shape != (len(pixels),):
        raise ValueError(
            f"{name} must have a label for each of its {len(pixels)} images, got labels of shape "
            f"{labels.shape}"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"the labels of {name} must be finite")
    names, classes = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{name} must have images of at least two classes, got {names[0]} only")
    largest = np.abs(pixels.astype(np.float64)).max()
    if not largest:
        raise ValueError(f"{name} must have pixels other than 0")
    flat = (pixels.reshape(len(pixels), -1) / largest).astype(np.float32)
    some = flat.any(axis=1)
    return Images(flat[some], classes[some].astype(np.int64), len(names))
