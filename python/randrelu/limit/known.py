"""What is known of an infinitely wide network, in the form that its next answer asks for.

Every answer is a sum of independent standard normals, the *draws*: those of earlier answers, which
are known, and fresh ones. In the span of the points asked about, the values and the derivatives
along a few directions are kept, with a triangular `factor` that makes them of their draws. Across
that span the gradients are simpler: along any unit vector there they have the covariance `shared`
of the kernel, independently of everything else. So each gradient has one draw for every direction
across, a vector of them. A new point makes one of these directions part of the span, and the draws
along it move to the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid

_Floats = NDArray[np.float64]
Rows: TypeAlias = tuple[_Floats, ...]  # of a lower triangular matrix
# The part of a point that lies across the span of earlier ones counts as rounding below this.
SPAN = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Known:
    """All that later answers need of earlier ones; it is replaced, not changed.

    Of d dimensions, r in the span, n points, s answers, m gradients and k networks.

    Attributes
    ----------
    basis : ndarray, shape (r, d)
        Orthonormal vectors that span the points.
    points : ndarray, shape (n, r)
        The points' coordinates.
    owner : ndarray of int, shape (s,)
        The point of each answer that had a fresh part.
    along : ndarray, shape (s, r)
        Along what it is the derivative; 0 for a value.
    factor : tuple of ndarray
        The rows of a lower triangular matrix, of lengths 1, …, s: the answers, each in units of its
        standard deviation, are this matrix times `draws`.
    draws : ndarray, shape (s, k)
    graded : ndarray of int, shape (m,)
        The points whose gradients had a fresh part across the span.
    across_factor : tuple of ndarray
        The rows of a lower triangular matrix, of lengths 1, …, m: the gradients across the span are
        this matrix times `across`.
    across : ndarray, shape (m, k, d)
    gradients : tuple of ndarray
        Of each of these gradients, what its coordinates in the span as it was then are of the draws
        that there were, in units of the standard deviation.
    starts : tuple of int
        The number of answers that there were before each of the `basis` became part of the span.
    """

    basis: _Floats
    points: _Floats
    owner: NDArray[np.intp]
    along: _Floats
    factor: Rows
    draws: _Floats
    graded: NDArray[np.intp]
    across_factor: Rows
    across: _Floats
    gradients: tuple[_Floats, ...] = ()
    starts: tuple[int, ...] = ()

    @classmethod
    def nothing(cls, dim: int, outputs: int) -> Known:
        """Return what is known before the first question."""
        none = np.zeros(0, np.intp)
        return cls(
            np.zeros((0, dim)), np.zeros((0, 0)), none, np.zeros((0, 0)), (),
            np.zeros((0, outputs)), none, (), np.zeros((0, outputs, dim)),
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        arrays = (self.basis, self.points, self.owner, self.along, self.draws, self.graded)
        held = (*arrays, *self.factor, *self.across_factor, self.across, *self.gradients)
        return sum(array.nbytes for array in held)

    def with_span_of(self, point: _Floats) -> tuple[Known, _Floats]:
        """Return this with a span that has the point (d,) in it, and the point's coordinates."""
        rest, coordinates = point, np.zeros(len(self.basis))
        for _ in range(2):  # orthogonal to rounding after the second time
            part = np.einsum("rd,d->r", self.basis, rest)
            rest, coordinates = rest - np.einsum("rd,r->d", self.basis, part), coordinates + part
        size = euclid.norm(rest)
        if size <= SPAN * euclid.norm(point):
            return self, coordinates
        return self._with_direction(rest / size), np.append(coordinates, size)

    def _with_direction(self, direction: _Floats) -> Known:
        """Return this with one more direction in the span."""
        # What gradients are along it is known: their draws across the span are.
        moved = np.einsum("mkd,d->mk", self.across, direction)
        s, m = len(self.owner), len(self.graded)
        along = np.zeros((s + m, len(self.basis) + 1))
        along[:s, :-1], along[s:, -1] = self.along, 1
        return replace(
            self,
            basis=np.concatenate([self.basis, direction[np.newaxis]]),
            points=np.pad(self.points, ((0, 0), (0, 1))),
            owner=np.concatenate([self.owner, self.graded]),
            along=along,
            factor=self.factor + tuple(np.append(np.zeros(s), row) for row in self.across_factor),
            draws=np.concatenate([self.draws, moved]),
            across=self.across - moved[:, :, np.newaxis] * direction,
            starts=(*self.starts, s),
        )

    def with_answers(self, point: _Floats, along: _Floats, rows: _Floats, draws: _Floats) -> Known:
        """Return this with c answers at a point, given by its coordinates.

        Their directions (c, r) are as in `along`, and their `rows` (c, s + c) those of the factor.
        """
        if not len(along):
            return self
        known, owner = self._with_point(point)
        return replace(
            known,
            owner=np.append(self.owner, np.full(len(along), owner)),
            along=np.concatenate([self.along, along]),
            factor=self.factor + _triangle(rows, len(self.owner)),
            draws=np.concatenate([self.draws, draws]),
        )

    def with_gradient(
        self, point: _Floats, row: _Floats, draws: _Floats, gradient: _Floats
    ) -> Known:
        """Return this with a gradient whose part across the span has fresh draws, (k, d).

        Its `row` is that of the factor across, and `gradient` as in `gradients`.
        """
        known, owner = self._with_point(point)
        return replace(
            known,
            graded=np.append(self.graded, owner),
            across_factor=self.across_factor + _triangle(row, len(self.graded)),
            across=np.concatenate([self.across, draws[np.newaxis]]),
            gradients=(*self.gradients, gradient),
        )

    def derivative(self, m: int, along: _Floats) -> _Floats:
        """Return what the derivative of gradient m along a vector in the span is of the draws."""
        gradient, result = self.gradients[m], np.zeros(len(self.owner))
        r, s = gradient.shape
        result[:s] = np.einsum("r,rs->s", along[:r], gradient)
        for k in range(r, len(along)):  # along these it came with the direction itself
            row = self.factor[self.starts[k] + m]
            result[: len(row)] += along[k] * row
        return result

    def _with_point(self, point: _Floats) -> tuple[Known, int]:
        """Return this with a point, given by its coordinates, and its place."""
        last = len(self.points) - 1
        if last >= 0 and np.array_equal(self.points[last], point):
            return self, last
        return replace(self, points=np.concatenate([self.points, point[np.newaxis]])), last + 1

    def off_span(self, vectors: _Floats) -> _Floats:
        """Return what of vectors (k, d) lies across the span."""
        for _ in range(2):
            part = np.einsum("kd,rd->kr", vectors, self.basis)
            vectors = vectors - np.einsum("kr,rd->kd", part, self.basis)
        return vectors


def _triangle(rows: _Floats, above: int) -> Rows:
    """Return rows of a lower triangular matrix that has so many above them, without the zeros."""
    return tuple(row[: above + i].copy() for i, row in enumerate(rows, start=1))
