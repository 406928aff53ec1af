"""The nearest point of one face of a polytope around 0, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from randrelu.measures.certified.rounding import EPS, gamma

_Doubles = NDArray[np.float64]
_Ints = NDArray[np.int64]

_DEPENDENT = 1e-11  # of a unit normal's square, outside of the span of others
_REDUNDANT = 1e-9  # of a unit normal, that a sum may be off
_INWARD = (1e-2, 1e-5, 1e-8)  # of the gaps, by which a point moves away from other faces


@dataclass(frozen=True)
class Nearest:
    """What a search found of face k.

    Attributes
    ----------
    step : ndarray, shape (d,), or None
        The point of the face that is nearest to 0; None where there is none, or the search failed.
    facet : bool
        Whether a point of the face was seen that lies on no other.
    redundant : bool
        Whether other faces were seen to keep the polytope within this one.
    """

    step: _Doubles | None
    facet: bool
    redundant: bool


_FAILED = Nearest(None, False, False)


def nearest_on_facet(normals: _Doubles, gaps: _Doubles, gram: _Doubles, k: int) -> Nearest:
    """Find the smallest u with ⟨n_k, u⟩ = g_k and ⟨n_j, u⟩ ≤ g_j for all others.

    The normals n, (M, d), have norm 1, the gaps g, (M,), are positive, and `gram`, (M, M), has the
    products of the normals. It is the dual active-set method of Goldfarb and Idnani (1983): u is a
    sum of normals whose faces it lies on, and the face that it violates most joins them.
    """
    passed = _Active(gram, gaps, k)
    for _ in range(8 * normals.shape[1] + 100):
        excess = passed.excess()
        j = int(np.argmax(excess))
        if excess[j] <= passed.rounding():
            return _touched(normals, gaps, passed)
        if not passed.add(j, float(excess[j])):
            return _sum_of_others(normals, gaps, passed, j)
    return _FAILED


class _Active:
    """The faces that a point lies on, the first of which is face k, and its multipliers.

    u = Σ m_i n_i, with m_i ≤ 0 for all but the first; `inverse` is that of their Gram matrix.
    """

    def __init__(self, gram: _Doubles, gaps: _Doubles, k: int) -> None:
        self.gram, self.gaps = gram, gaps
        self.faces = np.array([k])
        self.multipliers = np.array([gaps[k] / gram[k, k]])
        self.inverse = np.array([[1 / gram[k, k]]])

    def rounding(self, multipliers: _Doubles | None = None) -> float:
        """Return how far off `excess` may be, but for that of the gaps."""
        m = self.multipliers if multipliers is None else multipliers
        return 4 * gamma(len(self.gaps)) * float(np.abs(m).sum())

    def excess(self, multipliers: _Doubles | None = None) -> _Doubles:
        """Return ⟨n_j, u⟩ − g_j, and −∞ for the faces that u lies on."""
        m = self.multipliers if multipliers is None else multipliers
        found: _Doubles = np.einsum("s,sj->j", m, self.gram[self.faces]) - self.gaps
        found[self.faces] = -np.inf
        return found

    def add(self, j: int, excess: float) -> bool:
        """Move to where u lies on face j, too, and leave others on the way.

        Returns False where there is no such point: n_j is then a sum of the normals, with no
        positive coefficient but that of the first.
        """
        own = 0.0  # the multiplier of j
        while True:
            beside = self.gram[self.faces, j]
            ways = self.combination(j)
            rest = float(self.gram[j, j] - np.add.reduce(beside * ways))
            blocking = ways > 0
            blocking[0] = False
            steps = np.full(len(ways), np.inf)
            steps[blocking] = -self.multipliers[blocking] / ways[blocking]
            first = int(np.argmin(steps))
            whole = excess / rest if rest > _DEPENDENT else np.inf
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

    def combination(self, j: int) -> _Doubles:
        """Return the coefficients of n_j's projection to the span of the normals."""
        found: _Doubles = np.einsum("st,t->s", self.inverse, self.gram[self.faces, j])
        return found

    def _join(self, j: int, own: float, ways: _Doubles, rest: float) -> None:
        size = len(self.faces)
        inverse = np.empty((size + 1, size + 1))
        inverse[:size, :size] = self.inverse + np.multiply.outer(ways, ways / rest)
        inverse[:size, size] = inverse[size, :size] = -ways / rest
        inverse[size, size] = 1 / rest
        self.inverse = inverse
        self.faces = np.append(self.faces, j)
        self.multipliers = np.append(self.multipliers, own)

    def _leave(self, at: int) -> None:
        column, pivot = np.delete(self.inverse[at], at), self.inverse[at, at]
        kept = np.delete(np.delete(self.inverse, at, 0), at, 1)
        self.inverse = kept - np.multiply.outer(column, column / pivot)
        self.faces = np.delete(self.faces, at)
        self.multipliers = np.delete(self.multipliers, at)


def _touched(normals: _Doubles, gaps: _Doubles, passed: _Active) -> Nearest:
    """Return the point that lies on these faces, and whether one beside it is on the first alone."""
    rows, there = normals[passed.faces], gaps[passed.faces]
    step = np.einsum("s,sk->k", passed.multipliers, rows)
    for _ in range(2):  # what the inverse lost
        off = there - np.einsum("sk,k->s", rows, step)
        mend = np.einsum("st,t->s", passed.inverse, off)
        step = step + np.einsum("s,sk->k", mend, rows)
    off = there - np.einsum("sk,k->s", rows, step)
    if np.abs(off).max() > 1e-9 * float(np.linalg.norm(step)):
        return _FAILED
    inward = np.einsum("st,t->s", passed.inverse[:, 1:], there[1:])
    for share in _INWARD:
        multipliers = passed.multipliers - share * inward
        # Those that it lies on are left by this share of their gaps.
        low = share * there[1:].min(initial=np.inf)
        margin = passed.rounding(multipliers)
        excess = passed.excess(multipliers) + margin + EPS * gaps
        if excess.max() < 0 and low > margin:
            return Nearest(step, True, False)
    return Nearest(step, False, False)


def _sum_of_others(normals: _Doubles, gaps: _Doubles, passed: _Active, j: int) -> Nearest:
    """Return whether the normal of the first face is a sum of others, whose gaps sum to no more."""
    ways = passed.combination(j)
    if not ways[0] > 0:
        return _FAILED
    parts = np.append(np.maximum(-ways[1:], 0), 1.0) / ways[0]
    others = np.append(passed.faces[1:], j)
    k = passed.faces[0]
    off = normals[k] - np.einsum("s,sk->k", parts, normals[others])
    most = np.add.reduce(parts * gaps[others])
    redundant = np.linalg.norm(off) <= _REDUNDANT and most <= gaps[k] * (1 + _REDUNDANT)
    return Nearest(None, False, bool(redundant))
