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
# A value near a point whose gradient is known is compared with the tangent there, which leaves a
# small difference whose variance has its digits. It may be as small as this, so that what is a
# multiple of it in later answers has half of its digits.
NEAR, TINY = 0.5, 1e-17
_EPS = float(np.finfo(np.float64).eps)


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
    apart = (lengths > 0) & (length > 0)
    angles = np.where(apart, euclid.angles(known.points, here), 0)
    between = kernel.between(angles, lengths, length)
    along = _directions(here, kernel) if gradient else np.zeros((0, len(here)))

    # The value and the derivatives in the span, in units of their standard deviations.
    size, slope = float(kernel.deviation(np.array(length))), kernel.slope
    own = np.eye(1 + len(along))
    own[0, 1:] = own[1:, 0] = slope / size * np.einsum("br,r->b", along, here)
    tangent = None if kernel.bias else _tangent(known, kernel, here, angles)
    told, fresh, kept = _split(known.factor, _covariance(known, between, here, along), own, tangent)
    made = np.hstack([told, fresh])
    draws = normal.standard_normal((len(kept), known.draws.shape[1]))
    found = np.einsum("bs,sk->kb", told, known.draws) + np.einsum("bs,sk->kb", fresh, draws)
    value, slopes = size * found[:, 0], slope * found[:, 1:]
    asked = np.concatenate([np.zeros((1, len(here))), along])
    answered = known.with_answers(here, asked[kept], made[kept], draws)
    if not gradient:
        return answered, value, None

    inside, rows = np.einsum("kb,br->kr", slopes, along), np.einsum("br,bs->rs", along, made[1:])
    if not kernel.bias:
        inside += value[:, np.newaxis] * here
        rows += here[:, np.newaxis] * made[0]
    answered, across = _across(answered, here, rows, between.shared, normal)
    return answered, value, np.einsum("kr,rd->kd", inside, known.basis) + slope * across


def _across(
    known: Known, here: _Floats, rows: _Floats, shared: _Floats, normal: np.random.Generator
) -> tuple[Known, _Floats]:
    """Draw the part of a gradient that lies across the span, (k, d); its `rows` are known."""
    told, fresh, kept = _split(known.across_factor, shared[np.newaxis, known.graded], np.eye(1))
    across = np.einsum("m,mkd->kd", told[0], known.across)
    if not kept:
        return known, across
    draws = known.off_span(normal.standard_normal(across.shape))
    row = np.hstack([told, fresh])
    return known.with_gradient(here, row, draws, rows), across + fresh[0, 0] * draws


def _tangent(
    known: Known, kernel: Kernel, here: _Floats, angles: _Floats
) -> tuple[_Floats, float] | None:
    """Return what ⟨∇F(X), Y⟩ is of the draws, Y here, and the variance of the rest of F(Y).

    X is the nearest point whose gradient is known; None where none is near.
    """
    near = angles[known.graded]
    m = int(near.argmin()) if near.size else 0
    if not near.size or near[m] > NEAR:
        return None
    return known.derivative(m, here), kernel.remainder(float(near[m]))


def _directions(here: _Floats, kernel: Kernel) -> _Floats:
    """Return orthonormal directions, in coordinates, along which a gradient is asked for.

    Without biases its part along the point itself is the value, and these are orthogonal to it.
    """
    if kernel.bias:
        return np.eye(len(here))
    # The reflection that takes the point to a multiple of the first axis has it as its first row.
    normal = here.copy()
    normal[0] += math.copysign(1.0, here[0])
    twice = 2 / np.einsum("r,r->", normal, normal) * normal
    reflection: _Floats = np.eye(len(here)) - np.multiply.outer(twice, normal)
    return reflection[1:]


def _covariance(known: Known, between: Between, here: _Floats, along: _Floats) -> _Floats:
    """Return the covariance (1 + b, s) of what is asked here, the value first, with what is known.

    All are in units of their standard deviations.
    """
    pair = between.of(known.owner)
    # The products of earlier directions v, which are 0 for values, and of these, w, with X and Y.
    v_x = np.einsum("sr,sr->s", known.along, known.points[known.owner])
    v_y = np.einsum("sr,r->s", known.along, here)
    w_x = np.einsum("br,nr->bn", along, known.points)[:, known.owner]
    w_y = np.einsum("br,r->b", along, here)[:, np.newaxis]
    v_u = pair.across_x[0] * v_y - pair.across_x[1] * v_x
    w_u = pair.across_y[0] * w_x - pair.across_y[1] * w_y

    is_value = ~known.along.any(axis=1)
    result = np.empty((1 + len(along), len(known.owner)))
    result[0] = np.where(is_value, pair.value, pair.slope_x[0] * v_u + pair.slope_x[1] * v_x)
    m = pair.mixed
    slopes = pair.shared * np.einsum("br,sr->bs", along, known.along)
    slopes += w_u * (m[0] * v_u + m[2] * v_x) + w_y * (m[1] * v_u + m[3] * v_x)
    result[1:] = np.where(is_value, pair.slope_y[0] * w_u + pair.slope_y[1] * w_y, slopes)
    return result


def _split(
    factor: Rows, covariance: _Floats, own: _Floats, tangent: tuple[_Floats, float] | None = None
) -> tuple[_Floats, _Floats, list[int]]:
    """Return what b answers are made of: of s earlier draws, and of c ≤ b fresh ones.

    Parameters
    ----------
    factor : tuple of ndarray
        That of the earlier answers, see `Known`.
    covariance : ndarray, shape (b, s)
        With the earlier answers.
    own : ndarray, shape (b, b)
        Of the answers, whose variances are 1.
    tangent : (ndarray, shape (s,), and float), optional
        A part of the first answer, of the earlier draws only, and the variance of the rest.

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
    least = np.full(len(own), FRESH)
    if tangent is not None:  # no difference of 1 and nearly 1
        gap = told[0] - tangent[0]
        rest[0, 0] = tangent[1] - np.einsum("s,s->", gap, gap)
        noise = 8 * _EPS * math.sqrt(tangent[1]) / min(row[-1] for row in factor)
        least[0] = min(FRESH, max(TINY, 1e4 * noise))
    fresh, kept = np.zeros_like(own), list[int]()
    for i in range(len(own)):
        c = len(kept)
        column = rest[i:, i] - np.einsum("bc,c->b", fresh[i:, :c], fresh[i, :c])
        if column[0] > least[i]:
            fresh[i:, c] = column / math.sqrt(column[0])
            kept.append(i)
    return told, fresh[:, : len(kept)], kept
