"""Where a polytope around 0 meets one of its hyperplanes, or why it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu._support import euclid
from randrelu.measures.certified.rounding import EPS, gamma

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_RAISED = (1e-3, 1.0, 1e-6, 1e-9)  # shares of its gap, by which a facet is moved outward, in turn
_LOST = 1e6  # gaps; where rounding may be larger a search is given up
_MENDED = 8  # times that a projection is refined, at most
_OFF = 1e-9  # of a unit normal, by which sums of others may miss it, and of its gap


@dataclass(frozen=True, eq=False)
class Polytope:
    """All u with ⟨n_j, u⟩ ≤ g_j.

    Attributes
    ----------
    normals : ndarray, shape (M, d)
        The normals n, of norm 1.
    gaps : ndarray, shape (M,)
        The gaps g > 0.
    gram : ndarray, shape (M, M)
        The products of the normals with each other.
    """

    normals: _Doubles
    gaps: _Doubles
    gram: _Doubles

    def meets_first(self, k: int, products: _Doubles, rounding: float) -> bool:
        """Return whether the ray to a point certainly meets hyperplane k first, and alone.

        The products are those of the point with the normals, and may be off by the rounding.
        """
        if not products[k] > rounding:
            return False
        farthest = self.gaps[k] / (products[k] - rounding)  # where it meets k, in lengths of it
        left = (1 - 4 * EPS) * self.gaps - farthest * (products + rounding)
        left[k] = np.inf
        return bool((left > 0).all())

    def is_within_others(self, k: int, others: _Ints, parts: _Doubles) -> bool:
        """Return whether n_k is the sum of these parts of other normals, whose gaps sum to ≤ g_k.

        Then these others keep the polytope within hyperplane k.
        """
        missed = self.normals[k] - np.einsum("s,sk->k", parts, self.normals[others])
        most = np.add.reduce(parts * self.gaps[others])
        return bool(euclid.norm(missed) <= _OFF and most <= self.gaps[k] * (1 + _OFF))

    def touches(self, k: int, u: _Doubles) -> bool:
        """Return whether a point lies on hyperplane k and in the polytope, up to rounding."""
        beyond = np.einsum("jk,k->j", self.normals, u) - self.gaps
        near = _OFF * euclid.norm(u)
        return bool(beyond.max() <= near and beyond[k] >= -near)


def nearest_point(polytope: Polytope, k: int) -> _Doubles | None:
    """Return the point of the polytope on hyperplane k that is nearest to 0, (d,).

    None where there is none, or rounding hides it.
    """
    faces = _Faces(polytope, k, float(polytope.gaps[k]))
    if _search(faces) is not None or faces.lost:
        return None
    u = faces.point()
    return u if polytope.touches(k, u) else None


def is_needed(polytope: Polytope, k: int) -> bool | None:
    """Return whether the polytope would be larger without hyperplane k; None where that is unclear.

    The hyperplane is moved outward a little. If the polytope without it still reaches it there, a
    ray to that point meets hyperplane k first, and alone. If not, its normal is a sum of others
    with coefficients c_j ≥ 0, and where Σ c_j g_j ≤ g_k these others keep the polytope within it.
    """
    gap = float(polytope.gaps[k])
    for raised in _RAISED:
        faces = _Faces(polytope, k, gap * (1 + raised))
        j = _search(faces)
        if faces.lost:
            continue
        if j is None:
            if polytope.meets_first(k, faces.products(), faces.rounding()):
                return True
        elif _keep_within(polytope, faces, j):
            return False
    return None


def _search(faces: _Faces) -> int | None:
    """Move to the smallest point of the polytope on the first face; return what keeps it away.

    It is the dual active-set method of Goldfarb and Idnani (1983): the point is a sum of normals of
    hyperplanes that it lies on, and the one that it violates most joins them.
    """
    for _ in range(8 * faces.normals.shape[1] + 100):
        excess = faces.excess()
        j = int(np.argmax(excess))
        if excess[j] <= faces.rounding():
            return None
        if not faces.add(j, float(excess[j])):
            return j
        if faces.rounding() > _LOST * faces.gap:
            break
    faces.lost = True
    return None


class _Faces:
    """The hyperplanes that a point u lies on, the first of which is hyperplane k.

    u = Σ m_i n_i with the multipliers m, m_i ≤ 0 for all but the first. `inverse` is that of the
    Gram matrix of their normals. `lost` says that a search came to no end.
    """

    def __init__(self, polytope: Polytope, k: int, gap: float) -> None:
        self.normals, self.gaps, self.gram = polytope.normals, polytope.gaps, polytope.gram
        self.gap, self.lost = gap, False
        self.which = np.array([k])
        self.multipliers = np.array([gap])
        self.inverse = np.ones((1, 1))

    def rounding(self) -> float:
        """Return how far off a product of u with a normal may be."""
        return gamma(self.normals.shape[1]) * float(np.abs(self.multipliers).sum())

    def excess(self) -> _Doubles:
        """Return ⟨n_j, u⟩ − g_j, and −∞ for the hyperplanes that u lies on."""
        found = self.products() - self.gaps
        found[self.which] = -np.inf
        return found

    def products(self) -> _Doubles:
        """Return the products of u with all normals."""
        found: _Doubles = np.einsum("s,sj->j", self.multipliers, self.gram[self.which])
        return found

    def point(self) -> _Doubles:
        """Return u, (d,), brought closer to the hyperplanes than the inverse is exact."""
        rows, there = self.normals[self.which], self.gaps[self.which]
        there[0] = self.gap
        u: _Doubles = np.einsum("s,sk->k", self.multipliers, rows)
        for _ in range(2):
            mend = np.einsum("st,t->s", self.inverse, there - np.einsum("sk,k->s", rows, u))
            u = u + np.einsum("s,sk->k", mend, rows)
        return u

    def add(self, j: int, excess: float) -> bool:
        """Move to where u lies on hyperplane j, too, and leave others on the way.

        Returns False where there is no such point: n_j is then a sum of the normals, with no
        positive coefficient but that of the first.
        """
        own = 0.0  # the multiplier of j
        while True:
            ways, rest = self.combination(j)
            blocking = ways > 0
            blocking[0] = False
            steps = np.full(len(ways), np.inf)
            steps[blocking] = -self.multipliers[blocking] / ways[blocking]
            first = int(np.argmin(steps))
            whole = excess / rest if rest > _OFF**2 else np.inf
            step = min(whole, float(steps[first]))
            if step == np.inf:
                return False
            self.multipliers = self.multipliers + step * ways
            own -= step
            if whole <= steps[first]:
                self._join(j, own, ways, rest)
                return True
            excess -= step * rest
            self._leave(first)

    def combination(self, j: int) -> tuple[_Doubles, float]:
        """Return the coefficients of n_j's projection to the span of the normals, and what is left.

        That is the square of its distance, from the normals themselves: of their products only half
        of the digits would be left.
        """
        rows, own = self.normals[self.which], self.normals[j]
        ways = np.einsum("st,t->s", self.inverse, self.gram[self.which, j])
        rest = own - np.einsum("s,sk->k", ways, rows)
        for _ in range(_MENDED):  # what the inverse lost
            better = ways + np.einsum("st,t->s", self.inverse, np.einsum("sk,k->s", rows, rest))
            left = own - np.einsum("s,sk->k", better, rows)
            gain = float(np.add.reduce(rest * rest)) > 2 * float(np.add.reduce(left * left))
            ways, rest = better, left
            if not gain:
                break
        return ways, float(np.add.reduce(rest * rest))

    def _join(self, j: int, own: float, ways: _Doubles, rest: float) -> None:
        size = len(self.which)
        inverse = np.empty((size + 1, size + 1))
        inverse[:size, :size] = self.inverse + np.multiply.outer(ways, ways / rest)
        inverse[:size, size] = inverse[size, :size] = -ways / rest
        inverse[size, size] = 1 / rest
        self.inverse = inverse
        self.which = np.append(self.which, j)
        self.multipliers = np.append(self.multipliers, own)

    def _leave(self, at: int) -> None:
        column, pivot = np.delete(self.inverse[at], at), self.inverse[at, at]
        kept = np.delete(np.delete(self.inverse, at, 0), at, 1)
        self.inverse = kept - np.multiply.outer(column, column / pivot)
        self.which = np.delete(self.which, at)
        self.multipliers = np.delete(self.multipliers, at)


def _keep_within(polytope: Polytope, faces: _Faces, j: int) -> bool:
    """Return whether the search, which face j ended, shows that others lie before the first."""
    ways, _ = faces.combination(j)
    if not ways[0] > 0:
        return False
    parts = np.append(np.maximum(-ways[1:], 0), 1.0) / ways[0]
    return polytope.is_within_others(int(faces.which[0]), np.append(faces.which[1:], j), parts)
