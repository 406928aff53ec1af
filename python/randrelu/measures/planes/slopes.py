"""The slopes of a function that is affine on every face, from its values at the vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.planes.faces import Faces


def slopes(faces: Faces, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ∂f/∂s and ∂f/∂t on every face, (F, 2, k), of k functions, (V, k) at the vertices.

    They go through the values at three vertices: the first, the one farthest from it, and the one
    farthest from the line through both. So on a thin face the error of the slope across it is
    large, but what it makes of f anywhere on the face, from the first vertex on, is rounding.
    """
    first = faces.first()
    way = faces.points[faces.corners] - faces.points[first][faces.owner]
    far = _largest(faces, np.einsum("ci,ci->c", way, way))
    length = np.hypot(*way[far].T)[:, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):  # a face may be smaller than rounding
        along = _finite(way[far] / length)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        height = np.einsum("ci,ci->c", way, across[faces.owner])
        side = _largest(faces, np.abs(height))
        slope = _finite((values[faces.corners[far]] - values[first]) / length)
        there = np.einsum("fi,fi->f", way[side], along)[:, np.newaxis]
        rest = values[faces.corners[side]] - values[first] - there * slope
        steepness = _finite(rest / height[side][:, np.newaxis])
    result: NDArray[np.float64] = np.einsum("fi,fj->fij", along, slope)
    result += np.einsum("fi,fj->fij", across, steepness)
    return result


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(numbers), numbers, 0)


def _largest(faces: Faces, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return where in the `corners` of each face a number is largest, (F,)."""
    largest = np.maximum.reduceat(numbers, faces.start[:-1])
    where = np.flatnonzero(numbers == largest[faces.owner])[::-1]
    result = np.empty(len(faces), np.int64)
    result[faces.owner[where]] = where  # the first of equal ones is written last
    return result
