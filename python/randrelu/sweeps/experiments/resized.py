"""scikit-learn's digits with more pixels, or fewer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from randrelu._support import extras

_SIDE = 8  # of the images as they come


def resized_digits(size: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the 1797 images at size × size pixels, and which digits they show.

    Pixels are interpolated linearly in both directions, at 4 × 4 each is the mean of four. From
    8 × 8 on the images lie in the same 64-dimensional space, of d = size² dimensions.

    Returns
    -------
    images : ndarray, shape (1797, size²)
        The pixels, from 0 to 1.
    digits : ndarray of int64, shape (1797,)

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    known: Any = extras.module("the digits are scikit-learn's", "sklearn.datasets", "scikit-learn")
    images, digits = known.load_digits(return_X_y=True)
    at = np.clip((np.arange(size) + 0.5) * _SIDE / size - 0.5, 0, _SIDE - 1)
    places = np.arange(_SIDE)
    rows = np.stack([np.interp(at, places, unit) for unit in np.eye(_SIDE)], axis=1)
    pictures = rows @ (images.reshape(-1, _SIDE, _SIDE) / 16) @ rows.T
    return pictures.reshape(len(images), size * size), digits.astype(np.int64)


def zeros_and_ones(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the images of 0 and 1, each of norm 1, and −1 for a 0 and 1 for a 1."""
    images, digits = resized_digits(size)
    images = images[digits < 2]
    images /= np.linalg.norm(images, axis=1)[:, np.newaxis]
    return images, np.where(digits[digits < 2] == 1, 1.0, -1.0)
