"""The next answer of an infinitely wide network, drawn given all earlier ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu.limit.kernel import Between, Kernel
from randrelu.limit.known import Known, Rows

_Floats = NDArray[np.float64]
# An answer whose variance given the earlier ones is at most this share of its own variance counts
# as known. Of covariances that are rounded in units of ε such a variance is known to ε/FRESH of
# itself, and that is by how much variances of later answers nearby may be wrong. To drop a fresh
# part changes covariances with later answers by at most √FRESH, and for points at a distance h,
# where the variances of values are ~ h³ and of derivatives ~ h, by about FRESH^(2/3). Here both are
# a millionth or less.
FRESH = 1e-10


def answer(
    known: Known, kernel: Kernel, point: _Floats, gradient: bool, normal: np.random.Generator
) -> tuple[Known, _Floats, _Floats | None]:
    """Draw F and, where it is asked for, ∇F at a point, given what is known.

    Parameters
    ----------
    known : Known
    kernel : Kernel
        Without biases points have norm 1, and the derivative along one is the value there.
    point : ndarray, shape (d,)
    gradient : bool
    normal : Generator

    Returns
    -------
    known : Known
        With this answer.
    value : ndarray, shape (k,)
    gradient : ndarray, shape (k, d), or None
    """
    known, here = known.with_span_of(point)
    lengths, length = euclid.norms(known.points), euclid.norm(here)
    between = kernel.between(_angles(known.points, here, lengths, length), lengths, length)
    along = _directions(here, kernel) if gradient else np.zeros((0, len(here)))
    asked = np.concatenate([np.zeros((1, len(here))), along])  # the value comes first

    # All of these are in units of their standard deviations.
    units = kernel.deviation(np.append(lengths, length))
    told = _covariance(known, between, here, along, units[:-1][known.owner], kernel.slope)
    told /= np.append(units[-1], np.full(len(along), kernel.slope))[:, np.newaxis]
    own = np.eye(len(asked))
    own[0, 1:] = own[1:, 0] = kernel.slope / units[-1] * np.einsum("br,r->b", along, here)
    told, fresh, kept = _split(known.factor, told, own)
    draws = normal.standard_normal((len(kept), known.draws.shape[1]))
    found = np.einsum("bs,sk->kb", told, known.draws) + np.einsum("bs,sk->kb", fresh, draws)
    value = units[-1] * found[:, 0]
    answered = known.with_answers(here, asked[kept], np.hstack([told, fresh])[kept], draws)
    if not gradient:
        return answered, value, None

    coordinates = kernel.slope * np.einsum("kb,br->kr", found[:, 1:], along)
    if not kernel.bias:
        coordinates += value[:, np.newaxis] * here
    told, fresh, kept = _split(
        known.across_factor, between.shared[np.newaxis, known.graded], np.eye(1)
    )
    across = np.einsum("m,mkd->kd", told[0], known.across)
    if kept:
        draws = known.off_span(normal.standard_normal(across.shape))
        across = across + fresh[0, 0] * draws
        answered = answered.with_gradient(here, np.hstack([told, fresh]), draws)
    inside = np.einsum("kr,rd->kd", coordinates, known.basis)
    return answered, value, inside + kernel.slope * across


def _angles(points: _Floats, here: _Floats, lengths: _Floats, length: float) -> _Floats:
    """Return the angles between points and another one; small ones keep their digits."""
    units = points / np.where(lengths > 0, lengths, 1)[:, np.newaxis]
    unit = here / (length or 1.0)
    result: _Floats = 2 * np.arctan2(euclid.norms(units - unit), euclid.norms(units + unit))
    return result


def _directions(here: _Floats, kernel: Kernel) -> _Floats:
    """Return orthonormal directions, in coordinates, along which a gradient is asked for.

    Without biases its part along the point itself is the value, and these are orthogonal to it.
    """
    if kernel.bias:
        return np.eye(len(here))
    # The reflection that takes the point to a multiple of the first axis has it as its first row.
    normal = here.copy()
    normal[0] += math.copysign(1.0, here[0])
    return (np.eye(len(here)) - np.outer(normal, 2 / np.einsum("r,r->", normal, normal) * normal))[
        1:
    ]


def _covariance(
    known: Known, between: Between, here: _Floats, along: _Floats, units: _Floats, slope: float
) -> _Floats:
    """Return the covariance of what is asked here with the earlier answers, (1 + b, s).

    That of the value comes first. The earlier answers are in units of their standard deviations,
    which are these for values and the slope for derivatives.
    """
    owner, own = known.owner, known.points[known.owner]
    is_value = ~known.along.any(axis=1)
    # Of the directions v of earlier answers and w of these, the products with X, Y, u_X and u_Y.
    v_x = np.einsum("sr,sr->s", known.along, own)
    v_u, w_u = (
        p[owner] * toward - q[owner] * back
        for (p, q), toward, back in (
            (between.across_x, np.einsum("sr,r->s", known.along, here), v_x),
            (between.across_y, np.einsum("br,nr->bn", along, known.points)[:, owner],
             np.einsum("br,r->b", along, here)[:, np.newaxis]),
        )
    )  # fmt: skip
    w_y = np.einsum("br,r->b", along, here)[:, np.newaxis]
    m = between.mixed[:, owner]
    result = np.empty((1 + len(along), len(owner)))
    result[0] = between.slope_x[0, owner] * v_u + between.slope_x[1, owner] * v_x
    result[0] = np.where(is_value, between.value[owner] / units, result[0] / slope)
    values = (between.slope_y[0, owner] * w_u + between.slope_y[1, owner] * w_y) / units
    slopes = between.shared[owner] * np.einsum("br,sr->bs", along, known.along)
    slopes += w_u * (m[0] * v_u + m[2] * v_x) + w_y * (m[1] * v_u + m[3] * v_x)
    result[1:] = np.where(is_value, values, slope * slopes)
    return result


def _split(factor: Rows, covariance: _Floats, own: _Floats) -> tuple[_Floats, _Floats, list[int]]:
    """Return what b answers are made of: of s earlier draws, and of c ≤ b fresh ones.

    Parameters
    ----------
    factor : tuple of ndarray
        That of the earlier answers, see `Known`.
    covariance : ndarray, shape (b, s)
        With the earlier answers.
    own : ndarray, shape (b, b)
        Of the answers, whose variances are 1.

    Returns
    -------
    told : ndarray, shape (b, s)
    fresh : ndarray, shape (b, c)
        Lower triangular where c = b; an answer that the ones before it determine has no draw.
    kept : list of int
        The c answers that have one.
    """
    told = covariance.copy()
    for j, row in enumerate(factor):
        told[:, j] = (told[:, j] - np.einsum("bj,j->b", told[:, :j], row[:j])) / row[j]
    rest = own - np.einsum("bs,cs->bc", told, told)
    fresh, kept = np.zeros_like(own), list[int]()
    for i in range(len(own)):
        c = len(kept)
        column = rest[i:, i] - np.einsum("bc,c->b", fresh[i:, :c], fresh[i, :c])
        if column[0] > FRESH:
            fresh[i:, c] = column / math.sqrt(column[0])
            kept.append(i)
    return told, fresh[:, : len(kept)], kept
